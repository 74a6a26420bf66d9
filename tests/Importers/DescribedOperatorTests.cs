namespace SeqRuntime.Tests.Importers;

/// <summary>Layers of a description without gates, each compared with a plain computation of its formula.</summary>
public sealed class DescribedOperatorTests : IDisposable
{
    private readonly WeightFiles _files = new();

    public DescribedOperatorTests() => _files.Random("unused", 1);

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("add")]
    [InlineData("subtract")]
    [InlineData("multiply")]
    [InlineData("divide")]
    [InlineData("maximum")]
    [InlineData("minimum")]
    public void Arithmetic_goes_from_left_to_right(string kind)
    {
        var given = new Dictionary<string, double[]>();
        var (_, y) = _files.Run([("a", "float32", "[2, 3]", null), ("b", "float32", "[1, 3]", null), ("c", "float32", "[2, 1]", null)], $$"""{ "kind": "{{kind}}", "inputs": ["a", "b", "c"], "output": "y" }""", [], given);
        double Of(double p, double q) => kind switch { "add" => p + q, "subtract" => p - q, "multiply" => p * q, "divide" => p / q, "maximum" => Math.Max(p, q), _ => Math.Min(p, q) };
        Numbers.Near(Enumerable.Range(0, 6).Select(i => Of(Of(given["a"][i], given["b"][i % 3]), given["c"][i / 3])), y, 1e-6, 1e-6);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Matmul_is_over_the_last_two_axes(bool isTransposed)
    {
        var given = new Dictionary<string, double[]>();
        var (shape, y) = _files.Run([("a", "float32", "[2, 3, 4]", null), ("b", "float32", isTransposed ? "[2, 5, 4]" : "[2, 4, 5]", null)], $$"""{ "kind": "matmul", "inputs": ["a", "b"], "transpose": {{(isTransposed ? "true" : "false")}}, "output": "y" }""", [], given);
        Assert.Equal([2, 3, 5], shape);
        Numbers.Near(Enumerable.Range(0, 30).Select(i => Enumerable.Range(0, 4).Sum(k => given["a"][(i / 5) * 4 + k] * given["b"][i / 15 * 20 + (isTransposed ? i % 5 * 4 + k : k * 5 + i % 5)])), y, 1e-6);
    }

    [Theory]
    [InlineData("mean", "1", false)]
    [InlineData("sum", "-1", true)]
    [InlineData("max", "1", false)]
    [InlineData("min", "[1, 2]", false)]
    [InlineData("mean", "[1, 2]", true)]
    public void A_reduction_is_over_its_axes(string kind, string axis, bool keep)
    {
        var (shape, y, x) = _files.Run([2, 3, 4], $$"""{ "kind": "{{kind}}", "axis": {{axis}}, "keep": {{(keep ? "true" : "false")}}, "input": "x", "output": "y" }""");
        var (overSteps, overFeatures) = (axis is "1" or "[1, 2]", axis is "-1" or "[1, 2]");
        int[] kept = [2, .. overSteps ? keep ? (int[])[1] : [] : [3], .. overFeatures ? keep ? (int[])[1] : [] : [4]];
        Assert.Equal(kept, shape);
        var expected = Enumerable.Range(0, 24).GroupBy(i => (N: i / 12, T: overSteps ? 0 : i / 4 % 3, F: overFeatures ? 0 : i % 4)).Select(group => group.Select(i => x[i]).ToArray())
            .Select(all => kind switch { "mean" => all.Average(), "sum" => all.Sum(), "max" => all.Max(), _ => all.Min() });
        Numbers.Near(expected, y, 1e-6);
    }

    [Fact]
    public void Argmax_is_the_first_largest_place()
    {
        var (_, y, x) = _files.Run([3, 5], """{ "kind": "argmax", "input": "x", "output": "y" }""");
        Assert.Equal(Enumerable.Range(0, 3).Select(n => (float)Array.IndexOf(x, x[(n * 5)..(n * 5 + 5)].Max(), n * 5) - n * 5), y);
    }

    [Theory]
    [InlineData("max_pool", 3, 2, 1, false)]
    [InlineData("max_pool", 2, 2, 0, true)]
    [InlineData("average_pool", 3, 2, 1, false)]
    [InlineData("average_pool", 3, 1, 0, false)]
    public void Pooling_is_over_windows_of_time(string kind, int size, int stride, int padding, bool ceil)
    {
        const int channels = 2, steps = 7;
        var (shape, y, x) = _files.Run([1, channels, steps], $$"""{ "kind": "{{kind}}", "size": {{size}}, "stride": {{stride}}, "padding": {{padding}}, "ceil": {{(ceil ? "true" : "false")}}, "input": "x", "output": "y" }""");
        var free = steps + 2 * padding - size;
        var count = (ceil ? (free + stride - 1) / stride : free / stride) + 1;
        Assert.Equal([1, channels, count], shape);
        var expected = Enumerable.Range(0, channels * count).Select(i =>
        {
            double[] inside = [.. Enumerable.Range(i % count * stride - padding, size).Where(t => t is >= 0 and < steps).Select(t => x[i / count * steps + t])];
            return kind == "max_pool" ? inside.Max() : inside.Sum() / size;
        });
        Numbers.Near(expected, y, 1e-6);
    }

    [Fact]
    public void Pooling_in_two_dimensions_has_two_sizes()
    {
        var (shape, y, x) = _files.Run([1, 1, 4, 6], """{ "kind": "max_pool", "size": [2, 3], "input": "x", "output": "y" }""");
        Assert.Equal([1, 1, 2, 2], shape);
        Numbers.Near(Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 6).Max(k => x[(i / 2 * 2 + k / 3) * 6 + i % 2 * 3 + k % 3])), y, 0);
    }

    [Fact]
    public void A_2D_convolution_has_sizes_for_both_axes()
    {
        const int inputs = 2, outputs = 3, rows = 5, columns = 6;
        var (w, b) = (_files.Random("c.weight", outputs, inputs, 3, 2), _files.Random("c.bias", outputs));
        var (shape, y, x) = _files.Run([1, inputs, rows, columns], """{ "kind": "conv2d", "weights": "c", "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2], "input": "x", "output": "y" }""");
        Assert.Equal([1, outputs, 3, 4], shape);
        var expected = Enumerable.Range(0, 36).Select(i =>
        {
            var (m, h, v) = (i / 12, i / 4 % 3, i % 4);
            var sum = b[m];
            for (var c = 0; c < inputs; c++)
                for (var k = 0; k < 6; k++)
                    if (h * 2 - 1 + k / 2 is var row and >= 0 and < rows) sum += w[(m * inputs + c) * 6 + k] * x[(c * rows + row) * columns + v + k % 2 * 2];
            return sum;
        });
        Numbers.Near(expected, y, 2e-6);
    }

    /// <summary>Each input adds its kernel to the outputs at stride · t + k - padding.</summary>
    [Fact]
    public void A_transposed_convolution_spreads_its_inputs()
    {
        const int inputs = 2, outputs = 3, steps = 4, taps = 3;
        var (w, b) = (_files.Random("c.weight", inputs, outputs, taps), _files.Random("c.bias", outputs));
        var (shape, y, x) = _files.Run([1, inputs, steps], """{ "kind": "conv_transpose1d", "weights": "c", "stride": 2, "padding": 1, "output_padding": 1, "input": "x", "output": "y" }""");
        Assert.Equal([1, outputs, 8], shape);
        var expected = new double[outputs * 8];
        for (var i = 0; i < expected.Length; i++) expected[i] = b[i / 8];
        for (var c = 0; c < inputs; c++)
            for (var t = 0; t < steps; t++)
                for (var m = 0; m < outputs; m++)
                    for (var k = 0; k < taps; k++)
                        if (2 * t + k - 1 is var at and >= 0 and < 8) expected[m * 8 + at] += x[c * steps + t] * w[(c * outputs + m) * taps + k];
        Numbers.Near(expected, y, 2e-6);
    }

    [Fact]
    public void Gather_takes_the_same_places_or_one_for_each_sequence()
    {
        var given = new Dictionary<string, double[]>();
        var (shape, y) = _files.Run([("x", "float32", "[2, 4, 3]", null), ("n", "int64", "[2]", [3, 1])], """{ "kind": "gather", "input": "x", "indices": "n", "output": "y" }""", [], given);
        Assert.Equal([2, 2, 3], shape);
        Numbers.Near(Enumerable.Range(0, 12).Select(i => given["x"][i / 6 * 12 + (i / 3 % 2 == 0 ? 3 : 1) * 3 + i % 3]), y, 0);
        (shape, y) = _files.Run([("x", "float32", "[2, 4, 3]", null), ("n", "int32", "[2]", [3, 1])], """{ "kind": "gather", "each": true, "input": "x", "indices": "n", "output": "y" }""", [], given);
        Assert.Equal([2, 3], shape);
        Numbers.Near(Enumerable.Range(0, 6).Select(i => given["x"][i / 3 * 12 + (i < 3 ? 3 : 1) * 3 + i % 3]), y, 0);
    }

    [Fact]
    public void Reverse_turns_the_steps_or_the_first_of_them()
    {
        var (_, y, x) = _files.Run([2, 4, 3], """{ "kind": "reverse", "input": "x", "output": "y" }""");
        Numbers.Near(Enumerable.Range(0, 24).Select(i => x[i / 12 * 12 + (3 - i / 3 % 4) * 3 + i % 3]), y, 0);
        var given = new Dictionary<string, double[]>();
        (_, y) = _files.Run([("x", "float32", "[2, 4, 3]", null), ("n", "int32", "[2]", [4, 2])], """{ "kind": "reverse", "lengths": "n", "input": "x", "output": "y" }""", [], given);
        Numbers.Near(Enumerable.Range(0, 24).Select(i => given["x"][i / 12 * 12 + (i / 3 % 4 is var t && i < 12 ? 3 - t : t < 2 ? 1 - t : t) * 3 + i % 3]), y, 0);
    }

    [Theory]
    [InlineData("\"times\": 3")]
    [InlineData("\"like\": \"z\"")]
    public void Repeat_adds_an_axis(string count)
    {
        var given = new Dictionary<string, double[]>();
        var (shape, y) = _files.Run([("x", "float32", "[2, 4]", null), ("z", "float32", "[1, \"T\", 2]", null)], $$"""{ "kind": "repeat", {{count}}, "input": "x", "output": "e" }, { "kind": "sum", "axis": [1, 2], "keep": true, "input": "z", "output": "s" }, { "kind": "add", "inputs": ["e", "s"], "output": "y" }""", new() { ["T"] = 3 }, given);
        Assert.Equal([2, 3, 4], shape);
        Numbers.Near(Enumerable.Range(0, 24).Select(i => given["x"][i / 12 * 4 + i % 4] + given["z"].Sum()), y, 1e-6);
    }

    [Fact]
    public void One_hot_has_a_one_at_the_index()
    {
        var (shape, y) = _files.Run([("x", "int64", "[1, 3]", [2, 0, 1])], """{ "kind": "one_hot", "size": 4, "input": "x", "output": "y" }""", [], []);
        Assert.Equal([1, 3, 4], shape);
        Assert.Equal([0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0], y);
    }

    [Theory]
    [InlineData("\"weights\": \"w\"")]
    [InlineData("\"tensors\": { \"value\": \"w\" }")]
    [InlineData("\"value\": [[1, 2.5, -3], [4, 5, 6]]")]
    public void A_constant_is_a_tensor_or_numbers(string given)
    {
        _files.Put("w", [1, 2.5f, -3, 4, 5, 6], 2, 3);
        var (_, y, x) = _files.Run([1, 3], $$"""{ "kind": "constant", {{given}}, "output": "k" }, { "kind": "add", "inputs": ["x", "k"], "output": "y" }""");
        Numbers.Near(((double[])[1, 2.5, -3, 4, 5, 6]).Select((v, i) => v + x[i % 3]), y, 1e-6);
    }

    [Theory]
    [InlineData("", 1, 3)]
    [InlineData(", \"axis\": -1", 2, 4)]
    [InlineData("", 1, 1)]
    public void Prelu_has_a_slope_for_each_channel(string axis, int at, int slopes)
    {
        var a = _files.Random("p.weight", slopes);
        var (_, y, x) = _files.Run([2, 3, 4], $$"""{ "kind": "prelu", "weights": "p", "input": "x", "output": "y"{{axis}} }""");
        Numbers.Near(x.Select((v, i) => v >= 0 ? v : v * a[slopes == 1 ? 0 : at == 1 ? i / 4 % 3 : i % 4]), y, 1e-6);
    }

    [Fact]
    public void Rms_norm_divides_by_the_root_of_the_mean_square()
    {
        var w = _files.Random("n.weight", 5);
        var (_, y, x) = _files.Run([3, 5], """{ "kind": "rms_norm", "weights": "n", "epsilon": 0.001, "input": "x", "output": "y" }""");
        Numbers.Near(x.Select((v, i) => w[i % 5] * v / Math.Sqrt(x[(i / 5 * 5)..(i / 5 * 5 + 5)].Average(e => e * e) + 1e-3)), y, 2e-6);
    }

    [Fact]
    public void Group_norm_is_over_groups_of_channels_and_time()
    {
        var (w, b) = (_files.Random("n.weight", 4), _files.Random("n.bias", 4));
        var (_, y, x) = _files.Run([2, 4, 3], """{ "kind": "group_norm", "groups": 2, "weights": "n", "input": "x", "output": "y" }""");
        var expected = x.Select((v, i) =>
        {
            var group = x[(i / 6 * 6)..(i / 6 * 6 + 6)];
            var mean = group.Average();
            return w[i / 3 % 4] * (v - mean) / Math.Sqrt(group.Average(e => (e - mean) * (e - mean)) + 1e-5) + b[i / 3 % 4];
        });
        Numbers.Near(expected, y, 3e-6);
    }

    /// <summary>A Keras kernel [inputs, outputs] is the weight of a linear layer turned round.</summary>
    [Fact]
    public void A_tensor_is_turned_by_its_name()
    {
        var kernel = _files.Random("d.kernel", 3, 4);
        var (_, y, x) = _files.Run([2, 3], """{ "kind": "linear", "tensors": { "weight": "d.kernel[:, 1:].T" }, "input": "x", "output": "y" }""");
        Numbers.Near(Enumerable.Range(0, 6).Select(i => Enumerable.Range(0, 3).Sum(k => x[i / 3 * 3 + k] * kernel[k * 4 + 1 + i % 3])), y, 1e-6);
        var taps = _files.Random("c.kernel", 2, 3, 5);
        (_, y, x) = _files.Run([1, 3, 4], """{ "kind": "conv1d", "tensors": { "weight": "c.kernel.T" }, "input": "x", "output": "y" }""");
        Numbers.Near(Enumerable.Range(0, 15).Select(i => Enumerable.Range(0, 6).Sum(k => x[k / 2 * 4 + i % 3 + k % 2] * taps[(k % 2 * 3 + k / 2) * 5 + i / 3])), y, 2e-6);
    }

    [Theory]
    [InlineData("""{ "kind": "matmul", "inputs": ["x"], "output": "y" }""", "it has 1 input; give 2")]
    [InlineData("""{ "kind": "subtract", "inputs": ["x"], "output": "y" }""", "it has 1 input; give at least 2")]
    [InlineData("""{ "kind": "mean", "axis": "time", "input": "x", "output": "y" }""", "'axis' is \"time\"; give a whole number or a list of them")]
    [InlineData("""{ "kind": "max_pool", "size": [2, 2, 2], "input": "x", "output": "y" }""", "'size' must be a number of at least 1, or two of them")]
    [InlineData("""{ "kind": "max_pool", "size": 2, "stride": [1, 2], "input": "x", "output": "y" }""", "'stride' has 2 numbers; give 1 or 1")]
    [InlineData("""{ "kind": "gather", "each": true, "axis": 2, "indices": "x", "input": "x", "output": "y" }""", "an index for each sequence is along axis 1")]
    [InlineData("""{ "kind": "constant", "output": "y" }""", "it has no value; give numbers in 'value', or the name of a tensor in 'weights'")]
    [InlineData("""{ "kind": "constant", "value": [[1, 2], [3]], "output": "y" }""", "must be of equal length")]
    [InlineData("""{ "kind": "constant", "value": [[1], 3], "output": "y" }""", "must be of equal length")]
    [InlineData("""{ "kind": "constant", "value": [1, "a"], "output": "y" }""", "'value' has \"a\"; it must be numbers")]
    [InlineData("""{ "kind": "constant", "value": [], "output": "y" }""", "none empty")]
    [InlineData("""{ "kind": "repeat", "input": "x", "output": "y" }""", "give either 'times' or 'like'")]
    [InlineData("""{ "kind": "group_norm", "groups": 2, "weights": "n", "input": "x", "output": "y" }""", "3 channels cannot be divided into 2 groups")]
    public void What_cannot_be_is_refused(string layer, string says)
    {
        _files.Random("n.weight", 3);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph("[1, 3, 3]", layer)), StringComparison.Ordinal);
    }
}
