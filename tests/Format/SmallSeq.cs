using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>A small file with a bit of everything: metadata, tables, packed weights of every kind, recurrent graphs with states, symbols, known values.</summary>
internal static class SmallSeq
{
    public const string Length = "T";
    public const int LongestLength = 3;

    public static SeqModelBuilder Build()
    {
        var model = new SeqModelBuilder();
        model.Metadata["source"] = "made by a test";
        model.Tables["letters"] = ["a", "b", "ö", ""];
        Tokens(model, new Random(1));
        Step(model, new Random(2));
        Shapes(model);
        Packed(model, new Random(3));
        return model;
    }

    /// <summary>The file with recorded runs of all graphs.</summary>
    public static byte[] WithGoldenPair()
    {
        var builder = Build();
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        builder.Golden.AddRange(SeqRuntime.Converter.Samples.GoldenPairs.Of(model).Graphs);
        return SeqWriter.ToArray(builder);
    }

    /// <summary>The tensor with other bits in a byte.</summary>
    public static TensorDefinition Damaged(TensorDefinition tensor, int at, byte bits)
    {
        var bytes = tensor.Data.ToArray();
        bytes[at] ^= bits;
        return tensor with { Data = bytes };
    }

    /// <summary>Token indices to probabilities: embedding and GRU in int8, softmax. The state starts with ones.</summary>
    private static void Tokens(SeqModelBuilder model, Random random)
    {
        const int features = 6, hidden = 5, tokens = 9, gateRows = 3 * 8;
        var graph = model.AddGraph("tokens");
        var indices = graph.Input("indices", ElementType.Int32, Length, 1);
        var state = graph.State("hidden", ElementType.Float32, [1, 1, hidden], model.AddDense("first", ElementType.Float32, [1, 1, hidden], System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>([1, 1, 1, 1, 1])));
        var embedded = graph.Node(OpKind.Embedding, [Int8(model, graph, "embedding", tokens, features, random), indices], attributes: null, "embedded");
        var w = Int8(model, graph, "W", gateRows, features, random);
        var r = graph.Constant(model.AddPacked("R", TensorFormat.PackedInt8, gateRows, hidden, Int8Format.Wide.Pack([.. Values(random, gateRows * hidden).Select(v => (sbyte)(v * 100))], [.. Enumerable.Repeat(0.01f, gateRows)], gateRows, hidden)));
        var bias = graph.Constant("bias", [2, gateRows], Values(random, 2 * gateRows));
        var y = graph.NodeMany(OpKind.Gru, [embedded, -1, state, w, r, bias], 2, new Attributes().Set(AttributeKey.Hidden, hidden).Set(AttributeKey.LinearBeforeReset, true), "gru");
        graph.UpdateState(state, y[1]);
        graph.Output("probabilities", graph.Node(OpKind.Softmax, [y[0]], new Attributes().Set(AttributeKey.Axis, -1), "softmax"));
    }

    /// <summary>A stateful LSTM step in fp32, followed by a layer.</summary>
    private static void Step(SeqModelBuilder model, Random random)
    {
        const int features = 3, hidden = 4;
        var graph = model.AddGraph("step");
        var x = graph.Input("x", ElementType.Float32, 1, 1, features);
        var h = graph.State("h", ElementType.Float32, [1, 1, hidden]);
        var c = graph.State("c", ElementType.Float32, [1, 1, hidden]);
        var w = Float(model, graph, "step W", 16, features, random);
        var r = Float(model, graph, "step R", 16, hidden, random);
        var y = graph.NodeMany(OpKind.Lstm, [x, -1, h, c, w, r, -1, -1, -1], 3, new Attributes().Set(AttributeKey.Hidden, hidden), "lstm");
        graph.UpdateState(h, y[1]);
        graph.UpdateState(c, y[2]);
        graph.Output("y", graph.Node(OpKind.Linear, [y[1], Float(model, graph, "dense", 7, hidden, random)], attributes: null, "linear"));
    }

    /// <summary>Computed shapes: the input is transposed, concatenated with itself and multiplied.</summary>
    private static void Shapes(SeqModelBuilder model)
    {
        var graph = model.AddGraph("shapes");
        var x = graph.Input("x", ElementType.Float32, Length, 4);
        var shape = graph.Node(OpKind.Shape, [x], attributes: null, "shape");
        var turned = graph.Node(OpKind.Transpose, [x], new Attributes().Set(AttributeKey.Perm, new long[] { 1, 0 }), "turned");
        var product = graph.Node(OpKind.MatMul, [x, turned], attributes: null, "product");
        var joined = graph.Node(OpKind.Concat, [product, product], new Attributes().Set(AttributeKey.Axis, 1), "joined");
        graph.Output("joined", joined);
        graph.Output("shape", shape);
        graph.Output("reshaped", graph.Node(OpKind.Reshape, [turned, shape], attributes: null, "reshaped"));
    }

    /// <summary>An LSTM step in int4, followed by a layer in fp16; layers in other formats beside it.</summary>
    private static void Packed(SeqModelBuilder model, Random random)
    {
        const int features = 35, hidden = 4;
        var graph = model.AddGraph("packed");
        var x = graph.Input("x", ElementType.Float32, 1, 1, features);
        var w = Int4(model, graph, "int4 W", 16, features, random);
        var r = Int4(model, graph, "int4 R", 16, hidden, random);
        var y = graph.NodeMany(OpKind.Lstm, [x, -1, -1, -1, w, r, -1, -1, -1], 3, new Attributes().Set(AttributeKey.Hidden, hidden), "int4 lstm");
        var half = graph.Constant(model.AddPacked("fp16", TensorFormat.PackedFloat16, 7, hidden, Float16Format.Pack(Values(random, 7 * hidden), 7, hidden)));
        graph.Output("y", graph.Node(OpKind.Linear, [y[1], half], attributes: null, "fp16 linear"));
        var upper = graph.Constant(model.AddPacked("bf16", TensorFormat.PackedBFloat16, 5, features, BFloat16Format.Pack(Values(random, 5 * features), 5, features)));
        graph.Output("z", graph.Node(OpKind.Linear, [x, upper], attributes: null, "bf16 linear"));
        var layout = new WeightLayout(TensorFormat.GroupedInt8, 9, features);
        var grouped = graph.Constant(model.AddPacked("int8g32", layout, new Int8GroupStorage().Round(layout, Values(random, 9 * features)).Pack()));
        graph.Output("g", graph.Node(OpKind.Linear, [x, grouped], attributes: null, "int8g32 linear"));
    }

    private static int Int4(SeqModelBuilder model, GraphDefinition graph, string name, int rows, int columns, Random random) =>
        graph.Constant(model.AddPacked(name, TensorFormat.PackedInt4, rows, columns, Int4Quantizer.Round(Values(random, rows * columns), rows, columns).Pack()));

    private static int Int8(SeqModelBuilder model, GraphDefinition graph, string name, int rows, int columns, Random random) =>
        graph.Constant(model.AddPacked(name, Int8Format.For(columns).Number, rows, columns, Quantizer.ToInt8(Values(random, rows * columns), rows, columns).Pack()));

    private static int Float(SeqModelBuilder model, GraphDefinition graph, string name, int rows, int columns, Random random) =>
        graph.Constant(model.AddPacked(name, TensorFormat.PackedFloat32, rows, columns, Float32Format.Pack(Values(random, rows * columns), rows, columns)));

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
}
