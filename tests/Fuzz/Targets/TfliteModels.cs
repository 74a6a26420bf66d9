using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Small TensorFlow Lite models with most operators.</summary>
internal static class TfliteModels
{
    private const TfliteType F = TfliteType.Float32;
    private const TfliteType Int32 = TfliteType.Int32;

    public static IEnumerable<byte[]> All() => [Layers(), Shapes(), Lstm(), Both(), Loop(), Branch(), Variables(), Images(), Filters(), Spatial(), Sound()];

    private static byte[] Layers()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("serving_default_x:0", [1, 4], signature: [-1, 4]);
        var y = g.Op("FULLY_CONNECTED", [x, g.Quantized("w", [3, 4], Enumerable.Range(-6, 12).Select(i => (sbyte)(i * 20)).ToArray(), [0.1f, 0.2f, 0.3f], [0, 0, 0]), g.Constant("b", [3], 1f, 2, 3)], [1, 3], F, (0, (byte)1), (2, true));
        var z = g.Op("SOFTMAX", [g.Op("ADD", [g.Op("TANH", [y], [1, 3], F), g.Op("LOGISTIC", [y], [1, 3], F)], [1, 3], F, (0, (byte)3))], [1, 3], F, (0, 1f));
        var (top, at) = (g.Value("top", [1, 2]), g.Value("at", [1, 2], Int32));
        g.Op("TOPK_V2", [z, g.Constant("k", [], 2)], [top, at]);
        g.Output(z, top, g.Op("MEAN", [z, g.Ints(1)], [1], F), g.Op("CAST", [at], [1, 2], F), g.Op("FAKE_QUANT", [z], [1, 3], F, (0, 0f), (1, 1f), (2, 8), (3, true)));
        return model.Signature("serving_default", g, [("x", x)], [("z", z)]).ToArray();
    }

    private static byte[] Shapes()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [2, 3, 4]);
        var (a, b) = (g.Value("a", [2, 3, 2]), g.Value("b", [2, 3, 2]));
        g.Op("SPLIT", [g.Constant("axis", [], 2), x], [a, b], (0, 2));
        var (c, d) = (g.Value("c", [3, 4]), g.Value("d", [3, 4]));
        g.Op("UNPACK", [x], [c, d], (0, 2), (1, 0));
        g.Output(
            g.Op("CONCATENATION", [b, a], [2, 3, 4], F, (0, 2)), g.Op("PACK", [c, d], [3, 2, 4], F, (0, 2), (1, 1)), g.Op("RESHAPE", [x, g.Ints(-1, 4)], [6, 4], F), g.Op("TRANSPOSE", [x, g.Ints(2, 0, 1)], [4, 2, 3], F),
            g.Op("STRIDED_SLICE", [x, g.Ints(0, 1, 0), g.Ints(2, 2, 4), g.Ints(1, 1, 2)], [2, 2], F, (0, 1), (1, 1), (4, 2)), g.Op("SLICE", [x, g.Ints(1, 0, 1), g.Ints(1, -1, 2)], [1, 3, 2], F), g.Op("PAD", [x, g.Constant("pads", [3, 2], 0, 0, 1, 1, 0, 0)], [2, 5, 4], F),
            g.Op("GATHER", [x, g.Ints(2, 0)], [2, 2, 4], F, (0, 1)), g.Op("TILE", [x, g.Ints(1, 2, 1)], [2, 6, 4], F), g.Op("REVERSE_SEQUENCE", [x, g.Ints(2, 1)], [2, 3, 4], F, (0, 1), (1, 0)), g.Op("SPACE_TO_BATCH_ND", [x, g.Ints(2), g.Constant("blocks", [1, 2], 0, 1)], [4, 2, 4], F),
            g.Op("BATCH_MATMUL", [x, x], [2, 3, 3], F, (1, true)), g.Op("COMPLEX_ABS", [g.Op("RFFT2D", [g.Op("RESHAPE", [x, g.Ints(6, 1, 4)], [6, 1, 4], F), g.Ints(1, 4)], [6, 1, 3], TfliteType.Complex64)], [6, 1, 3], F));
        return model.ToArray();
    }

    private static byte[] Lstm()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        int[] inputs = [g.Input("x", [1, 2, 3]), .. Weights(g, "w", 4, 2, 3), .. Weights(g, "r", 4, 2, 2), -1, -1, -1, .. Weights(g, "b", 4, 2), -1, -1, g.Variable("h", 1, 2), g.Variable("c", 1, 2)];
        var y = g.Value("y", [1, 2, 2]);
        g.Op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], (0, (byte)4), (1, 10f), (2, 0f), (3, false));
        g.Output(y);
        return model.ToArray();
    }

    private static byte[] Both()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        int[] Side(string n) => [.. Weights(g, n + "w", 4, 2, 3), .. Weights(g, n + "r", 4, 2, 2), .. Weights(g, n + "p", 3, 2), .. Weights(g, n + "b", 4, 2), -1, -1];
        int[] inputs = [g.Input("x", [1, 2, 3]), .. Side("f"), .. Side("b"), g.Variable("fh", 1, 2), g.Variable("fc", 1, 2), g.Variable("bh", 1, 2), g.Variable("bc", 1, 2)];
        var y = g.Value("y", [1, 2, 4]);
        g.Op("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], (0, (byte)4), (3, true), (4, false));
        g.Output(y);
        return model.ToArray();
    }

    private static byte[] Loop()
    {
        var model = new TfliteBuilder();
        var (main, test, body) = (model.Main, model.Add("cond"), model.Add("body"));
        int[] Carried(TfliteBuilder.Graph g) => [g.Input("t", [], Int32), g.Input("list", [3, 1, 2]), g.Input("h", [1, 2]), g.Input("steps", [3, 1, 2])];
        var c = Carried(test);
        test.Output(test.Op("LESS", [c[0], test.Constant("most", [], 3)], [], TfliteType.Bool));
        var v = Carried(body);
        var x = body.Op("GATHER", [v[3], v[0]], [1, 2], F, (0, 0));
        var h = body.Op("TANH", [body.Op("ADD", [body.Op("FULLY_CONNECTED", [x, body.Constant("w", [2, 2], 1f, 2, 3, 4), -1], [1, 2], F), body.Op("FULLY_CONNECTED", [v[2], body.Constant("u", [2, 2], 1f, 0, 0, 1), -1], [1, 2], F)], [1, 2], F)], [1, 2], F);
        var at = body.Op("PACK", [v[0], body.Constant("z", [], 0), body.Constant("z2", [], 0)], [3], Int32, (0, 3), (1, 0));
        var list = body.Op("DYNAMIC_UPDATE_SLICE", [v[1], body.Op("EXPAND_DIMS", [h, body.Constant("axis", [], 0)], [1, 1, 2], F), at], [3, 1, 2], F);
        body.Output(body.Op("ADD", [v[0], body.Constant("one", [], 1)], [], Int32), list, h, v[3]);
        int[] results = [main.Value("r0", [], Int32), main.Value("r1", [3, 1, 2]), main.Value("r2", [1, 2]), main.Value("r3", [3, 1, 2])];
        main.Op("WHILE", [main.Constant("t0", [], 0), main.Constant("l0", [3, 1, 2], new float[6]), main.Constant("h0", [1, 2], 0f, 0), main.Input("x", [3, 1, 2])], results, (0, 1), (1, 2));
        main.Output(results[1], results[2]);
        return model.ToArray();
    }

    private static byte[] Branch()
    {
        var model = new TfliteBuilder();
        var (main, then, otherwise) = (model.Main, model.Add("then"), model.Add("else"));
        then.Output(then.Op("MUL", [then.Input("a", [2]), then.Constant("two", [], 2f)], [2], F));
        otherwise.Output(otherwise.Op("NEG", [otherwise.Input("a", [2])], [2], F));
        var x = main.Input("x", [2]);
        var (y, z) = (main.Value("y", [2]), main.Value("z", [2]));
        main.Op("IF", [main.Op("GREATER", [main.Op("SUM", [x, main.Ints(0)], [], F), main.Constant("zero", [], 0f)], [], TfliteType.Bool), x], [y], (0, 1), (1, 2));
        main.Op("CALL", [x], [z], (0, 2));
        main.Output(y, z);
        return model.ToArray();
    }

    private static byte[] Variables()
    {
        var model = new TfliteBuilder();
        var (main, first) = (model.Main, model.Add("init"));
        var (made, handle) = (first.Value("handle", [], TfliteType.Resource), main.Value("handle", [], TfliteType.Resource));
        first.Op("VAR_HANDLE", [], [made], (0, ""), (1, "sum"));
        first.Op("ASSIGN_VARIABLE", [made, first.Constant("begin", [2], 10f, 20)], []);
        main.Op("CALL_ONCE", [], [], (0, 1));
        main.Op("VAR_HANDLE", [], [handle], (0, ""), (1, "sum"));
        var sum = main.Op("ADD", [main.Op("READ_VARIABLE", [handle], [2], F), main.Input("x", [2])], [2], F);
        main.Op("ASSIGN_VARIABLE", [handle, sum], []);
        main.Output(sum);
        return model.ToArray();
    }

    private static byte[] Images()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 4, 4, 2], TfliteType.Int8, 0.5f, -128);
        var y = g.Value("y", [1, 2, 2, 3], TfliteType.Int8, 0.25f, -128);
        g.Op("CONV_2D", [x, g.Constant("w", [3, 3, 3, 2], new float[54]), g.Constant("b", [3], 1f, 2, 3)], [y], (0, (byte)0), (1, 2), (2, 2), (3, (byte)0), (4, 1), (5, 1));
        var z = g.Op("DEPTHWISE_CONV_2D", [y, g.Constant("dw", [1, 2, 2, 3], new float[12]), -1], [1, 2, 2, 3], F, (0, (byte)0), (1, 1), (2, 1), (3, 1), (4, (byte)1), (5, 1), (6, 1));
        g.Output(g.Op("AVERAGE_POOL_2D", [z], [1, 1, 1, 3], F, (0, (byte)1), (1, 2), (2, 2), (3, 2), (4, 2)), g.Op("TRANSPOSE_CONV", [g.Ints(1, 4, 4, 2), g.Constant("tw", [2, 2, 2, 3], new float[24]), z], [1, 4, 4, 2], F, (0, (byte)0), (1, 2), (2, 2)));
        return model.ToArray();
    }

    private static byte[] Filters()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [1, 2]);
        g.Op("SVDF", [g.Input("x", [1, 3]), g.Constant("f", [4, 3], new float[12]), g.Constant("t", [4, 2], new float[8]), -1, g.Variable("state", 1, 8)], [y], (0, 2), (1, (byte)1));
        var z = g.Value("z", [1, 2]);
        g.Op("RNN", [y, g.Constant("w", [2, 2], 1f, 2, 3, 4), g.Constant("r", [2, 2], 1f, 2, 3, 4), g.Constant("b", [2], 1f, 2), g.Variable("h", 1, 2)], [z], (0, (byte)4));
        g.Output(z);
        return model.ToArray();
    }

    private static byte[] Spatial()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [1, 2, 4, 4]);
        var sparsity = new TfliteSparsity([0, 1, 2], [1], [new(false, 3, [], []), new(true, 0, [0, 1, 2, 2], [1, 0]), new(false, 2, [], [])]);
        var y = g.Op("FULLY_CONNECTED", [g.Op("RESHAPE", [x, g.Ints(8, 4)], [8, 4], F), g.Sparse("w", [3, 4], new float[] { 5, 6, 1, 2 }, sparsity), -1], [8, 3], F);
        var (a, b) = (g.Value("a", [2, 3]), g.Value("b", [6, 3]));
        g.Op("SPLIT_V", [y, g.Ints(2, -1), g.Constant("axis", [], 0)], [a, b], (0, 2));
        g.Output(
            a, b, g.Op("RESIZE_BILINEAR", [x, g.Ints(3, 5)], [1, 3, 5, 4], F, (3, true)), g.Op("RESIZE_NEAREST_NEIGHBOR", [x, g.Ints(4, 8)], [1, 4, 8, 4], F), g.Op("DEPTH_TO_SPACE", [x], [1, 4, 8, 1], F, (0, 2)),
            g.Op("CONV_3D", [g.Op("RESHAPE", [x, g.Ints(1, 2, 4, 2, 2)], [1, 2, 4, 2, 2], F), g.Constant("v", [1, 2, 1, 2, 2], new float[8]), -1], [1, 2, 3, 2, 2], F, (0, (byte)1), (1, 1), (2, 1), (3, 1), (5, 1), (6, 1), (7, 1)));
        return model.ToArray();
    }

    private static byte[] Sound()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var spectrum = g.Custom("AudioSpectrogram", [g.Input("sound", [60, 1])], [1, 10, 9], TfliteBuilder.Flex(("magnitude_squared", 1), ("stride", 5), ("window_size", 12)));
        var options = TfliteBuilder.Flex(("dct_coefficient_count", 4), ("filterbank_channel_count", 5), ("lower_frequency_limit", 300), ("upper_frequency_limit", 3500));
        g.Output(g.Custom("Mfcc", [spectrum, g.Ints(8000)], [1, 10, 4], options));
        return model.ToArray();
    }

    private static int[] Weights(TfliteBuilder.Graph g, string name, int count, params int[] shape) => [.. Enumerable.Range(0, count).Select(i => g.Constant($"{name}{i}", shape, [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(k => 0.1f * (k - i))]))];
}
