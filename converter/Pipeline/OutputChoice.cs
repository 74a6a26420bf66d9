using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Which outputs of a graph the user wants, and which ones need an operator that cannot be converted.</summary>
internal static class OutputChoice
{
    /// <summary>Whether --only-output names an output of this graph. Other graphs keep all of theirs.</summary>
    public static bool IsMade(IrGraph graph, ConversionOptions options) => options.OnlyOutputs.Count > 0 && graph.Outputs.Exists(o => options.OnlyOutputs.Contains(o.Name));

    /// <summary>Whether the user named this output, as one to keep or as the content of a state.</summary>
    public static bool Keeps(string output, ConversionOptions options) => options.OnlyOutputs.Contains(output) || options.States.Values.Contains(output);

    /// <summary>Outputs that depend on an operator that is not supported, also if only a branch that may not be taken has it.</summary>
    /// <param name="graph">A graph as it was read, its nodes in execution order.</param>
    public static HashSet<string> Unsupported(IrGraph graph)
    {
        var spoiled = new HashSet<string>();
        foreach (var node in graph.Nodes)
        {
            if (IsSpoiled(node, spoiled)) spoiled.UnionWith(node.Outputs.Where(o => o.Length > 0));
        }

        return [.. graph.Outputs.Where(o => spoiled.Contains(o.Value)).Select(o => o.Name)];
    }

    private static bool IsSpoiled(IrNode node, HashSet<string> spoiled) =>
        !Decompose.Knows(node.Op) || node.Inputs.Exists(spoiled.Contains)
        || node.Attributes.Values.OfType<IrGraph>().Any(inner => inner.Nodes.Exists(n => IsSpoiled(n, spoiled)) || inner.Outputs.Exists(o => spoiled.Contains(o.Value)));
}
