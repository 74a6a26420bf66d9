using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>Turns pairs of an input and an output into states that the runtime keeps.</summary>
internal sealed class StatePairing
{
    private readonly List<string> _notes;
    private readonly List<StatePair> _pairs;
    private readonly HashSet<string> _outputs = [];

    /// <param name="source">The graph as it was read, with its own states.</param>
    /// <param name="notes">Receives notes on what was done.</param>
    public StatePairing(IrGraph source, List<string> notes)
    {
        _notes = notes;
        _pairs = source.States.ConvertAll(s => new StatePair(s.Name, s.Output, s.Shape, "the source says so"));
    }

    /// <summary>The states and the reason for each.</summary>
    public IReadOnlyList<StatePair> Pairs => _pairs;

    /// <summary>Paired outputs, which <see cref="DropOutputs"/> removes.</summary>
    public IReadOnlyCollection<string> Outputs => _outputs;

    /// <summary>Makes states of the user's pairs.</summary>
    public void Apply(IrGraph graph, ConversionOptions options)
    {
        foreach (var (input, output) in options.States)
        {
            if (!graph.Inputs.Exists(p => p.Name == input)) continue;
            if (!graph.Outputs.Exists(p => p.Name == output)) throw new ConversionException($"--state {input}={output}: graph '{graph.Name}' has no output '{output}'; it has {Names(graph.Outputs)}.");
            Pair(graph, new StateMatch(input, output, "as asked"));
        }
    }

    /// <summary>Makes a state of an input and an output. Its symbolic dimensions are fixed at 1, because a session runs one stream, unless --dim gives another size.</summary>
    public void Pair(IrGraph graph, StateMatch match)
    {
        FixAtOne(graph, graph.Inputs.First(p => p.Name == match.Input), "");
        var port = graph.Inputs.First(p => p.Name == match.Input);
        var update = graph.Outputs.First(p => p.Name == match.Output);
        graph.Inputs.Remove(port);
        graph.States.Add(new IrState(port.Name, port.Value, match.IsReshaped ? Reshaped(graph, update.Value, port.Shape) : update.Value, update.Name, port.Type, port.Shape));
        if (!match.IsReshaped) _outputs.Add(update.Name);
        _pairs.Add(new StatePair(port.Name, update.Name, port.Shape, match.Reason));
        _notes.Add($"state '{port.Name}' {Shape(port.Shape)} is carried from '{update.Name}' ({match.Reason})");
    }

    /// <summary>Makes a state of a growing cache with at most <paramref name="most"/> steps. If none are requested, notes how to pass the cache instead.</summary>
    public void Grow(IrGraph graph, GrowingCache cache, int most)
    {
        var port = graph.Inputs.First(p => p.Name == cache.Input);
        var symbol = port.Shape[cache.Axis].Symbol;
        if (most == 0)
        {
            _notes.Add($"input '{cache.Input}' is a cache that grows: '{cache.Output}' holds it and the new steps along axis {cache.Axis}. Pass that output as '{cache.Input}' of the next run, and size 0 to the first run; or let the runtime keep up to STEPS steps with --cache STEPS");
            return;
        }

        if (symbol is null || port.Shape.Count(d => d.Symbol == symbol) > 1)
        {
            _notes.Add($"input '{cache.Input}' {Shape(port.Shape)} is a cache that grows, but not along one axis alone: it stays an input");
            return;
        }

        FixAtOne(graph, port, symbol);
        port = graph.Inputs.First(p => p.Name == cache.Input);
        var update = graph.Outputs.First(p => p.Name == cache.Output);
        graph.Largest[symbol] = most;
        graph.Inputs.Remove(port);
        graph.States.Add(new IrState(port.Name, port.Value, update.Value, update.Name, port.Type, port.Shape));
        _outputs.Add(update.Name);
        _pairs.Add(new StatePair(port.Name, update.Name, port.Shape, $"a cache that grows along '{symbol}' to at most {most} steps"));
        _notes.Add($"state '{port.Name}' {Shape(port.Shape)} is carried from '{update.Name}' (a cache: it begins empty and grows along '{symbol}' to at most {most} steps; a longer run is refused)");
    }

    /// <summary>Removes paired outputs, which the runtime keeps as states, and those that the user does not want. If no output would remain, the first stays.</summary>
    public void DropOutputs(IrGraph graph, ConversionOptions options)
    {
        var names = _outputs.ToHashSet();
        if (graph.Outputs.Exists(o => options.OnlyOutputs.Contains(o.Name)))
        {
            foreach (var name in options.OnlyOutputs.Where(names.Remove)) _notes.Add($"output '{name}' stays an output and also fills its state, because --only-output names it");
            graph.Outputs.RemoveAll(o => !options.OnlyOutputs.Contains(o.Name));
            DeadCode.Remove(graph);
            return;
        }

        if (graph.Outputs.TrueForAll(o => names.Contains(o.Name)) && graph.Outputs.Count > 0)
        {
            _notes.Add($"output '{graph.Outputs[0].Name}' stays an output and also fills its state, because it is the only output");
            names.Remove(graph.Outputs[0].Name);
        }

        graph.Outputs.RemoveAll(o => names.Contains(o.Name));
    }

    /// <summary>Whether every state keeps its shape.</summary>
    public static bool Fits(IrGraph graph) =>
        graph.States.TrueForAll(s => graph.ShapeOf(s.Update) is var shape && shape.Type == s.Type && shape.Sizes.SequenceEqual(s.Shape.Select(d => d.Size)));

    /// <summary>Fixes the leading symbolic dimension of each input at 1. Some models have a state of one stream but an input with a symbolic batch.</summary>
    /// <returns>Whether there was such a dimension.</returns>
    public bool FixBatch(IrGraph graph)
    {
        var symbols = graph.Inputs.Where(p => p.Shape.Length > 1).Select(p => p.Shape[0].Symbol).OfType<string>().Distinct().ToList();
        foreach (var symbol in symbols)
        {
            _notes.Add($"dimension '{symbol}' is fixed at 1, because the states belong to one stream (choose with --dim {symbol}=SIZE)");
            graph.Fix(symbol, 1);
        }

        return symbols.Count > 0;
    }

    /// <summary>Checks, after shapes were inferred, that each state keeps its shape.</summary>
    public static void Check(IrGraph graph, ConversionOptions options)
    {
        foreach (var state in graph.States)
        {
            var shape = graph.ShapeOf(state.Update);
            if (shape.Type == state.Type && shape.Sizes.SequenceEqual(state.Shape.Select(d => d.Size))) continue;
            var pair = $"'{state.Name}' {Shape(state.Shape)} and '{state.Output}' {shape}";
            if (state.IsDescribed) throw new ConversionException($"graph '{graph.Name}': state '{state.Name}' {Shape(state.Shape)} would become '{state.Output}' {shape}, but a state keeps its shape; give it the shape of its update, or another update.");
            if (!options.States.ContainsKey(state.Name)) throw new ConversionException($"inputs were recognized as states, but {pair} differ in shape: use --no-auto-state, and name pairs of one shape with --state.");
            var same = graph.Outputs.Where(o => graph.ShapeOf(o.Value) is var other && other.Type == state.Type && other.Sizes.SequenceEqual(state.Shape.Select(d => d.Size))).Select(o => $"'{o.Name}'").ToList();
            throw new ConversionException($"--state {state.Name}={state.Output}: {pair} differ, but a state keeps its shape; {(same.Count == 0 ? "no output is" : $"output{(same.Count == 1 ? "" : "s")} {string.Join(", ", same)} {(same.Count == 1 ? "is" : "are")}")} of its shape.");
        }
    }

    /// <summary>Fixes a state's symbolic dimensions at 1, except one that counts steps.</summary>
    private void FixAtOne(IrGraph graph, IrPort port, string but)
    {
        foreach (var symbol in port.Shape.Select(d => d.Symbol).OfType<string>().Distinct().Where(s => s != but).ToList())
        {
            _notes.Add($"dimension '{symbol}' of state '{port.Name}' is fixed at 1 (choose with --dim {symbol}=SIZE)");
            graph.Fix(symbol, 1);
        }
    }

    private static string Reshaped(IrGraph graph, string value, IrDim[] shape)
    {
        var reshaped = graph.Fresh(value);
        graph.Nodes.Add(new IrNode(reshaped, "Reshape", [value, graph.Constant(reshaped, IrTensor.Vector([.. shape.Select(d => (long)d.Size)]))], [reshaped]));
        return reshaped;
    }

    private static string Shape(IrDim[] shape) => $"[{string.Join(", ", shape)}]";

    private static string Names(List<IrPort> ports) => string.Join(", ", ports.Select(p => $"'{p.Name}'"));
}
