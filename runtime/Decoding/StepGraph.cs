namespace SeqRuntime.Decoding;

/// <summary>
/// The graph that gives the next token's logits from the token before and the states. Holds one row of states for each
/// hypothesis; <see cref="Run"/> takes for each new row the row it goes on from.
/// </summary>
internal abstract class StepGraph : IDisposable
{
    private readonly Encoder _encoder;
    private readonly Link[] _links;
    private readonly (string Symbol, int Output, int Axis)[] _sizes;
    private readonly int _mask;
    private readonly int _position;
    private readonly LogProbabilityRows _scores;

    private protected StepGraph(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
    {
        _encoder = encoder;
        Graph = info.Graph(DecodingKeys.Step);
        Width = options.BeamWidth;
        var token = FindToken(info, Graph);
        if (token.Type is not { } tokenType || !PortIO.IsNumeric(tokenType)) throw new ArgumentException($"The step's token '{token.Name}' is {token.Type}; int32, int64 or float32 are expected.");
        BatchSymbol = BatchSymbolOf(token);

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
        if (BatchSymbol is not null) sizes.MaxSizes[BatchSymbol] = Width;
        foreach (var size in _sizes) sizes.MaxSizes[size.Symbol] = SizeOf(size);
        Session = memory.Session(model, Graph.Name, sizes, $"the hypotheses are {nameof(SeqDecoderOptions.BeamWidth)} = {Width}, the longest source is {nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}");
        try
        {
            Token = Session.Inputs[token.Name].Index;
            _mask = info.Text(DecodingKeys.Mask) is { } mask ? Session.Inputs[mask].Index : -1;
            _position = info.Text(DecodingKeys.Position) is { } position ? Session.Inputs[position].Index : -1;
            _links = Array.ConvertAll(linked, MakeLink);
            RefuseUnfilled();
            Logits = Session.Outputs[info.Text(DecodingKeys.Logits) ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : info.Need(DecodingKeys.Logits))].Index;
            if (Session.Outputs[Logits].Type != ElementType.Float32) throw new ArgumentException("The step's logits are not float32.");
            Vocabulary = Session.Outputs[Logits].Shape is [.., var last] ? last : throw new ArgumentException("The step's logits are one number, not a row of them.");
            var rows = BatchSymbol is null ? 1 : Width;
            if (Session.Output<float>(Logits).Length != (long)rows * Vocabulary) throw new ArgumentException($"The step's logits are not {rows} rows of {Vocabulary}.");
            if (info.Text(DecodingKeys.Alignment) is { } alignment)
            {
                Alignment = Session.Outputs[alignment].Index;
                if (Session.Outputs[Alignment].Type != ElementType.Float32 || Session.Output<float>(Alignment).Length % rows != 0) throw new ArgumentException($"The step's alignment '{alignment}' is not float32 in {rows} rows.");
                AlignmentStride = Session.Output<float>(Alignment).Length / rows;
            }

            _scores = new LogProbabilityRows(model.Kernels, info, Width, Vocabulary, memory);
        }
        catch
        {
            Session.Dispose();
            throw;
        }
    }

    public SeqGraphInfo Graph { get; }

    public SeqSession Session { get; }

    /// <summary>Rows at most.</summary>
    public int Width { get; }

    /// <summary>Number of different tokens.</summary>
    public int Vocabulary { get; }

    /// <summary>Most alignment weights of a row, or 0 where there are none.</summary>
    public int AlignmentStride { get; }

    /// <summary>Operations of a step of all hypotheses.</summary>
    public virtual double Work => Session.Work;

    protected int Token { get; }

    protected int Logits { get; }

    protected int Alignment { get; } = -1;

    /// <summary>The symbolic dimension that stands for hypotheses, or null where the graph steps one at a time.</summary>
    protected string? BatchSymbol { get; }

    /// <summary>Makes the step of a model: in a batch where its token has a symbolic dimension, else one hypothesis after the other.</summary>
    public static StepGraph Make(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory) =>
        BatchSymbolOf(FindToken(info, info.Graph(DecodingKeys.Step))) is not null ? new BatchStep(model, info, encoder, options, memory) : new SerialStep(model, info, encoder, options, memory);

    /// <summary>Log probabilities of a row after <see cref="Run"/>.</summary>
    public Span<float> LogProbabilities(int row) => _scores[row];

    /// <summary>Starts a sentence from what the encoder holds: one row with first states.</summary>
    public virtual void Begin()
    {
        foreach (var size in _sizes) Session.SetSize(size.Symbol, SizeOf(size));
        Session.ResetState();
    }

    /// <summary>Steps rows in one go.</summary>
    /// <param name="tokens">Token before, of each row.</param>
    /// <param name="parents">Row of the run before from which each goes on; 0 at the first.</param>
    /// <param name="position">Steps since the sentence began.</param>
    /// <param name="alignment">Where alignments go, rows of <paramref name="alignmentStride"/>; may be empty.</param>
    /// <param name="alignmentStride">Elements between rows.</param>
    /// <param name="cancellation">Looked at before each node.</param>
    public abstract void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, int position, Span<float> alignment, int alignmentStride, CancellationToken cancellation);

    public virtual void Dispose()
    {
        Session.Dispose();
    }

    /// <summary>Fills what comes from the encoder: inputs, and states too where <paramref name="states"/>.</summary>
    protected void FillLinks(int rows, bool states)
    {
        Session.FixedInputsChanged();
        foreach (var link in _links)
        {
            if (link.IsState && !states) continue;
            var from = link.IsFromState ? _encoder.Session.StateContent(link.Source) : _encoder.Session.OutputBytes(link.Source);
            var to = link.IsState ? Session.StateContent(link.Target) : Session.InputBytes(link.Target);
            var repeat = link.Axis >= 0 ? rows : 1;
            if ((long)from.Length * repeat != to.Length)
                throw new ArgumentException($"The encoder's '{link.SourceName}' of {from.Length} bytes does not fill '{link.TargetName}' of {to.Length} bytes.");
            PortIO.Repeat(from, to, repeat == 1 ? from.Length : BlockBehind(link.IsState ? Session.States[link.Target].Shape : Session.Inputs[link.Target].Shape, link.Axis), repeat);
        }

        if (_mask >= 0) PortIO.Fill(Session, _mask, 1);
    }

    protected void FillPosition(int position)
    {
        if (_position >= 0) PortIO.Fill(Session, _position, position);
    }

    /// <summary>Copies a row's logits into place as log probabilities.</summary>
    protected void Score(int row, ReadOnlySpan<float> logits) => _scores.Set(row, logits);

    protected static void CopyAlignment(ReadOnlySpan<float> from, Span<float> to)
    {
        if (from.Length > to.Length) throw new ArgumentException($"The step's alignment has {from.Length} numbers a row at these sizes, and {to.Length} at the largest ones.");
        from.CopyTo(to);
    }

    /// <summary>Bytes of all that lies behind an axis, of a value of 4-byte elements.</summary>
    protected static int BlockBehind(ReadOnlySpan<int> shape, int axis)
    {
        var block = sizeof(float);
        for (var i = axis + 1; i < shape.Length; i++) block *= shape[i];
        return block;
    }

    protected int AxisOf(SeqPortInfo value)
    {
        for (var i = 0; i < value.Dimensions!.Count; i++)
        {
            if (BatchSymbol is not null && value.Dimensions[i].Symbol == BatchSymbol) return i;
        }

        return -1;
    }

    private static SeqPortInfo FindToken(DecodingInfo info, SeqGraphInfo graph)
    {
        var name = info.Text(DecodingKeys.Token) ?? (graph.Inputs.Count == 1 ? graph.Inputs[0].Name : info.Need(DecodingKeys.Token));
        return graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The step '{graph.Name}' has no input '{name}', which the metadata name as the token before.");
    }

    private static string? BatchSymbolOf(SeqPortInfo token) => token.Dimensions!.FirstOrDefault(d => d.Symbol is not null).Symbol;

    private SeqPortInfo? Target(string name) => Graph.Inputs.FirstOrDefault(i => i.Name == name) ?? Graph.States.FirstOrDefault(s => s.Name == name);

    /// <summary>Symbols of the step whose sizes follow from the encoder: an axis of an output, or (output -1) the source's length.</summary>
    private (string Symbol, int Output, int Axis)[] FindSizes((string Target, string Output)[] links, string? mask)
    {
        var sizes = new List<(string Symbol, int Output, int Axis)>();
        void Add(string? symbol, int output, int axis)
        {
            if (symbol is not null && symbol != BatchSymbol && !sizes.Exists(s => s.Symbol == symbol)) sizes.Add((symbol, output, axis));
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
        var target = Target(link.Target) ?? throw new ArgumentException($"The step '{Graph.Name}' has no input or state '{link.Target}', which the metadata link to the encoder's '{link.Output}'.");
        var isState = !Graph.Inputs.Contains(target);
        var isFromState = !_encoder.Graph.Outputs.Any(o => o.Name == link.Output) && _encoder.Graph.States.Any(s => s.Name == link.Output);
        var source = isFromState ? _encoder.Session.States[link.Output].Index : _encoder.Session.Outputs[link.Output].Index;
        var sourceType = isFromState ? _encoder.Session.States[source].Type : _encoder.Session.Outputs[source].Type;
        if (sourceType != target.Type || sourceType.Size() != sizeof(float))
            throw new ArgumentException($"The encoder's '{link.Output}' is {sourceType} and the step's '{link.Target}' {target.Type}; both must be float32 or int32.");
        return new Link(target.Name, link.Output, isState, isFromState, isState ? Session.States[target.Name].Index : Session.Inputs[target.Name].Index, source, AxisOf(target));
    }

    private void RefuseUnfilled()
    {
        for (var i = 0; i < Session.Inputs.Count; i++)
        {
            if (i == Token || i == _mask || i == _position || Array.Exists(_links, l => !l.IsState && l.Target == i)) continue;
            throw new ArgumentException($"Nothing fills the step's input '{Session.Inputs[i].Name}'; link it to an output of the encoder, name it as mask or position, or fix it when converting.");
        }
    }

    private readonly record struct Link(string TargetName, string SourceName, bool IsState, bool IsFromState, int Target, int Source, int Axis);
}
