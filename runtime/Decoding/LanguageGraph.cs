namespace SeqRuntime.Decoding;

/// <summary>
/// The graph of a language model. It reads a prompt in its only row, several tokens a run where it takes them, and then goes on token by
/// token in one row for each hypothesis. What it has read is in its states; a graph without states reads all tokens again in each run.
/// </summary>
internal sealed class LanguageGraph : StepRows
{
    /// <summary>Rows times tokens of the largest run: more would make the prompt hardly faster.</summary>
    private const int MostTokens = 64;

    private readonly LanguageShape _shape;
    private readonly int _most;
    private readonly int[] _history = [];
    private readonly bool _isNumbered;
    private int _latest;

    /// <param name="model">The model.</param>
    /// <param name="info">Names inputs and outputs.</param>
    /// <param name="shape">What the graph's dimensions count.</param>
    /// <param name="options">Of the decoder.</param>
    /// <param name="maxTokens">Most tokens of a result.</param>
    /// <param name="memory">The decoder's memory.</param>
    public LanguageGraph(SeqModel model, DecodingInfo info, LanguageShape shape, SeqDecoderOptions options, int maxTokens, DecoderMemory memory)
        : base(model, info, MakeRows(model, shape, options, maxTokens, memory), options.BeamWidth, memory)
    {
        _shape = shape;
        _most = MostOfRun(shape, options, maxTokens);
        _isNumbered = Position >= 0 && shape.IsOverTime(Graph.Inputs[Position]);
        try
        {
            RefuseUnfilled();
            if (!shape.HasStates) _history = memory.Array<int>("tokens of hypotheses", 2L * options.BeamWidth, _most);
            MaxContext = shape.HasStates ? shape.MostSteps : Math.Min(_most, shape.MostSteps ?? _most);
            WorkOfRun = Measure(_most);
            WorkOfStep = shape.HasStates ? Measure(1) : WorkOfRun;
            Reset();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Most tokens that can be read since a <see cref="Reset"/>; null where nothing limits them.</summary>
    public int? MaxContext { get; }

    /// <summary>Tokens that have been read since a <see cref="Reset"/>.</summary>
    public int Count { get; private set; }

    /// <summary>Operations of the largest run, of all hypotheses.</summary>
    public double WorkOfRun { get; }

    /// <summary>Operations of a step of all hypotheses, with full caches.</summary>
    public double WorkOfStep { get; }

    /// <summary>Tokens of a prompt that a run can read.</summary>
    public int Piece => _shape.HasStates ? _most : int.MaxValue;

    /// <summary>Forgets all tokens.</summary>
    public void Reset()
    {
        Rows.Begin();
        (Count, _latest) = (0, 0);
    }

    /// <summary>Reads tokens in the only row, without their scores.</summary>
    public void Feed(ReadOnlySpan<int> tokens, CancellationToken cancellation)
    {
        if (!_shape.HasStates)
        {
            tokens.CopyTo(History(_latest)[Count..]);
            Count += tokens.Length;
            return;
        }

        for (var at = 0; at < tokens.Length;)
        {
            var now = Math.Min(_most, tokens.Length - at);
            SetSteps(now);
            PortIO.Write(Session, Token, tokens.Slice(at, now));
            Session.Run(cancellation);
            Count += now;
            at += now;
        }
    }

    /// <summary>The logits of a run of these tokens alone.</summary>
    public float[] LogitsOf(ReadOnlySpan<int> tokens)
    {
        Reset();
        SetSteps(tokens.Length);
        PortIO.Write(Session, Token, tokens);
        Session.Run();
        return Logits.ToArray();
    }

    /// <inheritdoc/>
    public override void Begin()
    {
        base.Begin();
        if (_latest != 0) History(_latest)[..Count].CopyTo(History(0));
        _latest = 0;
    }

    protected override bool ReadsLast => !_shape.HasStates;

    protected override void FillPosition(int position)
    {
        SetSteps(_shape.HasStates ? 1 : Count + 1);
        Count++;
    }

    protected override void WriteTokens(ReadOnlySpan<int> tokens, int from, int to)
    {
        if (_shape.HasStates)
        {
            base.WriteTokens(tokens, from, to);
            return;
        }

        var sequence = History(to)[..Count];
        History(from)[..(Count - 1)].CopyTo(sequence);
        sequence[^1] = tokens[0];
        PortIO.Write(Session, Token, sequence);
        _latest = to;
    }

    protected override void FillRows()
    {
    }

    private static int MostOfRun(LanguageShape shape, SeqDecoderOptions options, int maxTokens) =>
        shape.Time is null ? 1 : shape.HasStates ? Math.Max(1, Math.Min(options.MaxSourceLength, MostTokens / options.BeamWidth)) : Math.Min(shape.MostSteps ?? int.MaxValue, Sum(options.MaxSourceLength, maxTokens));

    private static int Sum(int a, int b) => (int)Math.Min((long)a + b, int.MaxValue);

    private static RowGraph MakeRows(SeqModel model, LanguageShape shape, SeqDecoderOptions options, int maxTokens, DecoderMemory memory)
    {
        var (most, width) = (MostOfRun(shape, options, maxTokens), options.BeamWidth);
        var sizes = new SeqSessionOptions { MemoryLimitBytes = memory.Left, WorkLimit = options.WorkLimit, SharesMemory = options.SharesMemory };
        if (shape.Time is { } time) sizes.MaxSizes[time] = most;
        if (shape.Mask is { } mask) sizes.MaxSizes[mask] = Sum(shape.MostSteps ?? Sum(options.MaxSourceLength, maxTokens), shape.HasStates ? most : 0);
        var from = $"{nameof(SeqDecoderOptions.BeamWidth)} = {width} and {nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}";
        var rows = new RowGraph(model, shape.Graph, shape.Batch, width, RowGraph.SlotsOf(shape.Batch, width), keepsOutputs: false, sizes, from, memory);
        if (shape.Time is not null) rows.Session.SetSize(shape.Time, 1);
        if (shape.Mask is not null) rows.Session.SetSize(shape.Mask, 1);
        return rows;
    }

    /// <summary>The tokens of a hypothesis.</summary>
    private Span<int> History(int row) => _history.AsSpan(row * _most, _most);

    /// <summary>Sizes the next run, and fills the inputs besides the tokens.</summary>
    private void SetSteps(int steps)
    {
        if (_shape.Time is { } time) Session.SetSize(time, steps);
        if (_shape.Mask is { } mask) Session.SetSize(mask, _shape.HasStates ? Count + steps : steps);
        if (Mask >= 0) PortIO.Fill(Session, Mask, 1);
        if (Position < 0) return;
        var first = _shape.HasStates ? Count : 0;
        if (_isNumbered && steps > 1) PortIO.Number(Session, Position, first);
        else PortIO.Fill(Session, Position, first);
    }

    /// <summary>Operations of a run of as many tokens in each row after as many as the caches hold. Its logits must be one row for each hypothesis, or for each token.</summary>
    private double Measure(int steps)
    {
        Rows.SetRows(Rows.MaxRows);
        Session.ResetState();
        var full = new int[Session.CacheCount];
        Array.Fill(full, _shape.MostSteps ?? 0);
        Session.SetCacheSteps(full);
        Count = full.Length > 0 ? full[0] : 0;
        SetSteps(steps);
        var logits = Logits.Length;
        if (logits != (long)Rows.MaxRows * Vocabulary && logits != (long)Rows.MaxRows * steps * Vocabulary) throw WrongLogits(Rows.MaxRows * steps);
        return Work;
    }

    private void RefuseUnfilled()
    {
        for (var i = 0; i < Session.Inputs.Count; i++)
        {
            if (i == Token || i == Mask || i == Position) continue;
            throw new ArgumentException($"Nothing fills input '{Session.Inputs[i].Name}' of graph '{Graph.Name}': name it as the mask or the position, make it a state (--state {Session.Inputs[i].Name}=OUTPUT), or fix it when converting (--set {Session.Inputs[i].Name}=…).");
        }
    }
}
