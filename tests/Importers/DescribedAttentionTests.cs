using System.Text;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Every score of a described attention compared with its formula: Bahdanau's, Luong's, Vaswani's, Chorowski's with location, and coverage.</summary>
public sealed class DescribedAttentionTests : IDisposable
{
    private const int Steps = 6;
    private const int Queries = 4;
    private const int Memory = 5;
    private const int Width = 3;
    private const int Filters = 2;
    private const int Taps = 3;
    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(4);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("additive", false, false)]
    [InlineData("additive", true, false)]
    [InlineData("additive", false, true)]
    [InlineData("additive", true, true)]
    [InlineData("dot", true, false)]
    [InlineData("general", false, false)]
    [InlineData("scaled_dot", false, false)]
    public void A_score_follows_its_formula(string score, bool masked, bool located)
    {
        // dot and scaled_dot compare the query itself with keys of its width; general and additive project it.
        var isAdditive = score == "additive";
        var isProjected = score is "additive" or "general";
        var keyWidth = isProjected ? Width : Queries;
        var weights = new Dictionary<string, (int[] Shape, double[] Values)>();
        if (isProjected) weights["a.query.weight"] = Random(Width, Queries);
        if (isAdditive) weights["a.query.bias"] = Random(Width);
        if (isAdditive) weights["a.score.weight"] = Random(1, Width);
        if (located) weights["a.location.conv.weight"] = Random(Filters, 1, Taps);
        if (located) weights["a.location.weight"] = Random(Width, Filters);
        if (weights.Count == 0) weights["unused"] = Random(1);
        Write(weights);
        var extra = new StringBuilder();
        if (masked) extra.Append(", \"mask\": \"mask\"");
        if (located) extra.Append(", \"previous\": \"previous\"");
        var ports = new StringBuilder();
        if (masked) ports.Append($$""", "mask": { "shape": [1, "T"] }""");
        if (located) ports.Append($$""", "previous": { "shape": ["N", "T"] }""");
        var path = _folder["model.json"];
        File.WriteAllText(path, $$"""
            { "weights": "weights.npz", "graphs": { "main": {
                "inputs": { "q": { "shape": ["N", {{Queries}}] }, "memory": { "shape": [1, "T", {{Memory}}] }, "keys": { "shape": [1, "T", {{keyWidth}}] }{{ports}} },
                "layers": [{ "kind": "attention", "score": "{{score}}", "query": "q", "memory": "memory", "keys": "keys", "weights": "a", "alignment": "weights", "output": "context"{{extra}} }],
                "outputs": { "context": "context", "weights": "weights" } } } }
            """);
        using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions()).File);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = Steps } });
        var (q, memory, keys) = (Fill(session, "q"), Fill(session, "memory"), Fill(session, "keys"));
        var mask = masked ? Fill(session, "mask") : [];
        for (var t = 0; t < mask.Length; t++) session.Input<float>("mask")[t] = (float)(mask[t] = t is 1 or 5 ? 0 : 1);
        var previous = located ? Fill(session, "previous") : [];
        session.Run();
        for (var n = 0; n < 2; n++)
        {
            var query = q[(n * Queries)..((n + 1) * Queries)];
            if (isProjected) query = [.. Enumerable.Range(0, Width).Select(a => (isAdditive ? weights["a.query.bias"].Values[a] : 0) + query.Select((v, i) => v * weights["a.query.weight"].Values[a * Queries + i]).Sum())];
            var scores = Enumerable.Range(0, Steps).Select(t =>
            {
                if (masked && mask[t] == 0) return double.NegativeInfinity;
                var key = keys[(t * keyWidth)..((t + 1) * keyWidth)];
                if (!isAdditive) return key.Zip(query, (a, b) => a * b).Sum() / (score == "scaled_dot" ? Math.Sqrt(keyWidth) : 1);
                return Enumerable.Range(0, Width).Sum(a => weights["a.score.weight"].Values[a] * Math.Tanh(query[a] + key[a] + (located ? Location(n, t, a) : 0)));
            }).ToArray();
            var sum = scores.Sum(Math.Exp);
            for (var t = 0; t < Steps; t++) Assert.Equal(Math.Exp(scores[t]) / sum, session.Output<float>("weights")[n * Steps + t], 2e-6);
            for (var d = 0; d < Memory; d++) Assert.Equal(scores.Select((s, t) => Math.Exp(s) / sum * memory[t * Memory + d]).Sum(), session.Output<float>("context")[n * Memory + d], 2e-6);
        }

        // U f, f = F * previous alignment, with zeros at each end.
        double Location(int n, int t, int a) => Enumerable.Range(0, Filters).Sum(f => weights["a.location.weight"].Values[a * Filters + f] * Enumerable.Range(0, Taps).Sum(k =>
            t + k - 1 is var at and >= 0 and < Steps ? weights["a.location.conv.weight"].Values[f * Taps + k] * previous[n * Steps + at] : 0));
    }

    /// <summary>Luong's concat, vᵀ tanh(W [q; m]), over one matrix W: the memory's columns make the keys before, the query's columns are used in the step.</summary>
    [Fact]
    public void Concat_is_described_over_one_matrix()
    {
        var weights = new Dictionary<string, (int[] Shape, double[] Values)> { ["attn.weight"] = Random(Width, Queries + Memory), ["attn.bias"] = Random(Width), ["v.weight"] = Random(1, Width) };
        Write(weights);
        var path = _folder["model.json"];
        File.WriteAllText(path, $$"""
            { "weights": "weights.npz", "graphs": { "main": {
                "inputs": { "q": { "shape": ["N", {{Queries}}] }, "memory": { "shape": [1, "T", {{Memory}}] } },
                "layers": [
                  { "kind": "linear", "input": "memory", "weights": "attn", "tensors": { "weight": "attn.weight[:, {{Queries}}:]" }, "output": "keys" },
                  { "kind": "attention", "score": "concat", "query": "q", "memory": "memory", "keys": "keys", "alignment": "weights", "output": "context",
                    "tensors": { "query.weight": "attn.weight[:, :-{{Memory}}]", "score.weight": "v.weight" } }],
                "outputs": { "context": "context", "weights": "weights" } } } }
            """);
        using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions()).File);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = Steps } });
        var (q, memory) = (Fill(session, "q"), Fill(session, "memory"));
        session.Run();
        var (matrix, bias, v) = (weights["attn.weight"].Values, weights["attn.bias"].Values, weights["v.weight"].Values);
        for (var n = 0; n < 2; n++)
        {
            var scores = Enumerable.Range(0, Steps).Select(t =>
            {
                double[] both = [.. q[(n * Queries)..((n + 1) * Queries)], .. memory[(t * Memory)..((t + 1) * Memory)]];
                return Enumerable.Range(0, Width).Sum(a => v[a] * Math.Tanh(bias[a] + both.Select((x, i) => matrix[a * both.Length + i] * x).Sum()));
            }).ToArray();
            var sum = scores.Sum(Math.Exp);
            for (var t = 0; t < Steps; t++) Assert.Equal(Math.Exp(scores[t]) / sum, session.Output<float>("weights")[n * Steps + t], 2e-6);
            for (var d = 0; d < Memory; d++) Assert.Equal(scores.Select((s, t) => Math.Exp(s) / sum * memory[t * Memory + d]).Sum(), session.Output<float>("context")[n * Memory + d], 2e-6);
        }
    }

    private (int[] Shape, double[] Values) Random(params int[] shape) => (shape, Numbers.Doubles(Numbers.Random(_random, Numbers.Count(shape))));

    private double[] Fill(SeqSession session, string input)
    {
        session.SetSize("N", 2);
        session.SetSize("T", Steps);
        var to = session.Input<float>(input);
        Numbers.Fill(_random, to);
        return [.. to.ToArray().Select(v => (double)v)];
    }

    private void Write(Dictionary<string, (int[] Shape, double[] Values)> weights)
    {
        using var archive = new System.IO.Compression.ZipArchive(File.Create(_folder["weights.npz"]), System.IO.Compression.ZipArchiveMode.Create);
        foreach (var (name, (shape, values)) in weights)
        {
            using var entry = archive.CreateEntry(name + ".npy").Open();
            var header = $"{{'descr': '<f8', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
            header = header.PadRight((header.Length + 10) / 64 * 64 + 64 - 11) + "\n";
            entry.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header)]);
            foreach (var value in values) entry.Write(BitConverter.GetBytes(value));
        }
    }
}
