using Microsoft.ML.OnnxRuntime;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// Several sources at once, greedily, by ONNX Runtime from C#: the encoder takes all in one batch, padded, with their lengths, and each step those that have not
/// ended, side by side. Graphs read and write preallocated values, and every run is a <c>RunWithBinding</c> with a binding made before.
/// </summary>
internal sealed class OrtBatchDecoder : IDisposable
{
    private readonly OrtDecoderGraphs _graphs;
    private readonly List<IDisposable> _owned = [];
    private readonly RunOptions _run = new();
    private readonly InferenceSession _encoder;
    private readonly InferenceSession _step;
    private readonly long[] _letters;
    private readonly int[] _lengths;
    private readonly int[] _tokens;
    private readonly float[] _logits;
    private readonly float[][] _states;
    private readonly int[] _rows;
    private readonly Dictionary<(int Length, int Sources), OrtIoBinding> _encoders = [];
    private readonly Dictionary<(int Rows, int From), OrtIoBinding> _steps = [];

    /// <param name="graphs">Graphs whose batch is open: letters [T, N], lengths [N]; token [1, N], state [1, N, hidden], logits [N, vocabulary].</param>
    /// <param name="most">Most sources of a batch.</param>
    /// <param name="longest">Longest source.</param>
    public OrtBatchDecoder(OrtDecoderGraphs graphs, int most, int longest)
    {
        using var options = OrtStream.Options();
        _graphs = graphs;
        _encoder = new InferenceSession(graphs.Encoder, options);
        _step = new InferenceSession(graphs.Step, options);
        _letters = new long[most * longest];
        _lengths = new int[most];
        _tokens = new int[most];
        _logits = new float[most * graphs.Vocabulary];
        _states = [new float[most * graphs.Hidden], new float[most * graphs.Hidden]];
        _rows = new int[most];
    }

    /// <summary>Tokens of the best result of each source, and its log probability.</summary>
    public (List<int> Tokens, double LogProbability)[] Decode(ReadOnlySpan<int[]> sources)
    {
        var count = sources.Length;
        var length = 0;
        foreach (var source in sources) length = Math.Max(length, source.Length);
        var results = new (List<int> Tokens, double LogProbability)[count];
        Array.Clear(_letters, 0, length * count);
        for (var i = 0; i < count; i++)
        {
            for (var t = 0; t < sources[i].Length; t++) _letters[t * count + i] = sources[i][t];
            (_lengths[i], _tokens[i], _rows[i]) = (sources[i].Length, _graphs.Begin, i);
            results[i] = ([], 0);
        }

        _encoder.RunWithBinding(_run, EncoderOf(length, count));
        var rows = count;
        for (var (step, from) = (0, 0); step <= _graphs.MaxTokens && rows > 0; step++, from = 1 - from)
        {
            _step.RunWithBinding(_run, StepOf(rows, from));
            rows = Take(rows, _states[1 - from], results, step == _graphs.MaxTokens);
        }

        return results;
    }

    public void Dispose()
    {
        foreach (var owned in Enumerable.Reverse(_owned)) owned.Dispose();
        _encoder.Dispose();
        _step.Dispose();
        _run.Dispose();
    }

    /// <summary>Takes the best token of each row; rows that go on move together.</summary>
    private int Take(int rows, float[] states, (List<int> Tokens, double LogProbability)[] results, bool isLast)
    {
        var stay = 0;
        for (var row = 0; row < rows; row++)
        {
            var logits = _logits.AsSpan(row * _graphs.Vocabulary, _graphs.Vocabulary);
            var largest = logits[0];
            foreach (var logit in logits) largest = Math.Max(largest, logit);
            var sum = 0f;
            foreach (var logit in logits) sum += MathF.Exp(logit - largest);
            var token = logits.IndexOf(largest);
            ref var result = ref results[_rows[row]];
            if (token == _graphs.End || !isLast) result.LogProbability -= MathF.Log(sum);
            if (token == _graphs.End || isLast) continue;
            result.Tokens.Add(token);
            if (stay != row) states.AsSpan(row * _graphs.Hidden, _graphs.Hidden).CopyTo(states.AsSpan(stay * _graphs.Hidden));
            (_rows[stay], _tokens[stay]) = (_rows[row], token);
            stay++;
        }

        return stay;
    }

    private OrtIoBinding EncoderOf(int length, int count)
    {
        if (_encoders.TryGetValue((length, count), out var binding)) return binding;
        binding = Own(_encoder.CreateIoBinding());
        binding.BindInput(_graphs.Source, Value(_letters, [length, count]));
        binding.BindInput(_graphs.Length!, Value(_lengths, [count]));
        binding.BindOutput(_graphs.First, Value(_states[0], [1, count, _graphs.Hidden]));
        return _encoders[(length, count)] = binding;
    }

    private OrtIoBinding StepOf(int rows, int from)
    {
        if (_steps.TryGetValue((rows, from), out var binding)) return binding;
        binding = Own(_step.CreateIoBinding());
        binding.BindInput(_graphs.Token, Value(_tokens, [1, rows]));
        binding.BindInput(_graphs.State, Value(_states[from], [1, rows, _graphs.Hidden]));
        binding.BindOutput(_graphs.Logits, Value(_logits, [rows, _graphs.Vocabulary]));
        binding.BindOutput(_graphs.NextState, Value(_states[1 - from], [1, rows, _graphs.Hidden]));
        return _steps[(rows, from)] = binding;
    }

    private OrtValue Value<T>(T[] data, long[] shape)
        where T : unmanaged => Own(OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, data.AsMemory(0, (int)shape.Aggregate(1L, (a, b) => a * b)), shape));

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
