using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>X repeated along each axis: Y[i, …] = X[i mod size, …].</summary>
/// <remarks>Inputs: X of any type and shape; repeats, int32 or int64 [rank], known and not negative.</remarks>
internal sealed unsafe class Tile : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var repeats = Indices.Require(context.Known(1));
        if (repeats.Count != x.Rank) throw OperatorError.Value($"'{repeats.Name}' has {repeats.Count} repeats for {x.Rank} dimensions.");
        var shape = x.Shape;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            var repeat = repeats.Integer(axis);
            if (repeat is < 0 or > int.MaxValue) throw OperatorError.Value($"'{repeats.Name}' holds {repeat}, which is not a number of repeats.");
            shape[axis] = Require.Size(shape[axis] * repeat);
        }

        context.Output(0).Set(x.Type, shape);
    }

    /// <summary>Y as [repeat, size] for each axis is a view of X with stride 0 on the repeats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        if (y.Count == 0) return;
        Span<long> dense = stackalloc long[Shape.MaxRank];
        Span<long> strides = stackalloc long[StridedCopy.MaxAxes];
        Span<int> sizes = stackalloc int[StridedCopy.MaxAxes];
        Axes.Strides(x.Shape, dense);
        for (var axis = 0; axis < x.Rank; axis++)
        {
            sizes[2 * axis] = y.Shape[axis] / x.Shape[axis];
            strides[2 * axis] = 0;
            sizes[2 * axis + 1] = x.Shape[axis];
            strides[2 * axis + 1] = dense[axis];
        }

        StridedCopy.Run(x.Data, sizes[..(2 * x.Rank)], strides[..(2 * x.Rank)], x.Type.Size(), y.Data);
    }
}
