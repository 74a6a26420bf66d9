namespace SeqRuntime.Converter.Graph;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    public static void Run(IrGraph graph) => DeadCode(graph);

    /// <summary>Drops nodes whose outputs nothing reads, and leaves out outputs that nothing reads of nodes that stay.</summary>
    public static void DeadCode(IrGraph graph)
    {
        var needed = new HashSet<string>(graph.Outputs.Select(o => o.Value).Concat(graph.States.Select(s => s.Update)));
        for (var i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            var node = graph.Nodes[i];
            if (!node.Outputs.Exists(needed.Contains))
            {
                graph.Nodes.RemoveAt(i);
                continue;
            }

            for (var o = 0; o < node.Outputs.Count; o++)
            {
                if (!needed.Contains(node.Outputs[o])) node.Outputs[o] = "";
            }

            needed.UnionWith(node.Inputs);
        }
    }
}
