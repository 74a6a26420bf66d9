using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>How a graph of <see cref="PlainLanguage"/> takes its tokens.</summary>
public enum TokenForm
{
    /// <summary>One token at a time.</summary>
    One,

    /// <summary>A token of each hypothesis.</summary>
    Batch,

    /// <summary>Several tokens of one hypothesis.</summary>
    Time,

    /// <summary>Several tokens of each hypothesis.</summary>
    BatchAndTime,

    /// <summary>All tokens of one hypothesis in each run: the graph has no states.</summary>
    Whole,
}

/// <summary>A recurrent language model of random weights, h' = tanh(U e(x) + a + W h + b), logits = V h' + c: as graphs of several forms, and as plain loops.</summary>
internal sealed class PlainLanguage : IDisposable
{
    public const int Tokens = 5;
    public const int End = 0;
    public const int Begin = 1;
    private const int Width = 4, Hidden = 6;
    private readonly WeightFiles _files = new();
    private readonly double[] _embedding, _u, _a, _w, _b, _v, _c;

    public PlainLanguage(int seed)
    {
        var random = new Random(seed);
        double[] Put(string name, params int[] shape) => _files.Put(name, [.. Enumerable.Range(0, shape.Aggregate(1, (x, y) => x * y)).Select(_ => 4 * (random.NextSingle() - 0.5f))], shape);
        _embedding = Put("embedding.weight", Tokens, Width);
        (_u, _w, _a, _b) = (Put("rnn.weight_ih_l0", Hidden, Width), Put("rnn.weight_hh_l0", Hidden, Hidden), Put("rnn.bias_ih_l0", Hidden), Put("rnn.bias_hh_l0", Hidden));
        (_v, _c) = (Put("head.weight", Tokens, Hidden), Put("head.bias", Tokens));
    }

    public WeightFiles Files => _files;

    public void Dispose() => _files.Dispose();

    /// <param name="form">Of the tokens.</param>
    /// <param name="max">Most tokens of a result.</param>
    /// <param name="more">Members of the decoding document, each with a comma before it.</param>
    public string Description(TokenForm form, int max = 4, string more = ", \"end\": 0")
    {
        var isCell = form is TokenForm.One or TokenForm.Batch;
        var rows = form is TokenForm.Batch or TokenForm.BatchAndTime ? "\"N\"" : "1";
        var states = isCell ? $"\"h\": {{ \"shape\": [{rows}, {Hidden}], \"update\": \"h1\" }}" : form == TokenForm.Whole ? "" : $"\"h\": {{ \"shape\": [1, {rows}, {Hidden}], \"update\": \"h1\" }}";
        var layer = isCell
            ? """{ "kind": "rnn_cell", "input": "e", "hidden": "h", "output": "h1", "tensors": { "weight_ih": "rnn.weight_ih_l0", "weight_hh": "rnn.weight_hh_l0", "bias_ih": "rnn.bias_ih_l0", "bias_hh": "rnn.bias_hh_l0" } }"""
            : $$"""{ "kind": "rnn", "input": "e", "weights": "rnn", "output": "y"{{(form == TokenForm.Whole ? "" : ", \"initial\": \"h\", \"final\": \"h1\"")}} }""";
        return $$"""
            { "weights": "weights.npz", "decoding": { "kind": "language-model", "max": {{max}}{{more}} }, "tables": { "target": ["<end>", "<begin>", "a", "b", "c"] },
              "graphs": { "main": {
                "inputs": { "x": { "type": "int64", "shape": [{{(isCell ? rows : $"{rows}, \"T\"")}}] } }, "states": { {{states}} },
                "layers": [{ "kind": "embedding", "input": "x", "weights": "embedding", "output": "e" }, {{layer}}, { "kind": "linear", "input": "{{(isCell ? "h1" : "y")}}", "weights": "head", "output": "logits" }],
                "outputs": { "logits": "logits" } } } }
            """;
    }

    public SeqModel Load(TokenForm form, int max = 4, string more = ", \"end\": 0") => _files.Load(Description(form, max, more));

    public string Refusal(string description) => _files.Refusal(description);

    public ConversionResult Convert(string description) => _files.Convert(description);

    /// <summary>Log probabilities of the token after a sequence.</summary>
    public double[] After(params ReadOnlySpan<int> tokens)
    {
        var h = new double[Hidden];
        foreach (var token in tokens)
        {
            var next = new double[Hidden];
            for (var i = 0; i < Hidden; i++)
            {
                next[i] = _a[i] + _b[i];
                for (var j = 0; j < Width; j++) next[i] += _u[i * Width + j] * _embedding[token * Width + j];
                for (var j = 0; j < Hidden; j++) next[i] += _w[i * Hidden + j] * h[j];
                next[i] = Math.Tanh(next[i]);
            }

            h = next;
        }

        var logits = new double[Tokens];
        for (var i = 0; i < Tokens; i++)
        {
            logits[i] = _c[i];
            for (var j = 0; j < Hidden; j++) logits[i] += _v[i * Hidden + j] * h[j];
        }

        return PlainTransformer.LogSoftmax(logits);
    }

    /// <summary>The most likely tokens after a prompt, one after the other, and the log probability of them all.</summary>
    public (int[] Tokens, double LogProbability, bool IsComplete) Greedy(int[] prompt, int max, bool hasEnd = true) => PlainTransformer.Greedy(tokens => After(tokens), prompt, max, hasEnd ? End : -1);

    /// <summary>What a search of at most this many tokens may find, with its score: complete sequences, and the longest ones if the end is not the most likely next token.</summary>
    public List<(int[] Tokens, double LogProbability, bool IsComplete, double Score)> Ranked(int[] prompt, int max, float lengthPenalty)
    {
        var all = new List<(int[] Tokens, double LogProbability, bool IsComplete, double Score)>();
        void Extend(int[] tokens, double sum)
        {
            var next = After([.. prompt, .. tokens]);
            var isComplete = tokens.Length < max || next[End] == next.Max();
            var logProbability = sum + (isComplete ? next[End] : 0);
            all.Add((tokens, logProbability, isComplete, logProbability / Math.Pow((5 + tokens.Length + (isComplete ? 1 : 0)) / 6.0, lengthPenalty)));
            for (var token = 0; token < Tokens && tokens.Length < max; token++)
            {
                if (token != End) Extend([.. tokens, token], sum + next[token]);
            }
        }

        Extend([], 0);
        return [.. all.OrderByDescending(s => s.Score)];
    }
}
