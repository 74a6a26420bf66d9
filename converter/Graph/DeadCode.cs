namespace SeqRuntime.Converter.Graph;

/// <summary>Removes nodes, constants and output slots that nothing reads.</summary>
internal static class DeadCode
{
    /// <returns>Whether a node or an output of one was removed.</returns>
    public static bool Remove(IrGraph graph)
    {
        var used = Used(graph);
        var isRemoved = graph.Nodes.RemoveAll(node => !node.Outputs.Exists(used.Contains)) > 0;
        foreach (var node in graph.Nodes)
        {
            while (node.Outputs.Count > 1 && node.Op != "Split" && !used.Contains(node.Outputs[^1]))
            {
                node.Outputs.RemoveAt(node.Outputs.Count - 1);
                isRemoved = true;
            }
        }

        foreach (var name in graph.Constants.Keys.Where(name => !used.Contains(name)).ToList()) graph.Constants.Remove(name);
        return isRemoved;
    }

    /// <summary>The values that an output or a state depends on.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="isRead">Whether to look at the inner graph in this attribute of a node. Null looks at all.</param>
    public static HashSet<string> Used(IrGraph graph, Func<IrNode, string, bool>? isRead = null)
    {
        var used = new HashSet<string>(graph.Outputs.Select(o => o.Value).Concat(graph.States.Select(s => s.Update)));
        for (var i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            var node = graph.Nodes[i];
            if (!node.Outputs.Exists(used.Contains)) continue;
            used.UnionWith(node.Inputs);
            Capture(node, used, isRead);
            used.Remove(""); // the empty name of an omitted input is not a use of an omitted output
        }

        return used;
    }

    /// <summary>Adds all names that an inner graph reads. Adding the inner graph's own names too is harmless.</summary>
    private static void Capture(IrNode node, HashSet<string> used, Func<IrNode, string, bool>? isRead)
    {
        foreach (var (key, value) in node.Attributes)
        {
            if (value is not IrGraph graph || isRead?.Invoke(node, key) == false) continue;
            used.UnionWith(graph.Outputs.Select(o => o.Value));
            foreach (var inner in graph.Nodes)
            {
                used.UnionWith(inner.Inputs);
                Capture(inner, used, isRead);
            }
        }
    }
}
