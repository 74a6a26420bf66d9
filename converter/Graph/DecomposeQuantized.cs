namespace SeqRuntime.Converter.Graph;

/// <summary>ONNX's integer operators in plain arithmetic: constants fold to float32, the rest computes what its integers stand for.</summary>
internal static class DecomposeQuantized
{
    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        if (node.Int("block_size", 0) != 0) throw new UnsupportedException("blocks are not supported");
        var x = new Expansion(node, graph);
        return node.Op switch
        {
            "DequantizeLinear" => x.Finish(Real(x, node.Input(0), node.Input(1), node.Input(2), node, evaluator)),
            "QuantizeLinear" => x.Finish(Quantized(x, node.Input(0), node.Input(1), node.Input(2), node, evaluator)),
            "DynamicQuantizeLinear" => Dynamic(node, x),
            "MatMulInteger" => x.Finish(x.Add("MatMul", [Integer(x, node.Input(0), node.Input(2), evaluator, 0), Integer(x, node.Input(1), node.Input(3), evaluator, 1)])),
            "ConvInteger" => x.Finish(x.Cast(Convolved(x, node, Shifted(x, node.Input(0), node.Input(2)), Shifted(x, node.Input(1), node.Input(3))), ElementType.Int32)),
            "QLinearMatMul" => Quantize(node, x, evaluator, 6, x.Add("MatMul", [Real(x, node.Input(0), node.Input(1), node.Input(2), null, evaluator), Real(x, node.Input(3), node.Input(4), node.Input(5), null, evaluator)])),
            _ => QLinearConv(node, x, evaluator),
        };
    }

    private static List<IrNode> Quantize(IrNode node, Expansion x, Evaluator evaluator, int scale, string value) =>
        x.Finish(Quantized(x, value, node.Input(scale), node.Input(scale + 1), null, evaluator));

    private static List<IrNode> QLinearConv(IrNode node, Expansion x, Evaluator evaluator)
    {
        var input = Real(x, node.Input(0), node.Input(1), node.Input(2), null, evaluator);
        var rank = evaluator.ShapeOf(node.Input(3)).Rank;
        string PerOutput(string value) => evaluator.ShapeOf(value).Rank == 1 && evaluator.ShapeOf(value).Sizes[0] != 1 ? x.Along(value, 0, rank) : value;
        var weights = x.Add("Mul", [x.Add("Sub", [x.Cast(node.Input(3), ElementType.Float32), x.Cast(PerOutput(node.Input(5)), ElementType.Float32)]), PerOutput(node.Input(4))]);
        var bias = node.Input(8).Length == 0 ? "" : x.Add("Mul", [x.Cast(node.Input(8), ElementType.Float32), x.Add("Mul", [node.Input(1), node.Input(4)])]);
        return Quantize(node, x, evaluator, 6, Convolved(x, node, input, weights, bias));
    }

    private static string Convolved(Expansion x, IrNode node, string input, string weights, string bias = "") =>
        x.Add("Conv", [input, weights, bias], [.. node.Attributes.Select(a => (a.Key, a.Value))]);

    /// <summary>(X - zero)·scale, by axis where the scale is a vector.</summary>
    private static string Real(Expansion x, string value, string scale, string zero, IrNode? node, Evaluator evaluator)
    {
        var shifted = x.Cast(value, ElementType.Float32);
        if (zero.Length > 0) shifted = x.Add("Sub", [shifted, PerAxis(x, x.Cast(zero, ElementType.Float32), scale, value, node, evaluator)]);
        return x.Add("Mul", [shifted, PerAxis(x, scale, scale, value, node, evaluator)]);
    }

    /// <summary>saturate(round(X/scale) + zero), rounding half to even.</summary>
    private static string Quantized(Expansion x, string value, string scale, string zero, IrNode? node, Evaluator evaluator)
    {
        var type = zero.Length > 0 ? evaluator.ShapeOf(zero).Type : ElementType.UInt8;
        if (type is not (ElementType.UInt8 or ElementType.Int8)) throw new UnsupportedException($"quantizing to {type} is not supported");
        var like = node is null ? scale : value;
        var q = x.Add("Round", [x.Add("Div", [value, PerAxis(x, scale, scale, like, node, evaluator)])]);
        if (zero.Length > 0) q = x.Add("Add", [q, PerAxis(x, x.Cast(zero, ElementType.Float32), scale, like, node, evaluator)]);
        var (least, most) = type == ElementType.UInt8 ? (0f, 255f) : (-128f, 127f);
        return x.Cast(x.Add("Clip", [q, x.Scalar(least), x.Scalar(most)]), type);
    }

    private static string PerAxis(Expansion x, string value, string scale, string like, IrNode? node, Evaluator evaluator)
    {
        var shape = evaluator.ShapeOf(scale);
        if (shape.Rank == 0 || shape.Sizes[0] == 1 || node is null) return value;
        var rank = evaluator.ShapeOf(like).Rank;
        var axis = (int)node.Int("axis", 1);
        return x.Along(value, axis < 0 ? axis + rank : axis, rank);
    }

    private static string Shifted(Expansion x, string value, string zero)
    {
        var real = x.Cast(value, ElementType.Float32);
        return zero.Length == 0 ? real : x.Add("Sub", [real, x.Cast(zero, ElementType.Float32)]);
    }

    private static string Integer(Expansion x, string value, string zero, Evaluator evaluator, int side)
    {
        var integer = x.Cast(value, ElementType.Int32);
        if (zero.Length == 0) return integer;
        var shift = x.Cast(zero, ElementType.Int32);
        var rank = evaluator.ShapeOf(value).Rank;
        // A vector of zero points belongs to the rows of A, or to the columns of B.
        if (side == 0 && rank >= 2 && evaluator.ShapeOf(zero) is { Rank: 1, Sizes: [> 1] }) shift = x.Along(shift, rank - 2, rank);
        return x.Add("Sub", [integer, shift]);
    }

    /// <summary>As ONNX defines DynamicQuantizeLinear: the range includes zero, 255 steps of uint8.</summary>
    private static List<IrNode> Dynamic(IrNode node, Expansion x)
    {
        var zero = x.Scalar(0);
        var least = x.Add("Min", [x.Add("ReduceMin", [node.Input(0)], ("keepdims", 0L)), zero]);
        var most = x.Add("Max", [x.Add("ReduceMax", [node.Input(0)], ("keepdims", 0L)), zero]);
        var scale = x.Add("Div", [x.Add("Sub", [most, least]), x.Scalar(255)]);
        string Saturated(string value) => x.Add("Clip", [value, x.Scalar(0), x.Scalar(255)]);
        var shift = x.Add("Round", [Saturated(x.Add("Div", [x.Add("Sub", [zero, least]), scale]))]);
        var q = Saturated(x.Add("Add", [x.Add("Round", [x.Add("Div", [node.Input(0), scale])]), shift]));
        if (node.Output(1).Length > 0) x.Into(node.Output(1), "Identity", [scale]);
        if (node.Output(2).Length > 0) x.Into(node.Output(2), "Identity", [x.Cast(shift, ElementType.UInt8)]);
        return x.Finish(x.Cast(q, ElementType.UInt8));
    }
}
