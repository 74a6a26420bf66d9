using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SeqRuntime.Operators;

/// <summary>Copies runs of bytes. Most are short, so a call for each would take longer than the copy. Exactly the run is read and written.</summary>
internal static unsafe class Runs
{
    /// <summary>From this length on, the system's copy is faster.</summary>
    private const nint Long = 1024;

    /// <summary>Copies <paramref name="count"/> runs of <paramref name="bytes"/> bytes each, which are a stride apart on both sides. They must not overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(byte* from, nint fromStride, byte* to, nint toStride, nint bytes, nint count)
    {
        if (fromStride == bytes && toStride == bytes)
        {
            bytes *= count;
            count = Math.Min(count, 1);
        }

        switch (bytes)
        {
            case sizeof(uint):
                for (; count > 0; count--, from += fromStride, to += toStride) *(uint*)to = *(uint*)from;
                break;
            case sizeof(ulong):
                for (; count > 0; count--, from += fromStride, to += toStride) *(ulong*)to = *(ulong*)from;
                break;
            default:
                for (; count > 0; count--, from += fromStride, to += toStride) Copy(from, to, bytes);
                break;
        }
    }

    /// <summary>Copies one run. Source and target must not overlap. The last vector may write again what the one before it wrote.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(byte* from, byte* to, nint bytes)
    {
        nint i = 0;
        if (bytes >= Long)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
        else if (bytes >= Vector128<byte>.Count)
        {
            for (; i + Vector256<byte>.Count <= bytes; i += Vector256<byte>.Count) Vector256.Load(from + i).Store(to + i);
            if (bytes - i >= Vector128<byte>.Count) Vector128.Load(from + i).Store(to + i);
            i = bytes - Vector128<byte>.Count;
            Vector128.Load(from + i).Store(to + i);
        }
        else if (bytes >= sizeof(ulong))
        {
            var last = *(ulong*)(from + bytes - sizeof(ulong));
            *(ulong*)to = *(ulong*)from;
            *(ulong*)(to + bytes - sizeof(ulong)) = last;
        }
        else
        {
            for (; i < bytes; i++) to[i] = from[i];
        }
    }
}
