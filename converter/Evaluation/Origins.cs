using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>Finds the graph inputs that a value depends on. The user knows their names.</summary>
internal static class Origins
{
    /// <param name="value">A value.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="kept">Nodes resolved so far, in order.</param>
    /// <returns>The inputs. Empty if the value depends on a state.</returns>
    public static List<IrPort> Of(string value, IrGraph graph, List<IrNode> kept)
    {
        var needed = new HashSet<string>([value]);
        for (var i = kept.Count - 1; i >= 0; i--)
        {
            if (kept[i].Outputs.Exists(needed.Contains)) needed.UnionWith(kept[i].Inputs);
        }

        return graph.States.Exists(s => needed.Contains(s.Value)) ? [] : graph.Inputs.FindAll(i => needed.Contains(i.Value));
    }

    /// <summary>The symbolic dimensions that a size depends on.</summary>
    public static List<string> SymbolsOf(string value, IrGraph graph, List<IrNode> kept)
    {
        var needed = new HashSet<string>([value]);
        var places = new Dictionary<string, long[]>();
        var symbols = new List<string>();
        for (var i = kept.Count - 1; i >= 0; i--)
        {
            var node = kept[i];
            if (!node.Outputs.Exists(needed.Contains)) continue;
            if (node.Op == "Gather" && graph.ConstantOf(node.Input(1)) is { Type: ElementType.Int64 or ElementType.Int32 } place) places[node.Input(0)] = place.Integers();
            if (node.Op == "Slice" && graph.ConstantOf(node.Input(1)) is { Count: 1 } start && graph.ConstantOf(node.Input(2)) is { Count: 1 } end && end.Integers()[0] - start.Integers()[0] == 1) places[node.Input(0)] = start.Integers();
            if (node.Op != "Shape") needed.UnionWith(node.Inputs);
            else if (Dimensions(node.Input(0), graph, kept) is { } whole && Taken(node, whole) is var shape) symbols.AddRange(shape.Where((d, at) => d.Symbol is not null && (places.GetValueOrDefault(node.Output(0)) is not { } taken || taken.Contains(at) || taken.Contains(at - shape.Length))).Select(d => d.Symbol!));
        }

        return [.. symbols.Distinct()];
    }

    /// <summary>The dimensions that a Shape node takes.</summary>
    private static IrDim[] Taken(IrNode node, IrDim[] shape)
    {
        int Place(long place) => (int)Math.Clamp(place < 0 ? place + shape.Length : place, 0, shape.Length);
        var (start, end) = (Place(node.Int("start", 0)), Place(node.Int("end", shape.Length)));
        return start < end ? shape[start..end] : [];
    }

    /// <summary>The dimensions of a graph input, possibly transposed. Null for another value.</summary>
    private static IrDim[]? Dimensions(string value, IrGraph graph, List<IrNode> kept)
    {
        if (graph.Inputs.Find(i => i.Value == value) is { } input) return input.Shape;
        return kept.FindLast(n => n.Outputs.Contains(value)) is { Op: "Transpose" } turn && Dimensions(turn.Input(0), graph, kept) is { } shape
            ? turn.Ints("perm") is { Length: > 0 } perm ? [.. perm.Select(p => shape[p])] : [.. shape.Reverse()]
            : null;
    }

    /// <summary>Whether each input is a single number that configures the run, such as a sample rate.</summary>
    public static bool AreSettings(List<IrPort> inputs) => inputs.Count > 0 && inputs.TrueForAll(i => IsWhole(i) && Array.TrueForAll(i.Shape, d => d.Size == 1));

    /// <summary>Integer inputs that a value depends on. Fixing them makes it known.</summary>
    public static IEnumerable<string> Settable(string value, IrGraph graph, List<IrNode> kept) => Of(value, graph, kept).Where(IsWhole).Select(i => i.Name);

    /// <summary>Describes a value that is unknown at conversion and what it depends on.</summary>
    public static string Unknown(string value, IrGraph graph, List<IrNode> kept, Evaluator evaluator)
    {
        if (graph.Inputs.Find(i => i.Value == value) is { } input) return $"input '{input.Name}'";
        if (evaluator.FollowsFromSizes(value)) return $"'{value}', which depends on the size of a symbolic dimension";
        var inputs = Of(value, graph, kept);
        return inputs.Count == 0 ? $"'{value}', which is not known at conversion" : $"'{value}', which depends on {Names(inputs)}";
    }

    public static string Names(List<IrPort> inputs) => $"input{(inputs.Count == 1 ? "" : "s")} {string.Join(", ", inputs.Select(i => $"'{i.Name}'"))}";

    private static bool IsWhole(IrPort input) => input.Type is not (ElementType.Float32 or ElementType.Float64);
}
