using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras' functions by every name, as layers and in the steps of recurrent layers, each compared with its formula.</summary>
public sealed class KerasActivationTests
{
    private const int Steps = 3;

    /// <summary>The functions of single elements, by the names that files have.</summary>
    private static readonly Dictionary<string, Func<double, double>> s_functions = new()
    {
        ["\"linear\""] = x => x,
        ["\"tanh\""] = Math.Tanh,
        ["\"sigmoid\""] = Numbers.Sigmoid,
        ["\"relu\""] = x => Math.Max(0, x),
        ["\"relu6\""] = x => Math.Clamp(x, 0, 6),
        ["\"elu\""] = x => x < 0 ? Math.Exp(x) - 1 : x,
        ["\"celu\""] = x => x < 0 ? Math.Exp(x) - 1 : x,
        ["\"selu\""] = x => 1.05070098735548 * (x < 0 ? 1.67326324235437 * (Math.Exp(x) - 1) : x),
        ["\"gelu\""] = x => x * Normal(x),
        ["\"softplus\""] = x => Math.Log(1 + Math.Exp(x)),
        ["\"softsign\""] = x => x / (1 + Math.Abs(x)),
        ["\"hard_sigmoid\""] = x => Math.Clamp(0.2 * x + 0.5, 0, 1),
        ["\"hard_swish\""] = x => x * Math.Clamp(x + 3, 0, 6) / 6,
        ["\"hard_silu\""] = x => x * Math.Clamp(x + 3, 0, 6) / 6,
        ["\"hard_tanh\""] = x => Math.Clamp(x, -1, 1),
        ["\"silu\""] = x => x * Numbers.Sigmoid(x),
        ["\"swish\""] = x => x * Numbers.Sigmoid(x),
        ["\"mish\""] = x => x * Math.Tanh(Math.Log(1 + Math.Exp(x))),
        ["\"exponential\""] = Math.Exp,
        ["\"leaky_relu\""] = x => x < 0 ? 0.2 * x : x,
        ["{\"class_name\": \"function\", \"config\": \"relu6\", \"module\": \"builtins\"}"] = x => Math.Clamp(x, 0, 6),
        ["{\"class_name\": \"LeakyReLU\", \"config\": {\"name\": \"a\", \"alpha\": 0.1}}"] = x => x < 0 ? 0.1 * x : x,
        ["{\"module\": \"keras.layers\", \"class_name\": \"LeakyReLU\", \"config\": {\"name\": \"a\", \"negative_slope\": 0.3}}"] = x => x < 0 ? 0.3 * x : x,
        ["{\"class_name\": \"ReLU\", \"config\": {\"name\": \"a\", \"max_value\": 1.5}}"] = x => Math.Clamp(x, 0, 1.5),
        ["{\"class_name\": \"ELU\", \"config\": {\"name\": \"a\", \"alpha\": 0.5}}"] = x => x < 0 ? 0.5 * (Math.Exp(x) - 1) : x,
    };

    /// <summary>The names.</summary>
    public static TheoryData<string> Functions => [.. s_functions.Keys];

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_has_its_values_everywhere(string name)
    {
        var x = new Grid([1, 9], [-8, -2.5, -1, -0.25, 0, 0.3, 1, 2.75, 8]);
        var expected = x.Map(v => s_functions[name](v));
        expected.IsOf(new KerasFile(1), "Activation", $"\"activation\": {name}", x);
        var dense = new KerasFile(2);
        dense.Put("l/l/kernel", [1], 1, 1);
        Grid.Of([9, 1], at => expected.Values[at[0]]).IsOf(dense, "Dense", $"\"units\": 1, \"use_bias\": false, \"activation\": {name}", new Grid([9, 1], x.Values));
    }

    /// <summary>As the function of the state, and as that of the gates.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void A_recurrent_layer_takes_every_function_of_elements(string name)
    {
        foreach (var kind in (string[])["SimpleRNN", "GRU", "LSTM"])
        {
            foreach (var isOfGates in kind == "SimpleRNN" ? (bool[])[false] : [true, false])
            {
                var file = new KerasFile(3);
                var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
                // Exponentials of exponentials grow without end.
                var width = name == "\"exponential\"" ? 0.05f : 0.5f;
                double[] kernel = file.Weight("rnn/rnn/kernel", width, 0, Features, gates * Units), recurrent = file.Weight("rnn/rnn/recurrent_kernel", width, 0, Units, gates * Units), bias = file.Weight("rnn/rnn/bias", width, 0, gates * Units);
                var config = isOfGates ? $"\"activation\": \"tanh\", \"recurrent_activation\": {name}" : $"\"activation\": {name}, \"recurrent_activation\": \"sigmoid\"";
                using var model = file.Layer(kind, $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {config}, \"batch_input_shape\": [null, null, {Features}]").Load();
                var x = Rows(7, Steps);
                var function = s_functions[name];
                var expected = Run(kind, x, kernel, recurrent, bias, isOfGates ? Math.Tanh : function, isOfGates ? function : Numbers.Sigmoid).SelectMany(r => r);
                Numbers.Near(expected, KerasRuns.Run(model, x), tolerance: 3e-6, relative: 1e-5);
            }
        }
    }

    [Theory]
    [InlineData("\"softmax\"", "'softmax' is not supported in a recurrent layer")]
    [InlineData("{\"class_name\": \"PReLU\", \"config\": {\"name\": \"a\"}}", "'PReLU' is not supported in a recurrent layer")]
    [InlineData("{\"class_name\": \"function\", \"config\": \"my_function\"}", "'my_function' is not supported in a recurrent layer")]
    public void A_function_that_is_not_one_of_elements_is_refused_in_a_recurrent_layer(string name, string says)
    {
        var file = new KerasFile(4);
        _ = Recurrent(file, "GRU", resetAfter: false, "rnn/rnn/cell");
        file.Layer("GRU", $"\"name\": \"rnn\", \"units\": {Units}, \"activation\": {name}, \"recurrent_activation\": \"sigmoid\", \"batch_input_shape\": [null, null, {Features}]");
        Assert.Contains(says, Assert.ThrowsAny<ConversionException>(() => file.Load()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"max_value\": 1.5", 0, 0, 1.5)]
    [InlineData("\"negative_slope\": 0.25", 0.25, 0, null)]
    [InlineData("\"threshold\": 0.5", 0, 0.5, null)]
    [InlineData("\"threshold\": 0.5, \"negative_slope\": 0.25, \"max_value\": 2.0", 0.25, 0.5, 2.0)]
    [InlineData("\"negative_slope\": 0.5, \"max_value\": 1.0", 0.5, 0, 1.0)]
    public void A_relu_has_a_slope_a_threshold_and_a_limit(string config, double slope, double threshold, double? most)
    {
        var x = new Grid([1, 6], [-3, -0.5, 0.25, 0.75, 1.25, 9]);
        x.Map(v => v >= (most ?? double.MaxValue) ? most!.Value : v >= threshold ? v : slope * (v - threshold)).IsOf(new KerasFile(5), "ReLU", config, x);
    }

    [Theory]
    [InlineData("null", new[] { 3, 4 })]
    [InlineData("[1]", new[] { 1, 4 })]
    [InlineData("[1, 2]", new[] { 1, 1 })]
    public void A_parametric_relu_shares_its_slopes_along_axes(string shared, int[] shape)
    {
        var file = new KerasFile(6);
        Grid alpha = Grid.Weight(file, "l/l/alpha", shape), x = Grid.Random(7, 2, 3, 4);
        Grid.Of(x.Shape, at => x[at] * (x[at] < 0 ? alpha[at[1] % shape[0], at[2] % shape[1]] : 1)).IsOf(file, "PReLU", $"\"shared_axes\": {shared}", x);
    }

    [Fact]
    public void Other_activation_layers_follow_their_formulas()
    {
        var x = Grid.Random(8, 2, 3, 4);
        void Is(string kind, string config, Func<int[], double> element) => Grid.Of(x.Shape, element).IsOf(new KerasFile(7), kind, config, x);
        Is("LeakyReLU", "\"alpha\": 0.1", at => x[at] < 0 ? 0.1 * x[at] : x[at]);
        Is("LeakyReLU", "", at => x[at] < 0 ? 0.3 * x[at] : x[at]);
        Is("ELU", "\"alpha\": 2.0", at => x[at] < 0 ? 2 * (Math.Exp(x[at]) - 1) : x[at]);
        Is("ThresholdedReLU", "\"theta\": 0.25", at => x[at] > 0.25 ? x[at] : 0);
        Is("Softmax", "\"axis\": [1, 2]", at => Math.Exp(x[at]) / Enumerable.Range(0, 12).Sum(i => Math.Exp(x[at[0], i / 4, i % 4])));
        Is("Activation", "\"activation\": \"log_sigmoid\"", at => Math.Log(Numbers.Sigmoid(x[at])));
        Is("Activation", "\"activation\": \"soft_shrink\"", at => Math.Sign(x[at]) * Math.Max(0, Math.Abs(x[at]) - 0.5));
        Is("Activation", "\"activation\": \"hard_shrink\"", at => Math.Abs(x[at]) > 0.5 ? x[at] : 0);
        Is("Activation", "\"activation\": \"tanh_shrink\"", at => x[at] - Math.Tanh(x[at]));
        Is("Activation", "\"activation\": \"squareplus\"", at => (x[at] + Math.Sqrt(x[at] * x[at] + 4)) / 2);
        Is("Activation", "\"activation\": \"sparse_plus\"", at => Math.Pow(x[at] + 1, 2) / 4);
        Grid.Of([2, 3, 2], at => x[at] * Numbers.Sigmoid(x[at[0], at[1], at[2] + 2])).IsOf(new KerasFile(7), "Activation", "\"activation\": \"glu\"", x);
    }

    /// <summary>A recurrent layer with these functions of the state and of the gates. A GRU resets before the product.</summary>
    private static IEnumerable<double[]> Run(string kind, double[][] x, double[] kernel, double[] recurrent, double[] bias, Func<double, double> state, Func<double, double> gate)
    {
        var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        double[] h = new double[Units], c = new double[Units];
        foreach (var row in x)
        {
            double Sum(double[] v, double[] matrix, int column) => v.Select((value, i) => value * matrix[i * gates * Units + column]).Sum();
            double[] Gate(int number, Func<double, double> function, double[] before) => [.. Enumerable.Range(number * Units, Units).Select(u => function(Sum(row, kernel, u) + Sum(before, recurrent, u) + bias[u]))];
            if (kind == "SimpleRNN")
            {
                h = Gate(0, state, h);
            }
            else if (kind == "GRU")
            {
                double[] z = Gate(0, gate, h), r = Gate(1, gate, h), candidate = Gate(2, state, [.. h.Zip(r, (a, b) => a * b)]);
                h = [.. h.Select((v, u) => z[u] * v + (1 - z[u]) * candidate[u])];
            }
            else
            {
                double[] i = Gate(0, gate, h), f = Gate(1, gate, h), candidate = Gate(2, state, h), o = Gate(3, gate, h);
                c = [.. c.Select((v, u) => f[u] * v + i[u] * candidate[u])];
                h = [.. c.Select((v, u) => o[u] * state(v))];
            }

            yield return h;
        }
    }

    /// <summary>The share of a normal distribution below x, by the series of its integral.</summary>
    private static double Normal(double x)
    {
        double term = x, sum = x;
        for (var k = 1; k < 200; k++)
        {
            term *= x * x / (2 * k + 1);
            sum += term;
        }

        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
