using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.Importers;

/// <summary>TensorFlow Lite's operators give what the formulas of its kernels give, here in plain loops.</summary>
public class TfliteOperatorTests
{
    private const TfliteType F = TfliteType.Float32;

    private static readonly Dictionary<string, Func<double, double>> s_unary = new()
    {
        ["LOGISTIC"] = Numbers.Sigmoid,
        ["TANH"] = Math.Tanh,
        ["RELU"] = x => Math.Max(x, 0),
        ["RELU6"] = x => Math.Clamp(x, 0, 6),
        ["RELU_N1_TO_1"] = x => Math.Clamp(x, -1, 1),
        ["RELU_0_TO_1"] = x => Math.Clamp(x, 0, 1),
        ["ELU"] = x => x > 0 ? x : Math.Exp(x) - 1,
        ["LEAKY_RELU"] = x => x > 0 ? x : 0.25 * x,
        ["HARD_SWISH"] = x => x * Math.Clamp(x + 3, 0, 6) / 6,
        ["EXP"] = Math.Exp,
        ["ABS"] = Math.Abs,
        ["NEG"] = x => -x,
        ["SQUARE"] = x => x * x,
        ["SIN"] = Math.Sin,
        ["COS"] = Math.Cos,
        ["FLOOR"] = Math.Floor,
        ["CEIL"] = Math.Ceiling,
        ["ROUND"] = x => Math.Round(x, MidpointRounding.ToEven),
        ["SIGN"] = x => Math.Sign(x),
        ["LOG"] = x => Math.Log(Math.Abs(x)),
        ["SQRT"] = x => Math.Sqrt(Math.Abs(x)),
        ["RSQRT"] = x => 1 / Math.Sqrt(Math.Abs(x)),
        ["ZEROS_LIKE"] = _ => 0,
        ["GELU"] = x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    };

    private static readonly Dictionary<string, Func<double, double, double>> s_binary = new()
    {
        ["ADD"] = (a, b) => a + b,
        ["SUB"] = (a, b) => a - b,
        ["MUL"] = (a, b) => a * b,
        ["DIV"] = (a, b) => a / b,
        ["MAXIMUM"] = Math.Max,
        ["MINIMUM"] = Math.Min,
        ["SQUARED_DIFFERENCE"] = (a, b) => (a - b) * (a - b),
        ["FLOOR_DIV"] = (a, b) => Math.Floor(a / b),
        ["FLOOR_MOD"] = (a, b) => a - b * Math.Floor(a / b),
        ["PRELU"] = (a, b) => a > 0 ? a : a * b,
        ["EQUAL"] = (a, b) => a == b ? 1 : 0,
        ["NOT_EQUAL"] = (a, b) => a != b ? 1 : 0,
        ["LESS"] = (a, b) => a < b ? 1 : 0,
        ["LESS_EQUAL"] = (a, b) => a <= b ? 1 : 0,
        ["GREATER"] = (a, b) => a > b ? 1 : 0,
        ["GREATER_EQUAL"] = (a, b) => a >= b ? 1 : 0,
    };

    public static TheoryData<string> Unary => [.. s_unary.Keys];

    public static TheoryData<string> Binary => [.. s_binary.Keys];

    [Theory]
    [MemberData(nameof(Unary))]
    public void An_operator_of_one_value_has_its_formula(string op)
    {
        var model = new TfliteBuilder();
        var x = model.Main.Input("x", [2, 5]);
        if (op is "LOG" or "SQRT" or "RSQRT") x = model.Main.Op("ABS", [x], [2, 5], F);
        model.Main.Output(model.Main.Op(op, [x], [2, 5], F, op == "GELU" ? [(0, true)] : op == "LEAKY_RELU" ? [(0, 0.25f)] : []));
        var values = Numbers.Random(1, 10, 4);
        (values[0], values[1]) = (2.5f, -7);
        Numbers.Near(values.Select(v => s_unary[op](v)), model.Run(values)[0], 2e-6, 2e-6);
    }

    [Theory]
    [MemberData(nameof(Binary))]
    public void An_operator_of_two_values_has_its_formula(string op)
    {
        var model = new TfliteBuilder();
        var (a, b) = (model.Main.Input("a", [2, 3]), model.Main.Input("b", [3]));
        var isTest = op is "EQUAL" or "NOT_EQUAL" || op.StartsWith("LESS", StringComparison.Ordinal) || op.StartsWith("GREATER", StringComparison.Ordinal);
        var y = model.Main.Op(op, [a, b], [2, 3], isTest ? TfliteType.Bool : F);
        model.Main.Output(isTest ? model.Main.Op("CAST", [y], [2, 3], F) : y);
        float[] left = [1, -2, 3, 0.5f, 2.5f, -1.25f], right = [1, 2, -0.75f];
        Numbers.Near(left.Select((v, i) => s_binary[op](v, right[i % 3])), model.Run(left, right)[0], 1e-6, 1e-6);
    }

    [Theory]
    [InlineData(1, 0.0, 1e9)]
    [InlineData(2, -1.0, 1.0)]
    [InlineData(3, 0.0, 6.0)]
    public void A_sum_has_its_activation(int activation, double least, double most)
    {
        var model = new TfliteBuilder();
        model.Main.Output(model.Main.Op("ADD", [model.Main.Input("a", [4]), model.Main.Input("b", [4])], [4], F, (0, (byte)activation)));
        Numbers.Near([.. new double[] { -8, -0.5, 0.5, 8 }.Select(v => Math.Clamp(v, least, most))], model.Run([-4, -0.25f, 0.25f, 4], [-4, -0.25f, 0.25f, 4])[0], 1e-6);
    }

    /// <summary>Moves of elements: the operator, its constant inputs after x [2, 3, 4] of 0, 1, …, its options, the shape of the output, and the places of its elements.</summary>
    [Fact]
    public void Operators_that_move_elements_move_the_right_ones()
    {
        Moves("RESHAPE", [24], (_, i) => i, g => [g.Ints(-1)]);
        Moves("RESHAPE", [6, 4], (_, i) => i, _ => [], (0, new[] { 6, 4 }));
        Moves("TRANSPOSE", [4, 2, 3], (n, _) => n[1] * 12 + n[2] * 4 + n[0], g => [g.Ints(2, 0, 1)]);
        Moves("SLICE", [1, 3, 2], (n, _) => 12 + n[1] * 4 + n[2] + 1, g => [g.Ints(1, 0, 1), g.Ints(1, -1, 2)]);
        Moves("STRIDED_SLICE", [2, 2], (n, _) => n[0] * 12 + 4 + n[1] * 2, g => [g.Ints(0, 1, 0), g.Ints(2, 2, 4), g.Ints(1, 1, 2)], (0, 1), (1, 1), (4, 2));
        Moves("STRIDED_SLICE", [2, 3], (n, _) => n[0] * 12 + n[1] * 4 + 3, g => [g.Ints(0, -1), g.Ints(0, 0), g.Ints(1, 1)], (2, 1), (4, 2));
        Moves("STRIDED_SLICE", [2, 1, 3, 4], (n, _) => n[0] * 12 + n[2] * 4 + n[3], g => [g.Ints(0, 0), g.Ints(0, 0), g.Ints(1, 1)], (0, 1), (1, 1), (3, 2));
        Moves("STRIDED_SLICE", [2, 3, 4], (n, _) => n[0] * 12 + (2 - n[1]) * 4 + n[2], g => [g.Ints(0, 0), g.Ints(0, 0), g.Ints(1, -1)], (0, 3), (1, 3));
        Moves("REVERSE_V2", [2, 3, 4], (n, _) => n[0] * 12 + (2 - n[1]) * 4 + n[2], g => [g.Ints(1)]);
        Moves("GATHER", [2, 2, 4], (n, _) => n[0] * 12 + (n[1] == 0 ? 2 : 0) * 4 + n[2], g => [g.Ints(2, 0)], (0, 1));
        Moves("GATHER", [2, 2, 4], (n, _) => n[0] * 12 + (n[0] + n[1]) * 4 + n[2], g => [g.Constant("at", [2, 2], 0, 1, 1, 2)], (0, 1), (1, 1));
        Moves("GATHER_ND", [2, 4], (n, _) => (n[0] == 0 ? 12 + 8 : 4) + n[1], g => [g.Constant("at", [2, 2], 1, 2, 0, 1)]);
        Moves("TILE", [2, 6, 4], (n, _) => n[0] * 12 + n[1] % 3 * 4 + n[2], g => [g.Ints(1, 2, 1)]);
        Moves("EXPAND_DIMS", [2, 3, 1, 4], (_, i) => i, g => [g.Ints(2)]);
        Moves("PAD", [2, 5, 4], (n, _) => n[1] is 0 or 4 ? -1 : n[0] * 12 + (n[1] - 1) * 4 + n[2], g => [g.Constant("pads", [3, 2], 0, 0, 1, 1, 0, 0)]);
        Moves("MIRROR_PAD", [2, 3, 6], (n, _) => n[0] * 12 + n[1] * 4 + (n[2] < 2 ? 2 - n[2] : n[2] - 2), g => [g.Constant("pads", [3, 2], 0, 0, 0, 0, 2, 0)], (0, (byte)0));
        Moves("MIRROR_PAD", [2, 3, 6], (n, _) => n[0] * 12 + n[1] * 4 + Math.Clamp(n[2] - 1, 0, 3), g => [g.Constant("pads", [3, 2], 0, 0, 0, 0, 1, 1)], (0, (byte)1));
        Moves("BROADCAST_TO", [2, 2, 3, 4], (n, i) => i % 24, g => [g.Ints(2, 2, 3, 4)]);
        Moves("SPACE_TO_BATCH_ND", [4, 2, 4], (n, _) => (n[1] * 2 + n[0] / 2) is var t && t < 3 ? n[0] % 2 * 12 + t * 4 + n[2] : -1, g => [g.Ints(2), g.Constant("pads", [1, 2], 0, 1)]);
        Moves("BATCH_TO_SPACE_ND", [1, 5, 4], (n, _) => n[1] % 2 * 12 + n[1] / 2 * 4 + n[2], g => [g.Ints(2), g.Constant("crops", [1, 2], 0, 1)]);
        Moves("REVERSE_SEQUENCE", [2, 3, 4], (n, _) => n[0] * 12 + (n[0] == 0 && n[1] < 2 ? 1 - n[1] : n[1]) * 4 + n[2], g => [g.Ints(2, 1)], (0, 1), (1, 0));
    }

    [Fact]
    public void Joins_and_parts_are_in_order()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [2, 4]);
        var (a, b) = (g.Value("a", [2, 2]), g.Value("b", [2, 2]));
        g.Op("SPLIT", [g.Constant("axis", [], 1), x], [a, b], (0, 2));
        var (c, d) = (g.Value("c", [2, 1]), g.Value("d", [2, 3]));
        g.Op("SPLIT_V", [x, g.Ints(1, -1), g.Constant("axis2", [], 1)], [c, d], (0, 2));
        var (e, f) = (g.Value("e", [4]), g.Value("f", [4]));
        g.Op("UNPACK", [x], [e, f], (0, 2), (1, 0));
        g.Output(g.Op("CONCATENATION", [b, a], [2, 4], F, (0, 1)), g.Op("PACK", [f, e], [4, 2], F, (0, 2), (1, 1)), d, c);
        var y = model.Run([0, 1, 2, 3, 4, 5, 6, 7]);
        Assert.Equal([2, 3, 0, 1, 6, 7, 4, 5], y[0]);
        Assert.Equal([4, 0, 5, 1, 6, 2, 7, 3], y[1]);
        Assert.Equal([1, 2, 3, 5, 6, 7], y[2]);
        Assert.Equal([0, 4], y[3]);
    }

    [Fact]
    public void Reductions_and_searches_have_their_formulas()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [2, 3]);
        var best = g.Op("ARG_MAX", [x, g.Ints(1)], [2], TfliteType.Int32, (0, (byte)2));
        var (top, places) = (g.Value("top", [2, 2]), g.Value("places", [2, 2], TfliteType.Int32));
        g.Op("TOPK_V2", [x, g.Constant("k", [], 2)], [top, places]);
        g.Output(
            g.Op("MEAN", [x, g.Ints(1)], [2, 1], F, (0, true)), g.Op("SUM", [x, g.Ints(0)], [3], F), g.Op("REDUCE_MAX", [x, g.Ints(-1)], [2], F), g.Op("REDUCE_MIN", [x, g.Ints(0, 1)], [], F), g.Op("REDUCE_PROD", [x, g.Ints(1)], [2], F),
            g.Op("CAST", [best], [2], F), top, g.Op("CAST", [places], [2, 2], F), g.Op("SOFTMAX", [x], [2, 3], F, (0, 2f)), g.Op("LOG_SOFTMAX", [x], [2, 3], F), g.Op("L2_NORMALIZATION", [x], [2, 3], F), g.Op("CUMSUM", [x, g.Constant("axis", [], 1)], [2, 3], F, (0, true), (1, true)));
        float[] v = [1, 3, 2, -4, 0.5f, 6];
        var y = model.Run(v);
        double[] Soft(double beta) => [.. v.Chunk(3).SelectMany(r => r.Select(e => Math.Exp(beta * e) / r.Sum(o => Math.Exp(beta * o))))];
        double[][] expected = [[2, 2.5 / 3], [-3, 3.5, 8], [3, 6], [-4], [6, -12], [1, 2], [3, 2, 6, 0.5], [1, 2, 2, 1], Soft(2), [.. Soft(1).Select(p => Math.Log(p))], [.. v.Chunk(3).SelectMany(r => r.Select(e => e / Math.Sqrt(r.Sum(o => (double)o * o))))], [5, 2, 0, 6.5, 6, 0]];
        for (var i = 0; i < expected.Length; i++) Numbers.Near(expected[i], y[i], 2e-6, 2e-6);
    }

    /// <summary>The kernel divides by max(√Σx², 10⁻⁶), so short vectors become long, and only those below 10⁻⁶ stay short.</summary>
    [Theory]
    [InlineData(3e-4f)]
    [InlineData(3e-8f)]
    public void A_normalization_of_short_vectors_limits_the_length(float size)
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(g.Op("L2_NORMALIZATION", [g.Input("x", [1, 2])], [1, 2], F));
        var length = Math.Max(Math.Sqrt(2.0 * size * size), 1e-6);
        Numbers.Near([size / length, size / length], model.Run([size, size])[0], 1e-6);
    }

    [Fact]
    public void A_one_hot_row_of_a_negative_index_has_no_one()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var index = g.Op("CAST", [g.Input("x", [4])], [4], TfliteType.Int32);
        g.Output(g.Op("ONE_HOT", [index, g.Constant("depth", [], 3), g.Constant("on", [], 5f), g.Constant("off", [], -1f)], [4, 3], F, (0, -1)));
        Assert.Equal([-1, -1, -1, -1, -1, 5, -1, -1, -1, 5, -1, -1], model.Run([-1, 2, 3, 0])[0]);
    }

    [Fact]
    public void Products_have_their_formulas()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var (w, bias) = (Numbers.Random(1, 8), Numbers.Random(2, 2));
        var x = g.Input("x", [1, 3, 4]);
        var (weights, b) = (g.Constant("w", [2, 4], w), g.Constant("b", [2], bias));
        var halves = g.Value("unpacked", [2, 4]);
        g.Op("DEQUANTIZE", [g.Constant("w16", [2, 4], Array.ConvertAll(w, v => (Half)v))], [halves]);
        g.Output(g.Op("FULLY_CONNECTED", [x, weights, b], [3, 2], F, (0, (byte)1)), g.Op("FULLY_CONNECTED", [x, halves, -1], [1, 3, 2], F, (2, true)), g.Op("BATCH_MATMUL", [x, x], [1, 3, 3], F, (1, true)));
        var v = Numbers.Random(3, 12);
        double Dot(int row, int o, bool isHalf) => Enumerable.Range(0, 4).Sum(i => v[row * 4 + i] * (isHalf ? (double)(Half)w[o * 4 + i] : w[o * 4 + i]));
        var y = model.Run(v);
        Numbers.Near(Enumerable.Range(0, 6).Select(i => Math.Max(0, Dot(i / 2, i % 2, false) + bias[i % 2])), y[0], 1e-6);
        Numbers.Near(Enumerable.Range(0, 6).Select(i => Dot(i / 2, i % 2, true)), y[1], 1e-6);
        Numbers.Near(Enumerable.Range(0, 9).Select(i => Enumerable.Range(0, 4).Sum(k => (double)v[i / 3 * 4 + k] * v[i % 3 * 4 + k])), y[2], 1e-6);
    }

    [Theory]
    [InlineData("CONV_2D", 0, 1, 1)]
    [InlineData("CONV_2D", 1, 2, 1)]
    [InlineData("CONV_2D", 0, 2, 1)]
    [InlineData("CONV_2D", 0, 1, 2)]
    [InlineData("DEPTHWISE_CONV_2D", 0, 2, 1)]
    [InlineData("DEPTHWISE_CONV_2D", 1, 1, 2)]
    public void A_convolution_has_its_formula(string op, int padding, int stride, int dilation)
    {
        const int height = 5, width = 7, channels = 2, kernel = 3;
        var isDepthwise = op != "CONV_2D";
        var outputs = isDepthwise ? 4 : 3;
        var model = new TfliteBuilder();
        var g = model.Main;
        var (w, bias, v) = (Numbers.Random(1, kernel * kernel * (isDepthwise ? outputs : channels * outputs)), Numbers.Random(2, outputs), Numbers.Random(3, height * width * channels));
        int Out(int size) => padding == 0 ? (size + stride - 1) / stride : (size - (kernel - 1) * dilation - 1) / stride + 1;
        int Before(int size) => padding == 0 ? Math.Max(0, (Out(size) - 1) * stride + (kernel - 1) * dilation + 1 - size) / 2 : 0;
        (int, object)[] options = isDepthwise ? [(0, (byte)padding), (1, stride), (2, stride), (3, 2), (4, (byte)0), (5, dilation), (6, dilation)] : [(0, (byte)padding), (1, stride), (2, stride), (3, (byte)0), (4, dilation), (5, dilation)];
        g.Output(g.Op(op, [g.Input("x", [1, height, width, channels]), g.Constant("w", isDepthwise ? [1, kernel, kernel, outputs] : [outputs, kernel, kernel, channels], w), g.Constant("b", [outputs], bias)], [1, Out(height), Out(width), outputs], F, options));
        var expected = new List<double>();
        for (var i = 0; i < Out(height) * Out(width) * outputs; i++)
        {
            var (row, column, o) = (i / outputs / Out(width), i / outputs % Out(width), i % outputs);
            double sum = bias[o];
            for (var k = 0; k < kernel * kernel; k++)
            {
                var (y, x) = (row * stride - Before(height) + k / kernel * dilation, column * stride - Before(width) + k % kernel * dilation);
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                if (isDepthwise) sum += (double)v[(y * width + x) * channels + o / 2] * w[k * outputs + o];
                else for (var c = 0; c < channels; c++) sum += (double)v[(y * width + x) * channels + c] * w[(o * kernel * kernel + k) * channels + c];
            }

            expected.Add(sum);
        }

        Numbers.Near(expected, model.Run(v)[0], 2e-6);
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(1, 9)]
    public void A_transposed_convolution_has_its_formula(int padding, int length)
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var (w, v) = (Numbers.Random(1, 2 * 3 * 2), Numbers.Random(2, 4 * 2));
        g.Output(g.Op("TRANSPOSE_CONV", [g.Ints(1, 1, length, 2), g.Constant("w", [2, 1, 3, 2], w), g.Input("x", [1, 1, 4, 2])], [1, 1, length, 2], F, (0, (byte)padding), (1, 2), (2, 1)));
        var expected = new double[length * 2];
        var before = padding == 0 ? Math.Max(0, 3 * 2 + 3 - length) / 2 : 0;
        for (var t = 0; t < 4; t++)
        {
            for (var k = 0; k < 3; k++)
            {
                var at = t * 2 + k - before;
                for (var i = 0; i < 4 && at >= 0 && at < length; i++) expected[at * 2 + i / 2] += (double)v[t * 2 + i % 2] * w[(i / 2 * 3 + k) * 2 + i % 2];
            }
        }

        Numbers.Near(expected, model.Run(v)[0], 1e-6);
    }

    [Fact]
    public void Pools_leave_out_what_is_beyond_the_border()
    {
        var model = new TfliteBuilder();
        var x = model.Main.Input("x", [1, 1, 5, 1]);
        (int, object)[] options = [(0, (byte)0), (1, 2), (2, 1), (3, 3), (4, 1)];
        model.Main.Output(model.Main.Op("AVERAGE_POOL_2D", [x], [1, 1, 3, 1], F, options), model.Main.Op("MAX_POOL_2D", [x], [1, 1, 3, 1], F, options));
        var y = model.Run([-1, -2, -3, -4, -5]);
        Numbers.Near([-1.5, -3, -4.5], y[0], 1e-6);
        Numbers.Near([-1, -2, -4], y[1], 1e-6);
    }

    [Fact]
    public void Selections_and_tables_have_their_formulas()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var x = g.Input("x", [2, 2]);
        var isAbove = g.Op("GREATER", [x, g.Constant("zero", [], 0f)], [2, 2], TfliteType.Bool);
        var rows = g.Op("REDUCE_ALL", [isAbove, g.Ints(1)], [2], TfliteType.Bool);
        var index = g.Op("ARG_MAX", [x, g.Ints(1)], [2], TfliteType.Int32);
        var shape = g.Op("SHAPE", [x], [2], TfliteType.Int32, (0, (byte)2));
        g.Output(
            g.Op("SELECT_V2", [isAbove, x, g.Constant("minus", [1], -1f)], [2, 2], F), g.Op("SELECT", [rows, x, g.Op("NEG", [x], [2, 2], F)], [2, 2], F), g.Op("ONE_HOT", [index, g.Constant("depth", [], 3), g.Constant("on", [], 5f), g.Constant("off", [], -1f)], [2, 3], F, (0, -1)),
            g.Op("EMBEDDING_LOOKUP", [index, g.Constant("table", [2, 3], 1f, 2, 3, 4, 5, 6)], [2, 3], F), g.Op("FILL", [shape, g.Constant("seven", [], 7f)], [2, 2], F), g.Op("CAST", [g.Op("RANGE", [g.Constant("from", [], 2), g.Constant("to", [], 8), g.Constant("by", [], 3)], [2], TfliteType.Int32)], [2], F));
        var y = model.Run([1, 2, 4, -3]);
        float[][] expected = [[1, 2, 4, -1], [1, 2, -4, 3], [-1, 5, -1, 5, -1, -1], [4, 5, 6, 1, 2, 3], [7, 7, 7, 7], [2, 5]];
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], y[i]);
    }

    [Fact]
    public void A_spectrum_has_its_formula()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var spectrum = g.Op("RFFT2D", [g.Input("x", [1, 8]), g.Ints(1, 8)], [1, 5], TfliteType.Complex64);
        g.Output(g.Op("COMPLEX_ABS", [spectrum], [1, 5], F), g.Op("IMAG", [spectrum], [1, 5], F));
        var v = Numbers.Random(1, 8);
        (double Re, double Im)[] bins = [.. Enumerable.Range(0, 5).Select(k => (v.Select((e, n) => e * Math.Cos(2 * Math.PI * k * n / 8)).Sum(), -v.Select((e, n) => e * Math.Sin(2 * Math.PI * k * n / 8)).Sum()))];
        var y = model.Run(v);
        Numbers.Near(bins.Select(b => Math.Sqrt(b.Re * b.Re + b.Im * b.Im)), y[0], 2e-6);
        Numbers.Near(bins.Select(b => b.Im), y[1], 2e-6);
    }

    /// <summary>An operator over x [2, 3, 4] of 0, 1, … whose output at an index holds the element at a place, or 0 for place -1.</summary>
    private static void Moves(string op, int[] shape, Func<int[], int, int> place, Func<TfliteBuilder.Graph, int[]> others, params (int Field, object Value)[] options)
    {
        var model = new TfliteBuilder();
        var x = model.Main.Input("x", [2, 3, 4]);
        model.Main.Output(model.Main.Op(op, [x, .. others(model.Main)], shape, F, options));
        var y = model.Run([.. Enumerable.Range(1, 24).Select(i => (float)i)])[0];
        Assert.Equal(Numbers.Count(shape), y.Length);
        for (var i = 0; i < y.Length; i++)
        {
            var (index, rest) = (new int[shape.Length], i);
            for (var axis = shape.Length - 1; axis >= 0; axis--) (rest, index[axis]) = (rest / shape[axis], rest % shape[axis]);
            Assert.True(place(index, i) + 1 == y[i], $"{op}: element {i} is {y[i]}, not {place(index, i) + 1}");
        }
    }
}
