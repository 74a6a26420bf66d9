using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Converter;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.Recurrence;

/// <summary>Written-out cells with a constant initial state: one for each row, or one for all rows.</summary>
public class FirstStateTests
{
    private const int N = RecurrentLoop.N, I = RecurrentLoop.I, H = RecurrentLoop.H, T = 5;

    public static TheoryData<string, string> Cells
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var cell in (string[])["lstm", "lstm-joined", "lstm-apart", "gru-after", "gru-before", "rnn", "rnn-relu"])
            {
                foreach (var first in (string[])["rows", "row", "zeros", "zero-row"])
                {
                    // Inputs and states are concatenated, so they have the same number of rows.
                    if (cell != "lstm-joined" || !first.EndsWith("row", StringComparison.Ordinal)) data.Add(cell, first);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Written_out_steps_from_a_constant_are_one_layer(string cell, string first)
    {
        var rows = first.EndsWith("row", StringComparison.Ordinal) ? 1 : N;
        var loop = new RecurrentLoop(cell);
        var model = loop.Weights(new OnnxBuilder().Input("x", OnnxBuilder.Float, N, T, I));
        if (first.StartsWith("zero", StringComparison.Ordinal)) model.Constant("h0", [rows, H], new float[rows * H]).Constant("c0", [rows, H], new float[rows * H]);
        else model.Random("h0", 50, 0.5f, rows, H).Random("c0", 51, 0.5f, rows, H);
        model.Constant<long>("axis", [1], 1);
        var (h, c, all) = ("h0", (string?)"c0", new List<string>());
        for (var t = 0; t < T; t++)
        {
            model.Constant($"at{t}", [], (long)t);
            (h, c) = loop.Step(loop.Add("Gather", $"x at{t}", ("axis", 1)), h, c);
            all.Add(loop.Add("Unsqueeze", $"{h} axis"));
        }

        loop.Body.Node.Add(OnnxBuilder.MakeNode("Concat", string.Join(' ', all), "y", ("axis", 1)));
        model.Graph.Node.AddRange(loop.Body.Node);
        model.Output("y");
        var options = new ConversionOptions { AutoStates = false };
        var nodes = model.Convert(options).Model.Graphs[0].Nodes;
        Assert.Single(nodes, n => n.Kind is OpKind.Lstm or OpKind.Gru or OpKind.Rnn);
        // No node of the steps remains.
        Assert.InRange(nodes.Count, 3, 14);

        using var reference = new InferenceSession(model.Model.ToByteArray());
        var random = new Random(1);
        float[] x = Numbers.Random(random, N * T * I);
        using var results = reference.Run([NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(x, [N, T, I]))]);
        var expected = results[0].AsTensor<float>().ToArray();
        var ours = model.Run(options, x);
        Assert.Equal(expected.Length, ours.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5f);
    }
}
