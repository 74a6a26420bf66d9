using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>
/// MatMul with a constant matrix becomes Linear. Constants added to or multiplied with the result of Linear, Conv and ConvTranspose go into its weights
/// and bias; those of a Linear also where its outputs were divided into heads.
/// </summary>
internal static class LinearFusion
{
    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op == "MatMul") FromMatMul(node, rewriter);
        }

        var sharing = new WeightSharing(rewriter);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op is "Add" or "Sub" or "Mul" or "Div") Absorb(node, rewriter, sharing);
        }

        return rewriter.HasChanged;
    }

    private static void FromMatMul(IrNode node, Rewriter rewriter)
    {
        if (rewriter.Constant(node.Input(1)) is not { Type: ElementType.Float32, Shape.Length: 2 } b || b.Count == 0 || rewriter.Shape(node.Input(0)).Rank < 1) return;
        var weight = rewriter.Graph.Constant(node.Input(1), b.Transposed());
        rewriter.Replace(node, new IrNode(node.Name, "Linear", [node.Input(0), weight], node.Outputs) { Marks = node.Marks });
    }

    /// <summary>Absorbs y op constant, if nothing else reads y and the constant has one value for each channel.</summary>
    private static void Absorb(IrNode node, Rewriter rewriter, WeightSharing sharing)
    {
        foreach (var (value, other) in node.Op is "Add" or "Mul" ? Rewriter.Operands(node) : [(node.Input(0), node.Input(1))])
        {
            if (rewriter.Constant(other) is not { Type: ElementType.Float32 } constant) continue;
            if (Product(value, rewriter) is not { } product) continue;
            if (!rewriter.Shape(value).Sizes.AsSpan().SequenceEqual(rewriter.Shape(node.Output(0)).Sizes)) continue;
            if (rewriter.Constant(product.Input(1)) is not { Type: ElementType.Float32 } weights || (product.Input(2).Length > 0 && rewriter.Constant(product.Input(2)) is null)) continue;
            var channels = product.Op == "ConvTranspose" ? weights.Shape[1] * product.Int32("group", 1) : weights.Shape[0];
            var shape = rewriter.Shape(value);
            var values = product.Output(0) != value ? PerHead(constant, channels, shape)
                : PerChannel(constant, channels, shape.Rank, product.Op == "Linear" ? shape.Rank - 1 : 1);
            if (values is null) continue;
            var bias = product.Input(2).Length > 0 ? rewriter.Constant(product.Input(2))!.ToFloats() : new float[channels];
            if (bias.Length != channels || (node.Op is "Mul" or "Div" && !sharing.MayScale(product, node))) continue;
            Merge(node.Op, product, weights, bias, values, rewriter);
            rewriter.Bypass(node, value);
            return;
        }
    }

    /// <summary>The product that nothing else reads, or the Linear whose outputs a reshape divides.</summary>
    private static IrNode? Product(string value, Rewriter rewriter)
    {
        if (rewriter.OnlyFor(value) is { Op: "Linear" or "Conv" or "ConvTranspose" } product) return product;
        return rewriter.OnlyFor(value, "Reshape") is { } heads ? rewriter.OnlyFor(heads.Input(0), "Linear") : null;
    }

    /// <summary>One value for each channel, if the last dimensions hold the channels of one row and the constant broadcasts along them only.</summary>
    private static float[]? PerHead(IrTensor constant, int channels, IrShape shape)
    {
        if (constant.Shape.Length > shape.Rank) return null;
        var first = shape.Rank;
        var width = 1L;
        while (width < channels && first > 0 && shape.Sizes[first - 1] > 0) width *= shape.Sizes[--first];
        if (width != channels) return null;
        var own = constant.Shape.Length - (shape.Rank - first);
        if (own > 0 && constant.Shape.Take(own).Any(size => size != 1)) return null;
        var values = constant.ToFloats();
        var result = new float[channels];
        for (var i = 0; i < channels; i++)
        {
            int rest = i, at = 0, stride = 1;
            for (var axis = shape.Rank - 1; axis >= first; axis--)
            {
                var place = rest % shape.Sizes[axis];
                rest /= shape.Sizes[axis];
                var of = axis - shape.Rank + constant.Shape.Length;
                if (of < 0) continue;
                if (constant.Shape[of] != 1) at += place * stride;
                stride *= (int)constant.Shape[of];
            }

            result[i] = values[at];
        }

        return result;
    }

    private static void Merge(string op, IrNode product, IrTensor weights, float[] bias, float[] values, Rewriter rewriter)
    {
        var biasName = product.Input(2).Length > 0 ? product.Input(2) : WeightNames.Of(rewriter.Graph, product.Input(1))[0] + ".bias";
        if (op is "Add" or "Sub")
        {
            for (var i = 0; i < bias.Length; i++) bias[i] = op == "Add" ? bias[i] + values[i] : bias[i] - values[i];
        }
        else
        {
            var factors = op == "Mul" ? values : Array.ConvertAll(values, v => 1 / v);
            for (var i = 0; i < bias.Length; i++) bias[i] *= factors[i];
            product.Inputs[1] = rewriter.Graph.Constant(product.Input(1), Scaled(product, weights, factors));
            if (product.Input(2).Length == 0) return;
        }

        product.SetInput(2, rewriter.Graph.Constant(biasName, IrTensor.Of([bias.Length], bias.AsSpan())));
    }

    private static IrTensor Scaled(IrNode product, IrTensor weights, float[] factors)
    {
        var w = weights.ToFloats();
        // [out, …], except for ConvTranspose: [in, outputs of a group, …].
        var isTransposed = product.Op == "ConvTranspose";
        var inner = isTransposed ? weights.Shape[1] : weights.Shape[0];
        var tail = weights.Shape.Skip(isTransposed ? 2 : 1).Aggregate(1, (a, b) => a * b);
        var groups = isTransposed ? product.Int32("group", 1) : 1;
        for (var i = 0; i < w.Length; i++)
        {
            var row = i / tail;
            var channel = isTransposed ? row / inner / (weights.Shape[0] / groups) * inner + row % inner : row;
            w[i] *= factors[channel];
        }

        return IrTensor.Of(weights.Shape, w.AsSpan());
    }

    /// <summary>One value for each channel, if the constant broadcasts along <paramref name="axis"/> only.</summary>
    private static float[]? PerChannel(IrTensor constant, int channels, int rank, int axis)
    {
        if (constant.Count == 1 && constant.Shape.Length <= rank) return [.. Enumerable.Repeat(constant.ToFloats()[0], channels)];
        var own = axis - (rank - constant.Shape.Length);
        if (own < 0 || constant.Count != channels || constant.Shape[own] != channels) return null;
        return constant.ToFloats();
    }
}
