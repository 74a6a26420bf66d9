using System.Globalization;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>
/// A Transformer of one layer of random weights, with learned positions: y = x + attention(x), logits = V y. As a step with caches of a fixed
/// largest size, as a graph over whole texts, and as plain loops.
/// </summary>
internal sealed class PlainTransformer : IDisposable
{
    public const int Tokens = 7;
    public const int Most = 12;
    private const int Width = 8, Heads = 2, Depth = Width / Heads;
    private readonly WeightFiles _files = new();
    private readonly double[] _embedding, _positions, _in, _inBias, _out, _outBias, _head;

    /// <param name="seed">Seed of the weights.</param>
    /// <param name="places">Rows of the table of positions.</param>
    public PlainTransformer(int seed, int places = Most)
    {
        var random = new Random(seed);
        double[] Put(string name, params int[] shape) => _files.Put(name, [.. Enumerable.Range(0, shape.Aggregate(1, (x, y) => x * y)).Select(_ => 2 * (random.NextSingle() - 0.5f))], shape);
        (_embedding, _positions) = (Put("embedding.weight", Tokens, Width), Put("positions.weight", places, Width));
        (_in, _inBias, _out, _outBias) = (Put("attention.in_proj_weight", 3 * Width, Width), Put("attention.in_proj_bias", 3 * Width), Put("attention.out_proj.weight", Width, Width), Put("attention.out_proj.bias", Width));
        _head = Put("head.weight", Tokens, Width);
    }

    public void Dispose() => _files.Dispose();

    /// <param name="isBatch">Whether the step takes several hypotheses at once.</param>
    /// <param name="most">Steps that the caches hold.</param>
    /// <param name="more">Members of the decoding document, each with a comma before it.</param>
    /// <param name="hasTable">Whether positions are embedded.</param>
    public string Step(bool isBatch, int most = Most, string more = ", \"position\": \"p\", \"max\": 6, \"end\": 0", bool hasTable = true)
    {
        var rows = isBatch ? "\"N\"" : "1";
        var size = most.ToString(CultureInfo.InvariantCulture);
        return $$"""
            { "weights": "weights.npz", "decoding": { "kind": "language-model", "step": "main", "token": "x"{{more}} },
              "graphs": { "main": {
                "inputs": { "x": { "type": "int64", "shape": [{{rows}}, 1] }, "p": { "type": "int64", "shape": [1] } },
                "states": { "keys": { "shape": [{{rows}}, {{size}}, {{Width}}], "update": "keys1" }, "values": { "shape": [{{rows}}, {{size}}, {{Width}}], "update": "values1" } },
                "layers": [
                  { "kind": "embedding", "input": "x", "weights": "embedding", "output": "e" },
                  {{(hasTable ? """{ "kind": "embedding", "input": "p", "weights": "positions", "output": "at" }, { "kind": "add", "inputs": ["e", "at"], "output": "z" },""" : """{ "kind": "dropout", "input": "e", "output": "z" },""")}}
                  { "kind": "multi_head_attention", "query": "z", "heads": {{Heads}}, "weights": "attention", "output": "a", "key_cache": "keys", "value_cache": "values", "position": "p", "next_keys": "keys1", "next_values": "values1" },
                  { "kind": "add", "inputs": ["z", "a"], "output": "y" }, { "kind": "linear", "input": "y", "weights": "head", "output": "logits" }],
                "outputs": { "logits": "logits" } } } }
            """;
    }

    /// <param name="isCausal">Whether attention does not see later tokens.</param>
    public string Whole(bool isCausal = true) => $$"""
        { "weights": "weights.npz", "decoding": { "kind": "language-model", "max": 6, "end": 0 },
          "graphs": { "main": {
            "inputs": { "x": { "type": "int64", "shape": ["N", "T"] } },
            "layers": [
              { "kind": "embedding", "input": "x", "weights": "embedding", "output": "e" }, { "kind": "positions", "like": "e", "output": "p" }, { "kind": "embedding", "input": "p", "weights": "positions", "output": "at" },
              { "kind": "add", "inputs": ["e", "at"], "output": "z" }, { "kind": "multi_head_attention", "query": "z", "heads": {{Heads}}, "causal": {{(isCausal ? "true" : "false")}}, "weights": "attention", "output": "a" },
              { "kind": "add", "inputs": ["z", "a"], "output": "y" }, { "kind": "linear", "input": "y", "weights": "head", "output": "logits" }],
            "outputs": { "logits": "logits" } } } }
        """;

    public SeqModel Load(string description) => _files.Load(description);

    public string Refusal(string description) => _files.Refusal(description);

    /// <summary>Log probabilities of the token after a sequence.</summary>
    public double[] After(params ReadOnlySpan<int> tokens)
    {
        var z = new double[tokens.Length][];
        for (var t = 0; t < z.Length; t++)
        {
            z[t] = new double[Width];
            for (var i = 0; i < Width; i++) z[t][i] = _embedding[tokens[t] * Width + i] + _positions[t * Width + i];
        }

        double[] Project(double[] x, int part) => Times(_in, part * Width, x, i => _inBias[part * Width + i]);
        var query = Project(z[^1], 0);
        var context = new double[Width];
        for (var head = 0; head < Heads; head++)
        {
            var scores = new double[z.Length];
            for (var t = 0; t < z.Length; t++)
            {
                var key = Project(z[t], 1);
                for (var i = 0; i < Depth; i++) scores[t] += query[head * Depth + i] * key[head * Depth + i] / Math.Sqrt(Depth);
            }

            var weights = LogSoftmax(scores);
            for (var t = 0; t < z.Length; t++)
            {
                var value = Project(z[t], 2);
                for (var i = 0; i < Depth; i++) context[head * Depth + i] += Math.Exp(weights[t]) * value[head * Depth + i];
            }
        }

        var y = Times(_out, 0, context, i => _outBias[i] + z[^1][i]);
        var logits = new double[Tokens];
        for (var token = 0; token < Tokens; token++)
        {
            for (var i = 0; i < Width; i++) logits[token] += _head[token * Width + i] * y[i];
        }

        return LogSoftmax(logits);
    }

    public static double[] LogSoftmax(double[] scores)
    {
        var most = scores.Max();
        var sum = Math.Log(scores.Sum(s => Math.Exp(s - most)));
        return Array.ConvertAll(scores, s => s - most - sum);
    }

    /// <summary>The most likely tokens after a prompt, one after the other, and the log probability of them all.</summary>
    public static (int[] Tokens, double LogProbability, bool IsComplete) Greedy(Func<int[], double[]> after, int[] prompt, int max, int end)
    {
        var (tokens, sum) = (new List<int>(), 0.0);
        while (true)
        {
            var next = after([.. prompt, .. tokens]);
            var best = Array.IndexOf(next, next.Max());
            if (best == end) return ([.. tokens], sum + next[best], true);
            if (tokens.Count == max) return ([.. tokens], sum, false);
            tokens.Add(best);
            sum += next[best];
        }
    }

    private static double[] Times(double[] matrix, int first, double[] x, Func<int, double> bias)
    {
        var y = new double[Width];
        for (var i = 0; i < Width; i++)
        {
            y[i] = bias(i);
            for (var j = 0; j < Width; j++) y[i] += matrix[(first + i) * Width + j] * x[j];
        }

        return y;
    }
}
