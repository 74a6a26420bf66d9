namespace SeqRuntime.Decoding;

/// <summary>
/// The graph that gives the next token's logits from the token before and the states. Has one row of states for each hypothesis, in a
/// batch where its token has a symbolic dimension; <see cref="Run"/> takes for each new row the row it goes on from.
/// </summary>
internal sealed class StepGraph : IDisposable
{
    private readonly Encoder _encoder;
    private readonly RowGraph _rows;
    private readonly string? _batch;
    private readonly Link[] _links;
    private readonly (string Symbol, int Output, int Axis)[] _sizes;
    private readonly int _width;
    private readonly int _token;
    private readonly int _logits;
    private readonly int _alignment = -1;
    private readonly int _mask;
    private readonly int _position;
    private readonly LogProbabilityRows _scores;
    private int _count;
    private int _now;

    public StepGraph(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
    {
        _encoder = encoder;
        Graph = info.Graph(DecodingKeys.Step);
        _width = options.BeamWidth;
        var token = FindToken(info, Graph);
        if (token.Type is not { } tokenType || !PortIO.IsNumeric(tokenType)) throw new ArgumentException($"The step's token '{token.Name}' is {token.Type}; it must be int32, int64 or float32.");
        _batch = RowGraph.BatchOf(token);

        var linked = info.Links().ToArray();
        _sizes = FindSizes(linked, info.Text(DecodingKeys.Mask));
        var moving = new[] { token.Name, info.Text(DecodingKeys.Position) };
        var sizes = new SeqSessionOptions
        {
            MemoryLimitBytes = memory.Left,
            WorkLimit = options.WorkLimit,
            SharesMemory = options.SharesMemory,
            FixedInputs = options.SharesMemory ? [.. Graph.Inputs.Select(i => i.Name).Where(name => !moving.Contains(name))] : [],
        };
        foreach (var size in _sizes) sizes.MaxSizes[size.Symbol] = SizeOf(size);

        // In a batch the slots are there for reordering rows; one by one, for the states of all hypotheses before and after a step.
        var slots = _width == 1 ? 0 : _batch is null ? 2L * _width : _width;
        var from = $"{nameof(SeqDecoderOptions.BeamWidth)} = {_width} and {nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}";
        _rows = new RowGraph(model, Graph, _batch, _width, slots, keepsOutputs: false, sizes, from, memory);
        try
        {
            _token = Session.Inputs[token.Name].Index;
            _mask = info.Text(DecodingKeys.Mask) is { } mask ? Session.Inputs[mask].Index : -1;
            _position = info.Text(DecodingKeys.Position) is { } position ? Session.Inputs[position].Index : -1;
            _links = Array.ConvertAll(linked, MakeLink);
            RefuseUnfilled();
            _logits = Session.Outputs[info.Text(DecodingKeys.Logits) ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : info.Need(DecodingKeys.Logits))].Index;
            if (Session.Outputs[_logits].Type != ElementType.Float32) throw new ArgumentException($"The step's logits are {Session.Outputs[_logits].Type}; they must be float32.");
            Vocabulary = Session.Outputs[_logits].Shape is [.., var last] ? last : throw new ArgumentException("The step's logits are a single number; they must have one for each token.");
            var rows = _rows.MaxRows;
            if (Session.Output<float>(_logits).Length != (long)rows * Vocabulary) throw WrongLogits(rows);
            if (info.Text(DecodingKeys.Alignment) is { } alignment)
            {
                _alignment = Session.Outputs[alignment].Index;
                if (Session.Outputs[_alignment].Type != ElementType.Float32 || Session.Output<float>(_alignment).Length % rows != 0) throw new ArgumentException($"The step's alignment '{alignment}' must be float32, with the same number of elements in each of {rows} rows.");
                AlignmentStride = Session.Output<float>(_alignment).Length / rows;
            }

            _scores = new LogProbabilityRows(model.Kernels, info, _width, Vocabulary, memory);
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

    /// <summary>Operations of a step of all hypotheses.</summary>
    public double Work => Session.Work * (_width / _rows.MaxRows);

    private SeqGraphInfo Graph { get; }

    private SeqSession Session => _rows.Session;

    /// <summary>Whether hypotheses go one by one and their states are kept in slots: those before a step in one half, those after it in the other.</summary>
    private bool IsInSlots => _batch is null && _width > 1;

    /// <summary>Log probabilities of a row after <see cref="Run"/>.</summary>
    public Span<float> LogProbabilities(int row) => _scores[row];

    /// <summary>Starts a sentence from the encoder's outputs: one row with initial states.</summary>
    public void Begin()
    {
        foreach (var size in _sizes) Session.SetSize(size.Symbol, SizeOf(size));
        _rows.Begin();
        (_count, _now) = (1, 0);
        FillLinks(states: true);
        if (IsInSlots) _rows.SaveStates([_now]);
    }

    /// <summary>Runs one step of all rows.</summary>
    /// <param name="tokens">The token before, for each row.</param>
    /// <param name="parents">For each row its parent row in the run before; 0 at the first run.</param>
    /// <param name="position">Steps since the start of the sentence.</param>
    /// <param name="alignment">Receives the alignments, rows of <paramref name="alignmentStride"/>; may be empty.</param>
    /// <param name="alignmentStride">Elements between rows.</param>
    /// <param name="cancellation">Checked before each node.</param>
    public void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride, CancellationToken cancellation)
    {
        if (!IsInSlots) GoOn(parents);
        if (_position >= 0) PortIO.Fill(Session, _position, position);
        var next = _width - _now;
        for (var start = 0; start < tokens.Length; start += _rows.MaxRows)
        {
            var rows = Math.Min(_rows.MaxRows, tokens.Length - start);
            if (IsInSlots) _rows.Load([_now + parents[start]]);
            PortIO.Write(Session, _token, tokens.Slice(start, rows));
            Session.Run(cancellation);
            if (IsInSlots) _rows.SaveStates([next + start]);
            Read(start, rows, alignment, alignmentStride);
        }

        _now = next;
    }

    public void Dispose() => _rows.Dispose();

    /// <summary>Makes the rows of the batch go on from others, where they do not stand there already.</summary>
    private void GoOn(ReadOnlySpan<int> parents)
    {
        var isInPlace = parents.Length == _count;
        for (var i = 0; i < parents.Length && isInPlace; i++) isInPlace = parents[i] == i;
        if (isInPlace) return;
        _rows.Reorder(parents);
        if (_count == parents.Length) return;
        _count = parents.Length;
        FillLinks(states: false);
    }

    /// <summary>Takes log probabilities and alignments of the rows that have run, the first of them row <paramref name="start"/> of all.</summary>
    private void Read(int start, int rows, Span<float> alignment, int alignmentStride)
    {
        var logits = Session.Output<float>(_logits);
        if (logits.Length != rows * (long)Vocabulary) throw WrongLogits(rows);
        for (var row = 0; row < rows; row++) _scores.Set(start + row, logits.Slice(row * Vocabulary, Vocabulary));
        if (_alignment < 0 || alignment.IsEmpty) return;
        var weights = Session.Output<float>(_alignment);
        var length = weights.Length / rows;
        if (length > alignmentStride) throw new ArgumentException($"The step's alignment has {length} numbers in each row at these sizes, but only {alignmentStride} at the largest sizes.");
        for (var row = 0; row < rows; row++) weights.Slice(row * length, length).CopyTo(alignment[((start + row) * alignmentStride)..]);
    }

    /// <summary>Fills the inputs that come from the encoder; with <paramref name="states"/> also the states.</summary>
    private void FillLinks(bool states)
    {
        Session.FixedInputsChanged();
        foreach (var link in _links)
        {
            if (link.IsState && !states) continue;
            var from = link.IsFromState ? _encoder.Session.StateContent(link.Source) : _encoder.Session.OutputBytes(link.Source);
            if (link.IsState ? _rows.TryFillState(link.Target, from) : _rows.TryFillInput(link.Target, from)) continue;
            var to = link.IsState ? Session.StateContent(link.Target) : Session.InputBytes(link.Target);
            throw new ArgumentException($"The encoder's '{link.SourceName}' has {from.Length} bytes, but the step's '{link.TargetName}' needs {to.Length}.");
        }

        if (_mask >= 0) PortIO.Fill(Session, _mask, 1);
    }

    private ArgumentException WrongLogits(int rows) =>
        new($"The step's logits have shape [{string.Join(", ", Session.Outputs[_logits].Shape.ToArray())}]; they must be {rows} {(rows == 1 ? "row" : "rows")} of {Vocabulary} numbers.");

    private static SeqPortInfo FindToken(DecodingInfo info, SeqGraphInfo graph)
    {
        var name = info.Text(DecodingKeys.Token) ?? (graph.Inputs.Count == 1 ? graph.Inputs[0].Name : info.Need(DecodingKeys.Token));
        return graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The step '{graph.Name}' has no input '{name}', the previous token according to the metadata.");
    }

    private SeqPortInfo? Target(string name) => Graph.Inputs.FirstOrDefault(i => i.Name == name) ?? Graph.States.FirstOrDefault(s => s.Name == name);

    /// <summary>Symbols of the step whose sizes come from the encoder: from an axis of an output, or (output -1) from the source's length.</summary>
    private (string Symbol, int Output, int Axis)[] FindSizes((string Target, string Output)[] links, string? mask)
    {
        var sizes = new List<(string Symbol, int Output, int Axis)>();
        void Add(string? symbol, int output, int axis)
        {
            if (symbol is not null && symbol != _batch && !sizes.Exists(s => s.Symbol == symbol)) sizes.Add((symbol, output, axis));
        }

        foreach (var (name, outputName) in links)
        {
            if (Target(name) is not { } target || !_encoder.Graph.Outputs.Any(o => o.Name == outputName)) continue;
            var output = _encoder.Session.Outputs[outputName].Index;
            if (_encoder.Session.Outputs[output].Shape.Length != target.Dimensions!.Count) continue;
            for (var axis = 0; axis < target.Dimensions.Count; axis++) Add(target.Dimensions[axis].Symbol, output, axis);
        }

        if (mask is not null && Target(mask) is { } maskInput) Add(maskInput.Dimensions!.LastOrDefault(d => d.Symbol is not null).Symbol, -1, 0);
        return [.. sizes];
    }

    private int SizeOf((string Symbol, int Output, int Axis) size) =>
        size.Output >= 0 ? _encoder.Session.Outputs[size.Output].Shape[size.Axis] : _encoder.Length == 0 ? _encoder.MaxLength : _encoder.Length;

    private Link MakeLink((string Target, string Output) link)
    {
        var target = Target(link.Target) ?? throw new ArgumentException($"The step '{Graph.Name}' has no input or state '{link.Target}' for the encoder's '{link.Output}', as the metadata say.");
        var isState = !Graph.Inputs.Contains(target);
        var isFromState = !_encoder.Graph.Outputs.Any(o => o.Name == link.Output) && _encoder.Graph.States.Any(s => s.Name == link.Output);
        var source = isFromState ? _encoder.Session.States[link.Output].Index : _encoder.Session.Outputs[link.Output].Index;
        var sourceType = isFromState ? _encoder.Session.States[source].Type : _encoder.Session.Outputs[source].Type;
        if (sourceType != target.Type || sourceType.Size() != sizeof(float))
            throw new ArgumentException($"The encoder's '{link.Output}' is {sourceType} and the step's '{link.Target}' is {target.Type}; both must be float32, or both int32.");
        return new Link(target.Name, link.Output, isState, isFromState, isState ? Session.States[target.Name].Index : Session.Inputs[target.Name].Index, source);
    }

    private void RefuseUnfilled()
    {
        for (var i = 0; i < Session.Inputs.Count; i++)
        {
            if (i == _token || i == _mask || i == _position || Array.Exists(_links, l => !l.IsState && l.Target == i)) continue;
            throw new ArgumentException($"Nothing fills the step's input '{Session.Inputs[i].Name}'; link it to an output of the encoder, name it as the mask or the position, or fix it when converting.");
        }
    }

    private readonly record struct Link(string TargetName, string SourceName, bool IsState, bool IsFromState, int Target, int Source);
}
