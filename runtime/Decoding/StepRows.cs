namespace SeqRuntime.Decoding;

/// <summary>What a step of hypotheses gives a search.</summary>
internal interface ITokenScores
{
    /// <summary>Number of different tokens.</summary>
    int Vocabulary { get; }

    /// <summary>Most alignment weights of a row, or 0 if there are none.</summary>
    int AlignmentStride { get; }

    /// <summary>Log probabilities of the next token of a row.</summary>
    Span<float> LogProbabilities(int row);
}

/// <summary>
/// A graph that gives the next token's logits from the token before and the states. Has one row of states for each hypothesis, in a
/// batch where its token has a symbolic dimension for them; <see cref="Run"/> takes for each new row the row it goes on from.
/// </summary>
internal abstract class StepRows : ITokenScores, IDisposable
{
    private readonly int _width;
    private readonly int _logits;
    private readonly int _alignment = -1;
    private readonly LogProbabilityRows _scores;
    private int _count;
    private int _now;

    /// <param name="model">The model.</param>
    /// <param name="info">Names inputs and outputs of the step.</param>
    /// <param name="rows">The graph at its largest number of rows, one token each. It is disposed with this object, also if this fails.</param>
    /// <param name="width">Hypotheses at once.</param>
    /// <param name="memory">The decoder's memory.</param>
    protected StepRows(SeqModel model, DecodingInfo info, RowGraph rows, int width, DecoderMemory memory)
    {
        (Rows, _width) = (rows, width);
        try
        {
            Token = Session.Inputs[TokenOf(info, Graph).Name].Index;
            Mask = info.Text(DecodingKeys.Mask) is { } mask ? Session.Inputs[mask].Index : -1;
            Position = info.Text(DecodingKeys.Position) is { } position ? Session.Inputs[position].Index : -1;
            _logits = Session.Outputs[info.Text(DecodingKeys.Logits) ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : info.Need(DecodingKeys.Logits))].Index;
            if (Session.Outputs[_logits].Type != ElementType.Float32) throw new ArgumentException($"The step's logits are {Session.Outputs[_logits].Type}; they must be float32.");
            Vocabulary = LogitShape is [.., var last] ? last : throw new ArgumentException("The step's logits are a single number; they must have one for each token.");
            if (Session.Output<float>(_logits).Length != (long)rows.MaxRows * Vocabulary) throw WrongLogits(rows.MaxRows);
            if (info.Text(DecodingKeys.Alignment) is { } alignment)
            {
                _alignment = Session.Outputs[alignment].Index;
                if (Session.Outputs[_alignment].Type != ElementType.Float32 || Session.Output<float>(_alignment).Length % rows.MaxRows != 0) throw new ArgumentException($"The step's alignment '{alignment}' must be float32, with the same number of elements in each of {rows.MaxRows} rows.");
                AlignmentStride = Session.Output<float>(_alignment).Length / rows.MaxRows;
            }

            _scores = new LogProbabilityRows(model.Kernels, info, width, Vocabulary, memory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Number of different tokens.</summary>
    public int Vocabulary { get; }

    /// <summary>Most alignment weights of a row, or 0 if there are none.</summary>
    public int AlignmentStride { get; }

    /// <summary>Operations of a step of all hypotheses, at the sizes last inferred.</summary>
    public double Work => Session.Work * (_width / Rows.MaxRows);

    protected RowGraph Rows { get; }

    protected SeqGraphInfo Graph => Rows.Graph;

    protected SeqSession Session => Rows.Session;

    /// <summary>Inputs of the session; -1 where the graph has none.</summary>
    protected int Token { get; }

    /// <inheritdoc cref="Token"/>
    protected int Mask { get; }

    /// <inheritdoc cref="Token"/>
    protected int Position { get; }

    protected ReadOnlySpan<int> LogitShape => Session.Outputs[_logits].Shape;

    protected ReadOnlySpan<float> Logits => Session.Output<float>(_logits);

    /// <summary>The output that holds the scores.</summary>
    public string LogitsName => Session.Outputs[_logits].Name;

    /// <summary>The scores of the last row of the last run, as the graph gives them.</summary>
    public ReadOnlySpan<float> LastLogits => Logits[^Vocabulary..];

    /// <summary>Whether hypotheses go one by one and their states are kept in slots: those before a step in one half, those after it in the other.</summary>
    private bool IsInSlots => Rows.MaxRows == 1 && _width > 1;

    /// <summary>Log probabilities of a row after <see cref="Run"/>.</summary>
    public Span<float> LogProbabilities(int row) => _scores[row];

    /// <summary>Starts a search with one row.</summary>
    public virtual void Begin()
    {
        (_count, _now) = (1, 0);
        if (IsInSlots) Rows.SaveStates([_now]);
    }

    /// <summary>Runs one step of all rows.</summary>
    /// <param name="tokens">The token before, for each row.</param>
    /// <param name="parents">For each row its parent row in the run before; 0 at the first run.</param>
    /// <param name="position">Steps since the start of the search.</param>
    /// <param name="alignment">Receives the alignments, rows of <paramref name="alignmentStride"/>; may be empty.</param>
    /// <param name="alignmentStride">Elements between rows.</param>
    /// <param name="cancellation">Checked before each node.</param>
    public void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride, CancellationToken cancellation)
    {
        if (!IsInSlots) GoOn(parents);
        FillPosition(position);
        var next = _width - _now;
        for (var start = 0; start < tokens.Length; start += Rows.MaxRows)
        {
            var rows = Math.Min(Rows.MaxRows, tokens.Length - start);
            if (IsInSlots) Rows.Load([_now + parents[start]]);
            WriteTokens(tokens.Slice(start, rows), _now + parents[start], next + start);
            Session.Run(cancellation);
            if (IsInSlots) Rows.SaveStates([next + start]);
            Read(start, rows, alignment, alignmentStride);
        }

        _now = next;
    }

    public virtual void Dispose() => Rows.Dispose();

    /// <summary>The input that takes the previous token.</summary>
    public static SeqPortInfo TokenOf(DecodingInfo info, SeqGraphInfo graph)
    {
        var name = info.Text(DecodingKeys.Token) ?? (graph.Inputs.Count == 1 ? graph.Inputs[0].Name : info.Need(DecodingKeys.Token));
        var token = graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The step '{graph.Name}' has no input '{name}', the previous token according to the metadata.");
        if (token.Type is not { } type || !PortIO.IsNumeric(type)) throw new ArgumentException($"The step's token '{token.Name}' is {token.Type}; it must be int32, int64 or float32.");
        return token;
    }

    /// <summary>Writes the tokens of the rows of a run, the first of which goes on from one hypothesis and becomes another.</summary>
    protected virtual void WriteTokens(ReadOnlySpan<int> tokens, int from, int to) => PortIO.Write(Session, Token, tokens);

    /// <summary>Writes the inputs that depend on the number of steps. Called once before each step.</summary>
    protected virtual void FillPosition(int position)
    {
        if (Position >= 0) PortIO.Fill(Session, Position, position);
    }

    /// <summary>Whether a run gives rows of logits for several tokens, of which the last counts.</summary>
    protected virtual bool ReadsLast => false;

    /// <summary>Writes the inputs that stay, after the number of rows has changed.</summary>
    protected abstract void FillRows();

    /// <summary>The exception where a step's logits are not one row for each hypothesis.</summary>
    public static ArgumentException WrongLogits(ReadOnlySpan<int> shape, int rows, int vocabulary) =>
        new($"The step's logits have shape [{string.Join(", ", shape.ToArray())}]; they must be {rows} {(rows == 1 ? "row" : "rows")} of {vocabulary} numbers.");

    protected ArgumentException WrongLogits(int rows) => WrongLogits(LogitShape, rows, Vocabulary);

    /// <summary>Makes the rows of the batch go on from others, where they do not stand there already.</summary>
    private void GoOn(ReadOnlySpan<int> parents)
    {
        var isInPlace = parents.Length == _count;
        for (var i = 0; i < parents.Length && isInPlace; i++) isInPlace = parents[i] == i;
        if (isInPlace) return;
        Rows.Reorder(parents);
        if (_count == parents.Length) return;
        _count = parents.Length;
        FillRows();
    }

    /// <summary>Takes log probabilities and alignments of the rows that have run, the first of them row <paramref name="start"/> of all.</summary>
    private void Read(int start, int rows, Span<float> alignment, int alignmentStride)
    {
        var logits = Session.Output<float>(_logits);
        if (ReadsLast && logits.Length > Vocabulary) logits = logits[^Vocabulary..];
        if (logits.Length != rows * (long)Vocabulary) throw WrongLogits(rows);
        for (var row = 0; row < rows; row++) _scores.Set(start + row, logits.Slice(row * Vocabulary, Vocabulary));
        if (_alignment < 0 || alignment.IsEmpty) return;
        var weights = Session.Output<float>(_alignment);
        var length = weights.Length / rows;
        if (length > alignmentStride) throw new ArgumentException($"The step's alignment has {length} numbers in each row at these sizes, but only {alignmentStride} at the largest sizes.");
        for (var row = 0; row < rows; row++) weights.Slice(row * length, length).CopyTo(alignment[((start + row) * alignmentStride)..]);
    }
}
