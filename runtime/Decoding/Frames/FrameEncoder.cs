namespace SeqRuntime.Decoding;

/// <summary>The graph that turns frames of features into rows: label scores for CTC, vectors for a transducer's joint network.</summary>
internal sealed class FrameEncoder : IDisposable
{
    private readonly int _source;
    private readonly int _length = -1;
    private readonly string? _time;
    private readonly int _most;

    public FrameEncoder(SeqModel model, DecodingInfo info, FrameDecoderOptions options)
    {
        Graph = info.Text(DecodingKeys.Encoder) is null && model.Graphs.Count == 1 ? model.Graphs[0] : info.Graph(DecodingKeys.Encoder);
        var name = info.Text(DecodingKeys.Source) ?? (Graph.Inputs.Count == 1 ? Graph.Inputs[0].Name : info.Need(DecodingKeys.Source));
        var source = Graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The encoder '{Graph.Name}' has no input '{name}', which the metadata name as its source.");
        if (source.Type != ElementType.Float32) throw new ArgumentException($"The encoder's source '{name}' is {source.Type}; features are float32.");

        // The last symbol is the time; one before it is a batch, of 1.
        _time = source.Dimensions.LastOrDefault(d => d.Symbol is not null).Symbol;
        FrameSize = source.Dimensions.Aggregate(1, (product, d) => checked(product * Math.Max(d.Size, 1)));
        _most = _time is null ? 1 : options.MaxFrames;
        var sizes = new SeqSessionOptions { MemoryLimitBytes = options.MemoryLimitBytes };
        if (_time is not null) sizes.MaxSizes[_time] = _most;
        Session = model.CreateSession(Graph.Name, sizes);
        _source = Session.InputIndex(name);
        if (info.Text(DecodingKeys.SourceLength) is { } length)
        {
            _length = Session.InputIndex(length);
            if (!PortIO.IsNumeric(Session.InputType(_length))) throw new ArgumentException($"The encoder's length '{length}' is no int32, int64 or float32.");
        }

        foreach (var input in Graph.Inputs)
        {
            if (input.Name != name && Session.InputIndex(input.Name) != _length)
                throw new ArgumentException($"Nothing fills the encoder's input '{input.Name}'; name it as the source's length, or fix it when converting (--set {input.Name}=…).");
        }
    }

    public SeqGraphInfo Graph { get; }

    public SeqSession Session { get; }

    /// <summary>Features of a frame; of all frames of a run, where the model fixes their number.</summary>
    public int FrameSize { get; }

    /// <summary>Runs over the first frames that fit and tells how many features those were.</summary>
    public int Run(ReadOnlySpan<float> features)
    {
        if (features.Length % FrameSize != 0 || features.IsEmpty)
            throw new ArgumentException($"{features.Length} features are given; {(_time is null ? "the model runs over" : "frames have")} {FrameSize}, of which a whole number is needed.");
        var frames = _time is null ? 1 : features.Length / FrameSize;
        if (frames > _most) throw new ArgumentException($"{frames} frames are given; the decoder was made for {_most} (FrameDecoderOptions.MaxFrames).");
        if (_time is not null) Session.SetSize(_time, frames);
        features[..(frames * FrameSize)].CopyTo(Session.Input<float>(_source));
        if (_length >= 0) PortIO.Fill(Session, _length, frames);
        Session.Run();
        return frames * FrameSize;
    }

    /// <summary>Index of an output whose last dimension is fixed, as rows of frames.</summary>
    public int RowsOutput(string? name)
    {
        var index = Session.OutputIndex(name ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : throw new ArgumentException($"The encoder '{Graph.Name}' has {Graph.Outputs.Count} outputs; the metadata do not say which one decoding needs.")));
        if (Session.OutputType(index) != ElementType.Float32 || Session.OutputShape(index).IsEmpty) throw new ArgumentException($"The encoder's output '{Session.OutputName(index)}' is no float32 in rows.");
        return index;
    }

    public int RowSize(int output) => Session.OutputShape(output)[^1];

    public int RowCount(int output) => RowSize(output) == 0 ? 0 : Session.Output<float>(output).Length / RowSize(output);

    public ReadOnlySpan<float> Row(int output, int row) => Session.Output<float>(output).Slice(row * RowSize(output), RowSize(output));

    public void Dispose() => Session.Dispose();
}
