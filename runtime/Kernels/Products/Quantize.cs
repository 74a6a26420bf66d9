using System.Runtime.CompilerServices;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Symmetric int8 quantization of activation rows, and of what a row loses by it.</summary>
internal static unsafe class Quantize<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Least range of a row that is not all zeros, 2⁻¹¹⁹: 127/range stays finite and range/127 keeps all its bits.</summary>
    private const float LeastRange = 1.504632769052528e-36f;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* x, nint ldx, int m, int k, float fixedScale, sbyte* q, float* scales)
    {
        var stride = KernelSet.QuantizedStride(k);
        for (var i = 0; i < m; i++, x += ldx, q += stride)
        {
            if (fixedScale == 0)
            {
                scales[i] = Measured<Plain>(x, null, 0, k, q);
                continue;
            }

            scales[i] = fixedScale;
            Row<Plain>(x, null, 0, k, 1 / fixedScale, q, stride);
        }
    }

    /// <summary>The differences x - scale·q, each rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rest(float* x, sbyte* q, float scale, int k, sbyte* rest, float* restScale) => *restScale = Measured<Differences>(x, q, scale, k, rest);

    /// <summary>Quantizes a row by its range and returns its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Measured<V>(float* x, sbyte* steps, float step, nint k, sbyte* q)
        where V : struct, IRowValues
    {
        var absmax = AbsMax<V>(x, steps, step, k);
        var range = Scalar.Max(absmax, LeastRange);
        Row<V>(x, steps, step, k, 127 / range, q, KernelSet.QuantizedStride((int)k));
        return absmax == 0 ? 0 : range / 127;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float AbsMax<V>(float* x, sbyte* steps, float step, nint k)
        where V : struct, IRowValues
    {
        var negative = S.Broadcast(-step);
        F max0 = default, max1 = default;
        nint i = 0;
        for (; i + 2 * S.Lanes <= k; i += 2 * S.Lanes)
        {
            max0 = S.Max(LaneMath<S, F, I>.Abs(V.Load(x + i, steps + i, negative)), max0);
            max1 = S.Max(LaneMath<S, F, I>.Abs(V.Load(x + i + S.Lanes, steps + i + S.Lanes, negative)), max1);
        }

        for (; i + S.Lanes <= k; i += S.Lanes) max0 = S.Max(LaneMath<S, F, I>.Abs(V.Load(x + i, steps + i, negative)), max0);
        max0 = S.Max(max0, max1);
        if (i < k) max0 = S.Max(S.AsFloat(S.And(S.AsInt(LaneMath<S, F, I>.Abs(V.Load(x + i, steps + i, negative))), S.LoadInt(RowFold<S, F, I>.Kept(k - i)))), max0);
        if (S.Lanes > 8) max0 = S.Max(S.Upper(max0, 8), max0);
        if (S.Lanes > 4) max0 = S.Max(S.Upper(max0, 4), max0);
        if (S.Lanes > 1)
        {
            max0 = S.Max(S.Upper(max0, 2), max0);
            max0 = S.Max(S.Upper(max0, 1), max0);
        }

        return Scalar.Min(S.First(max0), float.MaxValue);
    }

    /// <summary>Stores whole vectors, up to the row's padding, and zeroes the columns from k on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<V>(float* x, sbyte* steps, float step, nint k, float inverse, sbyte* q, nint stride)
        where V : struct, IRowValues
    {
        var negative = S.Broadcast(-step);
        var factor = S.Broadcast(inverse);
        for (nint i = 0; i < k; i += S.Lanes)
        {
            var value = V.Load(x + i, steps + i, negative);
            value = S.AsFloat(S.And(S.AsInt(value), S.Equal(value, value)));
            value = S.Max(S.Min(S.Mul(value, factor), S.Broadcast(127f)), S.Broadcast(-127f));
            S.StoreBytes(q + i, S.ToInt(S.Round(value)));
        }

        new Span<sbyte>(q + k, (int)(stride - k)).Clear();
    }

    /// <summary>What is quantized, as a type.</summary>
    private interface IRowValues
    {
        /// <param name="x">Elements of a row.</param>
        /// <param name="steps">The same elements, quantized.</param>
        /// <param name="negative">Their scale, negated.</param>
        static abstract F Load(float* x, sbyte* steps, F negative);
    }

    /// <summary>A row.</summary>
    private readonly struct Plain : IRowValues
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Load(float* x, sbyte* steps, F negative) => S.Load(x);
    }

    /// <summary>What a row lost.</summary>
    private readonly struct Differences : IRowValues
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Load(float* x, sbyte* steps, F negative) => S.Fma(negative, S.ToFloat(S.LoadBytes(steps)), S.Load(x));
    }
}
