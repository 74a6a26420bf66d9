namespace SeqRuntime.Tests.Importers;

/// <summary>Activations of a description by their names, alone and in recurrent layers, with lengths and masks.</summary>
public sealed class DescribedFunctionTests : IDisposable
{
    private const int Inputs = 3;
    private const int Units = 4;
    private const int Batch = 2;
    private const int Steps = 5;
    private readonly WeightFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("linear")]
    [InlineData("tanh")]
    [InlineData("relu")]
    [InlineData("sigmoid")]
    [InlineData("leaky_relu")]
    [InlineData("leaky_relu(0.2)")]
    [InlineData("thresholded_relu(0.3)")]
    [InlineData("elu(0.5)")]
    [InlineData("selu")]
    [InlineData("celu(0.7)")]
    [InlineData("gelu")]
    [InlineData("gelu_tanh")]
    [InlineData("softplus")]
    [InlineData("softsign")]
    [InlineData("hard_sigmoid")]
    [InlineData("hard_sigmoid(0.16666667)")]
    [InlineData("hard_swish")]
    [InlineData("mish")]
    [InlineData("silu")]
    [InlineData("exp")]
    [InlineData("abs")]
    [InlineData("negative")]
    [InlineData("sin")]
    [InlineData("cos")]
    [InlineData("square")]
    [InlineData("relu6")]
    [InlineData("hard_tanh")]
    [InlineData("log_sigmoid")]
    public void A_function_of_each_element_is_its_formula(string function)
    {
        _files.Random("unused", 1);
        var (_, y, x) = _files.Run([2, 40], $$"""{ "kind": "constant", "value": 8, "output": "eight" }, { "kind": "multiply", "inputs": ["x", "eight"], "output": "wide" }, { "kind": "activation", "function": "{{function}}", "input": "wide", "output": "y" }""");
        Numbers.Near(x.Select(v => Function(function, (float)v * 8)), y, 2e-6, 2e-6);
    }

    [Theory]
    [InlineData("log")]
    [InlineData("sqrt")]
    public void Functions_of_positive_numbers_are_their_formulas(string function)
    {
        _files.Random("unused", 1);
        var (_, y, x) = _files.Run([2, 4], $$"""{ "kind": "activation", "function": "exp", "input": "x", "output": "e" }, { "kind": "activation", "function": "{{function}}", "input": "e", "output": "y" }""");
        Numbers.Near(x.Select(v => function == "log" ? v : Math.Exp(v / 2)), y, 2e-6);
    }

    [Fact]
    public void Softmax_and_glu_are_along_an_axis()
    {
        _files.Random("unused", 1);
        var (_, y, x) = _files.Run([2, 3], """{ "kind": "activation", "function": "softmax", "axis": 0, "input": "x", "output": "y" }""");
        Numbers.Near(x.Select((v, i) => Math.Exp(v) / (Math.Exp(x[i % 3]) + Math.Exp(x[3 + i % 3]))), y, 1e-6);
        int[] shape;
        (shape, y, x) = _files.Run([2, 4], """{ "kind": "activation", "function": "glu", "input": "x", "output": "y" }""");
        Assert.Equal([2, 2], shape);
        Numbers.Near(Enumerable.Range(0, 4).Select(i => x[i / 2 * 4 + i % 2] * Numbers.Sigmoid(x[i / 2 * 4 + 2 + i % 2])), y, 1e-6);
    }

    [Theory]
    [InlineData("rnn", "elu(0.5)", null, false, "")]
    [InlineData("rnn", "softsign", null, true, "")]
    [InlineData("gru", "relu", null, false, "")]
    [InlineData("gru", "softsign", "hard_sigmoid(0.16666667, 0.5)", true, "")]
    [InlineData("lstm", "linear", "hard_sigmoid", false, "")]
    [InlineData("lstm", "leaky_relu(0.3)", "sigmoid", true, "")]
    [InlineData("gru", "relu6", "hard_sigmoid", false, "")]
    [InlineData("rnn", "hard_tanh", null, false, "")]
    [InlineData("lstm", "silu", "sigmoid", false, "")]
    [InlineData("rnn", "celu(0.7)", null, false, "")]
    [InlineData("gru", "selu", null, false, "")]
    [InlineData("rnn", "mish", null, false, "")]
    [InlineData("rnn", "hard_swish", null, false, "")]
    [InlineData("lstm", "tanh", null, false, "lengths")]
    [InlineData("lstm", "tanh", null, true, "lengths")]
    [InlineData("gru", "tanh", null, true, "mask")]
    [InlineData("rnn", "relu", null, false, "mask")]
    public void A_recurrent_layer_has_its_functions_and_counts_its_steps(string kind, string activation, string? gates, bool isBidirectional, string counts)
    {
        var weights = new Dictionary<string, double[]>();
        var count = kind switch { "rnn" => 1, "gru" => 3, _ => 4 };
        foreach (var suffix in isBidirectional ? (string[])["_l0", "_l0_reverse"] : ["_l0"])
        {
            weights["w" + suffix] = _files.Random("r.weight_ih" + suffix, count * Units, Inputs);
            weights["u" + suffix] = _files.Random("r.weight_hh" + suffix, count * Units, Units);
            weights["b" + suffix] = _files.Random("r.bias_ih" + suffix, count * Units);
            weights["c" + suffix] = _files.Random("r.bias_hh" + suffix, count * Units);
        }

        int[] lengths = [Steps, 2];
        int[] mask = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1];
        List<(string, string, string, int[]?)> inputs = [("x", "float32", $"[{Batch}, \"T\", {Inputs}]", null)];
        if (counts == "lengths") inputs.Add(("n", "int64", $"[{Batch}]", lengths));
        if (counts == "mask") inputs.Add(("m", "float32", $"[{Batch}, \"T\"]", mask));
        var more = (gates is null ? "" : $", \"recurrent_activation\": \"{gates}\"") + (counts switch { "lengths" => ", \"lengths\": \"n\"", "mask" => ", \"mask\": \"m\"", _ => "" });
        var given = new Dictionary<string, double[]>();
        var (_, y) = _files.Run([.. inputs], $$"""{ "kind": "{{kind}}", "activation": "{{activation}}", "bidirectional": {{(isBidirectional ? "true" : "false")}}, "weights": "r", "input": "x", "output": "y"{{more}} }""", new() { ["T"] = Steps }, given);
        var directions = isBidirectional ? 2 : 1;
        var expected = new double[Batch * Steps * directions * Units];
        for (var n = 0; n < Batch; n++)
        {
            for (var d = 0; d < directions; d++)
            {
                var suffix = d == 0 ? "_l0" : "_l0_reverse";
                double[] h = new double[Units], c = new double[Units];
                var order = Enumerable.Range(0, Steps).Where(t => counts switch { "lengths" => t < lengths[n], "mask" => mask[n * Steps + t] == 1, _ => true });
                foreach (var t in d == 0 ? order : order.Reverse())
                {
                    var x = given["x"][((n * Steps + t) * Inputs)..][..Inputs];
                    double Of(string weight, int row, double[] v) => v.Select((e, k) => e * weights[weight + suffix][row * v.Length + k]).Sum();
                    double In(int gate, int u) => Of("w", gate * Units + u, x) + weights["b" + suffix][gate * Units + u];
                    double Back(int gate, int u) => Of("u", gate * Units + u, h) + weights["c" + suffix][gate * Units + u];
                    double Gate(double v) => Function(gates ?? "sigmoid", v);
                    double F(double v) => Function(activation, v);
                    if (kind == "lstm") c = [.. c.Select((v, u) => Gate(In(1, u) + Back(1, u)) * v + Gate(In(0, u) + Back(0, u)) * F(In(2, u) + Back(2, u)))];
                    h = kind switch
                    {
                        "rnn" => [.. h.Select((_, u) => F(In(0, u) + Back(0, u)))],
                        "gru" => [.. h.Select((v, u) => Gate(In(1, u) + Back(1, u)) is var z ? z * v + (1 - z) * F(In(2, u) + Gate(In(0, u) + Back(0, u)) * Back(2, u)) : 0)],
                        _ => [.. h.Select((_, u) => Gate(In(3, u) + Back(3, u)) * F(c[u]))],
                    };
                    h.CopyTo(expected, ((n * Steps + t) * directions + d) * Units);
                }
            }
        }

        Numbers.Near(expected, y, 3e-6, 3e-6);
    }

    [Theory]
    [InlineData("""{ "kind": "activation", "function": "relu(3)", "input": "x", "output": "y" }""", "has 1 constant; relu takes none")]
    [InlineData("""{ "kind": "activation", "function": "elu(1, 2)", "input": "x", "output": "y" }""", "has 2 constants; elu takes 1")]
    [InlineData("""{ "kind": "activation", "function": "elu(one)", "input": "x", "output": "y" }""", "'one' is not a number")]
    [InlineData("""{ "kind": "activation", "function": "prelu", "input": "x", "output": "y" }""", "use a layer of kind \"prelu\"")]
    [InlineData("""{ "kind": "activation", "function": "scaled_tanh", "input": "x", "output": "y" }""", "is unknown; it must be one of linear, tanh")]
    [InlineData("""{ "kind": "activation", "function": "tanh", "axis": 1, "input": "x", "output": "y" }""", "'axis' has no effect; omit it")]
    [InlineData("""{ "kind": "rnn", "activation": "softmax", "weights": "r", "input": "x", "output": "y" }""", "activation 'softmax' is unknown; it must be one of linear, tanh, relu, sigmoid, leaky_relu")]
    [InlineData("""{ "kind": "rnn", "activation": "relu", "nonlinearity": "relu", "weights": "r", "input": "x", "output": "y" }""", "give 'nonlinearity' or 'activation', not both")]
    [InlineData("""{ "kind": "rnn", "lengths": "x", "mask": "x", "weights": "r", "input": "x", "output": "y" }""", "give 'lengths' or 'mask', not both")]
    [InlineData("""{ "kind": "rnn", "nonlinearity": "elu", "weights": "r", "input": "x", "output": "y" }""", "Give other functions as 'activation'")]
    public void A_wrong_function_is_refused(string layer, string says)
    {
        _files.Random("r.weight_ih_l0", Units, Inputs);
        _files.Random("r.weight_hh_l0", Units, Units);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph($"[1, \"T\", {Inputs}]", layer)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_slope_of_hard_sigmoid_is_said()
    {
        _files.Random("unused", 1);
        Assert.Contains(_files.Notes(WeightFiles.Graph("[1, 3]", """{ "kind": "activation", "function": "hard_sigmoid", "input": "x", "output": "y" }""")), n => n.Contains("PyTorch's and Keras 3's is hard_sigmoid(0.16666667, 0.5)", StringComparison.Ordinal));
    }

    private static double Function(string text, double x)
    {
        var name = text.Split('(')[0];
        double[] constants = text.Contains('(', StringComparison.Ordinal) ? [.. text.Split('(', ')')[1].Split(',').Select(c => double.Parse(c, System.Globalization.CultureInfo.InvariantCulture))] : [];
        var a = constants.Length > 0 ? constants[0] : name switch { "leaky_relu" => 0.01, "hard_sigmoid" => 0.2, _ => 1 };
        return name switch
        {
            "linear" => x,
            "tanh" => Math.Tanh(x),
            "relu" => Math.Max(0, x),
            "sigmoid" => Numbers.Sigmoid(x),
            "leaky_relu" => x < 0 ? a * x : x,
            "thresholded_relu" => x > a ? x : 0,
            "elu" => x < 0 ? a * (Math.Exp(x) - 1) : x,
            "selu" => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * (Math.Exp(x) - 1) : x),
            "celu" => Math.Max(0, x) + Math.Min(0, a * (Math.Exp(x / a) - 1)),
            "gelu" => x * Normal(x),
            "gelu_tanh" => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
            "softplus" => Math.Log(1 + Math.Exp(x)),
            "softsign" => x / (1 + Math.Abs(x)),
            "hard_sigmoid" => Math.Clamp(a * x + 0.5, 0, 1),
            "hard_swish" => x * Math.Clamp(x / 6 + 0.5, 0, 1),
            "mish" => x * Math.Tanh(Math.Log(1 + Math.Exp(x))),
            "silu" => x * Numbers.Sigmoid(x),
            "exp" => Math.Exp(x),
            "abs" => Math.Abs(x),
            "negative" => -x,
            "sin" => Math.Sin(x),
            "cos" => Math.Cos(x),
            "square" => x * x,
            "relu6" => Math.Clamp(x, 0, 6),
            "hard_tanh" => Math.Clamp(x, -1, 1),
            "log_sigmoid" => Math.Log(Numbers.Sigmoid(x)),
            _ => throw new ArgumentException(name),
        };
    }

    /// <summary>The normal distribution's share below x, by Simpson's rule.</summary>
    private static double Normal(double x)
    {
        const int parts = 2000;
        double Density(double t) => Math.Exp(-t * t / 2) / Math.Sqrt(2 * Math.PI);
        var width = x / parts;
        return 0.5 + width / 3 * Enumerable.Range(0, parts + 1).Sum(i => (i is 0 or parts ? 1 : i % 2 == 1 ? 4 : 2) * Density(i * width));
    }
}
