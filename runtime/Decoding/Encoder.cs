namespace SeqRuntime.Decoding;

/// <summary>The graph that reads the source, once for each sentence.</summary>
internal sealed class Encoder : IDisposable
{
    private readonly int _source;
    private readonly int _length = -1;
    private readonly string? _time;
    private readonly int _fixedLength;

    public Encoder(SeqModel model, DecodingInfo info, SeqDecoderOptions options)
    {
        Graph = info.Graph(DecodingKeys.Encoder);
        var name = info.Text(DecodingKeys.Source) ?? (Graph.Inputs.Count == 1 ? Graph.Inputs[0].Name : info.Need(DecodingKeys.Source));
        var source = Graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The encoder '{Graph.Name}' has no input '{name}', which the metadata name as its source.");
        if (!PortIO.IsNumeric(source.Type)) throw new ArgumentException($"The encoder's source '{name}' is {source.Type}; tokens are int32, int64 or float32.");

        // The last symbol is the length; one before it is a batch, of 1.
        _time = source.Dimensions.LastOrDefault(d => d.Symbol is not null).Symbol;
        _fixedLength = source.Dimensions.Aggregate(1, (product, d) => checked(product * Math.Max(d.Size, 1)));
        if (_time is not null && _fixedLength != 1) throw new ArgumentException($"The encoder's source '{name}' is no single row of tokens.");
        MaxLength = _time is null ? _fixedLength : options.MaxSourceLength;
        var sizes = new SeqSessionOptions { MemoryLimitBytes = options.MemoryLimitBytes };
        if (_time is not null) sizes.MaxSizes[_time] = options.MaxSourceLength;
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

    public int MaxLength { get; }

    public SeqSession Session { get; }

    /// <summary>Tokens of the source, begin and end included, at the last <see cref="Run"/>.</summary>
    public int Length { get; private set; }

    public void Run(ReadOnlySpan<int> source)
    {
        if (source.IsEmpty) throw new ArgumentException("The source is empty.");
        if (source.Length > MaxLength) throw new ArgumentException($"The source has {source.Length} tokens; the decoder was made for {MaxLength}.");
        if (_time is not null) Session.SetSize(_time, source.Length);
        else if (source.Length != _fixedLength) throw new ArgumentException($"The source has {source.Length} tokens; the encoder takes exactly {_fixedLength}.");
        PortIO.Write(Session, _source, source);
        if (_length >= 0) PortIO.Fill(Session, _length, source.Length);
        Session.ResetState();
        Session.Run();
        Length = source.Length;
    }

    public void Dispose() => Session.Dispose();
}
