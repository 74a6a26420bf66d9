using System.Runtime.CompilerServices;
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
                var absmax = AbsMax(x, k);
                var range = Scalar.Max(absmax, LeastRange);
                scale = absmax == 0 ? 0 : range / 127;
                inverse = 127 / range;
            }

            scales[i] = scale;
            Row(x, k, inverse, q, stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float AbsMax(float* x, nint k) => Scalar.Min(Join(LargestByLane(x, k)), float.MaxValue);

    /// <summary>Stores whole vectors, up to the row's padding, and zeroes the columns from k on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(float* x, nint k, float inverse, sbyte* q, nint stride)
    {
        var factor = S.Broadcast(inverse);
        for (nint i = 0; i < k; i += S.Lanes)
        {
            var value = S.Load(x + i);
            value = S.AsFloat(S.And(S.AsInt(value), S.Equal(value, value)));
            value = S.Max(S.Min(S.Mul(value, factor), S.Broadcast(127f)), S.Broadcast(-127f));
            S.StoreBytes(q + i, S.ToInt(S.Round(value)));
        }

        new Span<sbyte>(q + k, (int)(stride - k)).Clear();
    }
}
