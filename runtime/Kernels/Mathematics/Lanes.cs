using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>The end of a row: its partial vector is stored in a buffer and copied.</summary>
/// <remarks>Loops only choose the target: with a call inside, the compiler would keep vectors in memory.</remarks>
internal static unsafe class Lanes<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>The target of the vector at element i of a row of n elements: y if it fits, else the buffer <paramref name="beside"/> of one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float* Target(float* y, nint i, nint n, float* beside) => i + S.Lanes <= n ? y + i : beside;

    /// <summary>Copies the partial vector from the buffer of <see cref="Target"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Flush(float* y, nint n, float* beside)
    {
        var whole = n & -S.Lanes;
        Copy(beside, y + whole, n - whole);
    }

    /// <summary>Copies elements, four at a time. It writes none behind the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* from, float* to, nint count)
    {
        nint i = 0;
        if (S.Lanes >= Vector128<float>.Count)
        {
            for (; i + Vector128<float>.Count <= count; i += Vector128<float>.Count) Vector128.Store(Vector128.Load(from + i), to + i);
        }

        for (; i < count; i++) to[i] = from[i];
    }
}
