using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>What a graph of a file holds and no output depends on.</summary>
internal static class OnnxLeftovers
{
    /// <summary>Constants of the graph and of graphs within it on which no output depends; of those that nodes hold, tables of floats.</summary>
    public static List<UnusedWeight> Unused(IrGraph graph, string file)
    {
        return [.. Constants.Parts(graph).SelectMany(Idle).Select(c => new UnusedWeight(Path.GetFileName(file), c.Key, c.Value.Shape))];

        static IEnumerable<KeyValuePair<string, IrTensor>> Idle(IrGraph part)
        {
            var used = DeadCode.Used(part);
            return part.Constants.Concat(Constants.Held(part).Where(c => c.Value is { Type: ElementType.Float32 or ElementType.Float64, Count: > 1 })).Where(c => !used.Contains(c.Key));
        }
    }

    /// <summary>Tables of floats that only branches read which are not taken, of conditions that are known.</summary>
    /// <param name="graph">The graph as it was read, once its copies have been resolved.</param>
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

    /// <summary>The tables that are read, of the graph and of the graphs within it that are.</summary>
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
