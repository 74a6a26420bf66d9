using SeqRuntime.Converter.Graph.Fusion;

namespace SeqRuntime.Converter.Graph;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    public static void Run(IrGraph graph)
    {
        foreach (var pass in (Action<IrGraph>[])[NoOps.Run, LinearFusion.Run, LayerNormFusion.Run, ActivationFusion.Run, LstmCellFusion.Run, GruCellFusion.Run, ZeroStates.Run, NoOps.Run, NoOps.Run, TokenProducts.Run])
        {
            pass(graph);
            DeadCode.Remove(graph);
        }
    }
}
