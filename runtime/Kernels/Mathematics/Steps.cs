using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary><see cref="ISimd{F,I}.StoreSteps(sbyte*, float*, F)"/> by the other operations.</summary>
internal static unsafe class Steps<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(sbyte* p, float* x, F factor)
    {
        for (nint i = 0; i < KernelSet.Tile; i += S.Lanes) S.StoreBytes(p + i, S.ToInt(S.Round(Unrounded(x + i, factor))));
    }

    /// <summary>The same, and <paramref name="squares"/> with the squares added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Store(sbyte* p, float* x, F factor, F squares)
    {
        for (nint i = 0; i < KernelSet.Tile; i += S.Lanes)
        {
            var steps = S.Round(Unrounded(x + i, factor));
            S.StoreBytes(p + i, S.ToInt(steps));
            squares = S.FmaOfExact(steps, steps, squares);
        }

        return squares;
    }

    /// <summary>The steps of a vector before they are rounded, limited to ±127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Unrounded(float* x, F factor)
    {
        var value = S.Load(x);
        value = S.AsFloat(S.And(S.AsInt(value), S.Equal(value, value)));
        return S.Max(S.Min(S.Mul(value, factor), S.Broadcast(127f)), S.Broadcast(-127f));
    }
}
