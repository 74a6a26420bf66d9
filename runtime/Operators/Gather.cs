using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y[outer, indices…, inner] = X[outer, index, inner] along an axis.</summary>
/// <remarks>Inputs: X of any type; indices int32 or int64 of any shape, each in [-size, size). Axis (default 0).</remarks>
internal sealed unsafe class Gather(Attributes attributes) : Operator
{
    private readonly long _axis = attributes.Int(AttributeKey.Axis, 0);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => batch.IsInner(_axis) && batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var indices = Indices.Require(context.Input(1));
        var axis = Axes.Normalize(_axis, x.Rank);
        var rank = x.Rank - 1 + indices.Rank;
        if (rank > Shape.MaxRank) throw OperatorError.Value($"Gather would give {rank} dimensions; the limit is {Shape.MaxRank}.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        x.Shape.AsSpan()[..axis].CopyTo(sizes);
        indices.Shape.AsSpan().CopyTo(sizes[axis..]);
        x.Shape.AsSpan()[(axis + 1)..].CopyTo(sizes[(axis + indices.Rank)..]);
        context.Output(0).Set(x.Type, new Shape(sizes[..rank]));
    }

    public override double Work(NodeContext context) => 2 * OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var indices = context.Input(1);
        var axis = Axes.Normalize(_axis, x.Rank);
        if (context.Output(0).Count == 0) return;
        var size = x.Shape[axis];
        var inner = (long)x.Shape.Product(axis + 1, x.Rank) * x.Type.Size();
        var outer = x.Shape.Product(0, axis);
        var target = context.Output(0).Data;
        for (var o = 0L; o < outer; o++)
        {
            for (var i = 0; i < indices.Count; i++, target += inner)
            {
                var index = Indices.At(indices, i, size);
                Buffer.MemoryCopy(x.Data + (o * size + index) * inner, target, inner, inner);
            }
        }
    }
}
