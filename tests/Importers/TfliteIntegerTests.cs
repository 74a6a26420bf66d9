using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.Importers;

/// <summary>Models whose values are all integers, as microcontrollers run them: the converted model computes what the integers stand for.</summary>
public class TfliteIntegerTests
{
    private const TfliteType Int8 = TfliteType.Int8;

    /// <summary>A result that its integers cannot hold is the largest or smallest that they can.</summary>
    [Theory]
    [InlineData("Int8", 0.5f, 10, -69, 58.5f)]
    [InlineData("UInt8", 0.5f, 128, -64, 63.5f)]
    [InlineData("Int16", 0.25f, 0, -8192, 8191.75f)]
    public void Integers_end_where_their_range_does(string integers, float scale, long zero, float least, float most)
    {
        var type = Enum.Parse<TfliteType>(integers);
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [3], type, scale, zero);
        g.Op("ADD", [g.Input("a", [3], type, scale, zero), g.Input("b", [3], type, scale, zero)], [y], (0, (byte)0));
        var z = g.Value("z", [3], type, scale, zero);
        g.Op("QUANTIZE", [g.Op("MUL", [y, g.Constant("two", [], 1.5f)], [3], TfliteType.Float32)], [z]);
        g.Output(y, z);
        var results = model.Run([1, 9000, -9000], [-4, 500, -700]);
        Assert.Equal([-3, most, least], results[0]);
        Assert.Equal([-4.5f, most, least], results[1]);
    }

    /// <summary>TensorFlow Lite fixes the steps of a logarithm of probabilities, which end long before it does.</summary>
    [Fact]
    public void A_logarithm_of_probabilities_ends_where_its_integers_do()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [1, 2], Int8, 16 / 256f, 127);
        g.Op("LOG_SOFTMAX", [g.Input("x", [1, 2], Int8, 0.5f)], [y]);
        g.Output(y);
        Assert.Equal([-15.9375f, 0], model.Run([-30, 30])[0]);
    }

    /// <summary>
    /// A streaming keyword spotter in small: the last steps are kept in a variable, a convolution over them has a Relu in its range, and a product
    /// and a sigmoid follow. The integers are computed here as the kernels define them; each result agrees within the steps that they round to.
    /// </summary>
    [Fact]
    public void A_streaming_model_of_integers_is_within_their_steps()
    {
        const int kept = 2, features = 4, units = 3, steps = 40;
        const float sx = 0.1f, sy = 0.05f, sp = 1 / 256f;
        var (w, wScales) = (Steps(1, units * (kept + 1) * features), new[] { 0.01f, 0.008f, 0.012f });
        var (v, vScale) = (Steps(2, units), 0.02f);
        int[] bias = [300, -200, 100];
        var model = new TfliteBuilder();
        var (main, first) = (model.Main, model.Add("init"));
        var made = first.Value("handle", [], TfliteType.Resource);
        first.Op("VAR_HANDLE", [], [made], (0, ""), (1, "stream/states"));
        first.Op("ASSIGN_VARIABLE", [made, first.Quantized("zeros", [1, kept, 1, features], Enumerable.Repeat((sbyte)-128, kept * features).ToArray(), [sx], [-128])], []);
        main.Op("CALL_ONCE", [], [], (0, 1));
        var handle = main.Value("handle", [], TfliteType.Resource);
        main.Op("VAR_HANDLE", [], [handle], (0, ""), (1, "stream/states"));
        int Value(string name, int[] shape, float scale, long zero, TfliteType type = Int8) => main.Value(name, shape, type, scale, zero);
        var x = main.Input("x", [1, 1, 1, features], Int8, sx, -128);
        var (past, all, next) = (Value("past", [1, kept, 1, features], sx, -128), Value("all", [1, kept + 1, 1, features], sx, -128), Value("next", [1, kept, 1, features], sx, -128));
        main.Op("READ_VARIABLE", [handle], [past]);
        main.Op("CONCATENATION", [past, x], [all], (0, 1));
        main.Op("STRIDED_SLICE", [all, main.Ints(0, 1, 0, 0), main.Ints(0, kept + 1, 0, 0), main.Ints(1, 1, 1, 1)], [next], (0, 13), (1, 13));
        main.Op("ASSIGN_VARIABLE", [handle, next], []);
        var y = Value("y", [1, 1, 1, units], sy, -128);
        main.Op("CONV_2D", [all, main.Quantized("w", [units, kept + 1, 1, features], w, wScales, [0, 0, 0]), main.Quantized("b", [units], bias, Array.ConvertAll(wScales, s => s * sx), [0, 0, 0])], [y], (0, (byte)1), (1, 1), (2, 1), (3, (byte)1), (4, 1), (5, 1));
        var (sum, p, q) = (Value("sum", [1, 1], 0.1f, 5), Value("p", [1, 1], sp, -128), Value("q", [1, 1], sp, 0, TfliteType.UInt8));
        main.Op("FULLY_CONNECTED", [y, main.Quantized("v", [1, units], v, [vScale], [0]), -1], [sum]);
        main.Op("LOGISTIC", [sum], [p]);
        main.Op("QUANTIZE", [p], [q]);
        main.Output(q);

        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        var window = Enumerable.Repeat(-128, kept * features).ToList();
        var random = new Random(5);
        for (var step = 0; step < steps; step++)
        {
            int[] given = [.. Enumerable.Range(0, features).Select(_ => random.Next(-128, 128))];
            window.AddRange(given);
            int Rounded(double real, float scale, int zero, int least, int most) => Math.Clamp((int)Math.Round(real / scale) + zero, least, most);
            int[] hidden = [.. Enumerable.Range(0, units).Select(u => Rounded((bias[u] + Enumerable.Range(0, window.Count).Sum(k => w[u * window.Count + k] * (window[k] + 128))) * (double)(wScales[u] * sx), sy, -128, -128, 127))];
            var total = Rounded(Enumerable.Range(0, units).Sum(u => v[u] * (hidden[u] + 128)) * (double)(vScale * sy), 0.1f, 5, -128, 127);
            var expected = Rounded(Numbers.Sigmoid((total - 5) * (double)0.1f), sp, 0, 0, 255) * (double)sp;
            window.RemoveRange(0, features);
            // Half a step of each of the three units, and half of one of their sum, reach the sigmoid, whose slope is at most a quarter.
            var most = 0.25 * (0.5 * sy * v.Sum(value => Math.Abs(value) * (double)vScale) + 0.05) + sp;
            Assert.InRange(TfliteBuilder.Step(session, [.. given.Select(g => (g + 128) * sx)])[0][0], expected - most, expected + most);
        }
    }

    /// <summary>The report says what the integers of inputs and outputs stand for.</summary>
    [Fact]
    public void Integers_of_inputs_and_outputs_are_told()
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        var y = g.Value("y", [2], TfliteType.UInt8, 1 / 256f);
        g.Op("LOGISTIC", [g.Input("x", [2], Int8, 0.5f, -3)], [y]);
        g.Output(y);
        var notes = model.Convert().Graphs[0].Notes;
        Assert.Contains("input 'x' is float32 here; in the file it is int8, and stands for 0.5 · (q + 3)", notes);
        Assert.Contains("output 'y' is float32 here; in the file it is uint8, and stands for 0.00390625 · q", notes);
    }

    private static sbyte[] Steps(int seed, int count) => [.. Numbers.Random(seed, count).Select(value => (sbyte)Math.Round(value * 100))];
}
