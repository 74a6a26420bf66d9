using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Finds parts of a file's graph that no output depends on.</summary>
internal static class OnnxLeftovers
{
    /// <summary>Unused constants of the graph and its inner graphs. Of constants in attributes, only tables of floats count.</summary>
    public static List<UnusedWeight> Unused(IrGraph graph, string file)
    {
        return [.. Constants.Parts(graph).SelectMany(Idle).Select(c => new UnusedWeight(Path.GetFileName(file), c.Key, c.Value.Shape))];

        static IEnumerable<KeyValuePair<string, IrTensor>> Idle(IrGraph part)
        {
            var used = DeadCode.Used(part);
            return part.Constants.Concat(Constants.Held(part).Where(c => c.Value is { Type: ElementType.Float32 or ElementType.Float64, Count: > 1 })).Where(c => !used.Contains(c.Key));
        }
    }

    /// <summary>Tables of floats that only branches of known conditions read which are not taken.</summary>
    /// <param name="graph">The graph as it was read, after its copies were resolved.</param>
    /// <param name="file">Its file.</param>
    public static List<UnusedWeight> OfBranches(IrGraph graph, string file)
    {
        if (graph.Taken.Count == 0) return [];
        var before = Read(graph, (_, _) => true).Keys.ToHashSet();
        before.ExceptWith(Read(graph, IsTaken).Keys);
        return [.. Constants.Parts(graph).SelectMany(Tables).Where(c => before.Contains(c.Key)).DistinctBy(c => c.Key).Select(c => new UnusedWeight(Path.GetFileName(file), c.Key, c.Value.Shape))];

        bool IsTaken(IrNode node, string branch) => node.Op != "If" || graph.Taken.Contains((node.Name, branch));
    }

    private static IEnumerable<KeyValuePair<string, IrTensor>> Tables(IrGraph part) =>
        part.Constants.Concat(Constants.Held(part)).Where(c => c.Value is { Type: ElementType.Float32 or ElementType.Float64, Count: > 1 } && !c.Key.Contains('~', StringComparison.Ordinal));

    /// <summary>The tables that the graph and its used inner graphs read.</summary>
    private static Dictionary<string, IrTensor> Read(IrGraph graph, Func<IrNode, string, bool> isRead)
    {
        var used = DeadCode.Used(graph, isRead);
        var read = new Dictionary<string, IrTensor>();
        var waiting = new Stack<IrGraph>([graph]);
        while (waiting.TryPop(out var part))
        {
            foreach (var (name, table) in Tables(part).Where(t => used.Contains(t.Key))) read[name] = table;
            foreach (var (node, key, inner) in part.Nodes.SelectMany(n => n.Attributes.Where(a => a.Value is IrGraph).Select(a => (n, a.Key, (IrGraph)a.Value))))
            {
                if (isRead(node, key)) waiting.Push(inner);
            }
        }

        return read;
    }
}
