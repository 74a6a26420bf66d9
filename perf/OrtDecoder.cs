using Microsoft.ML.OnnxRuntime;

namespace SeqRuntime.Perf;

/// <summary>
/// thai2rom's two graphs driven by ONNX Runtime from C#: the search is plain arithmetic over preallocated arrays, values lie in
/// memory that the graphs read and write in place. The step takes one hypothesis, so a beam runs it once for each.
/// </summary>
internal sealed class OrtDecoder : IDisposable
{
    public const int End = 2;
    private const int Begin = 1;
    private const int Vocabulary = 40;
    private const int Hidden = 256;
    private const int MaxTokens = 100;
    private const int MaxLength = 64;
    private static readonly string[] s_encoderInputs = ["input_tensor", "input_lengths"];
    private static readonly string[] s_encoderOutputs = ["encoder_outputs", "encoder_hidden_1"];
    private static readonly string[] s_stepInputs = ["decoder_input", "decoder_hidden_1", "encoder_outputs", "mask"];
    private static readonly string[] s_stepOutputs = ["decoder_output", "decoder_hidden_2"];

    private readonly int _width;
    private readonly RunOptions _run = new();
    private readonly InferenceSession _encoder;
    private readonly InferenceSession _step;
    private readonly long[] _source = new long[MaxLength];
    private readonly int[] _length = new int[1];
    private readonly float[] _memory = new float[MaxLength * Hidden];
    private readonly float[] _first = new float[Hidden];
    private readonly float[] _mask = [.. Enumerable.Repeat(1f, MaxLength)];
    private readonly int[] _token = new int[1];
    private readonly float[] _logits = new float[Vocabulary];
    private readonly OrtValue _lengthValue;
    private readonly OrtValue _firstValue;
    private readonly OrtValue _tokenValue;
    private readonly OrtValue _logitsValue;
    private readonly float[][] _states;
    private readonly OrtValue[] _stateValues;
    private readonly List<Hypothesis> _candidates = [];
    private List<Hypothesis> _live = [];
    private List<Hypothesis> _next = [];

    public OrtDecoder(string encoder, string step, int width)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, ExecutionMode = ExecutionMode.ORT_SEQUENTIAL, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        _width = width;
        _encoder = new InferenceSession(encoder, options);
        _step = new InferenceSession(step, options);
        _lengthValue = OrtValue.CreateTensorValueFromMemory(_length, [1]);
        _firstValue = OrtValue.CreateTensorValueFromMemory(_first, [2, 1, Hidden / 2]);
        _tokenValue = OrtValue.CreateTensorValueFromMemory(_token, [1, 1]);
        _logitsValue = OrtValue.CreateTensorValueFromMemory(_logits, [1, Vocabulary]);
        // Two of each hypothesis: one that is read, one that is written; and the first.
        _states = [.. Enumerable.Range(0, 2 * width + 1).Select(_ => new float[Hidden])];
        _stateValues = Array.ConvertAll(_states, s => OrtValue.CreateTensorValueFromMemory(s, [1, 1, Hidden]));
    }

    /// <summary>Tokens of the best result, and its log probability.</summary>
    public (List<int> Tokens, double LogProbability) Decode(ReadOnlySpan<int> source)
    {
        for (var i = 0; i < source.Length; i++) _source[i] = source[i];
        _length[0] = source.Length;
        using var sourceValue = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _source.AsMemory(0, source.Length), [1, source.Length]);
        using var memory = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _memory.AsMemory(0, source.Length * Hidden), [1, source.Length, Hidden]);
        using var mask = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _mask.AsMemory(0, source.Length), [1, source.Length]);
        _encoder.Run(_run, s_encoderInputs, [sourceValue, _lengthValue], s_encoderOutputs, [memory, _firstValue]);
        _first.CopyTo(_states[^1], 0);

        Hypothesis? best = null;
        _live.Clear();
        _live.Add(new Hypothesis(Begin, null, 0, _states.Length - 1));
        for (var step = 0; step <= MaxTokens && _live.Count > 0; step++)
        {
            _candidates.Clear();
            for (var row = 0; row < _live.Count; row++)
            {
                var hypothesis = _live[row];
                var state = (step & 1) * _width + row;
                _token[0] = hypothesis.Token;
                _step.Run(_run, s_stepInputs, [_tokenValue, _stateValues[hypothesis.State], memory, mask], s_stepOutputs, [_logitsValue, _stateValues[state]]);
                Expand(hypothesis, state, ref best);
            }

            _candidates.Sort((a, b) => b.Score.CompareTo(a.Score));
            _next.Clear();
            for (var i = 0; i < _candidates.Count && _next.Count < _width && step < MaxTokens; i++)
            {
                if (best is null || _candidates[i].Score > best.Score) _next.Add(_candidates[i]);
            }

            (_live, _next) = (_next, _live);
        }

        var tokens = new List<int>();
        for (var at = best?.Before; at?.Before is not null; at = at.Before) tokens.Insert(0, at.Token);
        return (tokens, best?.Score ?? double.NegativeInfinity);
    }

    public void Dispose()
    {
        foreach (var value in _stateValues) value.Dispose();
        _lengthValue.Dispose();
        _firstValue.Dispose();
        _tokenValue.Dispose();
        _logitsValue.Dispose();
        _encoder.Dispose();
        _step.Dispose();
        _run.Dispose();
    }

    private void Expand(Hypothesis hypothesis, int state, ref Hypothesis? best)
    {
        var largest = _logits.AsSpan()[0];
        foreach (var logit in _logits) largest = Math.Max(largest, logit);
        var sum = 0f;
        foreach (var logit in _logits) sum += MathF.Exp(logit - largest);
        var rest = largest + MathF.Log(sum);
        if (_width == 1)
        {
            var token = Array.IndexOf(_logits, largest);
            var next = new Hypothesis(token, hypothesis, hypothesis.Score + largest - rest, state);
            if (token == End) best = next;
            else _candidates.Add(next);
            return;
        }

        for (var token = 0; token < Vocabulary; token++)
        {
            var score = hypothesis.Score + _logits[token] - rest;
            if (token == End)
            {
                if (best is null || score > best.Score) best = new Hypothesis(End, hypothesis, score, state);
            }
            else
            {
                _candidates.Add(new Hypothesis(token, hypothesis, score, state));
            }
        }
    }

    private sealed record Hypothesis(int Token, Hypothesis? Before, double Score, int State);
}
