namespace SeqRuntime.Converter.Graph.Fusion;

/// <summary>
/// Products of zeros with weights: what a first state of zeros is multiplied with is a part of a recurrent cell, which would not be one
/// without it. They are folded only when cells have been looked for.
/// </summary>
internal static class ZeroProducts
{
    /// <summary>Whether a node multiplies zeros with a matrix.</summary>
    public static bool Is(IrNode node, Evaluator evaluator) =>
        node.Op is "MatMul" or "Linear" && evaluator.KnownContent(node.Input(0)) is { Type: ElementType.Float32, IsZero: true, Count: > 0 } && evaluator.KnownContent(node.Input(1)) is { Type: ElementType.Float32, Shape.Length: 2 } w && !w.IsZero;

    /// <summary>What is left of them becomes zeros or a bias.</summary>
    public static void Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.Where(n => n.Op is "MatMul" or "Linear").ToList())
        {
            if (rewriter.Constant(node.Input(0)) is not { IsZero: true } || rewriter.Shape(node.Output(0)) is not { IsStatic: true } shape || (node.Input(2).Length > 0 && rewriter.Constant(node.Input(2)) is null)) continue;
            var width = shape.Sizes[^1];
            var row = node.Input(2).Length > 0 ? rewriter.Constant(node.Input(2))!.ToFloats() : new float[width];
            float[] values = [.. Enumerable.Range(0, shape.Sizes.Aggregate(1, (a, b) => a * b)).Select(i => row[i % width])];
            rewriter.Bypass(node, graph.Constant(node.Name, IrTensor.Of(shape.Sizes, values.AsSpan())));
        }
    }
}
