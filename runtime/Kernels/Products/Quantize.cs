using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Symmetric int8 quantization of activation rows.</summary>
internal static unsafe partial class Quantize<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Least range of a row that is not all zeros, 2⁻¹¹⁹: 127/range stays finite and range/127 keeps all its bits.</summary>
    public const float LeastRange = 1.504632769052528e-36f;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* x, nint ldx, int m, int k, float fixedScale, sbyte* q, float* scales)
    {
        var stride = KernelSet.QuantizedStride(k);
        for (var i = 0; i < m; i++, x += ldx, q += stride)
        {
            float scale, inverse;
            if (fixedScale != 0)
            {
                scale = fixedScale;
                inverse = 1 / fixedScale;
            }
            else
            {
                scale = Scale(AbsMax(x, k), out inverse);
            }

            scales[i] = scale;
            Row(x, k, inverse, q, stride);
        }
    }

    /// <summary>The scale of a row with this largest magnitude, and the factor for its values: 1/scale, or a finite number for a row of zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Scale(float absmax, out float inverse)
    {
        var range = Scalar.Max(absmax, LeastRange);
        inverse = 127 / range;
        return absmax == 0 ? 0 : range / 127;
    }

    /// <summary>See <see cref="KernelSet.IsWithin"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool IsWithin(float* x, nint n, float least, float most)
    {
        F largest = LargestByLane(x, n), low = S.Broadcast(least);
        return S.Any(S.Or(S.Less(low, largest), S.Equal(low, largest))) && !S.Any(S.Less(S.Broadcast(most), largest));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float AbsMax(float* x, nint k) => Scalar.Min(Join(LargestByLane(x, k)), float.MaxValue);

    /// <summary>Masks for 16 columns: the one from byte n on zeroes the last n.</summary>
    private static ReadOnlySpan<sbyte> Kept => [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Stores 16 columns at a time, up to the row's padding, which becomes 0.</summary>
    /// <remarks>Each store has 16 bytes that start at a multiple of 16: a product that soon loads as many would wait for several smaller stores.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* x, nint k, float inverse, sbyte* q, nint stride)
    {
        var factor = S.Broadcast(inverse);
        sbyte* end = q + k, next = q + stride;
        for (; q < end; q += KernelSet.Tile, x += KernelSet.Tile) S.StoreSteps(q, x, factor);
        if (q > end) Vector128.Store(Vector128.Load(q - KernelSet.Tile) & Vector128.Load((sbyte*)Unsafe.AsPointer(in Kept[0]) + (q - end)), q - KernelSet.Tile);
        for (; q < next; q += KernelSet.Tile) Vector128.Store(Vector128<sbyte>.Zero, q);
    }
}
