using SeqRuntime.Converter;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Recurrent layers of a description that ONNX does not have, compared with their papers' formulas.</summary>
public sealed class DescribedCellTests : IDisposable
{
    private const int Batch = 2;
    private const int Steps = 7;
    private readonly WeightFiles _files = new();

    /// <summary>A step of a layer: its tensors by name, x and the state, which it changes; what it puts out.</summary>
    private delegate double[] Cell(Func<string, double[]> weight, double[] x, double[] state);

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("mgu", 3, 5, 1, false)]
    [InlineData("mgu", 6, 18, 2, true)]
    [InlineData("sru", 6, 6, 1, false)]
    [InlineData("sru", 6, 6, 3, false)]
    [InlineData("sru", 3, 18, 1, false)]
    [InlineData("sru", 3, 18, 2, true)]
    public void A_layer_gives_what_its_paper_says(string kind, int inputs, int units, int layers, bool isBidirectional)
    {
        var weights = Add(kind, inputs, units, layers, isBidirectional);
        var directions = isBidirectional ? 2 : 1;
        var first = $"[{layers * directions}, {Batch}, {units}]";
        var converted = _files.Convert($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [{{Batch}}, "T", {{inputs}}] }, "first": { "shape": {{first}} } },
              "layers": [{ "kind": "{{kind}}", "input": "x", "weights": "r", "initial": "first", "final": "last", "bidirectional": {{(isBidirectional ? "true" : "false")}}{{(kind == "sru" ? ", \"alpha\": 1.3" : "")}}, "output": "y" }],
              "outputs": { "y": "y", "last": "last" } } } }
            """);
        Assert.Equal(kind == "mgu" ? OpKind.Mgu : inputs == units ? OpKind.Sru : OpKind.ProjectedSru, converted.Model.Graphs[0].Nodes.Select(node => node.Kind).First(k => k >= OpKind.Rnn));
        using var model = SeqModel.Load(converted.File);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
        var random = new Random(3);
        Numbers.Fill(random, session.Input<float>(0));
        Numbers.Fill(random, session.Input<float>(1));
        var x = session.Input<float>(0).ToArray();
        var begin = session.Input<float>(1).ToArray();
        session.Run();
        Allocation.None(session.Run);

        Cell cell = kind == "mgu" ? Mgu : (weight, row, state) => Sru(weight, row, state, 1.3);
        for (var n = 0; n < Batch; n++)
        {
            double[][] rows = [.. Enumerable.Range(0, Steps).Select(t => Doubles(x, (n * Steps + t) * inputs, inputs))];
            for (var layer = 0; layer < layers; layer++)
            {
                double[][] next = [.. rows.Select(_ => new double[directions * units])];
                for (var d = 0; d < directions; d++)
                {
                    var (suffix, place) = ($"_l{layer}{(d == 1 ? "_reverse" : "")}", ((layer * directions + d) * Batch + n) * units);
                    var state = Doubles(begin, place, units);
                    for (var s = 0; s < Steps; s++)
                    {
                        var t = d == 1 ? Steps - 1 - s : s;
                        cell(name => weights.GetValueOrDefault(name + suffix, []), rows[t], state).CopyTo(next[t], d * units);
                    }

                    Close(state, session.Output<float>(1).Slice(place, units));
                }

                rows = next;
            }

            for (var t = 0; t < Steps; t++) Close(rows[t], session.Output<float>(0).Slice((n * Steps + t) * directions * units, directions * units));
        }
    }

    /// <summary>The session keeps the state: one step a run gives the bits of all steps in one run, on every kernel set, which agree.</summary>
    [Theory]
    [InlineData("mgu", WeightKind.Float32)]
    [InlineData("mgu", WeightKind.Int8)]
    [InlineData("sru", WeightKind.Float32)]
    [InlineData("sru", WeightKind.Int8)]
    public void Steps_give_the_bits_of_the_whole_sequence(string kind, WeightKind stored)
    {
        const int units = 40;
        Add(kind, units, units, 2, isBidirectional: false);
        var file = _files.Convert($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", {{units}}] } }, "states": { "s": { "shape": [2, 1, {{units}}], "update": "next" } },
              "layers": [{ "kind": "{{kind}}", "input": "x", "weights": "r", "initial": "s", "final": "next", "output": "y" }], "outputs": { "y": "y" } } } }
            """, new ConversionOptions { Weights = stored }).File;
        float[]? expected = null;
        foreach (var path in SeqKernelSets.Supported)
        {
            using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = path });
            using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
            var random = new Random(4);
            var x = new float[Steps * units];
            Numbers.Fill(random, x.AsSpan());
            x.CopyTo(session.Input<float>(0));
            session.Run();
            var whole = session.Output<float>(0).ToArray();
            var last = session.State<float>(0).ToArray();
            Assert.Equal(expected ??= whole, whole);
            session.ResetState();
            session.SetSize("T", 1);
            for (var t = 0; t < Steps; t++)
            {
                x.AsSpan(t * units, units).CopyTo(session.Input<float>(0));
                session.Run();
                Assert.Equal(whole.AsSpan(t * units, units), session.Output<float>(0));
            }

            Assert.Equal(last, session.State<float>(0));
        }
    }

    [Theory]
    [InlineData("mgu")]
    [InlineData("sru")]
    public void Int8_is_close_to_float32(string kind)
    {
        const int units = 64;
        Add(kind, units, units, 1, isBidirectional: false);
        var description = Model(kind, units);
        var results = new List<float[]>();
        foreach (var stored in new[] { WeightKind.Float32, WeightKind.Int8 })
        {
            using var model = SeqModel.Load(_files.Convert(description, new ConversionOptions { Weights = stored }).File);
            using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
            var random = new Random(5);
            Numbers.Fill(random, session.Input<float>(0));
            session.Run();
            results.Add(session.Output<float>(0).ToArray());
        }

        var error = results[0].Zip(results[1], (a, b) => Math.Pow(a - b, 2)).Sum() / results[0].Sum(a => a * a);
        Assert.NotEqual(results[0], results[1]);
        Assert.True(error < 0.03 * 0.03, $"relative error {Math.Sqrt(error):P2}");
    }

    [Theory]
    [InlineData("mgu", 4)]
    [InlineData("sru", 4)]
    [InlineData("sru", 6)]
    public void States_are_kept_if_asked(string kind, int inputs)
    {
        Add(kind, inputs, units: 4, layers: 1, isBidirectional: false);
        Graph.States.Chunks.AreAsTheWhole(options => SeqModel.Load(_files.Convert(Model(kind, inputs), options).File), [1], [1]);
    }

    [Theory]
    [InlineData("mgu", "weight_hh_l0", null, "layer 'y': the weight file has no tensor 'r.weight_hh_l0'")]
    [InlineData("mgu", "weight_ih_l0", "12 3", "layer 'y': 'r.weight_ih_l0' of shape [12, 3] and 'r.weight_hh_l0' of shape [8, 4] are not the weights of a MGU, which has 2 gates of 4 rows")]
    [InlineData("mgu", "bias_ih_l0", "4", "layer 'y': 'r.bias_ih_l0' has 4 elements instead of 8")]
    [InlineData("sru", "weight_c_l0", null, "layer 'y': the weight file has no tensor 'r.weight_c_l0'")]
    [InlineData("sru", "weight_ih_l0", null, "layer 'y': the weight file has no tensor 'r.weight_ih_l0'")]
    [InlineData("sru", "weight_c_l0", "9", "layer 'y': the tensor 'r.weight_c_l0' has shape [9]; it must be [2 · units]")]
    [InlineData("sru", "weight_c_l0", "2 4", "layer 'y': the tensor 'r.weight_c_l0' has shape [2, 4]; it must have 1 dimensions")]
    [InlineData("sru", "weight_ih_l0", "12 3", "layer 'y': the tensor 'r.weight_ih_l0' has shape [12, 3]; it must be [16, 3] for the 4 units of 'r.weight_c_l0'")]
    [InlineData("sru", "weight_ih_l0", "13 4", "layer 'y': the tensor 'r.weight_ih_l0' has shape [13, 4]; it must be [12, 4] for the 4 units of 'r.weight_c_l0'")]
    [InlineData("sru", "bias_ih_l0", "12", "layer 'y': 'r.bias_ih_l0' has 12 elements instead of 8")]
    public void A_wrong_tensor_is_told_by_its_name_and_shape(string kind, string tensor, string? shape, string says)
    {
        var sizes = new Dictionary<string, int[]> { ["weight_ih_l0"] = kind == "mgu" ? [8, 3] : [16, 3], [kind == "mgu" ? "weight_hh_l0" : "weight_c_l0"] = kind == "mgu" ? [8, 4] : [8], ["bias_ih_l0"] = [8] };
        if (shape is null) sizes.Remove(tensor);
        else sizes[tensor] = [.. shape.Split(' ').Select(int.Parse)];
        foreach (var (name, size) in sizes) _files.Random("r." + name, size);
        Assert.Contains(says, _files.Refusal(Model(kind, 3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Alpha_is_a_number()
    {
        Add("sru", inputs: 4, units: 4, layers: 1, isBidirectional: false);
        Assert.Contains("alpha is Infinity; a number is needed", _files.Refusal(WeightFiles.Graph("[1, \"T\", 4]", """{ "kind": "sru", "input": "x", "weights": "r", "alpha": 1e60, "output": "y" }""")), StringComparison.Ordinal);
    }

    private static string Model(string kind, int inputs) => WeightFiles.Graph($"[1, \"T\", {inputs}]", $$"""{ "kind": "{{kind}}", "input": "x", "weights": "r", "output": "y" }""");

    /// <summary>Random weights of a layer, by their names without what they begin with.</summary>
    private Dictionary<string, double[]> Add(string kind, int inputs, int units, int layers, bool isBidirectional)
    {
        var weights = new Dictionary<string, double[]>();
        for (var layer = 0; layer < layers; layer++)
        {
            foreach (var suffix in isBidirectional ? new[] { $"_l{layer}", $"_l{layer}_reverse" } : [$"_l{layer}"])
            {
                var width = layer == 0 ? inputs : units * (isBidirectional ? 2 : 1);
                var rows = kind == "mgu" ? 2 * units : width == units ? 3 * units : 4 * units;
                void Put(string name, params int[] shape)
                {
                    var scale = shape.Length > 1 ? 1 / MathF.Sqrt(shape[1]) : 1;
                    var random = new Random(weights.Count);
                    weights[name + suffix] = _files.Put($"r.{name}{suffix}", Numbers.Random(random, Numbers.Count(shape), scale), shape);
                }

                Put("weight_ih", rows, width);
                Put("bias_ih", 2 * units);
                if (kind == "sru") Put("weight_c", 2 * units);
                if (kind == "mgu") Put("weight_hh", rows, units);
                if (kind == "mgu") Put("bias_hh", rows);
            }
        }

        return weights;
    }

    /// <summary>Zhou et al., arXiv 1603.09420, equations 6; rows of the gates f, h̃.</summary>
    private static double[] Mgu(Func<string, double[]> weight, double[] x, double[] h)
    {
        var units = h.Length;
        double Sum(int gate, int unit, double[] state)
        {
            var row = gate * units + unit;
            return Dot(weight("weight_ih"), row, x) + Dot(weight("weight_hh"), row, state) + weight("bias_ih")[row] + weight("bias_hh")[row];
        }

        double[] f = [.. Enumerable.Range(0, units).Select(u => Numbers.Sigmoid(Sum(0, u, h)))];
        double[] forgotten = [.. f.Zip(h, (gate, value) => gate * value)];
        double[] next = [.. Enumerable.Range(0, units).Select(u => (1 - f[u]) * h[u] + f[u] * Math.Tanh(Sum(1, u, forgotten)))];
        next.CopyTo(h, 0);
        return next;
    }

    /// <summary>Lei et al., arXiv 1709.02755, equations 1 to 4; rows of W, Wf, Wr and, where x has another size than the state, of a fourth matrix.</summary>
    private static double[] Sru(Func<string, double[]> weight, double[] x, double[] c, double alpha)
    {
        var units = c.Length;
        double[] w = weight("weight_ih"), v = weight("weight_c"), b = weight("bias_ih"), h = new double[units];
        for (var u = 0; u < units; u++)
        {
            var f = Numbers.Sigmoid(Dot(w, units + u, x) + v[u] * c[u] + b[u]);
            var r = Numbers.Sigmoid(Dot(w, 2 * units + u, x) + v[units + u] * c[u] + b[units + u]);
            c[u] = f * c[u] + (1 - f) * Dot(w, u, x);
            h[u] = r * c[u] + (1 - r) * alpha * (x.Length == units ? x[u] : Dot(w, 3 * units + u, x));
        }

        return h;
    }

    private static double Dot(double[] matrix, int row, double[] x)
    {
        var sum = 0.0;
        for (var k = 0; k < x.Length; k++) sum += matrix[row * x.Length + k] * x[k];
        return sum;
    }

    private static double[] Doubles(float[] values, int start, int count) => [.. values.AsSpan(start, count).ToArray().Select(v => (double)v)];

    private static void Close(double[] expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], 2e-5);
    }
}
