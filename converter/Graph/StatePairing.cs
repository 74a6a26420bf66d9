namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Finds which inputs and outputs are the same state before and after a step, so that the runtime can carry it: by the user's
/// word, by names (h and h_out, state and stateN, past and present), or because exactly one output fits an input's shape and neither
/// is the graph's first, which are data.
/// </summary>
internal static class StatePairing
{
    private static readonly string[] s_marks = ["initial", "present", "output", "input", "final", "init", "past", "prev", "next", "new", "old", "out", "in", "0", "1", "2", "n", "t"];

    public static void Apply(IrGraph graph, ConversionOptions options, Unused unused, List<string> notes)
    {
        foreach (var (input, output) in options.States)
        {
            var port = graph.Inputs.FindIndex(p => p.Name == input);
            var update = graph.Outputs.FindIndex(p => p.Name == output);
            if (port < 0 && update < 0) continue;
            if (port < 0) throw new ConversionException($"--state {input}={output}: graph '{graph.Name}' has no input '{input}'; it has {Names(graph.Inputs)}.");
            if (update < 0) throw new ConversionException($"--state {input}={output}: graph '{graph.Name}' has no output '{output}'; it has {Names(graph.Outputs)}.");
            Pair(graph, port, update, notes, "as asked");
        }

        if (!options.AutoStates) return;
        PairWhere(graph, notes, "by name", (input, output) => SameStem(input.Name, output.Name));
        PairWhere(graph, notes, "by shape", (input, output) => !ReferenceEquals(input, graph.Inputs[0]) && !ReferenceEquals(output, graph.Outputs[0]) && input.Shape.Length >= 2);
    }

    /// <summary>After shapes were inferred: a state must become what it was.</summary>
    public static void Check(IrGraph graph)
    {
        foreach (var state in graph.States)
        {
            var shape = graph.ConstantOf(state.Update) is { } constant ? new IrShape(constant.Type, constant.Shape) : graph.Shapes.GetValueOrDefault(state.Update);
            if (shape is null || (shape.Type == state.Type && shape.Sizes.SequenceEqual(state.Shape.Select(d => d.Size)))) continue;
            throw new ConversionException($"State '{state.Name}' of shape [{string.Join(", ", state.Shape)}] would become '{state.Update}' of shape {shape}: they are no pair. Pair by hand with --state in=out, or use --no-auto-state.");
        }
    }

    private static void PairWhere(IrGraph graph, List<string> notes, string how, Func<IrPort, IrPort, bool> fits)
    {
        for (var i = 0; i < graph.Inputs.Count;)
        {
            var input = graph.Inputs[i];
            var outputs = graph.Outputs.Where(output => Compatible(input, output) && fits(input, output)).ToList();
            var rivals = outputs.Count == 1 ? graph.Inputs.Count(other => Compatible(other, outputs[0]) && fits(other, outputs[0])) : 0;
            if (outputs.Count == 1 && rivals == 1)
            {
                Pair(graph, i, graph.Outputs.IndexOf(outputs[0]), notes, how);
                continue;
            }

            if (outputs.Count > 0) notes.Add($"input '{input.Name}' fits several outputs {how} ({string.Join(", ", outputs.Select(o => o.Name))}) or shares one with another input; it stays a plain input. Use --state in=out if it is a state");
            i++;
        }
    }

    private static void Pair(IrGraph graph, int input, int output, List<string> notes, string how)
    {
        var port = graph.Inputs[input];
        var update = graph.Outputs[output];
        foreach (var symbol in port.Shape.Select(d => d.Symbol).OfType<string>().Distinct().ToList())
        {
            notes.Add($"dimension '{symbol}' of state '{port.Name}' was fixed to 1; use --dim {symbol}=SIZE for another");
            FixSymbol(graph, symbol);
        }

        port = graph.Inputs[input];
        graph.Inputs.RemoveAt(input);
        graph.Outputs.RemoveAt(output);
        graph.States.Add(new IrState(port.Name, port.Value, update.Value, update.Name, port.Type, port.Shape));
        notes.Add($"state '{port.Name}' [{string.Join(", ", port.Shape)}] is carried from '{update.Name}' ({how})");
    }

    private static void FixSymbol(IrGraph graph, string symbol)
    {
        void Fix(List<IrPort> ports)
        {
            for (var i = 0; i < ports.Count; i++) ports[i] = ports[i] with { Shape = Array.ConvertAll(ports[i].Shape, d => d.Symbol == symbol ? new IrDim(1, null) : d) };
        }

        Fix(graph.Inputs);
        Fix(graph.Outputs);
    }

    private static bool Compatible(IrPort input, IrPort output) =>
        input.Type == output.Type && input.Type == ElementType.Float32 && input.Shape.Length == output.Shape.Length && input.Shape.Length > 0
        && input.Shape.Zip(output.Shape).All(pair => pair.First == pair.Second || pair.Second.Symbol is not null);

    private static bool SameStem(string a, string b)
    {
        if (a == b) return false;
        var stem = Stem(a);
        return stem.Length > 0 && stem == Stem(b);
    }

    /// <summary>A name without the marks that tell before from after.</summary>
    private static string Stem(string name)
    {
        var text = name.ToLowerInvariant();
        text = text[(text.LastIndexOf('/') + 1)..].TrimEnd(':', '0');
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var mark in s_marks)
            {
                var bare = text.Length > mark.Length && text.EndsWith(mark, StringComparison.Ordinal) ? text[..^mark.Length]
                    : mark.Length > 1 && text.StartsWith(mark + "_", StringComparison.Ordinal) ? text[mark.Length..]
                    : text;
                bare = bare.Trim('_', '.', '-');
                if (bare == text || bare.Length == 0) continue;
                text = bare;
                changed = true;
            }
        }

        return text;
    }

    private static string Names(List<IrPort> ports) => string.Join(", ", ports.Select(p => $"'{p.Name}'"));
}
