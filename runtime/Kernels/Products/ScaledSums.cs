using System.Runtime.CompilerServices;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>Turns the exact integer sums of int8 and int4 products into outputs.</summary>
internal static unsafe class ScaledSums<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>fma((float)sum, wscale·xscale, init) for the outputs from c on; a null init means 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Value(I sum, float* scales, F xscale, float* init, nint c)
    {
        var start = init == null ? default : S.Load(init + c);
        return Value(sum, S.Load(scales + c), xscale, start);
    }

    /// <summary>fma((float)sum, wscale·xscale, init).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Value(I sum, F scale, F xscale, F init) => S.FmaAside(S.ToFloat(sum), S.Mul(scale, xscale), init);
}
