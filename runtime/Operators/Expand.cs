using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>X broadcast together with another shape.</summary>
/// <remarks>Inputs: X of any type and shape; the shape, int32 or int64, known. A size of 1 in either takes the other's.</remarks>
internal sealed unsafe class Expand : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var target = Indices.Require(context.Known(1));
        var rank = Math.Max(x.Rank, target.Count);
        if (rank > Shape.MaxRank) throw OperatorError.Value($"'{target.Name}' has {rank} dimensions; the limit is {Shape.MaxRank}.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (var i = 1; i <= rank; i++)
        {
            var old = i <= x.Rank ? x.Shape[x.Rank - i] : 1;
            var size = i <= target.Count ? target.Integer(target.Count - i) : 1;
            if (size is < 0 or > int.MaxValue || (old != size && old != 1 && size != 1)) throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} does not broadcast to the shape in '{target.Name}', which has {size} at index {target.Count - i}.");
            sizes[rank - i] = old == 1 ? (int)size : old;
        }

        context.Output(0).Set(x.Type, new Shape(sizes[..rank]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Axes.BroadcastStrides(x.Shape, y.Shape, strides);
        StridedCopy.Run(x.Data, y.Shape.AsSpan(), strides[..y.Rank], x.Type.Size(), y.Data);
    }
}
