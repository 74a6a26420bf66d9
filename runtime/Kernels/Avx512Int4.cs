using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Int = System.Runtime.Intrinsics.Vector512<int>;
using Isa = System.Runtime.Intrinsics.X86.Avx512BW;
using Short = System.Runtime.Intrinsics.Vector512<short>;

namespace SeqRuntime.Kernels;

/// <summary>int4 products by AVX-512 (BW): what <see cref="Avx2Int4"/> does, 16 rows at a time.</summary>
internal readonly unsafe struct Avx512Int4 : IInt4Dot<Int, Short>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x) => Avx2Int4.Start(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short Begin(int* start) => Vector512.Create(*start).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector512((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Low(Int nibbles) => Isa.And(nibbles, Vector512.Create(0x0F0F0F0F));

    /// <summary>See <see cref="Avx2Int4.High"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int High(Int nibbles) => Gfni.V512.IsSupported
        ? Gfni.V512.GaloisFieldAffineTransform(nibbles.AsByte(), Vector512.Create(Avx2Int4.UpperHalf).AsByte(), 0).AsInt32()
        : Isa.And(Isa.ShiftRightLogical(nibbles, 4), Vector512.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Vector512.Create(Unsafe.ReadUnaligned<int>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short MulAdd(Short sums, Int n, Int x) => Isa.Add(sums, Isa.MultiplyAddAdjacent(n.AsByte(), x.AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadScales(sbyte* scales)
    {
        var places = Vector512.Create(
            128, 0, 128, 0, 128, 1, 128, 1, 128, 2, 128, 2, 128, 3, 128, 3, 128, 4, 128, 4, 128, 5, 128, 5, 128, 6, 128, 6, 128, 7, 128, 7,
            128, 8, 128, 8, 128, 9, 128, 9, 128, 10, 128, 10, 128, 11, 128, 11, 128, 12, 128, 12, 128, 13, 128, 13, 128, 14, 128, 14, 128, 15, 128, (byte)15);
        var upper = Isa.Shuffle(Avx512F.BroadcastVector128ToVector512((int*)scales).AsByte(), places);
        return Isa.ShiftRightArithmetic(upper.AsInt16(), 8).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int End(Int acc, Short sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums, scales.AsInt16()));
}
