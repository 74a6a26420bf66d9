namespace SeqRuntime.Decoding;

/// <summary>A graph that reads a source of any length (the last symbolic dimension of one input), with a batch of 1.</summary>
internal sealed class SourceGraph : IDisposable
{
    private readonly string? _time;
    private readonly int _lengthInput = -1;
    private readonly int _positionInput = -1;

    /// <param name="model">The model.</param>
    /// <param name="info">Names the source input, and the inputs for the source's length and the positions of its tokens.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="mostSteps">Longest source, if the graph leaves the length open.</param>
    /// <param name="option">The option that sets it.</param>
    /// <param name="limits">Limits of the session; the largest source size is added.</param>
    /// <param name="memory">The decoder's memory.</param>
    public SourceGraph(SeqModel model, DecodingInfo info, SeqGraphInfo graph, int mostSteps, string option, SeqSessionOptions limits, DecoderMemory memory)
    {
        Graph = graph;
        var source = SourceOf(graph, info);
        var name = source.Name;

        // The last symbol is the length; one before it is the batch, whose size is 1.
        _time = source.Dimensions!.LastOrDefault(d => d.Symbol is not null).Symbol;
        MaxSteps = IsOpen ? mostSteps : 1;
        if (_time is not null) limits.MaxSizes[_time] = mostSteps;
        Session = memory.Session(model, graph.Name, limits, $"{option} = {mostSteps}");
        try
        {
            Source = Session.Inputs[name].Index;
            StepSize = StepSizeOf(source);
            if (info.Text(DecodingKeys.SourceLength) is { } length)
            {
                _lengthInput = Session.Inputs[length].Index;
                if (!PortIO.IsNumeric(Session.Inputs[_lengthInput].Type)) throw new ArgumentException($"The encoder's length input '{length}' is {Session.Inputs[_lengthInput].Type}; it must be int32, int64 or float32.");
            }

            // Only a whole source has positions: frames may come in parts.
            if (info.Text(DecodingKeys.SourcePosition) is { } position && info.Kind == DecodingKeys.EncoderDecoder) _positionInput = PositionInput(position);
            RefuseUnfilled();
        }
        catch
        {
            Session.Dispose();
            throw;
        }
    }

    /// <summary>A single number may be the source's length or fixed. An input with one element for each token must be computed inside the graph.</summary>
    private static ArgumentException Unfilled(SeqPortInfo input) => new(input.Dimensions!.All(d => d.Size == 1)
        ? $"Nothing fills the encoder's input '{input.Name}'; name it as the source's length, or fix it when converting (--set {input.Name}=…)."
        : $"Nothing fills the encoder's input '{input.Name}' of shape [{string.Join(", ", input.Dimensions!)}]: a decoder supplies only the tokens, their number and their positions. If it numbers the tokens, name it as their positions (\"source_position\"); otherwise compute it inside the graph.");

    public SeqGraphInfo Graph { get; }

    public SeqSession Session { get; }

    /// <summary>The source input.</summary>
    public int Source { get; }

    public ElementType SourceType => Session.Inputs[Source].Type;

    public string SourceName => Session.Inputs[Source].Name;

    /// <summary>Whether the length is set for each run.</summary>
    public bool IsOpen => _time is not null;

    /// <summary>Elements of a step, or of the whole source if its length is fixed.</summary>
    public int StepSize { get; }

    /// <summary>Most steps of a run; 1 if the length is fixed.</summary>
    public int MaxSteps { get; }

    /// <summary>The source input.</summary>
    public static SeqPortInfo SourceOf(SeqGraphInfo graph, DecodingInfo info)
    {
        var name = info.Text(DecodingKeys.Source) ?? (graph.Inputs.Count == 1 ? graph.Inputs[0].Name : info.Need(DecodingKeys.Source));
        return graph.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new ArgumentException($"The encoder '{graph.Name}' has no input '{name}', the source according to the metadata.");
    }

    /// <summary>Adds the largest source to the sizes of rows of the same graph.</summary>
    public void AddLength(SeqSessionOptions options)
    {
        if (_time is not null) options.MaxSizes[_time] = MaxSteps;
    }

    /// <summary>Sets the length of the next run of rows of the same graph.</summary>
    public void SetLength(GraphRows rows, int steps)
    {
        if (_time is not null) rows.SetSize(_time, steps);
    }

    /// <summary>Writes a source, and its length and positions, into a row of the same graph.</summary>
    public void Write(GraphRows rows, int row, ReadOnlySpan<int> tokens)
    {
        PortIO.Write(SourceType, rows.Input(Source, row), tokens);
        if (_lengthInput >= 0) PortIO.Fill(rows.Inputs[_lengthInput].Type, rows.Input(_lengthInput, row), tokens.Length);
        if (_positionInput >= 0) PortIO.Number(rows.Inputs[_positionInput].Type, rows.Input(_positionInput, row), 0);
    }

    /// <summary>Sets the length of the next run, and writes it to the length input.</summary>
    public void SetLength(int steps)
    {
        if (_time is not null) Session.SetSize(_time, steps);
        if (_lengthInput >= 0) PortIO.Fill(Session, _lengthInput, steps);
        if (_positionInput >= 0) PortIO.Number(Session, _positionInput, 0);
    }

    public void Dispose() => Session.Dispose();

    private int PositionInput(string name)
    {
        var input = Session.Inputs[name];
        if (!PortIO.IsNumeric(input.Type)) throw new ArgumentException($"The encoder's positions '{name}' are {input.Type}; they must be int32, int64 or float32.");
        if (PortIO.Count(input.Shape) != (IsOpen ? MaxSteps : StepSize)) throw new ArgumentException($"The encoder's positions '{name}' have shape [{string.Join(", ", input.Shape.ToArray())}]; they must be one number for each token of the source.");
        return input.Index;
    }

    private int StepSizeOf(SeqPortInfo source)
    {
        if (IsOpen && source.Dimensions!.Count(d => d.Symbol == _time) > 1) throw new ArgumentException($"The encoder's source '{source.Name}' has the dimension '{_time}' more than once; only one dimension may be the length.");
        var count = PortIO.Count(Session.Inputs[Source].Shape);
        return count > 0 ? count / MaxSteps : throw new ArgumentException($"The encoder's source '{source.Name}' has no elements; it must have at least one.");
    }

    private void RefuseUnfilled()
    {
        foreach (var input in Graph.Inputs)
        {
            var index = Session.Inputs[input.Name].Index;
            if (index != Source && index != _lengthInput && index != _positionInput) throw Unfilled(input);
        }
    }
}
