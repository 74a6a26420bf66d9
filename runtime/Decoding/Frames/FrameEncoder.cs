namespace SeqRuntime.Decoding;

/// <summary>The graph that computes rows from frames of features: label scores for CTC, vectors for a transducer's joint network.</summary>
internal sealed class FrameEncoder : IDisposable
{
    private readonly SourceGraph _source;

    public FrameEncoder(SeqModel model, DecodingInfo info, FrameDecoderOptions options, DecoderMemory memory)
    {
        var limits = new SeqSessionOptions { WorkLimit = options.WorkLimit, MemoryLimitBytes = memory.Left };
        _source = new SourceGraph(model, info, info.GraphOrOnly(DecodingKeys.Encoder), options.MaxFrames, nameof(FrameDecoderOptions.MaxFrames), limits, memory);
        if (_source.SourceType != ElementType.Float32) throw new ArgumentException($"The encoder's source '{_source.SourceName}' is {_source.SourceType}; it must be float32.");
    }

    public SeqGraphInfo Graph => _source.Graph;

    public SeqSession Session => _source.Session;

    /// <summary>Features of a frame, or of all frames of a run if the model fixes their number.</summary>
    public int FrameSize => _source.StepSize;

    /// <summary>The model's input for features.</summary>
    public static SeqPortInfo SourceOf(SeqModel model)
    {
        var info = DecodingInfo.Of(model, DecodingKeys.Ctc, DecodingKeys.Transducer);
        return SourceGraph.SourceOf(info.GraphOrOnly(DecodingKeys.Encoder), info);
    }

    /// <exception cref="ArgumentException">The features are not a whole number of frames, or too many.</exception>
    public void Check(ReadOnlySpan<float> features)
    {
        if (features.Length % FrameSize != 0) throw new ArgumentException($"{features.Length} features are given; {(_source.IsOpen ? "a frame" : "a run")} has {FrameSize}, so the number must be a multiple of {FrameSize}.");
        if (_source.IsOpen && features.Length / FrameSize > _source.MaxSteps)
            throw new ArgumentException($"{features.Length / FrameSize} frames are given; the decoder takes at most {_source.MaxSteps} ({nameof(FrameDecoderOptions)}.{nameof(FrameDecoderOptions.MaxFrames)}).");
    }

    /// <summary>Runs the first frames that fit and returns the number of features read. <see cref="Check"/> must have passed.</summary>
    public int Run(ReadOnlySpan<float> features, CancellationToken cancellation)
    {
        var frames = _source.IsOpen ? features.Length / FrameSize : 1;
        _source.SetLength(frames);
        features[..(frames * FrameSize)].CopyTo(Session.Input<float>(_source.Source));
        Session.Run(cancellation);
        return frames * FrameSize;
    }

    /// <summary>Index of an output that has one row for each frame.</summary>
    public int RowsOutput(string? name)
    {
        var index = Session.Outputs[name ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : throw new ArgumentException($"The encoder '{Graph.Name}' has {Graph.Outputs.Count} outputs; the metadata do not say which one decoding needs."))].Index;
        if (Session.Outputs[index].Type != ElementType.Float32 || Session.Outputs[index].Shape.IsEmpty) throw new ArgumentException($"The encoder's output '{Session.Outputs[index].Name}' must be float32 and have rows.");
        return index;
    }

    public int RowSize(int output) => Session.Outputs[output].Shape[^1];

    public int RowCount(int output) => RowSize(output) == 0 ? 0 : Session.Output<float>(output).Length / RowSize(output);

    public ReadOnlySpan<float> Row(int output, int row) => Session.Output<float>(output).Slice(row * RowSize(output), RowSize(output));

    public void Dispose() => _source.Dispose();
}
