using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Splits X along an axis into as many parts as there are outputs, with the sizes in input 1 or equal sizes (the last may be smaller).</summary>
internal sealed unsafe class Split(Attributes attributes) : Operator
{
    private readonly long _axis = attributes.Int(AttributeKey.Axis, 0);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => batch.IsInner(_axis) && batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var axis = Axes.Normalize(_axis, x.Rank);
        var sizes = context.Optional(1) is null ? null : context.Known(1);
        if (sizes is not null && sizes.Count != context.OutputCount) throw OperatorError.Value($"'{sizes.Name}' has {sizes.Count} sizes for {context.OutputCount} parts.");
        var left = (long)x.Shape[axis];
        for (var i = 0; i < context.OutputCount; i++)
        {
            var size = Part(context, sizes, x.Shape[axis], i);
            if (size < 0 || size > left) throw OperatorError.Value($"The sizes of the parts do not add up to axis {axis} of '{x.Name}' of shape {x.Shape}.");
            left -= size;
            var shape = x.Shape;
            shape[axis] = (int)size;
            context.OptionalOutput(i)?.Set(x.Type, shape);
        }

        if (left != 0) throw OperatorError.Value($"The sizes of the parts do not add up to axis {axis} of '{x.Name}' of shape {x.Shape}.");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        if (x.Count == 0) return;
        var axis = Axes.Normalize(_axis, x.Rank);
        var sizes = context.Optional(1);
        var outer = x.Shape.Product(0, axis);
        var inner = (nint)x.Shape.Product(axis + 1, x.Rank) * x.Type.Size();
        var row = x.Shape[axis] * inner;
        var source = x.Data;
        for (var i = 0; i < context.OutputCount; i++)
        {
            var bytes = (nint)Part(context, sizes, x.Shape[axis], i) * inner;
            if (context.OptionalOutput(i) is { } y)
            {
                Runs.Copy(source, row, y.Data, bytes, bytes, outer);
            }

            source += bytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Part(NodeContext context, Tensor? sizes, int total, int index)
    {
        if (sizes is not null) return sizes.Integer(index);
        var part = (total + context.OutputCount - 1L) / context.OutputCount;
        return Math.Clamp(total - index * part, 0, part);
    }
}
