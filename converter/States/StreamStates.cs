using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>
/// Makes a graph over a sequence keep its states between runs: hidden and cell states of forward layers, and the past inputs of causal
/// convolutions. Runs over parts of a sequence then give the same results as one run over all of it.
/// </summary>
internal sealed class StreamStates
{
    private readonly IrGraph _graph;
    private readonly Continuation _continuation;
    private readonly List<IrNode> _layers;
    private readonly List<(IrNode Node, SteppedConv Conv)> _convs;
    private readonly List<(IrNode Node, int Axis)> _padding;
    private readonly List<StatePair> _kept = [];

    private StreamStates(IrGraph graph, Continuation continuation)
    {
        (_graph, _continuation) = (graph, continuation);
        _layers = [.. continuation.Layers.Select(l => graph.Nodes[l.Node])];
        _convs = [.. continuation.Convs.Select(c => (graph.Nodes[c.Node], c))];
        _padding = [.. continuation.Padding.Select(p => (graph.Nodes[p.Node], p.Axis))];
    }

    /// <summary>Notes that a graph's recurrent layers start at zero in each run, and whether they could keep their states.</summary>
    /// <param name="graph">A resolved graph with fused nodes.</param>
    /// <param name="notes">Receives the note.</param>
    public static void Note(IrGraph graph, List<string> notes)
    {
        if (graph.States.Count > 0 || !graph.Nodes.Exists(n => n.Recurrent is not null && BeginsAtZero(n))) return;
        if (Continuation.Of(graph) is not { } continuation) return;
        // After a convolution with stride 2, layers do not walk along the input's steps, but along a dimension of open length.
        var walks = continuation is { Layers.Count: 0, Fault: not null } ? graph.Nodes.Where(n => Continuation.IsOfOpenLength(graph, n)) : continuation.Layers.Select(l => graph.Nodes[l.Node]);
        var layers = walks.Where(BeginsAtZero).ToList();
        if (layers.Count == 0) return;
        var fault = continuation.Fault ?? new StreamStates(graph, continuation).Obstacle();
        notes.Add($"every run starts at zero: {Layers(layers)} nothing between runs. {(fault is null ? "For a stream that comes in parts, --stateful keeps the states" : $"--stateful could not keep the states: {fault}")}");
    }

    /// <summary>Makes the states.</summary>
    /// <returns>The states made.</returns>
    /// <exception cref="ConversionException">Runs over parts would give other results than one run over all.</exception>
    public static IReadOnlyList<StatePair> Keep(IrGraph graph, List<string> notes)
    {
        if (Continuation.Of(graph) is not { } continuation)
        {
            notes.Add("--stateful changes nothing: no recurrent layer or convolution runs along time");
            return [];
        }

        var states = new StreamStates(graph, continuation);
        if ((continuation.Fault ?? states.Obstacle()) is { } fault)
            throw new ConversionException($"--stateful: graph '{graph.Name}' cannot continue where the previous run ended: {fault}. Remove --stateful and run whole sequences.");
        states.KeepLayers();
        states.KeepConvs();
        states.DropPadding();
        states.TellWholeRuns(notes);
        if (states._kept.Count == 0) notes.Add("--stateful changes nothing: all layers along time already keep their states");
        foreach (var state in states._kept) notes.RemoveAll(n => n.StartsWith($"input '{state.Input}' is the initial state of ", StringComparison.Ordinal)); // It is no longer an input.
        foreach (var state in states._kept) notes.Add($"state '{state.Input}' [{string.Join(", ", state.Shape)}] is kept between runs ({state.Reason}, by --stateful)");
        DeadCode.Remove(graph);
        return states._kept;
    }

    /// <summary>Notes runs of open size that count as one step of time, such as a mean over all inputs. Splitting them gives other results.</summary>
    private void TellWholeRuns(List<string> notes)
    {
        if (!_continuation.IsWholeRun || _kept.Count == 0) return;
        var open = _graph.Symbols().Except(_layers.Select(layer => BatchOf(layer)?.Symbol).OfType<string>()).ToList();
        if (open.Count > 0) notes.Add($"--stateful treats each run as one step of time, whatever the size of {string.Join(" and ", open.Select(symbol => $"'{symbol}'"))}: a longer run is still one step");
    }

    private static bool BeginsAtZero(IrNode layer) => layer.Input(5).Length == 0 && (layer.Recurrent is not { HasCell: true } || layer.Input(6).Length == 0);

    private static string Layers(List<IrNode> layers)
    {
        var names = layers.Select(l => $"'{l.Name}'").Distinct().ToList();
        var more = names.Count > 3 ? $" and {names.Count - 3} more" : "";
        return names.Count == 1 ? $"layer {names[0]} keeps" : $"layers {string.Join(", ", names.Take(3))}{more} keep";
    }

    /// <summary>Why states cannot be kept although no node mixes steps of time.</summary>
    private string? Obstacle()
    {
        foreach (var layer in _layers)
        {
            for (var state = 0; state < layer.Recurrent!.States; state++)
            {
                var first = layer.Input(5 + state);
                if (first.Length == 0 || _graph.ConstantOf(first) is not null || _graph.States.Exists(s => s.Value == first) || IsOnlyFor(first, layer)) continue;
                return $"layer '{layer.Name}' starts with '{first}', which is computed again in each run";
            }

            if (BatchOf(layer) is null) return $"the batch of layer '{layer.Name}' is not a dimension of an input{Fixing(layer.Input(0), 0)}";
        }

        foreach (var (conv, stepped) in _convs)
        {
            if (PastShape(conv, stepped) is null) return $"the size of the past of convolution '{conv.Name}' is not a dimension of an input{Fixing(conv.Input(0), stepped.Axis)}";
        }

        foreach (var (node, axis) in _padding)
        {
            if (!_continuation.DifferAlong(node.Input(0), node.Output(0), axis) && (node.Op != "Pad" || _graph.ConstantOf(node.Input(1)) is null)) return $"'{node.Name}' ({node.Op}) changes time and another axis at once";
        }

        return null;
    }

    /// <summary>The options that fix all dimensions except time.</summary>
    private string Fixing(string value, int timeAxis)
    {
        var time = _continuation.Dimension(value, timeAxis)?.Symbol;
        var others = _graph.Symbols().FindAll(symbol => symbol != time);
        return others.Count == 0 ? "" : $", unless it is fixed ({string.Join(' ', others.Select(symbol => $"--dim {symbol}=SIZE"))})";
    }

    private bool IsOnlyFor(string value, IrNode layer) => _graph.Inputs.Exists(i => i.Value == value) && _graph.Nodes.SelectMany(n => n.Inputs).Count(i => i == value) == 1 && layer.Inputs.Contains(value);

    private IrDim? BatchOf(IrNode layer) => _continuation.Dimension(layer.Input(0), 1);

    private IrDim[]? PastShape(IrNode conv, SteppedConv stepped)
    {
        IrDim?[] shape = [.. Enumerable.Range(0, _graph.ShapeOf(conv.Input(0)).Rank).Select(axis => axis == stepped.Axis ? new IrDim(stepped.Reach, null) : _continuation.Dimension(conv.Input(0), axis))];
        return Array.TrueForAll(shape, d => d is not null) ? Array.ConvertAll(shape, d => d!.Value) : null;
    }

    private void KeepLayers()
    {
        foreach (var layer in _layers)
        {
            var hidden = layer.Recurrent!.StateSize(i => _graph.ConstantOf(layer.Input(i))!.Shape);
            for (var state = 0; state < layer.Recurrent.States; state++)
            {
                var first = layer.Input(5 + state);
                if (_graph.States.Exists(s => s.Value == first)) continue;
                while (layer.Outputs.Count <= 1 + state) layer.Outputs.Add("");
                if (layer.Outputs[1 + state].Length == 0) layer.Outputs[1 + state] = _graph.Fresh($"{layer.Name}.state");
                IrDim[] shape = [new(1, null), BatchOf(layer)!.Value, new(hidden, null)];
                var kind = layer.Recurrent.StateName(state);
                var reason = $"{kind} state of layer '{layer.Name}'";
                if (_graph.Inputs.Find(i => i.Value == first) is { } port)
                {
                    _graph.Inputs.Remove(port);
                    Add(port.Name, port.Value, layer.Outputs[1 + state], shape, reason);
                    continue;
                }

                var name = Unused($"{layer.Name}/{kind}");
                Add(name, name, layer.Outputs[1 + state], shape, reason, _graph.ConstantOf(first));
                layer.SetInput(5 + state, name);
            }
        }
    }

    private void KeepConvs()
    {
        foreach (var (conv, stepped) in _convs)
        {
            var shape = PastShape(conv, stepped)!;
            var name = Unused($"{conv.Name}/past");
            var next = _graph.Fresh($"{conv.Name}.past");
            Add(name, name, next, shape, $"the past of convolution '{conv.Name}'");
            var spatial = stepped.Axis - 2;
            var rank = shape.Length - 2;
            var pads = conv.Ints("pads") is { Length: > 0 } given ? (long[])given.Clone() : new long[2 * rank];
            pads[spatial] = pads[rank + spatial] = 0;
            conv.Attributes["pads"] = pads;
            if (rank == 1)
            {
                conv.SetInput(3, name);
                conv.Outputs.Add(next);
                continue;
            }

            // The runtime's convolution keeps the past of one spatial dimension. With two, the past is joined before the convolution.
            var joined = _graph.Fresh($"{conv.Name}.joined");
            var end = _graph.Constant(joined, IrTensor.Vector(long.MaxValue));
            var at = _graph.Nodes.IndexOf(conv);
            var cut = new IrNode($"{conv.Name}.past", "Slice", [joined, _graph.Constant(joined, IrTensor.Vector(-stepped.Reach)), end, _graph.Constant(joined, IrTensor.Vector(stepped.Axis))], [next]);
            _graph.Shapes[joined] = _graph.ShapeOf(conv.Input(0)) is var before && before.Sizes[stepped.Axis] >= 0 ? before with { Sizes = [.. before.Sizes.Select((s, i) => i == stepped.Axis ? s + stepped.Reach : s)] } : before;
            _graph.Nodes.InsertRange(at, [new IrNode($"{conv.Name}.joined", "Concat", [name, conv.Input(0)], [joined]) { Attributes = { ["axis"] = (long)stepped.Axis } }, cut]);
            conv.Inputs[0] = joined;
        }
    }

    private void Add(string name, string value, string update, IrDim[] shape, string reason, IrTensor? initial = null)
    {
        _graph.States.Add(new IrState(name, value, update, name, ElementType.Float32, shape, initial));
        _graph.Shapes[value] = _graph.Shapes[update] = new IrShape(ElementType.Float32, Array.ConvertAll(shape, d => d.Symbol is null ? d.Size : -1));
        _kept.Add(new StatePair(name, name, shape, reason));
    }

    private string Unused(string name) => _graph.Shapes.ContainsKey(name) || _graph.Constants.ContainsKey(name) || _graph.States.Exists(s => s.Name == name) || _graph.Inputs.Exists(i => i.Name == name) ? _graph.Fresh(name) : name;

    /// <summary>Removes the padding, which the kept past replaces, and the nodes that cut it off.</summary>
    private void DropPadding()
    {
        foreach (var (node, axis) in _padding)
        {
            if (_continuation.DifferAlong(node.Input(0), node.Output(0), axis))
            {
                _graph.Replace(node.Output(0), node.Input(0));
                _graph.Nodes.Remove(node);
                continue;
            }

            var pads = _graph.ConstantOf(node.Input(1))!.Integers();
            var rank = _graph.ShapeOf(node.Input(0)).Rank;
            var at = _graph.ConstantOf(node.Input(3))?.Integers() is { } axes ? Array.FindIndex(axes, a => (a < 0 ? a + rank : a) == axis) : axis;
            pads[at] = pads[pads.Length / 2 + at] = 0;
            node.Inputs[1] = _graph.Constant(node.Input(1), IrTensor.Vector(pads));
        }
    }
}
