using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>ONNX's integer operators in plain arithmetic: constants fold to float32, and activations are computed as the numbers that their integers represent.</summary>
internal static class DecomposeQuantized
{
    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var x = new Expansion(node, graph);
        return node.Op switch
        {
            "DequantizeLinear" => x.Finish(Real(x, node.Input(0), node.Input(1), node.Input(2), node, evaluator)),
            "QuantizeLinear" => x.Finish(Quantized(x, node.Input(0), node.Input(1), node.Input(2), node, evaluator)),
            "DynamicQuantizeLinear" => Dynamic(node, x),
            "MatMulInteger" => x.Finish(x.Add("MatMul", [Integer(x, node.Input(0), node.Input(2), evaluator, 0), Integer(x, node.Input(1), node.Input(3), evaluator, 1)])),
            _ => x.Finish(x.Cast(Convolved(x, node, Shifted(x, node.Input(0), node.Input(2)), Shifted(x, node.Input(1), node.Input(3))), ElementType.Int32)),
        };
    }

    private static string Convolved(Expansion x, IrNode node, string input, string weights) =>
        x.Add("Conv", [input, weights], [.. node.Attributes.Select(a => (a.Key, a.Value))]);

    /// <summary>(X - zero)·scale. A scale that is a vector applies along the axis.</summary>
    private static string Real(Expansion x, string value, string scale, string zero, IrNode node, Evaluator evaluator)
    {
        var shifted = x.Cast(value, ElementType.Float32);
        if (zero.Length > 0) shifted = x.Add("Sub", [shifted, PerAxis(x, x.Cast(zero, ElementType.Float32), scale, value, node, evaluator)]);
        return x.Add("Mul", [shifted, PerAxis(x, scale, scale, value, node, evaluator)]);
    }

    /// <summary>saturate(round(X/scale) + zero). Halves round to even.</summary>
    private static string Quantized(Expansion x, string value, string scale, string zero, IrNode node, Evaluator evaluator)
    {
        var type = zero.Length > 0 ? evaluator.ShapeOf(zero).Type : node.Int("output_dtype", 2) switch { 0 or 2 => ElementType.UInt8, 3 => ElementType.Int8, _ => 0 };
        if (type is not (ElementType.UInt8 or ElementType.Int8)) throw new UnsupportedException("activations can only be quantized to 8 bits; quantize the model with QUInt8 or QInt8 activations, or convert the original model");
        var q = x.Add("Round", [x.Add("Div", [value, PerAxis(x, scale, scale, value, node, evaluator)])]);
        if (zero.Length > 0) q = x.Add("Add", [q, PerAxis(x, x.Cast(zero, ElementType.Float32), scale, value, node, evaluator)]);
        var (least, most) = type == ElementType.UInt8 ? (0f, 255f) : (-128f, 127f);
        return x.Cast(x.Add("Clip", [q, x.Scalar(least), x.Scalar(most)]), type);
    }

    private static string PerAxis(Expansion x, string value, string scale, string like, IrNode node, Evaluator evaluator)
    {
        var shape = evaluator.ShapeOf(scale);
        var whole = evaluator.ShapeOf(like);
        var axis = node.Int32("axis", 1);
        if (axis < 0) axis += whole.Rank;
        if (node.Int("block_size", 0) is > 0 and var block) return InBlocks(x, value, shape, whole, axis, block);
        if (shape.Rank == 0 || shape.Sizes[0] == 1) return value;
        if (shape.Rank != 1 || axis < 0 || axis >= whole.Rank) throw new ShapeFault($"the scale has shape {shape}; it must be one value, or a vector along an axis of {whole}.");
        return x.Along(value, axis, whole.Rank);
    }

    /// <summary>Repeats each scale for the elements of its block along an axis. The last block may be shorter.</summary>
    private static string InBlocks(Expansion x, string value, IrShape shape, IrShape whole, int axis, long block)
    {
        if (!shape.IsStatic || !whole.IsStatic) throw new UnsupportedException("blocks need fixed sizes");
        if (axis < 0 || axis >= whole.Rank || shape.Rank != whole.Rank || block > 1 << 24 || shape.Sizes[axis] != (whole.Sizes[axis] + block - 1) / block) throw new ShapeFault($"scales of shape {shape} do not fit {whole} in blocks of {block} along axis {axis}.");
        long[] sizes = [.. shape.Sizes.Select(s => (long)s)];
        var repeated = x.Add("Expand", [x.Add("Unsqueeze", [value, x.Vector(axis + 1)]), x.Vector([.. sizes[..(axis + 1)], block, .. sizes[(axis + 1)..]])]);
        sizes[axis] *= block;
        return x.Add("Slice", [x.Add("Reshape", [repeated, x.Vector(sizes)]), x.Vector(0), x.Vector(whole.Sizes[axis]), x.Vector(axis)]);
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
        // A vector of zero points belongs to the rows of A or to the columns of B.
        if (side == 0 && rank >= 2 && evaluator.ShapeOf(zero) is { Rank: 1, Sizes: [> 1] }) shift = x.Along(shift, rank - 2, rank);
        return x.Add("Sub", [integer, shift]);
    }

    /// <summary>DynamicQuantizeLinear: the range includes zero and has 255 steps of uint8.</summary>
    private static List<IrNode> Dynamic(IrNode node, Expansion x)
    {
        var zero = x.Scalar(0);
        var least = x.Add("Min", [x.Add("ReduceMin", [node.Input(0)], ("keepdims", 0L)), zero]);
        var most = x.Add("Max", [x.Add("ReduceMax", [node.Input(0)], ("keepdims", 0L)), zero]);
        var range = x.Add("Sub", [most, least]);
        // A range of zero (silence) takes any scale except 0.
        var scale = x.Add("Where", [x.Add("Equal", [range, zero]), x.Scalar(1), x.Add("Div", [range, x.Scalar(255)])]);
        string Saturated(string value) => x.Add("Clip", [value, x.Scalar(0), x.Scalar(255)]);
        var shift = x.Add("Round", [Saturated(x.Add("Div", [x.Add("Sub", [zero, least]), scale]))]);
        var q = Saturated(x.Add("Add", [x.Add("Round", [x.Add("Div", [node.Input(0), scale])]), shift]));
        if (node.Output(1).Length > 0) x.Into(node.Output(1), "Identity", [scale]);
        if (node.Output(2).Length > 0) x.Into(node.Output(2), "Identity", [x.Cast(shift, ElementType.UInt8)]);
        return x.Finish(x.Cast(q, ElementType.UInt8));
    }
}
