using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Importers;

/// <summary>An encoder-decoder in one file with a Loop for greedy decoding, compared with ONNX Runtime running the whole file.</summary>
public sealed class OnnxLoopTests
{
    private const int Tokens = 7;
    private const int Width = 5;
    private const int Hidden = 6;
    private const int Begin = 1;
    private const int End = 2;
    private const int Most = 12;

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    public void A_greedy_loop_becomes_encoder_and_step(bool softmax, bool position, bool scan)
    {
        var ended = 0;
        for (var seed = 0; seed < 12; seed++)
        {
            var model = Make(seed, softmax, position, scan);
            using var loaded = model.Load();
            Assert.Equal(["encoder", "step"], loaded.Graphs.Select(g => g.Name));
            Assert.Equal($"{Begin} {End} {Most}", $"{loaded.Metadata[DecodingKeys.Begin]} {loaded.Metadata[DecodingKeys.End]} {loaded.Metadata[DecodingKeys.Max]}");
            using var decoder = loaded.CreateDecoder();
            using var beam = loaded.CreateDecoder(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 2 });
            using var reference = new InferenceSession(Google.Protobuf.MessageExtensions.ToByteArray(model.Model));
            foreach (int[] source in (int[][])[[3, 4, 5], [6, 1], [0, 2, 4, 6, 5]])
            {
                using var results = reference.Run([NamedOnnxValue.CreateFromTensor("x", new DenseTensor<long>(Array.ConvertAll(source, s => (long)s), [1, source.Length]))]);
                var expected = results[0].AsEnumerable<long>().Select(t => (int)t).ToList();
                if (expected.IndexOf(End) is >= 0 and var end)
                {
                    expected.RemoveRange(end, expected.Count - end);
                    ended++;
                }

                decoder.Decode(source);
                Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());
                beam.Decode(source);
                if (decoder.Results[0].IsComplete) Assert.True(beam.Results[0].LogProbability >= decoder.Results[0].LogProbability);
            }
        }

        Assert.True(ended > 3, $"only {ended} runs ended");
    }

    /// <summary>x doubled and the round's number added in each round, four times or until the number ends the loop.</summary>
    [Theory]
    [InlineData(4, 100)]
    [InlineData(4, 2)]
    [InlineData(1, 100)]
    public void A_loop_of_known_rounds_is_written_out(long most, long last)
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("a", OnnxBuilder.Float, 3)]);
        body.Initializer.Add(OnnxBuilder.Tensor("last", [], last));
        body.Node.AddRange([
            OnnxBuilder.MakeNode("Less", "i last", "on"), OnnxBuilder.MakeNode("Cast", "i", "number", ("to", OnnxBuilder.Float)), OnnxBuilder.MakeNode("Add", "a a", "twice"), OnnxBuilder.MakeNode("Add", "twice number", "b"),
            OnnxBuilder.MakeNode("Mul", "b outer", "said"),
        ]);
        body.Output.AddRange([OnnxBuilder.Port("on", OnnxBuilder.Bool), OnnxBuilder.Port("b", OnnxBuilder.Float, 3), OnnxBuilder.Port("said", OnnxBuilder.Float, 3)]);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3).Constant("most", [], most).Constant("yes", [], true).Constant("three", [], 3f).Node("Mul", "x three", "outer")
            .Node("Loop", "most yes x", "y all", ("body", body)).Output("y", OnnxBuilder.Float, 3).Output("all", OnnxBuilder.Float, "rounds", 3);
        SameAsReference(model, new ConversionOptions(), [1, -2, 3], 3);
    }

    [Fact]
    public void A_loop_whose_rounds_follow_from_data_is_refused_with_what_to_do()
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("a", OnnxBuilder.Float, 1)]);
        body.Initializer.Add(OnnxBuilder.Tensor("most", [1], 9f));
        body.Node.AddRange([OnnxBuilder.MakeNode("Add", "a a", "b"), OnnxBuilder.MakeNode("Less", "b most", "less"), OnnxBuilder.MakeNode("Squeeze", "less", "on")]);
        body.Output.AddRange([OnnxBuilder.Port("on", OnnxBuilder.Bool), OnnxBuilder.Port("b", OnnxBuilder.Float, 1)]);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("yes", [], true).Node("Loop", "- yes x", "y", ("body", body)).Output("y", OnnxBuilder.Float, 1);
        var message = model.Refusal();
        Assert.Contains("Loop (node 'Loop_y'): its condition depends on '", message, StringComparison.Ordinal);
        Assert.Contains("which depends on input 'x'", message, StringComparison.Ordinal);
        Assert.DoesNotContain("--", message, StringComparison.Ordinal);

        var endless = new GraphProto { Name = "body" };
        endless.Input.AddRange(body.Input);
        endless.Node.AddRange([OnnxBuilder.MakeNode("Add", "a a", "b"), OnnxBuilder.MakeNode("Identity", "go", "on")]);
        endless.Output.AddRange(body.Output);
        model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1).Constant("yes", [], true).Node("Loop", "- yes x", "y", ("body", endless)).Output("y", OnnxBuilder.Float, 1);
        Assert.Contains("more than 4096 rounds", model.Refusal(), StringComparison.Ordinal);
    }

    /// <summary>h ← tanh(x_t·W + h) along the second axis, in either direction, with its outputs reversed or not.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    public void A_scan_of_known_length_is_written_out(long backward, long turned)
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("h", OnnxBuilder.Float, 2, 4), OnnxBuilder.Port("row", OnnxBuilder.Float, 2, 3)]);
        body.Node.AddRange([OnnxBuilder.MakeNode("MatMul", "row w", "seen"), OnnxBuilder.MakeNode("Add", "seen h", "sum"), OnnxBuilder.MakeNode("Tanh", "sum", "next"), OnnxBuilder.MakeNode("Identity", "next", "said")]);
        body.Output.AddRange([OnnxBuilder.Port("next", OnnxBuilder.Float, 2, 4), OnnxBuilder.Port("said", OnnxBuilder.Float, 2, 4)]);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, "T", 3).Random("w", 1, 1, 3, 4).Random("h0", 2, 1, 2, 4)
            .Node("Scan", "h0 x", "y all", ("body", body), ("num_scan_inputs", 1), ("scan_input_axes", new long[] { 1 }), ("scan_input_directions", new[] { backward }), ("scan_output_directions", new[] { turned }))
            .Output("y", OnnxBuilder.Float, 2, 4).Output("all", OnnxBuilder.Float, "T", 2, 4);
        Assert.Contains("--dim", model.Refusal(), StringComparison.Ordinal);
        SameAsReference(model, new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 5 } }, [.. Enumerable.Range(0, 30).Select(i => MathF.Sin(i))], 2, 5, 3);
    }

    private static void SameAsReference(OnnxBuilder model, ConversionOptions options, float[] x, params int[] shape)
    {
        using var loaded = SeqModel.Load(model.Convert(options).File);
        using var session = loaded.CreateSession();
        using var reference = new InferenceSession(Google.Protobuf.MessageExtensions.ToByteArray(model.Model));
        using var results = reference.Run([NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(x, shape))]);
        x.CopyTo(session.Input<float>("x"));
        session.Run();
        foreach (var result in results)
        {
            var expected = result.AsTensor<float>().ToArray();
            var actual = session.Output<float>(result.Name).ToArray();
            Assert.Equal(expected.Length, actual.Length);
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f);
        }
    }

    /// <summary>Embedding, GRU, its last state. In the loop: embedding, GRU cell, additive scores over the memory, softmax or none, ArgMax.</summary>
    private static OnnxBuilder Make(int seed, bool softmax, bool position, bool scan)
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("token", OnnxBuilder.Int64, 1), OnnxBuilder.Port("h", OnnxBuilder.Float, 1, 1, Hidden), OnnxBuilder.Port("finished", OnnxBuilder.Bool, 1)]);
        body.Initializer.Add(OnnxBuilder.Tensor<long>("axis0", [1], 0));
        body.Initializer.Add(OnnxBuilder.Tensor<long>("end", [1], End));
        void Node(string op, string inputs, string outputs, params (string, object)[] attributes) => body.Node.Add(OnnxBuilder.MakeNode(op, inputs, outputs, attributes));
        Node("Gather", "words token", "word0", ("axis", 0));
        if (position)
        {
            Node("Cast", "i", "place", ("to", OnnxBuilder.Float));
            Node("Sin", "place", "wave");
            Node("Add", "word0 wave", "word");
        }
        else
        {
            Node("Identity", "word0", "word");
        }

        Node("MatMul", "query memory_t", "scores0");
        Node("Squeeze", "h axis0", "query");
        body.Node.Insert(body.Node.Count - 2, body.Node[^1]);
        body.Node.RemoveAt(body.Node.Count - 1);
        Node("Softmax", "scores0", "weights", ("axis", -1));
        Node("MatMul", "weights memory", "context");
        Node("Concat", "word context", "fed0", ("axis", -1));
        Node("Unsqueeze", "fed0 axis0", "fed");
        Node("GRU", "fed dw dr - - h", "- h_next", ("hidden_size", Hidden));
        Node("Squeeze", "h_next axis0", "state");
        Node("MatMul", "state out", "logits");
        if (softmax) Node("Softmax", "logits", "labels", ("axis", -1));
        Node("ArgMax", softmax ? "labels" : "logits", "best", ("axis", -1), ("keepdims", 0));
        Node("Equal", "best end", "is_end");
        Node("Or", "finished is_end", "finished_next");
        Node("Not", "finished_next", "more0");
        Node("Squeeze", "more0 axis0", "more");
        body.Output.AddRange([OnnxBuilder.Port("more", OnnxBuilder.Bool), OnnxBuilder.Port("best", OnnxBuilder.Int64, 1), OnnxBuilder.Port("h_next", OnnxBuilder.Float, 1, 1, Hidden), OnnxBuilder.Port("finished_next", OnnxBuilder.Bool, 1)]);
        body.Node.Add(OnnxBuilder.MakeNode("Identity", "best", "said"));
        body.Output.Add(OnnxBuilder.Port("said", OnnxBuilder.Int64, 1));
        if (scan)
        {
            // States, then the scanned input: the places, whose number is the number of rounds. There is no condition.
            var round = body.Input[0];
            body.Input.RemoveAt(1);
            body.Input.RemoveAt(0);
            body.Input.Add(round);
            body.Output.RemoveAt(0);
        }

        var whole = new OnnxBuilder().Input("x", OnnxBuilder.Int64, "N", "T")
            .Random("letters", seed * 10, 1, Tokens, Width).Random("words", seed * 10 + 1, 2, Tokens, Width).Random("ew", seed * 10 + 2, 1, 1, 3 * Hidden, Width).Random("er", seed * 10 + 3, 1, 1, 3 * Hidden, Hidden)
            .Random("dw", seed * 10 + 4, 1.5f, 1, 3 * Hidden, Width + Hidden).Random("dr", seed * 10 + 5, 1, 1, 3 * Hidden, Hidden).Random("out", seed * 10 + 6, 2, Hidden, Tokens)
            .Constant<long>("axis1_", [1], 1).Constant<long>("most", [], Most).Constant("yes", [], true).Constant<long>("begin", [1], Begin).Constant("no", [1], false)
            .Node("Gather", "letters x", "embedded", ("axis", 0)).Node("Transpose", "embedded", "by_time", ("perm", new long[] { 1, 0, 2 }))
            .Node("GRU", "by_time ew er", "all last", ("hidden_size", Hidden)).Node("Squeeze", "all axis1_", "flat").Node("Squeeze", "flat axis1_", "memory").Node("Transpose", "memory", "memory_t", ("perm", new long[] { 1, 0 }))
            .Output("said_all", OnnxBuilder.Int64, "L", 1);
        return scan
            ? whole.Constant("places", [Most], [.. Enumerable.Range(0, Most).Select(i => (long)i)]).Node("Scan", "begin last no places", "t h f said_all", ("body", body), ("num_scan_inputs", 1))
            : whole.Node("Loop", "most yes begin last no", "t h f said_all", ("body", body));
    }
}
