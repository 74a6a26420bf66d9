using SeqRuntime.Converter.Graph.Fusion;
using SeqRuntime.Converter.Graph.Recurrence;

namespace SeqRuntime.Converter.Graph;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    private static readonly Action<IrGraph>[] s_fusions = [NoOps.RunBeforeCells, LinearFusion.Run, LayerNormFusion.Run, ActivationFusion.Run, CellFusion.Run, StepChains.Run, ZeroProducts.Run, ZeroStates.Run, NoOps.Run, NoOps.Run];

    /// <summary>Nodes that one node can stand for: products with their bias, normalizations, written-out cells. Every value that stays is what it was.</summary>
    public static void Fuse(IrGraph graph)
    {
        foreach (var pass in s_fusions) Run(graph, pass);
    }

    /// <summary>What is worked out beforehand, once nothing asks for the weights as they were.</summary>
    /// <param name="graph">A fused graph.</param>
    /// <param name="staysApart">Whether a constant of this name is to be stored in fewer bits as it is.</param>
    public static void Finish(IrGraph graph, Predicate<string> staysApart) => Run(graph, g => TokenProducts.Run(g, staysApart));

    private static void Run(IrGraph graph, Action<IrGraph> pass)
    {
        pass(graph);
        DeadCode.Remove(graph);
    }
}
