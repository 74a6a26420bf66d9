using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = reduction of X over axes. The attribute Function is the reduction.</summary>
/// <remarks>
/// <para>Inputs: X; optional known axes, int32 or int64. Missing or empty axes mean all axes, or with NoopWithEmptyAxes that Y = X. KeepDims
/// (default 1).</para>
/// <para>Order of sums: the elements of one result are one row, in row-major order of the reduced axes, for any axes. fp32 rows are summed in
/// the fixed order of <see cref="Kernels.KernelSet"/>, others in ascending order.</para>
/// <para>fp32 has every function. float64 has all except LogSum and LogSumExp. int32 and int64 have all except these and L2; they wrap around,
/// and their Mean is truncated towards zero. int8, uint8 and bool have Max and Min. Without elements, Max is the type's smallest value (-∞) and Min its largest; an integer Mean is refused.</para>
/// </remarks>
internal sealed unsafe class Reduce(Attributes attributes) : Operator
{
    private readonly ReduceFunction _function = attributes.Enum(AttributeKey.Function, ReduceFunction.Sum);
    private readonly bool _keepDims = attributes.Bool(AttributeKey.KeepDims, true);
    private readonly bool _isNoop = attributes.Bool(AttributeKey.NoopWithEmptyAxes, false);

    public override bool CanRunAtInference => true;

    public override bool TryBatch(in Batching batch)
    {
        if (batch.One.Optional(1) is not { IsKnown: true, Count: > 0 } axes) return false;
        for (var i = 0; i < axes.Count; i++)
        {
            if (!batch.IsInner(axes.Integer(i))) return false;
        }

        return batch.Leading(0);
    }

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var fits = x.Type switch
        {
            ElementType.Float32 => true,
            ElementType.Bool or ElementType.Int8 or ElementType.UInt8 => _function is ReduceFunction.Max or ReduceFunction.Min,
            ElementType.Float64 => _function is not (ReduceFunction.LogSum or ReduceFunction.LogSumExp),
            _ => _function is not (ReduceFunction.L2 or ReduceFunction.LogSum or ReduceFunction.LogSumExp),
        };
        if (!fits) throw OperatorError.Type(x, $"float32, or another type that reduction {_function} supports");
        var mask = Mask(context, x);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var rank = 0;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            if ((mask & 1 << axis) == 0) sizes[rank++] = x.Shape[axis];
            else if (_keepDims) sizes[rank++] = 1;
        }

        var y = context.Output(0);
        y.Set(x.Type, new Shape(sizes[..rank]));
        if (_function == ReduceFunction.Mean && x.Count == 0 && y.Count > 0 && x.Type is not (ElementType.Float32 or ElementType.Float64)) throw OperatorError.Rank(x, "at least one element to take the mean of");
    }

    public override bool UsesScratch(NodeContext context) => true;

    public override long ScratchBytes(NodeContext context)
    {
        var x = context.Input(0);
        var cursor = new ScratchCursor(null);
        if (!IsTrailing(Mask(context, x), x)) cursor.Take(x.Bytes);
        return cursor.Bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        var mask = Mask(context, x);
        if (mask == 0 && _isNoop)
        {
            Buffer.MemoryCopy(x.Data, y.Data, y.Bytes, x.Bytes);
            return;
        }

        var rows = x.Data;
        if (!IsTrailing(mask, x))
        {
            rows = context.Scratch;
            ReducedLast(x, mask, rows);
        }

        if (y.Count == 0) return;
        var length = x.Count / y.Count;
        switch (x.Type)
        {
            case ElementType.Float32: context.Kernels.Reduce(_function, (float*)rows, y.Count, length, y.Floats); break;
            case ElementType.Float64: Rows((double*)rows, length, y, double.NegativeInfinity, double.PositiveInfinity); break;
            case ElementType.Int64: Rows((long*)rows, length, y, long.MinValue, long.MaxValue); break;
            case ElementType.Int32: Rows((int*)rows, length, y, int.MinValue, int.MaxValue); break;
            case ElementType.Int8: Rows((sbyte*)rows, length, y, sbyte.MinValue, sbyte.MaxValue); break;
            case ElementType.UInt8: Rows(rows, length, y, byte.MinValue, byte.MaxValue); break;
            default: Rows(rows, length, y, (byte)0, (byte)1); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Mask(NodeContext context, Tensor x)
    {
        if (context.Optional(1) is not null && Indices.Require(context.Known(1)) is { Count: > 0 } axes) return Axes.Mask(axes, x.Rank);
        return _isNoop ? 0 : (1 << x.Rank) - 1;
    }

    /// <summary>Whether no kept axis follows a reduced one, except those of size 1. Rows are then contiguous.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsTrailing(int mask, Tensor x)
    {
        if (x.Count == 0) return true;
        var isReduced = false;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            if (x.Shape[axis] == 1) continue;
            if ((mask & 1 << axis) != 0) isReduced = true;
            else if (isReduced) return false;
        }

        return true;
    }

    /// <summary>Copies X with its reduced axes last, in their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReducedLast(Tensor x, int mask, byte* target)
    {
        Span<long> dense = stackalloc long[Shape.MaxRank];
        Span<long> strides = stackalloc long[Shape.MaxRank];
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        Axes.Strides(x.Shape, dense);
        var next = 0;
        for (var reduced = 0; reduced < 2; reduced++)
        {
            for (var axis = 0; axis < x.Rank; axis++)
            {
                if ((mask >> axis & 1) != reduced) continue;
                sizes[next] = x.Shape[axis];
                strides[next++] = dense[axis];
            }
        }

        StridedCopy.Run(x.Data, sizes[..x.Rank], strides[..x.Rank], x.Type.Size(), target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rows<T>(T* rows, int length, Tensor y, T least, T most)
        where T : unmanaged, INumber<T>
    {
        for (nint i = 0; i < y.Count; i++)
        {
            var result = Row(rows + i * length, length, least, most);
            if (_function == ReduceFunction.Mean) result /= T.CreateTruncating(length);
            if (typeof(T) == typeof(double) && _function == ReduceFunction.L2) result = T.CreateTruncating(Math.Sqrt(double.CreateTruncating(result)));
            ((T*)y.Data)[i] = result;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T Row<T>(T* x, int n, T least, T most)
        where T : unmanaged, INumber<T>
    {
        var result = _function switch { ReduceFunction.Max => least, ReduceFunction.Min => most, ReduceFunction.Prod => T.One, _ => T.Zero };
        for (nint i = 0; i < n; i++)
        {
            var v = x[i];
            result = _function switch
            {
                ReduceFunction.Max => v > result ? v : result,
                ReduceFunction.Min => v < result ? v : result,
                ReduceFunction.Prod => result * v,
                ReduceFunction.L1 => result + (v < T.Zero ? T.Zero - v : v),
                ReduceFunction.L2 or ReduceFunction.SumSquare => result + v * v,
                _ => result + v,
            };
        }

        return result;
    }
}
