using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// How many steps the position of a decoder's step can count. It chooses a place of caches and of tables; a position behind the last place
/// would find none, and caches would silently lose that step.
/// </summary>
internal static class PositionLimit
{
    /// <param name="graph">A resolved graph.</param>
    /// <param name="input">The input that takes the number of previous steps, if there is one. A state that each run increases by 1 is such a number too.</param>
    /// <returns>The number of steps; null if nothing in the graph limits them.</returns>
    public static int? Of(IrGraph graph, string? input)
    {
        // Values that hold the position, and what was added to it.
        var positions = new Dictionary<string, long>();
        if (input is not null) positions[input] = 0;
        foreach (var state in graph.States.Where(state => graph.Nodes.Exists(node => node.Output(0) == state.Update && Counts(graph, node, state.Value)))) positions[state.Value] = 0;
        if (positions.Count == 0) return null;
        long? most = null;
        void Limit(long places, long added)
        {
            if (places > added && (most is null || places - added < most)) most = places - added;
        }

        foreach (var node in graph.Nodes)
        {
            switch (node.Op)
            {
                case "Cast" or "Reshape" or "Squeeze" or "Unsqueeze" or "Identity" or "Flatten" or "Expand" when positions.TryGetValue(node.Input(0), out var same):
                    positions[node.Output(0)] = same;
                    break;
                case "Add" when Added(graph, positions, node) is { } sum:
                    positions[node.Output(0)] = sum;
                    break;
                case "Equal":
                    for (var i = 0; i < 2; i++)
                    {
                        if (positions.TryGetValue(node.Input(i), out var added) && !positions.ContainsKey(node.Input(1 - i)) && Places(graph, node.Input(1 - i)) is { } places) Limit(places, added);
                    }

                    break;
                case "Gather" or "ScatterElements" or "GatherElements" when positions.TryGetValue(node.Input(1), out var index):
                    var sizes = Sizes(graph, node.Input(0));
                    var axis = node.Int32("axis", 0);
                    if (axis < 0) axis += sizes.Length;
                    if (axis >= 0 && axis < sizes.Length && sizes[axis] > 1) Limit(sizes[axis], index);
                    break;
                case "OneHot" when positions.TryGetValue(node.Input(0), out var hot) && Number(graph, node.Input(1)) is { } depth:
                    Limit(depth, hot);
                    break;
            }
        }

        return (int?)most;
    }

    /// <summary>Whether a node adds 1 to a value.</summary>
    private static bool Counts(IrGraph graph, IrNode node, string value) => node.Op == "Add" && Added(graph, new() { [value] = 0 }, node) == 1;

    private static long? Added(IrGraph graph, Dictionary<string, long> positions, IrNode node)
    {
        for (var i = 0; i < 2; i++)
        {
            if (positions.TryGetValue(node.Input(i), out var position) && Number(graph, node.Input(1 - i)) is { } number) return position + number;
        }

        return null;
    }

    private static int[] Sizes(IrGraph graph, string value) => graph.ConstantOf(value)?.Shape ?? graph.Shapes.GetValueOrDefault(value)?.Sizes ?? [];

    private static long? Number(IrGraph graph, string value) => graph.ConstantOf(value) is { Count: 1 } constant ? (long)constant.ToFloats()[0] : null;

    /// <summary>The number of places that a position is compared with. A single one is no cache.</summary>
    private static long? Places(IrGraph graph, string value)
    {
        var sizes = Sizes(graph, value);
        if (Array.Exists(sizes, size => size < 0)) return null;
        var count = sizes.Aggregate(1L, (a, b) => a * b);
        return count > 1 ? count : null;
    }
}
