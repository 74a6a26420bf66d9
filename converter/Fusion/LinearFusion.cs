using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>MatMul with a constant matrix becomes Linear. Constants added to or multiplied with the result of Linear, Conv and ConvTranspose go into its weights and bias.</summary>
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
            if (rewriter.OnlyFor(value) is not { Op: "Linear" or "Conv" or "ConvTranspose" } product) continue;
            if (!rewriter.Shape(value).Sizes.AsSpan().SequenceEqual(rewriter.Shape(node.Output(0)).Sizes)) continue;
            if (rewriter.Constant(product.Input(1)) is not { Type: ElementType.Float32 } weights || (product.Input(2).Length > 0 && rewriter.Constant(product.Input(2)) is null)) continue;
            var channels = product.Op == "ConvTranspose" ? weights.Shape[1] * product.Int32("group", 1) : weights.Shape[0];
            if (PerChannel(constant, channels, rewriter.Shape(value).Rank, product.Op == "Linear" ? rewriter.Shape(value).Rank - 1 : 1) is not { } values) continue;
            var bias = product.Input(2).Length > 0 ? rewriter.Constant(product.Input(2))!.ToFloats() : new float[channels];
            if (bias.Length != channels || (node.Op is "Mul" or "Div" && !sharing.MayScale(product, node))) continue;
            Merge(node.Op, product, weights, bias, values, rewriter);
            rewriter.Bypass(node, value);
            return;
        }
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
