using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// (x - mean)/√(variance + ε)·scale + bias, written out over the last dimensions, becomes LayerNormalization. The square may be
/// Pow 2 or a product. The difference may be computed once or twice. The graph may divide by the root or multiply by its reciprocal, and
/// its means may be global averages. x·f + (bias - mean·f) with f = scale/√(variance + ε), as TensorFlow writes it, becomes the same.
/// </summary>
internal static class LayerNormFusion
{
    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op is "Div" or "Mul") Match(node, rewriter);
            else if (node.Op is "Add" or "Sub") MatchFactored(node, rewriter);
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
            if (Deviation(sum, rewriter) is not { } deviation || Centred(centred, rewriter) is not { } of) continue;
            if (of.X != deviation.X || Axis(of.Mean, rewriter) != deviation.Axis) continue;
            Build(node, deviation, rewriter);
            return;
        }
    }

    /// <summary>x·f + (bias - mean·f), or without bias x·f - mean·f.</summary>
    private static void MatchFactored(IrNode node, Rewriter rewriter)
    {
        foreach (var (product, rest) in node.Op == "Add" ? Rewriter.Operands(node) : [(node.Input(0), node.Input(1))])
        {
            if (rewriter.Producer(product, "Mul") is not { } scaled || Shifted(node, rest, rewriter) is not { } shifted) continue;
            foreach (var (x, factor) in Rewriter.Operands(scaled))
            {
                if (factor != shifted.Factor || Scaled(factor, rewriter) is not { } root || rewriter.Producer(root.Value, "Reciprocal") is not { } reciprocal) continue;
                if (rewriter.Producer(reciprocal.Input(0), "Sqrt") is not { } sqrt || rewriter.Producer(sqrt.Input(0), "Add") is not { } sum || Deviation(sum, rewriter) is not { } deviation) continue;
                if (deviation.X != x || Mean(shifted.Mean, rewriter) is not { } mean || mean.Input(0) != x || Axis(mean, rewriter) != deviation.Axis) continue;
                if (Sizes(deviation, rewriter) is not { } sizes) continue;
                var scale = root.Scale.Length == 0 ? null : OfSizes(root.Scale, sizes, x, rewriter);
                var bias = shifted.Bias.Length == 0 ? null : OfSizes(shifted.Bias, sizes, x, rewriter);
                if ((root.Scale.Length > 0 && scale is null) || (shifted.Bias.Length > 0 && bias is null)) continue;
                Build(node, node, deviation, sizes, scale, bias, rewriter);
                return;
            }
        }
    }

    /// <summary>The mean, the factor and the bias of bias - mean·f. For the node Sub, of mean·f.</summary>
    private static (string Mean, string Factor, string Bias)? Shifted(IrNode node, string value, Rewriter rewriter)
    {
        if (node.Op == "Sub") return Product(value, "") is { } plain ? plain : null;
        if (rewriter.Producer(value, "Sub") is { } difference) return rewriter.Constant(difference.Input(0)) is null ? null : Product(difference.Input(1), difference.Input(0));
        if (rewriter.Producer(value, "Add") is not { } sum) return Negated(value, "");
        return rewriter.Constant(sum.Input(1)) is not null ? Negated(sum.Input(0), sum.Input(1)) : rewriter.Constant(sum.Input(0)) is not null ? Negated(sum.Input(1), sum.Input(0)) : null;

        (string, string, string)? Product(string product, string bias) => rewriter.Producer(product, "Mul") is not { } mul ? null
            : Mean(mul.Input(0), rewriter) is not null ? (mul.Input(0), mul.Input(1), bias) : (mul.Input(1), mul.Input(0), bias);

        (string, string, string)? Negated(string product, string bias)
        {
            if (rewriter.Producer(product, "Mul") is not { } mul) return null;
            foreach (var (negative, factor) in Rewriter.Operands(mul))
            {
                if (rewriter.Producer(negative, "Neg") is { } neg) return (neg.Input(0), factor, bias);
            }

            return null;
        }
    }

    /// <summary>The parts of scale·value, where scale is constant, or of value alone.</summary>
    private static (string Value, string Scale)? Scaled(string factor, Rewriter rewriter)
    {
        if (rewriter.Producer(factor, "Mul") is not { } mul) return (factor, "");
        foreach (var (value, scale) in Rewriter.Operands(mul))
        {
            if (rewriter.Constant(scale) is not null) return (value, scale);
        }

        return null;
    }

    /// <summary>x, the first dimension of its variance, and ε, of variance + ε.</summary>
    private static (string X, int Axis, float Epsilon)? Deviation(IrNode sum, Rewriter rewriter)
    {
        foreach (var (variance, epsilonName) in Rewriter.Operands(sum))
        {
            if (rewriter.Scalar(epsilonName) is not { } epsilon || rewriter.Constant(epsilonName)!.Count != 1 || Mean(variance, rewriter) is not { } mean) continue;
            if (Squared(mean.Input(0), rewriter) is not { } difference || Centred(difference, rewriter) is not { } of) continue;
            if (Axis(mean, rewriter) is { } axis && Axis(of.Mean, rewriter) == axis) return (of.X, axis, epsilon);
        }

        return null;
    }

    private static IrNode? Mean(string value, Rewriter rewriter) => rewriter.Producer(value, "ReduceMean") ?? rewriter.Producer(value, "GlobalAveragePool");

    private static string? Squared(string value, Rewriter rewriter)
    {
        var node = rewriter.Producer(value);
        if (node is { Op: "Mul" } && node.Input(0) == node.Input(1)) return node.Input(0);
        return node is { Op: "Pow" } && rewriter.Scalar(node.Input(1)) == 2 ? node.Input(0) : null;
    }

    private static (string X, IrNode Mean)? Centred(string value, Rewriter rewriter) =>
        rewriter.Producer(value, "Sub") is { } difference && Mean(difference.Input(1), rewriter) is { } mean && mean.Input(0) == difference.Input(0) ? (difference.Input(0), mean) : null;

    /// <summary>The first reduced dimension, if the reduction covers the last dimensions and keeps them with size 1.</summary>
    private static int? Axis(IrNode mean, Rewriter rewriter)
    {
        if (mean.Op == "GlobalAveragePool") return rewriter.Shape(mean.Input(0)).Rank > 2 ? 2 : null;
        if (mean.Int("keepdims", 1) == 0 || rewriter.Constant(mean.Input(1))?.Integers() is not { Length: > 0 } axes) return null;
        var rank = rewriter.Shape(mean.Input(0)).Rank;
        var sorted = axes.Select(a => (int)(a < 0 ? a + rank : a)).Order().ToArray();
        return sorted[^1] == rank - 1 && sorted[0] == rank - sorted.Length ? sorted[0] : null;
    }

    /// <summary>The normalized sizes, if they are fixed.</summary>
    private static int[]? Sizes((string X, int Axis, float Epsilon) deviation, Rewriter rewriter)
    {
        var sizes = rewriter.Shape(deviation.X).Sizes[deviation.Axis..];
        return Array.Exists(sizes, s => s < 0) || !rewriter.IsFloat(deviation.X) ? null : sizes;
    }

    private static void Build(IrNode node, (string X, int Axis, float Epsilon) deviation, Rewriter rewriter)
    {
        if (Sizes(deviation, rewriter) is not { } sizes) return;
        var scale = Following(node, "Mul", sizes, rewriter, out var last);
        var bias = Following(last, "Add", sizes, rewriter, out last);
        Build(node, last, deviation, sizes, scale, bias, rewriter);
    }

    private static void Build(IrNode node, IrNode last, (string X, int Axis, float Epsilon) deviation, int[] sizes, string? scale, string? bias, Rewriter rewriter)
    {
        var count = sizes.Aggregate(1, (a, b) => a * b);
        scale ??= rewriter.Graph.Constant(node.Name + ".scale", IrTensor.Of(sizes, Enumerable.Repeat(1f, count).ToArray().AsSpan()));
        var layer = new IrNode(node.Name, "LayerNormalization", bias is null ? [deviation.X, scale] : [deviation.X, scale, bias], last.Outputs) { Attributes = { ["axis"] = (long)deviation.Axis, ["epsilon"] = deviation.Epsilon } };
        rewriter.Replace(last, layer);
    }

    /// <summary>The constant of the only node that reads <paramref name="node"/>'s result, if that node has this operator and the constant has the normalized shape.</summary>
    private static string? Following(IrNode node, string op, int[] sizes, Rewriter rewriter, out IrNode last)
    {
        last = node;
        if (rewriter.OnlyFor(node.Output(0)) is null || rewriter.NodesThatRead(node.Output(0)).FirstOrDefault() is not { } reader || reader.Op != op) return null;
        if (OfSizes(reader.Input(0) == node.Output(0) ? reader.Input(1) : reader.Input(0), sizes, node.Output(0), rewriter) is not { } constant) return null;
        last = reader;
        return constant;
    }

    /// <summary>A constant with the normalized shape, if it has as many values and does not add dimensions to <paramref name="value"/>.</summary>
    private static string? OfSizes(string name, int[] sizes, string value, Rewriter rewriter)
    {
        if (rewriter.Constant(name) is not { Type: ElementType.Float32 } constant) return null;
        if (!constant.Shape.SkipWhile(s => s == 1).SequenceEqual(sizes.SkipWhile(s => s == 1)) || constant.Shape.Length > rewriter.Shape(value).Rank) return null;
        return rewriter.Graph.Constant(name, constant.Reshaped(sizes));
    }
}
