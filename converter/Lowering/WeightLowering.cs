using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Operators with constant weights: Gemm and MatMul become Linear, convolutions and recurrent layers take packed matrices, a table of rows becomes an Embedding.</summary>
internal static class WeightLowering
{
    /// <summary>Fewest outputs of a group for which packing pays; with fewer most of a 16-row tile would be padding.</summary>
    private const int FewestPackedRows = 4;

    public static bool TryLower(IrNode node, GraphLowering lowering, bool isInt8)
    {
        switch (node.Op)
        {
            case "LSTM" or "GRU" or "RNN":
                RecurrentLowering.Lower(node, lowering);
                return true;
            case "Gemm":
                Gemm(node, lowering);
                return true;
            case "MatMul" when lowering.Source.ConstantOf(node.Input(1)) is { Type: ElementType.Float32, Shape.Length: 2 } w && lowering.Source.Shapes[node.Input(0)] is { Rank: >= 2, Type: ElementType.Float32 }:
                Linear(node, lowering, node.Input(1), Transpose(w.Floats, w.Shape[0], w.Shape[1]), w.Shape[1], w.Shape[0], -1);
                return true;
            case "Conv":
                Conv(node, lowering);
                return true;
            case "ConvTranspose":
                ConvTranspose(node, lowering);
                return true;
            case "Gather" when isInt8 && node.Int("axis", 0) == 0 && lowering.Source.ConstantOf(node.Input(0)) is { Type: ElementType.Float32, Shape.Length: 2 } table
                && lowering.Source.Shapes[node.Input(1)].Type is ElementType.Int32 or ElementType.Int64:
                var w0 = lowering.Target.Constant(lowering.Weights.Packed(node.Input(0), table.Shape[0], table.Shape[1], table.ToFloats()));
                lowering.Add(node, OpKind.Embedding, [w0, lowering.Value(node.Input(1))], new Attributes());
                return true;
            default:
                return false;
        }
    }

    public static float[] Transpose(ReadOnlySpan<float> matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) result[c * rows + r] = matrix[r * columns + c];
        }

        return result;
    }

    private static void Linear(IrNode node, GraphLowering lowering, string name, float[] weights, int rows, int columns, int bias)
    {
        var w = lowering.Target.Constant(lowering.Weights.Packed(name, rows, columns, weights));
        lowering.Add(node, OpKind.Linear, [lowering.Value(node.Input(0)), w, bias], new Attributes());
    }

    private static void Gemm(IrNode node, GraphLowering lowering)
    {
        var constant = lowering.Source.ConstantOf(node.Input(1))!;
        var isTransposed = node.Int("transB", 0) != 0;
        var (rows, columns) = isTransposed ? (constant.Shape[0], constant.Shape[1]) : (constant.Shape[1], constant.Shape[0]);
        var weights = isTransposed ? constant.ToFloats() : Transpose(constant.Floats, constant.Shape[0], constant.Shape[1]);
        Scale(weights, node.Float("alpha", 1));
        var beta = node.Float("beta", 1);
        var c = node.Input(2);
        if (c.Length == 0)
        {
            Linear(node, lowering, node.Input(1), weights, rows, columns, -1);
        }
        else if (lowering.Source.ConstantOf(c) is { } bias && (bias.Count == 1 || (bias.Count == rows && bias.Shape[^1] == rows)))
        {
            var values = bias.ToFloats();
            if (values.Length != rows) Array.Fill(values = new float[rows], bias.ToFloats()[0]);
            Scale(values, beta);
            Linear(node, lowering, node.Input(1), weights, rows, columns, lowering.Target.Constant(lowering.Weights.Dense(c, IrTensor.Of([rows], values.AsSpan()))));
        }
        else
        {
            Linear(node, lowering, node.Input(1), weights, rows, columns, -1);
            var product = lowering.Value(node.Output(0));
            var added = lowering.Value(c);
            if (beta != 1) added = lowering.Target.Node(OpKind.Binary, [added, lowering.Target.Constant(node.Name + ".beta", [], beta)], new Attributes().Set(AttributeKey.Function, BinaryFunction.Mul));
            lowering.Bind(node.Output(0), lowering.Target.Node(OpKind.Binary, [product, added], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add)));
        }
    }

    private static void Scale(float[] values, float factor)
    {
        if (factor == 1) return;
        for (var i = 0; i < values.Length; i++) values[i] *= factor;
    }

    private static void Conv(IrNode node, GraphLowering lowering)
    {
        var (pads, strides, dilations) = ShapeRules.Window(node, lowering.Source.Shapes[node.Input(0)].Sizes.AsSpan()[2..], lowering.Source.Shapes[node.Input(1)].Sizes.AsSpan()[2..]);
        var kernel = lowering.Source.Shapes[node.Input(1)].Sizes[2..];
        var group = (int)node.Int("group", 1);
        var attributes = new Attributes().Set(AttributeKey.KernelShape, kernel).Set(AttributeKey.Pads, pads).Set(AttributeKey.Strides, strides).Set(AttributeKey.Dilations, dilations).Set(AttributeKey.Group, group);
        int w;
        if (lowering.Source.ConstantOf(node.Input(1)) is { Type: ElementType.Float32 } weights && group > 0 && weights.Shape[0] % group == 0 && weights.Shape[0] / group >= FewestPackedRows)
        {
            var rows = weights.Shape[0] / group;
            var columns = weights.Count / weights.Shape[0];
            var all = weights.ToFloats();
            w = lowering.Target.Constant(lowering.Weights.Packed(node.Input(1), rows, columns, [.. Enumerable.Range(0, group).Select(g => all.AsSpan(g * rows * columns, rows * columns).ToArray())]));
        }
        else
        {
            w = lowering.Value(node.Input(1));
        }

        lowering.Add(node, OpKind.Conv, [lowering.Value(node.Input(0)), w, lowering.Value(node.Input(2))], attributes);
    }

    private static void ConvTranspose(IrNode node, GraphLowering lowering)
    {
        var w = lowering.Source.Shapes[node.Input(1)];
        var x = lowering.Source.Shapes[node.Input(0)];
        var (pads, strides, dilations) = ShapeRules.TransposedWindow(node, new Shape([.. x.Sizes.Select(s => Math.Max(s, 0))]), new Shape(w.Sizes), out var padding);
        var attributes = new Attributes().Set(AttributeKey.KernelShape, w.Sizes[2..]).Set(AttributeKey.Pads, pads).Set(AttributeKey.Strides, strides)
            .Set(AttributeKey.Dilations, dilations).Set(AttributeKey.OutputPadding, padding).Set(AttributeKey.Group, node.Int("group", 1));
        lowering.Add(node, OpKind.ConvTranspose, [lowering.Value(node.Input(0)), lowering.Value(node.Input(1)), lowering.Value(node.Input(2))], attributes);
    }
}
