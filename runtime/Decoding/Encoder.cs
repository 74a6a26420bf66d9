namespace SeqRuntime.Decoding;

/// <summary>The graph that reads the sources' tokens, once for each. Sources of one length run together.</summary>
internal sealed class Encoder : IDisposable
{
    private readonly SourceGraph _source;
    private readonly GraphRows? _rows;
    private readonly int[] _inOrder = [];
    private bool _isInRows;

    public Encoder(SeqModel model, DecodingInfo info, SeqDecoderOptions options, DecoderMemory memory)
    {
        _source = new SourceGraph(model, info, info.Graph(DecodingKeys.Encoder), options.MaxSourceLength, nameof(SeqDecoderOptions.MaxSourceLength), Limits(options, memory), memory);
        try
        {
            if (!PortIO.IsNumeric(_source.SourceType)) throw new ArgumentException($"The encoder's source '{_source.SourceName}' is {_source.SourceType}; it must be int32, int64 or float32.");
            if (_source.IsOpen && _source.StepSize != 1) throw new ArgumentException($"The encoder's source '{_source.SourceName}' must be a single row of tokens.");
            MaxLength = _source.IsOpen ? _source.MaxSteps : _source.StepSize;
            Work = Session.Work * options.BatchSize;
            if (options.BatchSize == 1) return;
            var limits = Limits(options, memory);
            _source.AddLength(limits);
            _rows = memory.Rows(model, Graph.Name, options.BatchSize, sources: 0, limits, $"{nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}");
            _inOrder = memory.Array<int>("source", options.BatchSize);
            for (var i = 0; i < _inOrder.Length; i++) _inOrder[i] = i;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public SeqGraphInfo Graph => _source.Graph;

    public int MaxLength { get; }

    /// <summary>Operations of all sources of a batch.</summary>
    public double Work { get; }

    /// <summary>Runs a single source.</summary>
    public SeqSession Session => _source.Session;

    /// <summary>Tokens of the sources of the last <see cref="Run"/>, begin and end included.</summary>
    public int Length { get; private set; }

    /// <summary>Runs sources of one length.</summary>
    public void Run(Sources sources, ReadOnlySpan<int> group, CancellationToken cancellation)
    {
        Length = 0;
        var first = sources[group[0]];
        if (first.IsEmpty) throw new ArgumentException("The source is empty.");
        if (!_source.IsOpen && first.Length != MaxLength) throw new ArgumentException($"The source has {DecodingError.Count(first.Length, "token")}; the encoder takes exactly {MaxLength}.");
        _isInRows = group.Length > 1;
        if (_isInRows) RunRows(sources, group, cancellation);
        else RunOne(first, cancellation);
        Length = first.Length;
    }

    /// <summary>The shape of an output of one source.</summary>
    public ReadOnlySpan<int> OutputShape(int output) => _isInRows ? _rows!.Outputs[output].Shape : Session.Outputs[output].Shape;

    /// <summary>The output of a source of the last <see cref="Run"/>, by its place in the group.</summary>
    public ReadOnlySpan<byte> Output(int output, int place) => _isInRows ? _rows!.Output(output, place) : Session.OutputBytes(output);

    /// <summary>The same for a state.</summary>
    public ReadOnlySpan<byte> State(int state, int place) => _isInRows ? _rows!.State(state, place) : Session.StateContent(state);

    public void Dispose()
    {
        _source.Dispose();
        _rows?.Dispose();
    }

    private static SeqSessionOptions Limits(SeqDecoderOptions options, DecoderMemory memory) =>
        new() { WorkLimit = options.WorkLimit, SharesMemory = options.SharesMemory, MemoryLimitBytes = memory.Left };

    private void RunOne(ReadOnlySpan<int> tokens, CancellationToken cancellation)
    {
        _source.SetLength(tokens.Length);
        PortIO.Write(Session, _source.Source, tokens);
        Session.ResetState();
        Session.Run(cancellation);
    }

    private void RunRows(Sources sources, ReadOnlySpan<int> group, CancellationToken cancellation)
    {
        var rows = _rows!;
        _source.SetLength(rows, sources[group[0]].Length);
        for (var place = 0; place < group.Length; place++)
        {
            rows.ResetStates(place);
            _source.Write(rows, place, sources[group[place]]);
        }

        rows.Run(_inOrder.AsSpan(0, group.Length), [], cancellation);
    }
}
