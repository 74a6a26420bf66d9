namespace SeqRuntime.Tests.Importers;

/// <summary>Multi-head attention of a description: projections of every form, groups of queries, rotary positions, and a step with a cache, compared with the formula.</summary>
public sealed class DescribedHeadTests : IDisposable
{
    private const int Size = 8;
    private const int Steps = 5;
    private readonly WeightFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("in_proj", 2, 2, 4, null, false)]
    [InlineData("q_proj_weight", 2, 2, 4, null, false)]
    [InlineData("q_proj.weight", 4, 4, 2, null, false)]
    [InlineData("q_proj.weight", 4, 2, 2, null, false)]
    [InlineData("q_proj.weight", 4, 1, 6, 10000, false)]
    [InlineData("q_proj.weight", 2, 2, 4, 500, true)]
    public void Each_form_gives_the_formula_and_its_step_gives_the_whole(string form, int heads, int keyHeads, int width, int? rotary, bool isInterleaved)
    {
        var (queries, keyed) = (heads * width, keyHeads * width);
        double[] q, k, v, bias = [], o;
        switch (form)
        {
            case "in_proj":
                var all = _files.Random("a.in_proj_weight", 3 * Size, Size);
                (q, k, v) = (all[..(Size * Size)], all[(Size * Size)..(2 * Size * Size)], all[(2 * Size * Size)..]);
                bias = _files.Random("a.in_proj_bias", 3 * Size);
                break;
            case "q_proj_weight":
                (q, k, v) = (_files.Random("a.q_proj_weight", queries, Size), _files.Random("a.k_proj_weight", keyed, Size), _files.Random("a.v_proj_weight", keyed, Size));
                bias = _files.Random("a.in_proj_bias", queries + 2 * keyed);
                break;
            default:
                (q, k, v) = (_files.Random("a.q_proj.weight", queries, Size), _files.Random("a.k_proj.weight", keyed, Size), _files.Random("a.v_proj.weight", keyed, Size));
                bias = [.. _files.Random("a.q_proj.bias", queries), .. _files.Random("a.k_proj.bias", keyed), .. _files.Random("a.v_proj.bias", keyed)];
                break;
        }

        o = _files.Random(form == "q_proj.weight" ? "a.o_proj.weight" : "a.out_proj.weight", Size, queries);
        var turns = (rotary is null ? "" : $", \"rotary\": {rotary}") + (isInterleaved ? ", \"rotary_interleaved\": true" : "") + (keyHeads == heads ? "" : $", \"key_heads\": {keyHeads}");
        var given = new Dictionary<string, double[]>();
        var (shape, y) = _files.Run([("x", "float32", $"[1, \"T\", {Size}]", null)], $$"""{ "kind": "multi_head_attention", "query": "x", "heads": {{heads}}, "causal": true, "weights": "a", "output": "y"{{turns}} }""", new() { ["T"] = Steps }, given);
        Assert.Equal([1, Steps, Size], shape);
        var expected = Attention(given["x"], q, k, v, bias, o, heads, keyHeads, width, rotary, isInterleaved);
        Numbers.Near(expected, y, 3e-6);

        using var model = _files.Load($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, 1, {{Size}}] }, "p": { "type": "int64", "shape": [1] } },
              "states": { "keys": { "shape": [1, 9, {{keyed}}], "update": "k1" }, "values": { "shape": [1, 9, {{keyed}}], "update": "v1" } },
              "layers": [{ "kind": "multi_head_attention", "query": "x", "heads": {{heads}}, "key_cache": "keys", "value_cache": "values", "position": "p", "next_keys": "k1", "next_values": "v1", "weights": "a", "output": "y"{{turns}} }],
              "outputs": { "y": "y" } } } }
            """);
        using var session = model.CreateSession();
        for (var t = 0; t < Steps; t++)
        {
            for (var i = 0; i < Size; i++) session.Input<float>("x")[i] = (float)given["x"][t * Size + i];
            session.Input<long>("p")[0] = t;
            session.Run();
            Numbers.Near(expected[(t * Size)..][..Size], session.Output<float>(0), 3e-6);
        }
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, 3)]
    public void Rotary_turns_pairs_by_their_positions(bool isInterleaved, int? start)
    {
        _files.Random("unused", 1);
        const int heads = 2, width = 6;
        var given = new Dictionary<string, double[]>();
        var more = start is null ? "" : ", \"position\": \"p\"";
        var (_, y) = _files.Run([("x", "float32", $"[1, \"T\", {heads * width}]", null), ("p", "int64", "[1]", [start ?? 0])], $$"""{ "kind": "rotary", "heads": {{heads}}, "base": 100, "interleaved": {{(isInterleaved ? "true" : "false")}}, "input": "x", "output": "y"{{more}} }""", new() { ["T"] = Steps }, given);
        var x = given["x"];
        Numbers.Near(Enumerable.Range(0, Steps).SelectMany(t => Enumerable.Range(0, heads).SelectMany(h => Turned(x[((t * heads + h) * width)..][..width], t + (start ?? 0), 100, isInterleaved))), y, 2e-6);
    }

    [Theory]
    [InlineData("\"heads\": 4, \"key_heads\": 3", "4 heads cannot be divided into 3 groups")]
    [InlineData("\"heads\": 3", "8 features cannot be divided into 3 heads")]
    [InlineData("\"heads\": 4", "its keys have 4 elements; 4 heads of 2 have 8 (fewer heads of keys are given as \"key_heads\")")]
    [InlineData("\"heads\": 4, \"key_heads\": 2, \"rotary\": -1", "the base of its rotary positions is -1")]
    [InlineData("\"heads\": 8, \"key_heads\": 4, \"rotary\": 10000", "its heads have 1 elements, which are not pairs")]
    [InlineData("\"heads\": 4, \"key_heads\": 2, \"rotary_interleaved\": true", "has no effect without 'rotary'")]
    public void Heads_that_do_not_fit_are_refused(string members, string says)
    {
        foreach (var (name, rows) in new[] { ("q_proj", 8), ("k_proj", 4), ("v_proj", 4), ("o_proj", 8) }) _files.Random($"a.{name}.weight", rows, Size);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph($"[1, \"T\", {Size}]", $$"""{ "kind": "multi_head_attention", "query": "x", {{members}}, "weights": "a", "output": "y" }""")), StringComparison.Ordinal);
    }

    private static double[] Attention(double[] x, double[] q, double[] k, double[] v, double[] bias, double[] o, int heads, int keyHeads, int width, int? rotary, bool isInterleaved)
    {
        var (queries, keyed) = (heads * width, keyHeads * width);
        double[] Project(double[] w, int rows, int shift, int t) => [.. Enumerable.Range(0, rows).Select(r => bias[shift + r] + Enumerable.Range(0, Size).Sum(i => w[r * Size + i] * x[t * Size + i]))];
        double[] Head(double[] all, int head, int t, bool turned) => turned && rotary is { } frequency ? Turned(all[(head * width)..][..width], t, frequency, isInterleaved) : all[(head * width)..][..width];
        var result = new double[Steps * Size];
        for (var s = 0; s < Steps; s++)
        {
            double[] joined = [];
            for (var h = 0; h < heads; h++)
            {
                var query = Head(Project(q, queries, 0, s), h, s, true);
                var group = h / (heads / keyHeads);
                double[] scores = [.. Enumerable.Range(0, s + 1).Select(t => Math.Exp(Head(Project(k, keyed, queries, t), group, t, true).Zip(query, (a, b) => a * b).Sum() / Math.Sqrt(width)))];
                joined = [.. joined, .. Enumerable.Range(0, width).Select(d => Enumerable.Range(0, s + 1).Sum(t => scores[t] / scores.Sum() * Head(Project(v, keyed, queries + keyed, t), group, t, false)[d]))];
            }

            for (var r = 0; r < Size; r++) result[s * Size + r] = Enumerable.Range(0, queries).Sum(i => o[r * queries + i] * joined[i]);
        }

        return result;
    }

    private static double[] Turned(double[] x, int position, double frequency, bool isInterleaved)
    {
        var y = new double[x.Length];
        for (var i = 0; i < x.Length / 2; i++)
        {
            var angle = position * Math.Pow(frequency, -2.0 * i / x.Length);
            var (a, b) = isInterleaved ? (2 * i, 2 * i + 1) : (i, i + x.Length / 2);
            (y[a], y[b]) = (x[a] * Math.Cos(angle) - x[b] * Math.Sin(angle), x[b] * Math.Cos(angle) + x[a] * Math.Sin(angle));
        }

        return y;
    }
}
