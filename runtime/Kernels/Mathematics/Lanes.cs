using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>The end of a row: its last, partial vector is stored beside and copied.</summary>
/// <remarks>Loops choose the target and call nothing, since a call inside would make the compiler keep vectors in memory.</remarks>
internal static unsafe class Lanes<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Where the vector at element i of a row of n goes: into y if it fits, else into <paramref name="beside"/> (a vector).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float* Target(float* y, nint i, nint n, float* beside) => i + S.Lanes <= n ? y + i : beside;

    /// <summary>Copies what <see cref="Target"/> sent beside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Flush(float* y, nint n, float* beside)
    {
        for (var i = n & -S.Lanes; i < n; i++) y[i] = *beside++;
    }
}
