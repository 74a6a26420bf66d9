using SeqRuntime.Converter.Samples;

namespace SeqRuntime.Converter.Measuring;

/// <summary>Runs a graph of two models over the same inputs, each with its own states, and compares the outputs of each run.</summary>
internal sealed class SideBySide : IDisposable
{
    private readonly SeqSession _exact;
    private readonly SeqSession _rounded;
    private readonly GraphSamples _samples;
    private readonly ErrorSum[] _sums;
    private float[] _exactFloats = [];
    private float[] _roundedFloats = [];

    private SideBySide(SeqModel exact, SeqModel rounded, GraphSamples samples)
    {
        _samples = samples;
        _exact = Session(exact, samples);
        try
        {
            _rounded = Session(rounded, samples);
            var graph = Array.Find(exact.Loaded.Graphs, g => g.Name == samples.Graph)!;
            _sums = [.. Enumerable.Range(0, _exact.Outputs.Count).Select(i => new ErrorSum(_exact.Outputs[i].Name, OutputChoices.Of(exact, graph, i, _exact.Outputs[i].Type, _exact.Outputs[i].Shape)))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Compares the outputs of a graph.</summary>
    /// <param name="exact">The model in fp32.</param>
    /// <param name="rounded">The same model with other weights.</param>
    /// <param name="samples">Inputs of the graph.</param>
    /// <param name="progress">Receives the share of runs that are done.</param>
    /// <exception cref="ArgumentException">No session can be made for the inputs.</exception>
    /// <exception cref="SeqDataException">The graph cannot use an input.</exception>
    public static GraphError Run(SeqModel exact, SeqModel rounded, GraphSamples samples, Action<double>? progress = null)
    {
        using var both = new SideBySide(exact, rounded, samples);
        var (all, done) = (samples.Sequences.Sum(sequence => (long)sequence.Runs), 0L);
        foreach (var sequence in samples.Sequences) both.Run(sequence, () => progress?.Invoke((double)++done / all));
        return new GraphError(samples.Graph, [.. both._sums.Select(s => s.Result())], samples.Sequences.Count, samples.Steps, samples.What, samples.IsGiven);
    }

    public void Dispose()
    {
        _exact.Dispose();
        _rounded?.Dispose();
    }

    private static SeqSession Session(SeqModel model, GraphSamples samples)
    {
        var options = new SeqSessionOptions();
        foreach (var symbol in samples.Sequences.SelectMany(s => s.Sizes.Keys).Distinct()) options.MaxSizes[symbol] = samples.Sequences.Max(s => s.Sizes.GetValueOrDefault(symbol, 1));
        var graph = model.InfoOf(samples.Graph);
        foreach (var (symbol, most) in SampleSizes.CachesOf(model, graph)) options.MaxSizes[symbol] = most;
        return model.CreateSession(samples.Graph, options);
    }

    private void Run(SampleSequence sequence, Action ran)
    {
        foreach (var (symbol, size) in sequence.Sizes)
        {
            _exact.SetSize(symbol, size);
            _rounded.SetSize(symbol, size);
        }

        _exact.ResetState();
        _rounded.ResetState();
        var length = _samples.Time is { } time ? sequence.Sizes.GetValueOrDefault(time, 1) : 1;
        for (var run = 0; run < sequence.Runs; run++)
        {
            for (var input = 0; input < _exact.Inputs.Count; input++)
            {
                sequence.Write(run, input, _exact.InputBytes(input));
                _exact.InputBytes(input).CopyTo(_rounded.InputBytes(input));
            }

            _exact.Run();
            _rounded.Run();
            for (var output = 0; output < _sums.Length; output++) Compare(output, run, sequence.Runs, length);
            ran();
        }
    }

    private void Compare(int output, int run, int runs, int length)
    {
        var (sum, type) = (_sums[output], _exact.Outputs[output].Type);
        var shape = _exact.Outputs[output].Shape;
        if (type is not (ElementType.Float32 or ElementType.Float64))
        {
            sum.AddIntegers(_exact.OutputBytes(output), _rounded.OutputBytes(output), type.Size());
            return;
        }

        var exact = Floats(_exact, output, type, ref _exactFloats);
        var rounded = Floats(_rounded, output, type, ref _roundedFloats);
        sum.AddChoices(exact, rounded, shape);
        var axis = length > 1 ? shape.IndexOf(length) : -1;
        var inner = 1;
        for (var i = axis + 1; axis >= 0 && i < shape.Length; i++) inner *= shape[i];
        var steps = (long)runs * length;
        if (axis < 0)
        {
            sum.Add(exact, rounded, ErrorSum.PartOf(run, runs));
            return;
        }

        for (var at = 0; at < exact.Length; at += inner) sum.Add(exact.Slice(at, inner), rounded.Slice(at, inner), ErrorSum.PartOf(((long)run * length) + (at / inner % length), steps));
    }

    private static ReadOnlySpan<float> Floats(SeqSession session, int output, ElementType type, ref float[] buffer)
    {
        if (type == ElementType.Float32) return session.Output<float>(output);
        var values = session.Output<double>(output);
        if (buffer.Length < values.Length) buffer = new float[values.Length];
        for (var i = 0; i < values.Length; i++) buffer[i] = (float)values[i];
        return buffer.AsSpan(0, values.Length);
    }
}
