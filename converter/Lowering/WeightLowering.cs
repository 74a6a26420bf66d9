using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Lowers operators with constant weights. Products, convolutions and recurrent layers take packed matrices; a lookup table becomes an Embedding.</summary>
internal static class WeightLowering
{
    /// <summary>Fewest outputs of a group for which packing is faster. With fewer, most of a vector would be padding.</summary>
    private const int FewestPackedRows = 4;

    public static bool TryLower(IrNode node, GraphLowering lowering, HashSet<IrNode> positions)
    {
        switch (node.Op)
        {
            case var _ when node.Recurrent is { } op:
                RecurrentLowering.Lower(node, op, lowering);
                return true;
            case "Linear":
                var matrix = lowering.Source.ConstantOf(node.Input(1))!;
                var bias = lowering.Value(node.Input(2));
                var product = lowering.Weights.Packed(WeightMatrix.Of(WeightNames.Of(lowering.Source, node.Input(1)), matrix) with
                {
                    IsExact = node.Marks.HasExactWeights,
                    IsStepped = WeightNames.AreStepped(lowering.Source, WeightNames.Of(lowering.Source, node.Input(1))),
                    Fixed = positions.Contains(node) ? "frequencies that turn positions into angles" : null,
                });
                lowering.Add(node, OpKind.Linear, [lowering.Value(node.Input(0)), lowering.Constant(product), bias], new Attributes());
                return true;
            case "Conv":
                Conv(node, lowering);
                return true;
            case "ConvTranspose":
                ConvTranspose(node, lowering);
                return true;
            case "Gather" when node.Marks.TableOf is { } embedding:
                lowering.Value(node.Input(0), lowering.Weights.Wanted != WeightKind.Float32 ? $"a layer's products with the tokens of '{embedding}', computed at conversion; --weights-of '{embedding}=KIND' keeps the embedding and the matrix" : null, isTokenTable: true);
                return false;
            case "Gather" when node.Int("axis", 0) == 0 && lowering.Source.ConstantOf(node.Input(0)) is { Type: ElementType.Float32, Shape: [> 0, > 0] } table
                && lowering.Source.ShapeOf(node.Input(1)).Type is ElementType.Int32 or ElementType.Int64:
                var reason = positions.Contains(node) ? "a table of positions" : null;
                var names = WeightNames.Of(lowering.Source, node.Input(0));
                if (lowering.Weights.Table(names, table, reason, WeightNames.AreStepped(lowering.Source, names)) is not { } stored) return false;
                lowering.Add(node, stored.ByColumns ? OpKind.ColumnEmbedding : OpKind.Embedding, [lowering.Constant(stored.Tensor), lowering.Value(node.Input(1))], new Attributes());
                return true;
            default:
                return false;
        }
    }

    private static void Conv(IrNode node, GraphLowering lowering)
    {
        var (pads, strides, dilations) = ShapeRules.Window(node, lowering.Source.ShapeOf(node.Input(0)).Sizes.AsSpan()[2..], lowering.Source.ShapeOf(node.Input(1)).Sizes.AsSpan()[2..]);
        var kernel = lowering.Source.ShapeOf(node.Input(1)).Sizes[2..];
        var group = node.Int32("group", 1);
        var attributes = new Attributes().Set(AttributeKey.KernelShape, kernel).Set(AttributeKey.Pads, pads).Set(AttributeKey.Strides, strides).Set(AttributeKey.Dilations, dilations).Set(AttributeKey.Group, group);
        int w;
        if (lowering.Source.ConstantOf(node.Input(1)) is { Type: ElementType.Float32 } weights && group > 0 && weights.Shape[0] % group == 0 && weights.Shape[0] / group >= FewestPackedRows)
        {
            var rows = weights.Shape[0] / group;
            var columns = weights.Count / weights.Shape[0];
            w = lowering.Constant(lowering.Weights.Packed(new WeightMatrix(WeightNames.Of(lowering.Source, node.Input(1)), rows, columns, group, () => [.. Enumerable.Range(0, group).Select(g => weights.Floats.Slice(g * rows * columns, rows * columns).ToArray())]) { Traits = weights.Traits($"{group} groups"), Shape = weights.Shape, IsExact = node.Marks.HasExactWeights, IsStepped = WeightNames.AreStepped(lowering.Source, WeightNames.Of(lowering.Source, node.Input(1))) }));
        }
        else
        {
            w = lowering.Value(node.Input(1));
        }

        int[] inputs = [lowering.Value(node.Input(0)), w, lowering.Value(node.Input(2))];
        lowering.Add(node, OpKind.Conv, node.Input(3).Length > 0 ? [.. inputs, lowering.Value(node.Input(3))] : inputs, attributes);
    }

    private static void ConvTranspose(IrNode node, GraphLowering lowering)
    {
        var w = lowering.Source.ShapeOf(node.Input(1));
        var x = lowering.Source.ShapeOf(node.Input(0));
        var (pads, strides, dilations) = ShapeRules.TransposedWindow(node, new Shape([.. x.Sizes.Select(s => Math.Max(s, 0))]), new Shape(w.Sizes), out var padding);
        var attributes = new Attributes().Set(AttributeKey.KernelShape, w.Sizes[2..]).Set(AttributeKey.Pads, pads).Set(AttributeKey.Strides, strides)
            .Set(AttributeKey.Dilations, dilations).Set(AttributeKey.OutputPadding, padding).Set(AttributeKey.Group, node.Int("group", 1));
        lowering.Add(node, OpKind.ConvTranspose, [lowering.Value(node.Input(0)), lowering.Value(node.Input(1)), lowering.Value(node.Input(2))], attributes);
    }
}
