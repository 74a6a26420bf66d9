namespace SeqRuntime.Decoding;

/// <summary>The step of an encoder-decoder: its inputs and first states come from the encoder's outputs.</summary>
internal sealed class StepGraph : StepRows
{
    private readonly Encoder _encoder;
    private readonly Link[] _links;
    private readonly (string Symbol, int Output, int Axis)[] _sizes;

    public StepGraph(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
        : base(model, info, MakeRows(model, info, encoder, options, memory), options.BeamWidth, memory)
    {
        _encoder = encoder;
        _sizes = FindSizes(info, Graph, encoder);
        try
        {
            _links = [.. info.Links().Select(MakeLink)];
            RefuseUnfilled();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Starts a sentence from the encoder's outputs: one row with initial states.</summary>
    public override void Begin()
    {
        foreach (var size in _sizes) Session.SetSize(size.Symbol, SizeOf(_encoder, size));
        Rows.Begin();
        FillLinks(states: true);
        base.Begin();
    }

    protected override void FillRows() => FillLinks(states: false);

    private static RowGraph MakeRows(SeqModel model, DecodingInfo info, Encoder encoder, SeqDecoderOptions options, DecoderMemory memory)
    {
        var graph = info.Graph(DecodingKeys.Step);
        var token = TokenOf(info, graph);
        var (batch, width) = (RowGraph.BatchOf(token), options.BeamWidth);
        var moving = new[] { token.Name, info.Text(DecodingKeys.Position) };
        var sizes = new SeqSessionOptions
        {
            MemoryLimitBytes = memory.Left,
            WorkLimit = options.WorkLimit,
            SharesMemory = options.SharesMemory,
            FixedInputs = options.SharesMemory ? [.. graph.Inputs.Select(i => i.Name).Where(name => !moving.Contains(name))] : [],
        };
        foreach (var size in FindSizes(info, graph, encoder)) sizes.MaxSizes[size.Symbol] = SizeOf(encoder, size);
        var from = $"{nameof(SeqDecoderOptions.BeamWidth)} = {width} and {nameof(SeqDecoderOptions.MaxSourceLength)} = {options.MaxSourceLength}";
        return new RowGraph(model, graph, batch, width, RowGraph.SlotsOf(batch, width), keepsOutputs: false, sizes, from, memory);
    }

    /// <summary>Fills the inputs that come from the encoder; with <paramref name="states"/> also the states.</summary>
    private void FillLinks(bool states)
    {
        Session.FixedInputsChanged();
        foreach (var link in _links)
        {
            if (link.IsState && !states) continue;
            var from = link.IsFromState ? _encoder.Session.StateContent(link.Source) : _encoder.Session.OutputBytes(link.Source);
            if (link.IsState ? Rows.TryFillState(link.Target, from) : Rows.TryFillInput(link.Target, from)) continue;
            var to = link.IsState ? Session.StateContent(link.Target) : Session.InputBytes(link.Target);
            throw new ArgumentException($"The encoder's '{link.SourceName}' has {from.Length} bytes, but the step's '{link.TargetName}' needs {to.Length}.");
        }

        if (Mask >= 0) PortIO.Fill(Session, Mask, 1);
    }

    private static SeqPortInfo? Target(SeqGraphInfo graph, string name) => graph.Inputs.FirstOrDefault(i => i.Name == name) ?? graph.States.FirstOrDefault(s => s.Name == name);

    /// <summary>Symbols of the step whose sizes come from the encoder: from an axis of an output, or (output -1) from the source's length.</summary>
    private static (string Symbol, int Output, int Axis)[] FindSizes(DecodingInfo info, SeqGraphInfo graph, Encoder encoder)
    {
        var batch = RowGraph.BatchOf(TokenOf(info, graph));
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
        size.Output >= 0 ? encoder.Session.Outputs[size.Output].Shape[size.Axis] : encoder.Length == 0 ? encoder.MaxLength : encoder.Length;

    private Link MakeLink((string Target, string Output) link)
    {
        var target = Target(Graph, link.Target) ?? throw new ArgumentException($"The step '{Graph.Name}' has no input or state '{link.Target}' for the encoder's '{link.Output}', as the metadata say.");
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
            if (i == Token || i == Mask || i == Position || Array.Exists(_links, l => !l.IsState && l.Target == i)) continue;
            throw new ArgumentException($"Nothing fills the step's input '{Session.Inputs[i].Name}'; link it to an output of the encoder, name it as the mask or the position, or fix it when converting.");
        }
    }

    private readonly record struct Link(string TargetName, string SourceName, bool IsState, bool IsFromState, int Target, int Source);
}
