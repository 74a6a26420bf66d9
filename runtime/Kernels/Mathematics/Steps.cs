using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary><see cref="ISimd{F,I}.StoreSteps"/> by the other operations.</summary>
internal static unsafe class Steps<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(sbyte* p, float* x, F factor)
    {
        for (nint i = 0; i < KernelSet.Tile; i += S.Lanes)
        {
            var value = S.Load(x + i);
            value = S.AsFloat(S.And(S.AsInt(value), S.Equal(value, value)));
            value = S.Max(S.Min(S.Mul(value, factor), S.Broadcast(127f)), S.Broadcast(-127f));
            S.StoreBytes(p + i, S.ToInt(S.Round(value)));
        }
    }
}
