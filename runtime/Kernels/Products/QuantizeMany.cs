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
    private static float AbsMax(float* x, nint k)
    {
        F max0 = default, max1 = default;
        nint i = 0;
        for (; i + 2 * S.Lanes <= k; i += 2 * S.Lanes)
        {
            max0 = S.Max(LaneMath<S, F, I>.Abs(S.Load(x + i)), max0);
            max1 = S.Max(LaneMath<S, F, I>.Abs(S.Load(x + i + S.Lanes)), max1);
        }

        for (; i + S.Lanes <= k; i += S.Lanes) max0 = S.Max(LaneMath<S, F, I>.Abs(S.Load(x + i)), max0);
        if (i < k) max1 = S.Max(LaneMath<S, F, I>.Abs(End(x + i, k - i)), max1);
        return Scalar.Min(RowFold<S, F, I>.Across<MaxStep>(S.Max(max0, max1)), float.MaxValue);
    }

    /// <summary>Quantizes a row, zeroes its padding, and returns the sum of the squares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row(float* x, nint k, float inverse, sbyte* q, nint stride)
    {
        var factor = S.Broadcast(inverse);
        F squares = default;
        nint i = 0;
        for (; i + S.Lanes <= k; i += S.Lanes) squares = Put(S.Load(x + i), factor, q + i, squares);
        if (i < k)
        {
            squares = Put(End(x + i, k - i), factor, q + i, squares);
            i += S.Lanes;
        }

        for (; i % Vector128<sbyte>.Count != 0; i += S.Lanes) S.StoreBytes(q + i, default);
        for (; i < stride; i += Vector128<sbyte>.Count) Vector128.Store(Vector128<sbyte>.Zero, q + i);
        return RowFold<S, F, I>.Across<SumStep>(squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Put(F value, F factor, sbyte* q, F squares)
    {
        value = S.AsFloat(S.And(S.AsInt(value), S.Equal(value, value)));
        value = S.Round(S.Max(S.Min(S.Mul(value, factor), S.Broadcast(127f)), S.Broadcast(-127f)));
        S.StoreBytes(q, S.ToInt(value));
        return S.Fma(value, value, squares);
    }

    /// <summary>The last elements of a row, and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F End(float* x, nint left) => S.AsFloat(S.And(S.AsInt(S.Load(x)), S.LoadInt(RowFold<S, F, I>.Kept(left))));
}
