using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>int4 products in plain integers: the definition of right.</summary>
internal readonly unsafe struct ScalarInt4 : IInt4Dot<int, int>
{
    public static int Rows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static int Start(sbyte* x)
    {
        var sum = 0;
        for (var i = 0; i < WeightLayout.GroupInt4; i++) sum += x[i];
        return -8 * sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Begin(int* start) => *start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadNibbles(byte* w) => Unsafe.ReadUnaligned<int>(w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Low(int nibbles) => nibbles & 0x0F0F0F0F;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int High(int nibbles) => nibbles >> 4 & 0x0F0F0F0F;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadInputs(sbyte* x) => Unsafe.ReadUnaligned<int>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MulAdd(int sums, int n, int x) =>
        sums + (n & 15) * (sbyte)x + (n >> 8 & 15) * (sbyte)(x >> 8) + (n >> 16 & 15) * (sbyte)(x >> 16) + (n >> 24) * (x >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadScales(sbyte* scales) => *scales;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int End(int acc, int sums, int* start, int scales) => acc + sums * scales;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load(int* sums) => *sums;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(int* sums, int acc) => *sums = acc;
}
