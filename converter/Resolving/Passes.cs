using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Recurrence;

namespace SeqRuntime.Converter.Resolving;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    /// <summary>Nodes that one node can stand for: products with their bias, normalizations, written-out cells. Every value that stays is what it was.</summary>
    /// <param name="graph">A resolved graph.</param>
    public static void Fuse(IrGraph graph)
    {
        FixedPoint.Run(graph, NoOps.RunBeforeCells, LinearFusion.Run, LayerNormFusion.Run, ActivationFusion.Run, CellFusion.Run, StepChains.Run);
        // First states of zeros and what is made of them are a part of cells, and needed until all cells are found.
        FixedPoint.Run(graph, FirstProducts.Run, ZeroStates.Run, NoOps.Run);
    }
}
