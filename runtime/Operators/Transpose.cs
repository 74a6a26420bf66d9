using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y's axis i is X's axis perm[i]; without perm the axes are reversed.</summary>
internal sealed unsafe class Transpose(Attributes attributes) : Operator
{
    private readonly long[] _perm = attributes.Ints(AttributeKey.Perm);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch) => _perm is [0, ..] && batch.Leading(0);

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (_perm.Length != 0 && _perm.Length != x.Rank) throw OperatorError.Rank(x, $"{_perm.Length} dimensions");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var seen = 0;
        for (var i = 0; i < x.Rank; i++)
        {
            var axis = Source(i, x.Rank);
            seen |= 1 << axis;
            sizes[i] = x.Shape[axis];
        }

        if (seen != (1 << x.Rank) - 1) throw OperatorError.Value("Perm is not a permutation.");
        context.Output(0).Set(x.Type, new Shape(sizes[..x.Rank]));
        Span<long> dense = stackalloc long[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Axes.Strides(x.Shape, dense);
        for (var i = 0; i < x.Rank; i++) strides[i] = dense[Source(i, x.Rank)];
        StridedCopy.Keep(context, new StridedCopy(sizes[..x.Rank], strides[..x.Rank], x.Type.Size()));
    }

    public override bool IsViewAt(NodeContext context)
    {
        ref readonly var x = ref context.Input(0).Shape;
        var last = -1;
        for (var i = 0; i < x.Rank; i++)
        {
            var axis = Source(i, x.Rank);
            if (x[axis] == 1) continue;
            if (axis < last) return false;
            last = axis;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context) => StridedCopy.RunKept(context, context.Input(0).Data, context.Output(0).Data);

    private int Source(int axis, int rank) => _perm.Length == 0 ? rank - 1 - axis : Axes.Normalize(_perm[axis], rank);
}
