using SeqRuntime.Converter.Graph.Fusion;

namespace SeqRuntime.Converter.Graph;

/// <summary>The passes over a resolved graph, in their order.</summary>
internal static class Passes
{
    /// <param name="graph">A resolved graph.</param>
    /// <param name="staysApart">Whether a constant of this name is to be stored in fewer bits as it is.</param>
    public static void Run(IrGraph graph, Predicate<string> staysApart)
    {
        foreach (var pass in (Action<IrGraph>[])[NoOps.Run, LinearFusion.Run, LayerNormFusion.Run, ActivationFusion.Run, LstmCellFusion.Run, GruCellFusion.Run, ZeroStates.Run, NoOps.Run, NoOps.Run, g => TokenProducts.Run(g, staysApart)])
        {
            pass(graph);
            DeadCode.Remove(graph);
        }
    }
}
