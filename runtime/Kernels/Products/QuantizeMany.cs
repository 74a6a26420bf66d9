using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Quantizes rows as <see cref="Quantize{S, F, I}"/> does, and measures the results.</summary>
/// <remarks>
/// A block of rows goes through each stage together: a row's range, its scale and its sum are chains that leave the processor idle unless it has
/// several.
/// </remarks>
internal static unsafe class QuantizeMany<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Block = 8;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* x, nint ldx, nint m, nint k, sbyte* q, float* scales, float* squares)
    {
        var inverses = stackalloc float[Block];
        var stride = KernelSet.QuantizedStride((int)k);
        for (; m > 0; m -= Block, x += Block * ldx, q += Block * stride, scales += Block, squares += Block)
        {
            var count = m < Block ? m : Block;
            for (nint i = 0; i < count; i++) inverses[i] = AbsMax(x + i * ldx, k);
            for (nint i = 0; i < count; i++) scales[i] = Quantize<S, F, I>.Scale(inverses[i], out inverses[i]);
            for (nint i = 0; i < count; i++) squares[i] = Row(x + i * ldx, k, inverses[i], q + i * stride, stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float AbsMax(float* x, nint k) => Scalar.Min(RowFold<S, F, I>.Across<MaxStep>(Quantize<S, F, I>.LargestByLane(x, k)), float.MaxValue);

    /// <summary>Quantizes a row, zeroes its padding, and returns the sum of the squares.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row(float* x, nint k, float inverse, sbyte* q, nint stride)
    {
        var factor = S.Broadcast(inverse);
        F squares = default;
        var end = q + stride;
        for (var whole = q + (k & -KernelSet.Tile); q < whole; q += KernelSet.Tile, x += KernelSet.Tile) squares = S.StoreSteps(q, x, factor, squares);
        var left = k % KernelSet.Tile;
        if (left > 0)
        {
            var last = stackalloc float[KernelSet.Tile];
            var kept = RowFold<S, F, I>.Kept(left);
            for (nint i = 0; i < KernelSet.Tile; i += S.Lanes) S.Store(last + i, S.AsFloat(S.And(S.AsInt(S.Load(x + i)), S.LoadInt(kept + i))));
            squares = S.StoreSteps(q, last, factor, squares);
            q += KernelSet.Tile;
        }

        for (; q < end; q += Vector128<sbyte>.Count) Vector128.Store(Vector128<sbyte>.Zero, q);
        return RowFold<S, F, I>.Across<SumStep>(squares);
    }
}
