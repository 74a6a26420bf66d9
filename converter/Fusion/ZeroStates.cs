using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Removes initial states of recurrent layers that are zero, and sequence lengths that cover the whole sequence.</summary>
internal static class ZeroStates
{
    private const int MostFollowed = 16;

    public static bool Run(IrGraph graph)
    {
        var isLeftOut = LeaveOut(graph);
        foreach (var node in graph.Nodes.Where(IsLayer))
        {
            var steps = graph.ShapeOf(node.Input(0)).Sizes[0];
            if (graph.ConstantOf(node.Input(4)) is not { } lengths || steps < 0 || !Array.TrueForAll(lengths.Integers(), l => l == steps)) continue;
            node.Inputs[4] = "";
            isLeftOut = true;
        }

        return isLeftOut;
    }

    /// <summary>Removes zero states, even before shapes are known. Exporters write them for one batch size; without them a layer starts at zero for any batch size.</summary>
    public static bool LeaveOut(IrGraph graph)
    {
        var layers = graph.Nodes.FindAll(IsLayer);
        if (layers.Count == 0) return false;
        var producers = graph.Producers();
        var isLeftOut = false;
        foreach (var layer in layers)
        {
            for (var state = 5; state < 5 + layer.Recurrent!.States; state++)
            {
                if (layer.Input(state).Length == 0 || !IsZero(layer.Input(state), graph, producers)) continue;
                layer.Inputs[state] = "";
                isLeftOut = true;
            }
        }

        return isLeftOut;
    }

    private static bool IsLayer(IrNode node) => node.Recurrent is not null;

    private static bool IsZero(string value, IrGraph graph, Dictionary<string, IrNode> producers)
    {
        for (var steps = 0; steps < MostFollowed; steps++)
        {
            if (graph.ConstantOf(value) is { } constant) return constant.IsZero;
            if (!producers.TryGetValue(value, out var node)) return false;
            if (node.Op == "Constant") return node.Attributes.GetValueOrDefault("value") is IrTensor { IsZero: true };
            if (node.Op == "ConstantOfShape") return node.Attributes.GetValueOrDefault("value") is not IrTensor fill || fill.IsZero;
            if (node.Op is not ("Expand" or "Reshape" or "Unsqueeze" or "Squeeze" or "Transpose" or "Slice" or "Split" or "Gather" or "Tile" or "Identity" or "Cast")) return false;
            value = node.Input(0);
        }

        return false;
    }
}
