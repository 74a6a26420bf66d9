using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Recurrence;

namespace SeqRuntime.Converter.Resolving;

/// <summary>The passes over a resolved graph, in order.</summary>
internal static class Passes
{
    /// <summary>Replaces groups of nodes by one node: products with their bias, normalizations, written-out cells. Remaining values keep their content.</summary>
    /// <param name="graph">A resolved graph.</param>
    public static void Fuse(IrGraph graph)
    {
        FixedPoint.Run(graph, NoOps.RunBeforeCells, LinearFusion.Run, LayerNormFusion.Run, TransposeFusion.Run, ActivationFusion.Run, CellFusion.Run, StepChains.Run);
        // Initial states of zeros and values computed from them are part of cells, so they stay until all cells are found.
        FixedPoint.Run(graph, FirstProducts.Run, ZeroStates.Run, NoOps.Run);
    }
}
