using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers;

/// <summary>Finds layers that no output and no state depends on.</summary>
internal static class IdleLayers
{
    /// <param name="graph">The graph as the layers wrote it, with outputs and states.</param>
    /// <param name="layers">The layers in the order of their nodes, each with the end of its nodes. A layer may occur more than once.</param>
    public static IEnumerable<string> Of(IrGraph graph, IReadOnlyList<(string Layer, int End)> layers)
    {
        var used = DeadCode.Used(graph);
        var (active, idle) = (new HashSet<string>(), new List<string>());
        var start = 0;
        foreach (var (layer, end) in layers)
        {
            // A layer that writes no node, such as dropout, passes its input on.
            if (start == end || graph.Nodes[start..end].Exists(n => n.Outputs.Exists(used.Contains))) active.Add(layer);
            else idle.Add(layer);
            start = end;
        }

        return idle.Distinct().Where(layer => !active.Contains(layer));
    }
}
