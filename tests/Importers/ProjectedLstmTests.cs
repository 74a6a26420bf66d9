using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>PyTorch's LSTM with proj_size, h = W (o · tanh c), against plain loops: all layers and directions, whole sequences and steps.</summary>
public sealed class ProjectedLstmTests : IDisposable
{
    private const int Inputs = 6;
    private const int Units = 8;
    private const int Projected = 4;
    private const int Steps = 7;
    private readonly WeightFiles _files = new();
    private readonly Dictionary<string, double[]> _weights = [];

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void A_layer_gives_what_the_formula_says(int layers, bool isBidirectional)
    {
        Add(layers, isBidirectional);
        var places = layers * (isBidirectional ? 2 : 1);
        using var model = _files.Load($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", {{Inputs}}] }, "h": { "shape": [{{places}}, 1, {{Projected}}] }, "c": { "shape": [{{places}}, 1, {{Units}}] } },
              "layers": [{ "kind": "lstm", "input": "x", "weights": "rnn", "bidirectional": {{(isBidirectional ? "true" : "false")}}, "initial": "h", "initial_cell": "c", "final": "h1", "final_cell": "c1", "output": "y" }],
              "outputs": { "y": "y", "h1": "h1", "c1": "c1" } } } }
            """);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
        var random = new Random(4);
        for (var i = 0; i < 3; i++) Numbers.Fill(random, session.Input<float>(i));
        double[][] h = Rows(session.Input<float>(1), Projected), c = Rows(session.Input<float>(2), Units);
        var y = Run(Rows(session.Input<float>(0), Inputs), h, c, layers, isBidirectional);
        session.Run();
        Numbers.Near(y.SelectMany(row => row), session.Output<float>(0), 2e-6);
        Numbers.Near(h.SelectMany(row => row), session.Output<float>(1), 2e-6);
        Numbers.Near(c.SelectMany(row => row), session.Output<float>(2), 2e-6);
    }

    /// <summary>The session keeps both states, of different sizes: one step a run gives the bits of all steps in one run.</summary>
    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    public void Steps_give_the_bits_of_the_whole_sequence(WeightKind stored)
    {
        Add(2, isBidirectional: false);
        var file = _files.Convert($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", {{Inputs}}] } },
              "states": { "h": { "shape": [2, 1, {{Projected}}], "update": "h1" }, "c": { "shape": [2, 1, {{Units}}], "update": "c1" } },
              "layers": [{ "kind": "lstm", "input": "x", "weights": "rnn", "initial": "h", "initial_cell": "c", "final": "h1", "final_cell": "c1", "output": "y" }], "outputs": { "y": "y" } } } }
            """, new ConversionOptions { Weights = stored, WeightsOf = stored == WeightKind.Float32 ? [] : [new WeightOverride("*", stored)] }).File;
        using var model = SeqModel.Load(file);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
        Numbers.Fill(new Random(5), session.Input<float>(0));
        var x = session.Input<float>(0).ToArray();
        session.Run();
        var whole = session.Output<float>(0).ToArray();
        var exact = Run(Rows(x, Inputs), [new double[Projected], new double[Projected]], [new double[Units], new double[Units]], 2, isBidirectional: false);
        Numbers.Near(exact.SelectMany(row => row), whole, stored == WeightKind.Float32 ? 2e-6 : 0.05);
        session.ResetState();
        session.SetSize("T", 1);
        for (var t = 0; t < Steps; t++)
        {
            x.AsSpan(t * Inputs, Inputs).CopyTo(session.Input<float>(0));
            session.Run();
            Numbers.AssertSameBits(whole.AsSpan(t * Projected, Projected), session.Output<float>(0), $"step {t}");
        }
    }

    [Fact]
    public void A_cell_may_have_a_projection()
    {
        Add(1, isBidirectional: false);
        using var model = _files.Load($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, {{Inputs}}] } }, "states": { "h": { "shape": [1, {{Projected}}], "update": "y" }, "c": { "shape": [1, {{Units}}], "update": "c1" } },
              "layers": [{ "kind": "lstm_cell", "input": "x", "weights": "rnn", "hidden": "h", "cell": "c", "cell_output": "c1", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        using var session = model.CreateSession();
        var rows = Rows(Numbers.Random(6, Steps * Inputs), Inputs);
        var expected = Run(rows, [new double[Projected]], [new double[Units]], 1, isBidirectional: false);
        for (var t = 0; t < Steps; t++)
        {
            for (var i = 0; i < Inputs; i++) session.Input<float>(0)[i] = (float)rows[t][i];
            session.Run();
            Numbers.Near(expected[t], session.Output<float>(0), 2e-6);
        }
    }

    [Theory]
    [InlineData("lstm", 3, Units, "must be [4, units]")]
    [InlineData("lstm", Projected, Units + 1, "are not the weights of a LSTM")]
    [InlineData("gru", Projected, Units, "is a projection, which only an LSTM has")]
    public void A_projection_that_does_not_fit_is_refused(string kind, int rows, int columns, string says)
    {
        _files.Random("rnn.weight_ih_l0", 4 * Units, Inputs);
        _files.Random("rnn.weight_hh_l0", 4 * Units, Projected);
        _files.Random("rnn.weight_hr_l0", rows, columns);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph($"[1, \"T\", {Inputs}]", $$"""{ "kind": "{{kind}}", "input": "x", "weights": "rnn", "output": "y" }""")), StringComparison.Ordinal);
    }

    private void Add(int layers, bool isBidirectional)
    {
        for (var layer = 0; layer < layers; layer++)
        {
            foreach (var way in isBidirectional ? (string[])["", "_reverse"] : [""])
            {
                void Put(string name, params int[] shape) => _weights[$"{name}_l{layer}{way}"] = _files.Random($"rnn.{name}_l{layer}{way}", shape);
                Put("weight_ih", 4 * Units, layer == 0 ? Inputs : Projected * (isBidirectional ? 2 : 1));
                Put("weight_hh", 4 * Units, Projected);
                Put("bias_ih", 4 * Units);
                Put("bias_hh", 4 * Units);
                Put("weight_hr", Projected, Units);
            }
        }
    }

    /// <summary>All layers over all steps. The states become the last ones.</summary>
    private double[][] Run(double[][] x, double[][] h, double[][] c, int layers, bool isBidirectional)
    {
        var directions = isBidirectional ? 2 : 1;
        for (var layer = 0; layer < layers; layer++)
        {
            double[][] next = [.. x.Select(_ => new double[directions * Projected])];
            for (var d = 0; d < directions; d++)
            {
                var (suffix, place) = ($"_l{layer}{(d == 1 ? "_reverse" : "")}", layer * directions + d);
                double[] W(string name) => _weights[name + suffix];
                for (var s = 0; s < x.Length; s++)
                {
                    var t = d == 1 ? x.Length - 1 - s : s;
                    double[] gates = [.. Enumerable.Range(0, 4 * Units).Select(row => W("bias_ih")[row] + W("bias_hh")[row] + Dot(W("weight_ih"), row, x[t]) + Dot(W("weight_hh"), row, h[place]))];
                    c[place] = [.. c[place].Select((v, u) => Numbers.Sigmoid(gates[Units + u]) * v + Numbers.Sigmoid(gates[u]) * Math.Tanh(gates[2 * Units + u]))];
                    double[] wide = [.. c[place].Select((v, u) => Numbers.Sigmoid(gates[3 * Units + u]) * Math.Tanh(v))];
                    h[place] = [.. Enumerable.Range(0, Projected).Select(p => Dot(W("weight_hr"), p, wide))];
                    h[place].CopyTo(next[t], d * Projected);
                }
            }

            x = next;
        }

        return x;
    }

    private static double Dot(double[] matrix, int row, double[] vector) => vector.Select((v, i) => v * matrix[row * vector.Length + i]).Sum();

    private static double[][] Rows(ReadOnlySpan<float> values, int width) => [.. values.ToArray().Chunk(width).Select(row => Numbers.Doubles(row))];
}
