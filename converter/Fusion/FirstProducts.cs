using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// Products of constants with weights. A product of the initial state is part of a recurrent cell and is needed to recognize it.
/// So these products are folded only after the search for cells.
/// </summary>
internal static class FirstProducts
{
    /// <summary>Limit of the elements of a constant and of its product. Larger ones are folded at once.</summary>
    private const int MostElements = 1 << 12;

    /// <summary>Whether a node multiplies a matrix by zeros, or by another constant if other products read the matrix too.</summary>
    /// <param name="node">The node.</param>
    /// <param name="evaluator">Knows values.</param>
    /// <param name="readers">How many products read each matrix.</param>
    public static bool Is(IrNode node, Evaluator evaluator, IReadOnlyDictionary<string, int> readers)
    {
        if (node.Op is not ("MatMul" or "Linear") || evaluator.KnownContent(node.Input(0)) is not { Type: ElementType.Float32, Count: > 0 } first) return false;
        if (evaluator.KnownContent(node.Input(1)) is not { Type: ElementType.Float32, Shape.Length: 2 } w || w.IsZero) return false;
        return first.IsZero || (readers.GetValueOrDefault(node.Input(1)) > 1 && IsSmall(first, w));
    }

    /// <summary>The number of products that read each matrix of a graph.</summary>
    public static Dictionary<string, int> Readers(IrGraph graph) => graph.Nodes.Where(n => n.Op == "MatMul").GroupBy(n => n.Input(1)).ToDictionary(g => g.Key, g => g.Count());

    /// <summary>Folds the remaining products to their results or to a bias.</summary>
    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.Where(n => n.Op is "MatMul" or "Linear").ToList())
        {
            if (rewriter.Constant(node.Input(0)) is not { Type: ElementType.Float32 } first || rewriter.Shape(node.Output(0)) is not { IsStatic: true } shape || (node.Input(2).Length > 0 && rewriter.Constant(node.Input(2)) is null)) continue;
            if (rewriter.Constant(node.Input(1)) is not { Type: ElementType.Float32, Shape.Length: 2 } w || first.Shape.Length == 0 || (!first.IsZero && !IsSmall(first, w))) continue;
            rewriter.Bypass(node, graph.Constant(node.Name, Product(node, first, w, shape, rewriter)));
        }

        return rewriter.HasChanged;
    }

    private static bool IsSmall(IrTensor first, IrTensor w) => first.Shape is [.., > 0 and var columns] && first.Count <= MostElements && (long)first.Count / columns * Math.Max(w.Shape[0], w.Shape[1]) <= MostElements;

    private static IrTensor Product(IrNode node, IrTensor first, IrTensor w, IrShape shape, Rewriter rewriter)
    {
        var width = shape.Sizes[^1];
        var row = node.Input(2).Length > 0 ? rewriter.Constant(node.Input(2))!.ToFloats() : new float[width];
        float[] values = [.. Enumerable.Range(0, shape.Sizes.Aggregate(1, (a, b) => a * b)).Select(i => row[i % width])];
        if (!first.IsZero)
        {
            // A Linear's matrix is [outputs, inputs].
            var matrix = (node.Op == "Linear" ? w : w.Transposed()).Floats;
            var (x, columns) = (first.ToFloats(), first.Shape[^1]);
            for (var i = 0; i < values.Length; i++)
            {
                var sum = (double)values[i];
                for (var k = 0; k < columns; k++) sum += (double)x[i / width * columns + k] * matrix[i % width * columns + k];
                values[i] = (float)sum;
            }
        }

        return IrTensor.Of(shape.Sizes, values.AsSpan());
    }
}
