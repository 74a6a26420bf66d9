using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers;

/// <summary>Finds layers on which no output and no state depends: the file has them, and the model does not need them.</summary>
internal static class IdleLayers
{
    /// <param name="graph">The graph as the layers wrote it, with its outputs and states.</param>
    /// <param name="layers">The layers in the order in which they wrote their nodes, and where the nodes of each end; a layer may come more than once.</param>
    public static IEnumerable<string> Of(IrGraph graph, IReadOnlyList<(string Layer, int End)> layers)
    {
        var used = DeadCode.Used(graph);
        var (active, idle) = (new HashSet<string>(), new List<string>());
        var start = 0;
        foreach (var (layer, end) in layers)
        {
            // A layer that writes nothing, as dropout, hands its input on.
            if (start == end || graph.Nodes[start..end].Exists(n => n.Outputs.Exists(used.Contains))) active.Add(layer);
            else idle.Add(layer);
            start = end;
        }

        return idle.Distinct().Where(layer => !active.Contains(layer));
    }
}
