using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = X[start:end:step] on the given axes, like NumPy's slices. Inputs: X, starts, ends, optional axes, optional steps.</summary>
internal sealed unsafe class Slice : Operator
{
    public override bool CanRunAtInference => true;

    /// <summary>A slice that takes the first dimension from its beginning with step 1 takes all of it; otherwise the shapes would not fit.</summary>
    public override bool TryBatch(in Batching batch)
    {
        var (starts, axes, steps) = (batch.One.Known(1), batch.One.Optional(3), batch.One.Optional(4));
        for (var i = 0; i < starts.Count; i++)
        {
            if (!batch.IsInner(axes?.Integer(i) ?? i) && (starts.Integer(i) != 0 || (steps?.Integer(i) ?? 1) != 1)) return false;
        }

        return batch.Leading(0);
    }

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        var offset = Cut(context, x, sizes, strides);
        context.Output(0).Set(x.Type, new Shape(sizes[..x.Rank]));
        StridedCopy.Keep(context, new StridedCopy(sizes[..x.Rank], strides[..x.Rank], x.Type.Size(), offset));
    }

    public override double Work(NodeContext context) => 2 * OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context) => StridedCopy.RunKept(context, context.Input(0).Data, context.Output(0).Data);

    /// <summary>Sizes and strides of the slice. Returns the offset of its first element.</summary>
    private static long Cut(NodeContext context, Tensor x, Span<int> sizes, Span<long> strides)
    {
        var starts = context.Known(1);
        var ends = context.Known(2);
        var axes = context.Optional(3) is null ? null : context.Known(3);
        var steps = context.Optional(4) is null ? null : context.Known(4);
        if (ends.Count != starts.Count || (axes ?? starts).Count != starts.Count || (steps ?? starts).Count != starts.Count)
            throw OperatorError.Value("Starts, ends, axes and steps of a slice have different lengths.");
        Axes.Strides(x.Shape, strides);
        x.Shape.AsSpan().CopyTo(sizes);
        var offset = 0L;
        var seen = 0;
        for (var i = 0; i < starts.Count; i++)
        {
            var axis = Axes.Normalize(axes?.Integer(i) ?? i, x.Rank);
            if ((seen & 1 << axis) != 0) throw OperatorError.Value($"A slice names axis {axis} twice.");
            seen |= 1 << axis;
            var step = steps?.Integer(i) ?? 1;
            if (step is 0 or < -int.MaxValue or > int.MaxValue) throw OperatorError.Value($"A slice has step {step}; expected a nonzero 32-bit number.");
            var size = x.Shape[axis];
            var start = Place(starts.Integer(i), size, step);
            var end = Place(ends.Integer(i), size, step);
            var count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
            sizes[axis] = (int)Math.Max(0, count);
            offset += sizes[axis] > 0 ? start * strides[axis] : 0;
            strides[axis] *= step;
        }

        return offset;
    }

    private static long Place(long index, int size, long step)
    {
        if (index < 0) index = Math.Max(index, long.MinValue / 2) + size;
        return step > 0 ? Math.Clamp(index, 0, size) : Math.Clamp(index, -1, size - 1);
    }
}
