using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Leaves out initial states of recurrent layers that are zero, and sequence lengths that are the whole sequence.</summary>
internal static class ZeroStates
{
    private const int MostFollowed = 16;

    public static void Run(IrGraph graph)
    {
        LeaveOut(graph);
        foreach (var node in graph.Nodes.Where(IsLayer))
        {
            var steps = graph.ShapeOf(node.Input(0)).Sizes[0];
            if (graph.ConstantOf(node.Input(4)) is { } lengths && steps >= 0 && Array.TrueForAll(lengths.Integers(), l => l == steps)) node.Inputs[4] = "";
        }
    }

    /// <summary>Leaves out the zeros, also before shapes are known: exporters write them for one size of batch, and a layer without them begins at zero for any.</summary>
    public static void LeaveOut(IrGraph graph)
    {
        var layers = graph.Nodes.FindAll(IsLayer);
        if (layers.Count == 0) return;
        var producers = graph.Producers();
        foreach (var layer in layers)
        {
            if (layer.Input(5).Length > 0 && IsZero(layer.Input(5), graph, producers)) layer.Inputs[5] = "";
            if (layer.Recurrent is { HasCell: true } && layer.Input(6).Length > 0 && IsZero(layer.Input(6), graph, producers)) layer.Inputs[6] = "";
        }
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
