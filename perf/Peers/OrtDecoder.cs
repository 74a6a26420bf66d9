using Microsoft.ML.OnnxRuntime;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// An encoder and a decoder step run by ONNX Runtime from C#. The search is plain arithmetic over preallocated arrays. The graphs read and
/// write preallocated values, and every run is a <c>RunWithBinding</c> with a binding made before. The step takes one hypothesis, so a
/// beam runs it once for each.
/// </summary>
internal sealed class OrtDecoder : IDisposable
{
    private const int MaxLength = 64;

    private readonly OrtDecoderGraphs _graphs;
    private readonly int _width;
    private readonly List<IDisposable> _owned = [];
    private readonly RunOptions _run = new();
    private readonly InferenceSession _encoder;
    private readonly InferenceSession _step;
    private readonly long[] _source = new long[MaxLength];
    private readonly int[] _length = new int[1];
    private readonly float[] _memory;
    private readonly float[] _first;
    private readonly float[] _mask = [.. Enumerable.Repeat(1f, MaxLength)];
    private readonly int[] _token = new int[1];
    private readonly float[] _logits;
    private readonly OrtValue _lengthValue;
    private readonly OrtValue _firstValue;
    private readonly OrtValue _tokenValue;
    private readonly OrtValue _logitsValue;
    private readonly float[][] _states;
    private readonly OrtValue[] _stateValues;
    private readonly OfLength?[] _lengths = new OfLength?[MaxLength + 1];
    private readonly List<Hypothesis> _candidates = [];
    private List<Hypothesis> _live = [];
    private List<Hypothesis> _next = [];

    public OrtDecoder(OrtDecoderGraphs graphs, int width)
    {
        using var options = OrtStream.Options();
        _graphs = graphs;
        _width = width;
        _encoder = new InferenceSession(graphs.Encoder, options);
        _step = new InferenceSession(graphs.Step, options);
        _memory = new float[MaxLength * graphs.Hidden];
        _first = new float[graphs.Hidden];
        _logits = new float[graphs.Vocabulary];
        _lengthValue = Own(OrtValue.CreateTensorValueFromMemory(_length, [1]));
        _firstValue = Own(OrtValue.CreateTensorValueFromMemory(_first, graphs.FirstShape));
        _tokenValue = Own(OrtValue.CreateTensorValueFromMemory(_token, [1, 1]));
        _logitsValue = Own(OrtValue.CreateTensorValueFromMemory(_logits, [1, graphs.Vocabulary]));
        // Two states for each hypothesis, one to read and one to write, and the initial state.
        _states = [.. Enumerable.Range(0, 2 * width + 1).Select(_ => new float[graphs.Hidden])];
        _stateValues = Array.ConvertAll(_states, s => Own(OrtValue.CreateTensorValueFromMemory(s, [1, 1, graphs.Hidden])));
    }

    /// <summary>Tokens of the best result, and its log probability.</summary>
    public (List<int> Tokens, double LogProbability) Decode(ReadOnlySpan<int> source)
    {
        for (var i = 0; i < source.Length; i++) _source[i] = source[i];
        _length[0] = source.Length;
        var bindings = _lengths[source.Length] ??= Bind(source.Length);
        _encoder.RunWithBinding(_run, bindings.Encoder);
        _first.CopyTo(_states[^1], 0);

        Hypothesis? best = null;
        _live.Clear();
        _live.Add(new Hypothesis(_graphs.Begin, null, 0, _states.Length - 1));
        for (var step = 0; step <= _graphs.MaxTokens && _live.Count > 0; step++)
        {
            _candidates.Clear();
            for (var row = 0; row < _live.Count; row++)
            {
                var hypothesis = _live[row];
                var state = (step & 1) * _width + row;
                _token[0] = hypothesis.Token;
                _step.RunWithBinding(_run, bindings.Steps[hypothesis.State, state] ??= BindStep(bindings, hypothesis.State, state));
                Expand(hypothesis, state, ref best);
            }

            _candidates.Sort((a, b) => b.Score.CompareTo(a.Score));
            _next.Clear();
            for (var i = 0; i < _candidates.Count && _next.Count < _width && step < _graphs.MaxTokens; i++)
            {
                if (best is null || _candidates[i].Score > best.Score) _next.Add(_candidates[i]);
            }

            if (_next.Count == 0 && best is null) best = new Hypothesis(_graphs.End, _candidates[0], _candidates[0].Score, 0);
            (_live, _next) = (_next, _live);
        }

        var tokens = new List<int>();
        for (var at = best?.Before; at?.Before is not null; at = at.Before) tokens.Add(at.Token);
        tokens.Reverse();
        if (tokens.Count > _graphs.MaxTokens) tokens.RemoveRange(_graphs.MaxTokens, tokens.Count - _graphs.MaxTokens);
        return (tokens, best?.Score ?? double.NegativeInfinity);
    }

    public void Dispose()
    {
        foreach (var owned in Enumerable.Reverse(_owned)) owned.Dispose();
        _encoder.Dispose();
        _step.Dispose();
        _run.Dispose();
    }

    private OfLength Bind(int length)
    {
        var encoder = Own(_encoder.CreateIoBinding());
        encoder.BindInput(_graphs.Source, Own(OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _source.AsMemory(0, length), [1, length])));
        if (_graphs.Length is { } lengthInput) encoder.BindInput(lengthInput, _lengthValue);
        encoder.BindOutput(_graphs.First, _firstValue);
        OrtValue? memory = null, mask = null;
        if (_graphs.Memory is { } memoryOutput)
        {
            memory = Own(OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _memory.AsMemory(0, length * _graphs.Hidden), [1, length, _graphs.Hidden]));
            mask = Own(OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _mask.AsMemory(0, length), [1, length]));
            encoder.BindOutput(memoryOutput, memory);
        }

        return new OfLength(encoder, memory, mask, new OrtIoBinding?[_states.Length, _states.Length]);
    }

    private OrtIoBinding BindStep(OfLength bindings, int from, int to)
    {
        var step = Own(_step.CreateIoBinding());
        step.BindInput(_graphs.Token, _tokenValue);
        step.BindInput(_graphs.State, _stateValues[from]);
        if (bindings.Memory is not null) step.BindInput(_graphs.Memory!, bindings.Memory);
        if (bindings.Mask is not null) step.BindInput(_graphs.Mask!, bindings.Mask);
        step.BindOutput(_graphs.Logits, _logitsValue);
        step.BindOutput(_graphs.NextState, _stateValues[to]);
        return step;
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    private void Expand(Hypothesis hypothesis, int state, ref Hypothesis? best)
    {
        var largest = _logits[0];
        foreach (var logit in _logits) largest = Math.Max(largest, logit);
        var sum = 0f;
        foreach (var logit in _logits) sum += MathF.Exp(logit - largest);
        var rest = largest + MathF.Log(sum);
        if (_width == 1)
        {
            var token = Array.IndexOf(_logits, largest);
            var next = new Hypothesis(token, hypothesis, hypothesis.Score + largest - rest, state);
            if (token == _graphs.End) best = next;
            else _candidates.Add(next);
            return;
        }

        for (var token = 0; token < _logits.Length; token++)
        {
            var score = hypothesis.Score + _logits[token] - rest;
            if (token == _graphs.End)
            {
                if (best is null || score > best.Score) best = new Hypothesis(_graphs.End, hypothesis, score, state);
            }
            else
            {
                _candidates.Add(new Hypothesis(token, hypothesis, score, state));
            }
        }
    }

    /// <summary>Bindings for sources of one length. Those of the step are indexed by the states that they read and write.</summary>
    private sealed record OfLength(OrtIoBinding Encoder, OrtValue? Memory, OrtValue? Mask, OrtIoBinding?[,] Steps);

    private sealed record Hypothesis(int Token, Hypothesis? Before, double Score, int State);
}
