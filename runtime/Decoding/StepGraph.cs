using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SeqRuntime.Decoding;

/// <summary>
/// The step of an encoder-decoder: gives the next tokens' scores of all hypotheses of all sources in one run. Its inputs and first states come from
/// the encoder's outputs; what depends on these inputs alone is computed once for each source, and its hypotheses share it.
/// </summary>
internal sealed class StepGraph : ITokenScores, IDisposable
{
    private readonly Encoder _encoder;
    private readonly GraphRows _rows;
    private readonly bool _repeatsFixed;
    private readonly Link[] _links;
    private readonly (string Symbol, int Output, int Axis)[] _sizes;
    private readonly int _token;
    private readonly int _mask;
    private readonly int _position;
    private readonly int _logits;
    private readonly int _alignment = -1;
    private readonly LogProbabilityRows _scores;
    private int _sources;

    public StepGraph(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
    {
        _encoder = encoder;
        _repeatsFixed = !options.SharesMemory;
        Graph = info.Graph(DecodingKeys.Step);
        var token = StepRows.TokenOf(info, Graph);
        _sizes = FindSizes(info, Graph, encoder);
        _rows = MakeRows(model, info, options, memory);
        try
        {
            _token = _rows.Inputs[token.Name].Index;
            _mask = info.Text(DecodingKeys.Mask) is { } mask ? _rows.Inputs[mask].Index : -1;
            _position = info.Text(DecodingKeys.Position) is { } position ? _rows.Inputs[position].Index : -1;
            _logits = _rows.Outputs[info.Text(DecodingKeys.Logits) ?? (Graph.Outputs.Count == 1 ? Graph.Outputs[0].Name : info.Need(DecodingKeys.Logits))].Index;
            var logits = _rows.Outputs[_logits];
            if (logits.Type != ElementType.Float32) throw new ArgumentException($"The step's logits are {logits.Type}; they must be float32.");
            Vocabulary = logits.Shape is [.., var last] ? last : throw new ArgumentException("The step's logits are a single number; they must have one for each token.");
            if (PortIO.Count(logits.Shape) != Vocabulary) throw StepRows.WrongLogits(logits.Shape, 1, Vocabulary);
            if (info.Text(DecodingKeys.Alignment) is { } alignment)
            {
                _alignment = _rows.Outputs[alignment].Index;
                if (_rows.Outputs[_alignment].Type != ElementType.Float32) throw new ArgumentException($"The step's alignment '{alignment}' is {_rows.Outputs[_alignment].Type}; it must be float32.");
                AlignmentStride = PortIO.Count(_rows.Outputs[_alignment].Shape);
            }

            _scores = new LogProbabilityRows(model.Kernels, info, options.BeamWidth * options.BatchSize, Vocabulary, memory);
            _links = [.. info.Links().Select(MakeLink)];
            RefuseUnfilled();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public SeqGraphInfo Graph { get; }

    public int Vocabulary { get; }

    public int AlignmentStride { get; }

    /// <summary>Operations of a step of all hypotheses of all sources, at the sizes last inferred.</summary>
    public double Work => _rows.Work;

    /// <summary>Whether sizes of the step come from a source, so that only sources of one length run together.</summary>
    public bool HasSourceSizes => _sizes.Length > 0;

    public Span<float> LogProbabilities(int row) => _scores[row];

    /// <summary>The output that holds the scores.</summary>
    public string LogitsName => _rows.Outputs[_logits].Name;

    /// <summary>The scores of a row after <see cref="Run"/>, as the graph gives them.</summary>
    public ReadOnlySpan<float> Logits(int row) => MemoryMarshal.Cast<byte, float>(_rows.Output(_logits, row));

    /// <summary>Starts a search for sources that the encoder has just run.</summary>
    public void Begin()
    {
        foreach (var size in _sizes) _rows.SetSize(size.Symbol, SizeOf(_encoder, size));
        _sources = 0;
    }

    /// <summary>Adds a source that the encoder has just run: its first row is that of its number among the sources added.</summary>
    /// <param name="place">Its place in the encoder's run.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(int place)
    {
        var source = _sources++;
        _rows.ResetStates(source);
        foreach (var link in _links)
        {
            var from = link.IsFromState ? _encoder.State(link.Source, place) : _encoder.Output(link.Source, place);
            var to = link.IsState ? _rows.State(link.Target, source) : _rows.Input(link.Target, source);
            if (from.Length != to.Length) throw new ArgumentException($"The encoder's '{link.SourceName}' has {from.Length} bytes, but the step's '{link.TargetName}' needs {to.Length}.");
            from.CopyTo(to);
        }

        if (_mask >= 0) PortIO.Fill(_rows.Inputs[_mask].Type, _rows.Input(_mask, source), 1);
    }

    /// <summary>Computes what depends on the sources alone. Called after the last <see cref="Add"/>.</summary>
    public void RunSources(CancellationToken cancellation) => _rows.RunSources(_sources, cancellation);

    /// <summary>Runs one step of all rows.</summary>
    /// <param name="tokens">The token before, for each row.</param>
    /// <param name="parents">For each row its parent row in the run before; at the first run its source.</param>
    /// <param name="sources">For each row its source.</param>
    /// <param name="position">Steps since the start of the search.</param>
    /// <param name="cancellation">Checked before each node.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(ReadOnlySpan<int> tokens, ReadOnlySpan<int> parents, ReadOnlySpan<int> sources, int position, CancellationToken cancellation)
    {
        if (_repeatsFixed) RunSources(cancellation);
        for (var row = 0; row < tokens.Length; row++)
        {
            PortIO.Write(_rows.Inputs[_token].Type, _rows.Input(_token, row), tokens.Slice(row, 1));
            if (_position >= 0) PortIO.Fill(_rows.Inputs[_position].Type, _rows.Input(_position, row), position);
        }

        _rows.Run(parents, sources, cancellation);
        var logits = _rows.Outputs[_logits].Shape;
        if (PortIO.Count(logits) != Vocabulary) throw StepRows.WrongLogits(logits, 1, Vocabulary);
        for (var row = 0; row < tokens.Length; row++) _scores.Set(row, MemoryMarshal.Cast<byte, float>(_rows.Output(_logits, row)));
    }

    /// <summary>Copies the alignments of adjacent rows of the last run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyAlignments(int firstRow, int count, Span<float> to)
    {
        if (_alignment < 0) return;
        var length = PortIO.Count(_rows.Outputs[_alignment].Shape);
        if (length > AlignmentStride) throw new ArgumentException($"The step's alignment has {length} numbers in each row at these sizes, but only {AlignmentStride} at the largest sizes.");
        for (var row = 0; row < count; row++) MemoryMarshal.Cast<byte, float>(_rows.Output(_alignment, firstRow + row)).CopyTo(to[(row * AlignmentStride)..]);
    }

    public void Dispose() => _rows.Dispose();

    private GraphRows MakeRows(SeqModel model, DecodingInfo info, SeqDecoderOptions options, DecoderMemory memory)
    {
        string?[] moving = [StepRows.TokenOf(info, Graph).Name, info.Text(DecodingKeys.Position)];
        var sizes = new SeqSessionOptions
        {
            MemoryLimitBytes = memory.Left,
            WorkLimit = options.WorkLimit,
            SharesMemory = options.SharesMemory,
            FixedInputs = [.. Graph.Inputs.Select(i => i.Name).Where(name => !moving.Contains(name))],
        };
        foreach (var size in _sizes) sizes.MaxSizes[size.Symbol] = SizeOf(_encoder, size);
        var from = $"{nameof(SeqDecoderOptions.BeamWidth)} = {options.BeamWidth} and {nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}";
        return memory.Rows(model, Graph.Name, options.BeamWidth * options.BatchSize, options.BatchSize, sizes, from);
    }

    private static SeqPortInfo? Target(SeqGraphInfo graph, string name) => graph.Inputs.FirstOrDefault(i => i.Name == name) ?? graph.States.FirstOrDefault(s => s.Name == name);

    /// <summary>Symbols of the step whose sizes come from the encoder: from an axis of an output, or (output -1) from the source's length.</summary>
    private static (string Symbol, int Output, int Axis)[] FindSizes(DecodingInfo info, SeqGraphInfo graph, Encoder encoder)
    {
        var batch = RowGraph.BatchOf(StepRows.TokenOf(info, graph));
        var sizes = new List<(string Symbol, int Output, int Axis)>();
        void Add(string? symbol, int output, int axis)
        {
            if (symbol is not null && symbol != batch && !sizes.Exists(s => s.Symbol == symbol)) sizes.Add((symbol, output, axis));
        }

        foreach (var (name, outputName) in info.Links())
        {
            if (Target(graph, name) is not { } target || !encoder.Graph.Outputs.Any(o => o.Name == outputName)) continue;
            var output = encoder.Session.Outputs[outputName].Index;
            if (encoder.Session.Outputs[output].Shape.Length != target.Dimensions!.Count) continue;
            for (var axis = 0; axis < target.Dimensions.Count; axis++) Add(target.Dimensions[axis].Symbol, output, axis);
        }

        if (info.Text(DecodingKeys.Mask) is { } mask && Target(graph, mask) is { } maskInput) Add(maskInput.Dimensions!.LastOrDefault(d => d.Symbol is not null).Symbol, -1, 0);
        return [.. sizes];
    }

    private static int SizeOf(Encoder encoder, (string Symbol, int Output, int Axis) size) =>
        size.Output >= 0 ? encoder.OutputShape(size.Output)[size.Axis] : encoder.Length == 0 ? encoder.MaxLength : encoder.Length;

    private Link MakeLink((string Target, string Output) link)
    {
        var target = Target(Graph, link.Target) ?? throw new ArgumentException($"The step '{Graph.Name}' has no input or state '{link.Target}' for the encoder's '{link.Output}', as the metadata say.");
        var isState = !Graph.Inputs.Contains(target);
        var isFromState = !_encoder.Graph.Outputs.Any(o => o.Name == link.Output) && _encoder.Graph.States.Any(s => s.Name == link.Output);
        var source = isFromState ? _encoder.Session.States[link.Output].Index : _encoder.Session.Outputs[link.Output].Index;
        var sourceType = isFromState ? _encoder.Session.States[source].Type : _encoder.Session.Outputs[source].Type;
        if (sourceType != target.Type || sourceType.Size() != sizeof(float))
            throw new ArgumentException($"The encoder's '{link.Output}' is {sourceType} and the step's '{link.Target}' is {target.Type}; both must be float32, or both int32.");
        return new Link(target.Name, link.Output, isState, isFromState, isState ? _rows.States[target.Name].Index : _rows.Inputs[target.Name].Index, source);
    }

    private void RefuseUnfilled()
    {
        for (var i = 0; i < _rows.Inputs.Count; i++)
        {
            if (i == _token || i == _mask || i == _position || Array.Exists(_links, l => !l.IsState && l.Target == i)) continue;
            throw new ArgumentException($"Nothing fills the step's input '{_rows.Inputs[i].Name}'; link it to an output of the encoder, name it as the mask or the position, or fix it when converting.");
        }
    }

    private readonly record struct Link(string TargetName, string SourceName, bool IsState, bool IsFromState, int Target, int Source);
}
