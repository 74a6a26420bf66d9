namespace SeqRuntime.Converter.Graph.Fusion;

/// <summary>Leaves out initial states of recurrent layers that are zero, and sequence lengths that are the whole sequence.</summary>
internal static class ZeroStates
{
    public static void Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.Where(n => n.Op is "LSTM" or "GRU" or "RNN"))
        {
            if (node.Input(5).Length > 0 && IsZero(node.Input(5), rewriter)) node.Inputs[5] = "";
            if (node.Op == "LSTM" && node.Input(6).Length > 0 && IsZero(node.Input(6), rewriter)) node.Inputs[6] = "";
            var steps = rewriter.Shape(node.Input(0)).Sizes[0];
            if (rewriter.Constant(node.Input(4)) is { } lengths && steps >= 0 && Array.TrueForAll(lengths.Integers(), l => l == steps)) node.Inputs[4] = "";
        }
    }

    private static bool IsZero(string value, Rewriter rewriter)
    {
        for (var steps = 0; steps < 8; steps++)
        {
            if (rewriter.Constant(value) is { } constant) return constant.IsZero;
            if (rewriter.Producer(value) is not { } node) return false;
            if (node.Op == "ConstantOfShape") return node.Attributes.GetValueOrDefault("value") is not IrTensor fill || fill.IsZero;
            if (node.Op is not ("Expand" or "Reshape" or "Unsqueeze" or "Squeeze" or "Transpose" or "Slice" or "Tile")) return false;
            value = node.Input(0);
        }

        return false;
    }
}
