using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Converter;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.Recurrence;

/// <summary>A Loop over the steps of x [N, T, I], built piece by piece and compared with ONNX Runtime.</summary>
internal sealed class LoopModel
{
    public const int N = RecurrentLoop.N, I = RecurrentLoop.I, H = RecurrentLoop.H;

    private readonly List<(string First, string Next, string Output)> _carried = [];
    private readonly List<(string Value, string Output)> _collected = [];

    /// <param name="cell">A cell of <see cref="RecurrentLoop"/>.</param>
    /// <param name="steps">T: a number or a name.</param>
    public LoopModel(string cell, object steps)
    {
        Body = new RecurrentLoop(cell);
        Model = Body.Weights(new OnnxBuilder().Input("x", OnnxBuilder.Float, N, steps, I)).Constant("yes", [], true).Constant("none", [N, H], new float[N * H]).Constant("dot", [], 0L).Constant<long>("ax0", [1], 0).Constant<long>("ax1", [1], 1).Constant<long>("ax11", [2], 1, 1).Constant<long>("ax111", [3], 1, 1, 1)
            .Node("Transpose", "x", "xt", ("perm", new long[] { 1, 0, 2 })).Node("Shape", "xt", "shape").Node("Gather", "shape dot", "T64").Constant("one64", [], 1L).Node("Sub", "T64 one64", "last").Random("h0", 50, 0.5f, N, Body.States).Random("c0", 51, 0.5f, N, H)
            .Constant<long>("row", [2], N, H).Node("Slice", "shape ax0 ax1", "T1").Node("Concat", "T1 row", "all", ("axis", 0)).Node("ConstantOfShape", "all", "room");
        Body.Body.Input.Add(OnnxBuilder.Port("round", OnnxBuilder.Int64));
        Body.Body.Input.Add(OnnxBuilder.Port("go", OnnxBuilder.Bool));
    }

    /// <summary>The loop's body, to which nodes are added.</summary>
    public RecurrentLoop Body { get; }

    public OnnxBuilder Model { get; }

    public string Add(string op, string inputs, params (string, object)[] attributes) => Body.Add(op, inputs, attributes);

    /// <summary>Carries a value under its name in the body.</summary>
    public void Carry(string name, string first, string next, string output, bool isOutput = true)
    {
        var port = OnnxBuilder.Port(name, OnnxBuilder.Float);
        port.Type.TensorType.Shape = null;
        Body.Body.Input.Add(port);
        _carried.Add((first, next, output));
        if (isOutput) Model.Output(output);
    }

    public void Collect(string value, string output)
    {
        _collected.Add((value, output));
        Model.Output(output);
    }

    /// <summary>The whole model.</summary>
    /// <param name="count">The number of rounds.</param>
    public LoopModel Close(string count = "T64")
    {
        Give(Add("Identity", "go"), OnnxBuilder.Bool);
        foreach (var (_, next, _) in _carried) Give(next, OnnxBuilder.Float);
        foreach (var (value, _) in _collected) Give(value, OnnxBuilder.Float);
        Model.Node("Loop", $"{count} yes {string.Join(' ', _carried.Select(c => c.First))}", string.Join(' ', _carried.Select(c => c.Output).Concat(_collected.Select(c => c.Output))), ("body", Body.Body));
        return this;

        void Give(string value, int type)
        {
            var port = OnnxBuilder.Port(Add("Identity", value), type);
            port.Type.TensorType.Shape = null;
            Body.Body.Output.Add(port);
        }
    }

    /// <summary>The recurrent layers that it becomes.</summary>
    public List<OpKind> Layers(out ConversionResult result)
    {
        result = Model.Convert(new ConversionOptions { AutoStates = false });
        return [.. result.Model.Graphs[0].Nodes.Where(n => n.Kind is OpKind.Lstm or OpKind.Gru or OpKind.Rnn).Select(n => n.Kind)];
    }

    /// <summary>Compares with ONNX Runtime, several times at each length.</summary>
    public void Compare(params int[] lengths)
    {
        using var loaded = Model.Load(new ConversionOptions { AutoStates = false });
        using var reference = new InferenceSession(Model.Model.ToByteArray());
        using var session = loaded.CreateSession(options: new SeqSessionOptions { MaxSizes = loaded.Graphs[0].Symbols.ToDictionary(s => s, _ => 9) });
        foreach (var (seed, length) in lengths.SelectMany(l => new[] { l, l, l }).Index())
        {
            foreach (var symbol in loaded.Graphs[0].Symbols) session.SetSize(symbol, length);
            var random = new Random(seed);
            var feeds = new List<NamedOnnxValue>();
            foreach (var port in Model.Graph.Input)
            {
                int[] shape = [.. port.Type.TensorType.Shape.Dim.Select(d => d.DimParam.Length > 0 ? length : (int)d.DimValue)];
                var count = Numbers.Count(shape);
                switch (port.Type.TensorType.ElemType)
                {
                    case OnnxBuilder.Bool:
                        Feed(port.Name, shape, [.. Enumerable.Range(0, count).Select(_ => random.Next(3) > 0)]);
                        break;
                    case OnnxBuilder.Int64:
                        Feed(port.Name, shape, [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(length + 1))]);
                        break;
                    default:
                        // Some steps are zeros, which a masking layer looks for.
                        float[] data = Numbers.Random(random, count);
                        for (var row = 0; port.Name == "x" && row < count / I; row++)
                        {
                            if (random.Next(3) == 0) data.AsSpan(row * I, I).Clear();
                        }

                        Feed(port.Name, shape, data);
                        break;
                }
            }

            session.Run();
            using var results = reference.Run(feeds);
            foreach (var result in results)
            {
                var expected = result.AsTensor<float>().ToArray();
                var ours = session.Output<float>(result.Name).ToArray();
                Assert.Equal(expected.Length, ours.Length);
                for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5f);
            }

            void Feed<T>(string name, int[] shape, T[] data)
                where T : unmanaged
            {
                feeds.Add(NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(data, shape)));
                data.CopyTo(session.Input<T>(name));
            }
        }
    }
}

