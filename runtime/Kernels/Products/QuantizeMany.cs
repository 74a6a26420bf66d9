using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Quantizes rows as <see cref="Quantize{S, F, I}"/> does, and measures the results.</summary>
/// <remarks>
/// A block of rows goes through each stage together: a row's range, its scale and its sum are chains that leave the processor idle unless it has
/// several. Magnitudes are compared as integers, whose order is the same, so that NaN and infinity show as the largest. Rows without them need
/// neither be cleaned nor limited.
/// </remarks>
internal static unsafe class QuantizeMany<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Block = KernelSet.Tile;
    private const int Infinity = 0x7F800000;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* x, nint ldx, nint m, nint k, sbyte* q, float* scales, float* squares)
    {
        var lanes = stackalloc int[Block * KernelSet.Tile];
        var largest = stackalloc int[Block];
        var block = stackalloc float[Block];
        var inverses = stackalloc float[Block];
        var last = stackalloc float[KernelSet.Tile];
        var stride = KernelSet.QuantizedStride((int)k);
        new Span<int>(largest, Block).Clear();
        for (; m > 0; m -= Block, x += Block * ldx, q += Block * stride, scales += Block, squares += Block)
        {
            var count = m < Block ? m : Block;
            for (nint i = 0; i < count; i++) S.StoreInt(lanes + i * S.Lanes, LargestByLane(x + i * ldx, k));
            for (nint i = 0; i < count; i++) largest[i] = Largest(lanes + i * S.Lanes);
            for (nint i = 0; i < count; i += S.Lanes) Scales(largest + i, block + i, inverses + i);
            for (nint i = 0; i < count; i++)
            {
                scales[i] = block[i];
                squares[i] = largest[i] < Infinity ? Row(x + i * ldx, k, inverses[i], q + i * stride, stride, last) : AnyRow(x + i * ldx, k, q + i * stride, scales + i);
            }
        }
    }

    /// <summary>The largest magnitudes of a row, lane by lane, as the bits of fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static I LargestByLane(float* x, nint k)
    {
        var magnitude = S.Broadcast(int.MaxValue);
        I a = default, b = default, c = default, d = default;
        for (; k >= 4 * S.Lanes; k -= 4 * S.Lanes, x += 4 * S.Lanes)
        {
            I x0 = S.LoadInt((int*)x), x1 = S.LoadInt((int*)x + S.Lanes), x2 = S.LoadInt((int*)x + 2 * S.Lanes), x3 = S.LoadInt((int*)x + 3 * S.Lanes);
            a = S.Max(a, S.And(x0, magnitude));
            b = S.Max(b, S.And(x1, magnitude));
            c = S.Max(c, S.And(x2, magnitude));
            d = S.Max(d, S.And(x3, magnitude));
        }

        for (; k >= S.Lanes; k -= S.Lanes, x += S.Lanes) a = S.Max(a, S.And(S.LoadInt((int*)x), magnitude));
        if (k > 0) b = S.Max(b, S.And(S.And(S.LoadInt((int*)x), magnitude), S.LoadInt(RowFold<S, F, I>.Kept(k))));
        return S.Max(S.Max(a, b), S.Max(c, d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Largest(int* lanes)
    {
        if (S.Lanes < Vector128<int>.Count) return *lanes;
        var max = Vector128.Load(lanes);
        for (var i = Vector128<int>.Count; i < S.Lanes; i += Vector128<int>.Count) max = Vector128.Max(max, Vector128.Load(lanes + i));
        max = Vector128.Max(max, Vector128.Shuffle(max, Vector128.Create(2, 3, 0, 1)));
        max = Vector128.Max(max, Vector128.Shuffle(max, Vector128.Create(1, 0, 3, 2)));
        return max.ToScalar();
    }

    /// <summary><see cref="Quantize{S, F, I}.Scale"/> of a vector of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scales(int* largest, float* scales, float* inverses)
    {
        var absmax = S.AsFloat(S.LoadInt(largest));
        F range = S.Max(absmax, S.Broadcast(Quantize<S, F, I>.LeastRange)), steps = S.Broadcast(127f);
        S.Store(inverses, S.Div(steps, range));
        S.Store(scales, S.AsFloat(S.And(S.Less(default, absmax), S.AsInt(S.Div(range, steps)))));
    }

    /// <summary>Quantizes a row of finite numbers, zeroes its padding, and returns the sum of the squares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Row(float* x, nint k, float inverse, sbyte* q, nint stride, float* last)
    {
        var factor = S.Broadcast(inverse);
        F squares = default;
        var end = q + stride;
        for (; k >= KernelSet.Tile; k -= KernelSet.Tile, q += KernelSet.Tile, x += KernelSet.Tile) squares = S.StoreSteps(q, x, factor, squares);
        if (k > 0)
        {
            var kept = RowFold<S, F, I>.Kept(k);
            for (nint i = 0; i < KernelSet.Tile; i += S.Lanes) S.Store(last + i, S.AsFloat(S.And(S.AsInt(S.Load(x + i)), S.LoadInt(kept + i))));
            squares = S.StoreSteps(q, last, factor, squares);
            q += KernelSet.Tile;
        }

        for (; q < end; q += Vector128<sbyte>.Count) Vector128.Store(Vector128<sbyte>.Zero, q);
        return RowFold<S, F, I>.Across<SumStep>(squares);
    }

    /// <summary>Any row, one that may hold NaN or infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float AnyRow(float* x, nint k, sbyte* q, float* scale)
    {
        Quantize<S, F, I>.Rows(x, k, 1, (int)k, 0, q, scale);
        var sum = 0;
        for (nint i = 0; i < k; i++) sum += q[i] * q[i];
        return sum;
    }
}
