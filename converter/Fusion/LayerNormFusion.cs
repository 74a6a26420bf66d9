using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// (x - mean)/√(variance + ε)·scale + bias, written out over the last dimensions, becomes LayerNormalization. The square may be
/// Pow 2 or a product. The difference may be computed once or twice. The graph may divide by the root or multiply by its reciprocal.
/// </summary>
internal static class LayerNormFusion
{
    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op is "Div" or "Mul") Match(node, rewriter);
        }

        return rewriter.HasChanged;
    }

    private static void Match(IrNode node, Rewriter rewriter)
    {
        var operands = node.Op == "Div" ? [(node.Input(0), node.Input(1))] : Rewriter.Operands(node);
        foreach (var (centred, root) in operands)
        {
            var sqrt = node.Op == "Div" ? rewriter.Producer(root, "Sqrt") : rewriter.Producer(root, "Reciprocal") is { } reciprocal ? rewriter.Producer(reciprocal.Input(0), "Sqrt") : null;
            if (sqrt is null || rewriter.Producer(sqrt.Input(0), "Add") is not { } sum) continue;
            foreach (var (variance, epsilonName) in Rewriter.Operands(sum))
            {
                if (rewriter.Scalar(epsilonName) is not { } epsilon || rewriter.Constant(epsilonName)!.Count != 1 || rewriter.Producer(variance, "ReduceMean") is not { } mean2) continue;
                if (Squared(mean2.Input(0), rewriter) is not { } difference || Centred(difference, rewriter) is not { } of || Centred(centred, rewriter) is not { } ofToo) continue;
                if (of.X != ofToo.X || Axis(mean2, rewriter) is not { } axis || Axis(of.Mean, rewriter) != axis || Axis(ofToo.Mean, rewriter) != axis) continue;
                Build(node, of.X, axis, epsilon, rewriter);
                return;
            }
        }
    }

    private static string? Squared(string value, Rewriter rewriter)
    {
        var node = rewriter.Producer(value);
        if (node is { Op: "Mul" } && node.Input(0) == node.Input(1)) return node.Input(0);
        return node is { Op: "Pow" } && rewriter.Scalar(node.Input(1)) == 2 ? node.Input(0) : null;
    }

    private static (string X, IrNode Mean)? Centred(string value, Rewriter rewriter) =>
        rewriter.Producer(value, "Sub") is { } difference && rewriter.Producer(difference.Input(1), "ReduceMean") is { } mean && mean.Input(0) == difference.Input(0) ? (difference.Input(0), mean) : null;

    /// <summary>The first reduced dimension, if the reduction covers the last dimensions and keeps them with size 1.</summary>
    private static int? Axis(IrNode mean, Rewriter rewriter)
    {
        if (mean.Int("keepdims", 1) == 0 || rewriter.Constant(mean.Input(1))?.Integers() is not { Length: > 0 } axes) return null;
        var rank = rewriter.Shape(mean.Input(0)).Rank;
        var sorted = axes.Select(a => (int)(a < 0 ? a + rank : a)).Order().ToArray();
        return sorted[^1] == rank - 1 && sorted[0] == rank - sorted.Length ? sorted[0] : null;
    }

    private static void Build(IrNode node, string x, int axis, float epsilon, Rewriter rewriter)
    {
        var sizes = rewriter.Shape(x).Sizes[axis..];
        if (Array.Exists(sizes, s => s < 0) || !rewriter.IsFloat(x)) return;
        var count = sizes.Aggregate(1, (a, b) => a * b);
        var scale = Following(node, "Mul", sizes, rewriter, out var last);
        var bias = Following(last, "Add", sizes, rewriter, out last);
        var scaleName = scale ?? rewriter.Graph.Constant(node.Name + ".scale", IrTensor.Of(sizes, Enumerable.Repeat(1f, count).ToArray().AsSpan()));
        var layer = new IrNode(node.Name, "LayerNormalization", bias is null ? [x, scaleName] : [x, scaleName, bias], last.Outputs) { Attributes = { ["axis"] = (long)axis, ["epsilon"] = epsilon } };
        rewriter.Replace(last, layer);
    }

    /// <summary>The constant of the only node that reads <paramref name="node"/>'s result, if that node has this operator and the constant has the normalized shape.</summary>
    private static string? Following(IrNode node, string op, int[] sizes, Rewriter rewriter, out IrNode last)
    {
        last = node;
        if (rewriter.OnlyFor(node.Output(0)) is null || rewriter.NodesThatRead(node.Output(0)).FirstOrDefault() is not { } reader || reader.Op != op) return null;
        var other = reader.Input(0) == node.Output(0) ? reader.Input(1) : reader.Input(0);
        if (rewriter.Constant(other) is not { Type: ElementType.Float32 } constant) return null;
        if (!constant.Shape.SkipWhile(s => s == 1).SequenceEqual(sizes.SkipWhile(s => s == 1)) || constant.Shape.Length > rewriter.Shape(node.Output(0)).Rank) return null;
        last = reader;
        return rewriter.Graph.Constant(other, constant.Reshaped(sizes));
    }
}
