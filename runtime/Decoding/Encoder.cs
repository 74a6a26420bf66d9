namespace SeqRuntime.Decoding;

/// <summary>The graph that reads the source's tokens, once for each sentence.</summary>
internal sealed class Encoder : IDisposable
{
    private readonly SourceGraph _source;

    public Encoder(SeqModel model, DecodingInfo info, SeqDecoderOptions options, DecoderMemory memory)
    {
        var limits = new SeqSessionOptions { WorkLimit = options.WorkLimit, SharesMemory = options.SharesMemory, MemoryLimitBytes = memory.Left };
        _source = new SourceGraph(model, info, info.Graph(DecodingKeys.Encoder), options.MaxSourceLength, nameof(SeqDecoderOptions.MaxSourceLength), limits, memory);
        if (!PortIO.IsNumeric(_source.SourceType)) throw new ArgumentException($"The encoder's source '{_source.SourceName}' is {_source.SourceType}; it must be int32, int64 or float32.");
        if (_source.IsOpen && _source.StepSize != 1) throw new ArgumentException($"The encoder's source '{_source.SourceName}' must be a single row of tokens.");
        MaxLength = _source.IsOpen ? _source.MaxSteps : _source.StepSize;
    }

    public SeqGraphInfo Graph => _source.Graph;

    public int MaxLength { get; }

    public SeqSession Session => _source.Session;

    /// <summary>Tokens of the source, begin and end included, at the last <see cref="Run"/>.</summary>
    public int Length { get; private set; }

    public void Run(ReadOnlySpan<int> source, CancellationToken cancellation)
    {
        Length = 0;
        if (source.IsEmpty) throw new ArgumentException("The source is empty.");
        if (source.Length > MaxLength) throw new ArgumentException($"The source has {source.Length} tokens; the decoder takes at most {MaxLength} ({nameof(SeqDecoderOptions.MaxSourceLength)}).");
        if (!_source.IsOpen && source.Length != MaxLength) throw new ArgumentException($"The source has {DecodingError.Count(source.Length, "token")}; the encoder takes exactly {MaxLength}.");
        _source.SetLength(source.Length);
        PortIO.Write(Session, _source.Source, source);
        Session.ResetState();
        Session.Run(cancellation);
        Length = source.Length;
    }

    public void Dispose() => _source.Dispose();
}
