using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Slices of X by index tuples: Y[batch…, i…, inner…] = X[batch…, indices[batch…, i…, 0], …, indices[batch…, i…, k-1], inner…].</summary>
/// <remarks>
/// Inputs: X of any type; indices int32 or int64 […, k], each in [-size, size) of its axis. Both share the first BatchDims (default 0)
/// dimensions.
/// </remarks>
internal sealed unsafe class GatherND(Attributes attributes) : Operator
{
    private readonly int _batchDims = attributes.Int32(AttributeKey.BatchDims, 0);

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var indices = Indices.Require(context.Input(1));
        if (indices.Rank == 0 || _batchDims < 0 || _batchDims >= indices.Rank || _batchDims > x.Rank) throw OperatorError.Rank(indices, $"index tuples after {_batchDims} batch dimensions");
        for (var d = 0; d < _batchDims; d++)
        {
            if (indices.Shape[d] != x.Shape[d]) throw OperatorError.Size(indices, d, x.Shape[d]);
        }

        var inner = TupleEnd(indices, _batchDims, x);
        var rank = indices.Rank - 1 + x.Rank - inner;
        if (rank > Shape.MaxRank) throw OperatorError.Value($"GatherND would give {rank} dimensions; the limit is {Shape.MaxRank}.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        indices.Shape.AsSpan()[..^1].CopyTo(sizes);
        x.Shape.AsSpan()[inner..].CopyTo(sizes[(indices.Rank - 1)..]);
        context.Output(0).Set(x.Type, new Shape(sizes[..rank]));
        if (_batchDims == 0) IndexRuns.Find(context, indices, x.Shape.AsSpan()[..inner]);
    }

    public override double Work(NodeContext context) => 2 * OutputWork(context);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), indices = context.Input(1), y = context.Output(0);
        if (y.Count == 0) return;
        var length = indices.Shape[indices.Rank - 1];
        var bytes = (long)x.Shape.Product(_batchDims + length, x.Rank) * x.Type.Size();
        var tuples = indices.Shape.Product(0, indices.Rank - 1);
        var tuplesOfBatch = indices.Shape.Product(_batchDims, indices.Rank - 1);
        var target = y.Data;
        if (IndexRuns.TryCopy(context, x.Data, target, (nint)bytes, scatter: false)) return;
        for (var tuple = 0; tuple < tuples; tuple++, target += bytes)
        {
            var slice = Slice(x, _batchDims, tuple / tuplesOfBatch, indices, tuple * length, length);
            Buffer.MemoryCopy(x.Data + slice * bytes, target, bytes, bytes);
        }
    }

    /// <summary>The first axis of X after those that index tuples name.</summary>
    public static int TupleEnd(Tensor indices, int batchDims, Tensor x)
    {
        var length = indices.Shape[indices.Rank - 1];
        return length <= x.Rank - batchDims ? batchDims + length : throw OperatorError.Rank(indices, $"tuples of at most {x.Rank - batchDims} indices in its last dimension");
    }

    /// <summary>The number of the slice of X that the tuple at <paramref name="start"/> names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long Slice(Tensor x, int batchDims, int batch, Tensor indices, int start, int length)
    {
        long slice = batch;
        for (var k = 0; k < length; k++)
        {
            var size = x.Shape[batchDims + k];
            slice = slice * size + Indices.At(indices, start + k, size);
        }

        return slice;
    }
}
