using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Recurrence;

namespace SeqRuntime.Converter.Resolving;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    private static readonly Action<IrGraph>[] s_fusions = [NoOps.RunBeforeCells, LinearFusion.Run, LayerNormFusion.Run, ActivationFusion.Run, CellFusion.Run, StepChains.Run, FirstProducts.Run, ZeroStates.Run, NoOps.Run, NoOps.Run];

    /// <summary>Nodes that one node can stand for: products with their bias, normalizations, written-out cells. Every value that stays is what it was.</summary>
    /// <param name="graph">A resolved graph.</param>
    public static void Fuse(IrGraph graph)
    {
        foreach (var pass in s_fusions)
        {
            pass(graph);
            DeadCode.Remove(graph);
        }
    }
}
