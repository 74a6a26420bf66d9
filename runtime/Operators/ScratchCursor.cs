using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Divides a node's scratch memory into buffers, each 64-byte aligned and followed by read slack. The same calls with a null start measure
/// the needed size.
/// </summary>
internal unsafe struct ScratchCursor(byte* start)
{
    /// <summary>More than any machine has, and far below the overflow of sums of sizes.</summary>
    private const double Limit = 1L << 50;

    /// <summary>Bytes used so far.</summary>
    public long Bytes { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public byte* Take(long bytes)
    {
        if (bytes > Limit) ThrowTooLarge();
        var taken = start + Bytes;
        Bytes += (bytes + KernelSet.ReadSlack + 63) & ~63L;
        return taken;
    }

    /// <summary>A buffer of a × b × c fp32 elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* Floats(long a, long b = 1, long c = 1)
    {
        CheckFloats((double)a * b * c);
        return (float*)Take(a * b * c * sizeof(float));
    }

    /// <summary>Refuses a number of fp32 elements that no machine has room for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CheckFloats(double count)
    {
        if (count > Limit) ThrowTooLarge();
    }

    private static void ThrowTooLarge() => throw OperatorError.Value("The node needs more scratch memory than any machine has; its sizes are too large.");
}
