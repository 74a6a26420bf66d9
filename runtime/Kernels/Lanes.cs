using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels;

/// <summary>What every kernel needs at the end of a row.</summary>
internal static unsafe class Lanes<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Stores the first <paramref name="count"/> &lt; Lanes lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePartial(float* p, F value, nint count)
    {
        var lanes = stackalloc float[16];
        S.Store(lanes, value);
        for (nint i = 0; i < count; i++) p[i] = lanes[i];
    }

    /// <summary>Loads <paramref name="count"/> lanes, the others <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void CopyPadded(float* p, nint count, float fill, float* lanes16)
    {
        for (nint i = 0; i < 16; i++) lanes16[i] = i < count ? p[i] : fill;
    }
}
