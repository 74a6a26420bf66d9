using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Products of packed fp16 weights by fp32 inputs: <see cref="GemmFloat32{S,F,I,W,T}"/> with weights converted at each load.</summary>
/// <remarks>
/// Several rows share each converted weight. For a single row the inputs, not the weights, are multiplied by 2¹¹², once:
/// w·2⁻¹¹² times x·2¹¹² is the same exact product, so every bit is the same, as long as x·2¹¹² is finite.
/// </remarks>
internal static unsafe class GemmFloat16<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Most columns of a row whose inputs are scaled beforehand.</summary>
    private const int MaxScaled = 4096;

    /// <summary>2¹⁶: inputs below it times 2¹¹² are finite.</summary>
    private const float Finite = 65536;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in PackedMatrix w, in FloatRows x, in OutputRange y)
    {
        var columns = w.Layout.Columns;
        var panels = Panels<short>.Packed((short*)w.Panels, w.Layout);
        var scaled = stackalloc float[MaxScaled + KernelSet.Tile];
        var beside = stackalloc float[WeightLayout.WidestPanel];
        if (x.Count == 1 && columns <= MaxScaled && Scale(x.First, columns, scaled))
            GemmFloat32<S, F, I, Float16Bits<S, F, I>, short>.One(panels, columns, scaled, y, beside);
        else
            GemmFloat32<S, F, I, Float16Weights<S, F, I>, short>.Run(panels, columns, x, y);
    }

    /// <summary>scaled = 2¹¹²·x, in whole vectors. Returns whether all x are in (-2¹⁶, 2¹⁶).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Scale(float* x, nint k, float* scaled)
    {
        var bound = S.Broadcast(Finite);
        var inside = S.Broadcast(-1);
        nint i = 0;
        for (; i + S.Lanes <= k; i += S.Lanes)
        {
            var value = S.Load(x + i);
            inside = S.And(inside, S.Less(LaneMath<S, F, I>.Abs(value), bound));
            S.Store(scaled + i, S.Mul(value, S.Broadcast(Float16Weights<S, F, I>.Rebias)));
        }

        var outside = S.Any(S.Xor(inside, S.Broadcast(-1)));
        for (; i < k; i++)
        {
            outside |= !(Scalar.Less(LaneMath<Scalar, float, int>.Abs(x[i]), Finite) != 0);
            scaled[i] = x[i] * Float16Weights<S, F, I>.Rebias;
        }

        return !outside;
    }
}
