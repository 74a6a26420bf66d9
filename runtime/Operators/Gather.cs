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
        IndexRuns.Find(context, indices, x.Shape.AsSpan().Slice(axis, 1));
    }

    public override double Work(NodeContext context) => 2 * OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var indices = context.Input(1);
        var axis = Axes.Normalize(_axis, x.Rank);
        if (context.Output(0).Count == 0) return;
        nint size = x.Shape[axis], inner = (nint)x.Shape.Product(axis + 1, x.Rank) * x.Type.Size(), outer = x.Shape.Product(0, axis);
        var target = context.Output(0).Data;
        if (context.Kept is IndexRuns { Starts: { IsEmpty: false } starts } runs)
        {
            var bytes = runs.Length * inner;
            foreach (var start in starts)
            {
                Runs.Copy(x.Data + start * inner, size * inner, target, indices.Count * inner, bytes, outer);
                target += bytes;
            }

            return;
        }

        for (nint o = 0; o < outer; o++)
        {
            for (var i = 0; i < indices.Count; i++, target += inner) Runs.Copy(x.Data + (o * size + Indices.At(indices, i, (int)size)) * inner, target, inner);
        }
    }
}
