using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SeqRuntime.Perf.Limits;

/// <summary>
/// Reads a block of memory as fast as one core can: vector loads into eight independent sums. A step of a model with these weights cannot
/// be faster.
/// </summary>
internal sealed unsafe class ReadLoop : IDisposable
{
    private const int Granule = 512;

    private readonly byte* _start;
    private readonly int _bits;
    private int _sink;

    /// <param name="bytes">Size of the block; rounded up to 512.</param>
    /// <param name="bits">Width of a load: 128, 256 or 512.</param>
    public ReadLoop(long bytes, int bits)
    {
        Bytes = (Math.Max(bytes, 1) + Granule - 1) / Granule * Granule;
        _bits = bits;
        _start = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, 4096);
        new Span<byte>(_start, checked((int)Bytes)).Fill(1); // write it, because unwritten pages all share one page of zeros
    }

    /// <summary>Widths that this processor loads with one instruction.</summary>
    public static int[] Widths { get; } =
    [
        .. Vector128.IsHardwareAccelerated || !Vector256.IsHardwareAccelerated ? [128] : Array.Empty<int>(),
        .. Vector256.IsHardwareAccelerated ? [256] : Array.Empty<int>(),
        .. Vector512.IsHardwareAccelerated ? [512] : Array.Empty<int>(),
    ];

    /// <summary>The width used for shares of the limit: 256 if supported.</summary>
    public static int Usual { get; } = Widths.Where(bits => bits <= 256).Max();

    public long Bytes { get; }

    /// <summary>Reads the whole block a number of times.</summary>
    public void Run(int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            _sink += _bits switch
            {
                512 => Read512(_start, _start + Bytes),
                256 => Read256(_start, _start + Bytes),
                _ => Read128(_start, _start + Bytes),
            };
        }
    }

    public void Dispose()
    {
        GC.KeepAlive(_sink);
        NativeMemory.AlignedFree(_start);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Read512(byte* p, byte* end)
    {
        Vector512<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (; p < end; p += 512)
        {
            a += Vector512.Load((int*)p);
            b += Vector512.Load((int*)(p + 64));
            c += Vector512.Load((int*)(p + 128));
            d += Vector512.Load((int*)(p + 192));
            e += Vector512.Load((int*)(p + 256));
            f += Vector512.Load((int*)(p + 320));
            g += Vector512.Load((int*)(p + 384));
            h += Vector512.Load((int*)(p + 448));
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Read256(byte* p, byte* end)
    {
        Vector256<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (; p < end; p += 256)
        {
            a += Vector256.Load((int*)p);
            b += Vector256.Load((int*)(p + 32));
            c += Vector256.Load((int*)(p + 64));
            d += Vector256.Load((int*)(p + 96));
            e += Vector256.Load((int*)(p + 128));
            f += Vector256.Load((int*)(p + 160));
            g += Vector256.Load((int*)(p + 192));
            h += Vector256.Load((int*)(p + 224));
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static int Read128(byte* p, byte* end)
    {
        Vector128<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (; p < end; p += 128)
        {
            a += Vector128.Load((int*)p);
            b += Vector128.Load((int*)(p + 16));
            c += Vector128.Load((int*)(p + 32));
            d += Vector128.Load((int*)(p + 48));
            e += Vector128.Load((int*)(p + 64));
            f += Vector128.Load((int*)(p + 80));
            g += Vector128.Load((int*)(p + 96));
            h += Vector128.Load((int*)(p + 112));
        }

        return Vector128.Sum(a + b + c + d + e + f + g + h);
    }
}
