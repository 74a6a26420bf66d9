using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>States of a description that start at tensors of the weight file.</summary>
public sealed class DescribedStateTests : IDisposable
{
    private const int Units = 3;
    private const string Lstm = """{ "kind": "lstm", "input": "x", "initial": "h", "initial_cell": "c", "final": "h1", "final_cell": "c1", "weights": "r", "output": "y" }""";
    private readonly WeightFiles _files = new();

    public void Dispose() => _files.Dispose();

    /// <summary>i, f, g, o; c' = f c + i g; h' = o tanh c'. The first h and c are in the file.</summary>
    [Theory]
    [InlineData(WeightKind.Float32, 1e-6)]
    [InlineData(WeightKind.Int8, 0.03)]
    public void A_state_starts_at_its_tensor_and_returns_there(WeightKind storage, double tolerance)
    {
        double[] ih = _files.Random("r.weight_ih_l0", 4 * Units, 1), hh = _files.Random("r.weight_hh_l0", 4 * Units, Units), bias = _files.Random("r.bias_ih_l0", 4 * Units);
        double[] h0 = _files.Random("h0", 1, 1, Units), c0 = _files.Random("both", 2, Units)[Units..];
        using var model = SeqModel.Load(_files.Convert(Model("h0", "both[1:]"), new ConversionOptions { Weights = storage }).File);
        float[] samples = [0.3f, -0.8f, 0.1f, 0.7f];
        double[] h = h0, c = c0, expected = [];
        foreach (var x in samples)
        {
            double Gate(int gate, int unit) => ih[gate * Units + unit] * x + bias[gate * Units + unit] + h.Select((v, k) => v * hh[(gate * Units + unit) * Units + k]).Sum();
            double[] next = [.. c.Select((v, u) => Numbers.Sigmoid(Gate(1, u)) * v + Numbers.Sigmoid(Gate(0, u)) * Math.Tanh(Gate(2, u)))];
            h = [.. next.Select((v, u) => Numbers.Sigmoid(Gate(3, u)) * Math.Tanh(v))];
            c = next;
            expected = [.. expected, .. h];
        }

        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 1 } });
        for (var round = 0; round < 2; round++)
        {
            Numbers.Near(h0, session.State<float>("h"), 1e-7);
            Numbers.Near(expected, Steps(session, samples), tolerance);
            session.ResetState();
        }

        Allocation.None(session.ResetState);
        using var streams = model.CreateStreams(3, graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 1 } });
        for (var round = 0; round < 2; round++)
        {
            var slot = streams.Join();
            for (var step = 0; step < samples.Length; step++)
            {
                streams.Input<float>(slot, 0)[0] = samples[step];
                streams.Run();
                Numbers.Near(expected[(step * Units)..][..Units], streams.Output<float>(slot, 0), tolerance);
            }

            streams.Leave(slot);
        }
    }

    [Theory]
    [InlineData("1", "none", "the weight file has no tensor 'none'")]
    [InlineData("1", "wide", "the state 'h' has the shape [1, 1, 3], but its first values 'wide' have the shape [4]")]
    [InlineData("\"N\"", "both[1:]", "each of its sizes must be a number; replace 'N' by one")]
    public void First_values_that_do_not_fit_are_refused(string batch, string tensor, string says)
    {
        _files.Random("wide", 4);
        foreach (var (name, columns) in new[] { ("r.weight_ih_l0", 1), ("r.weight_hh_l0", Units), ("both", Units) }) _files.Random(name, name == "both" ? 2 : 4 * Units, columns);
        Assert.Contains(says, _files.Refusal(Model(tensor, "both[1:]", batch)), StringComparison.Ordinal);
    }

    private static string Model(string h, string c, string batch = "1") => $$"""
        { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [{{batch}}, "T", 1] } },
          "states": { "h": { "shape": [1, {{batch}}, 3], "update": "h1", "initial": "{{h}}" }, "c": { "shape": [1, {{batch}}, 3], "update": "c1", "initial": "{{c}}" } },
          "layers": [{{Lstm}}], "outputs": { "y": "y" } } } }
        """;

    private static float[] Steps(SeqSession session, float[] samples)
    {
        var all = new List<float>();
        foreach (var sample in samples)
        {
            session.Input<float>(0)[0] = sample;
            session.Run();
            all.AddRange(session.Output<float>(0));
        }

        return [.. all];
    }
}
