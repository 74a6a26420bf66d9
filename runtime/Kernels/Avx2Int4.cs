using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.Avx2;
using Short = System.Runtime.Intrinsics.Vector256<short>;

namespace SeqRuntime.Kernels;

/// <summary>int4 products by AVX2: nibbles are vpmaddubsw's unsigned factor, and 16-bit sums run through a whole group.</summary>
internal readonly unsafe struct Avx2Int4 : IInt4Dot<Int, Short>
{
    /// <summary>The matrix over GF(2) that moves a byte's upper four bits down.</summary>
    public const ulong UpperHalf = 0x1020408000000000;

    /// <summary>Two 16-bit numbers, as the sums have them: -8·Σ over the inputs 0, 1 of each 4 and over 2, 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x)
    {
        var pairs = Isa.MultiplyAddAdjacent(Vector256.Create((byte)8), Isa.LoadVector256(x));
        var quads = Isa.Add(Isa.ExtractVector128(pairs, 0), Isa.ExtractVector128(pairs, 1));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 8));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 4));
        return Isa.Subtract(Vector128<short>.Zero, quads).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short Begin(int* start) => Isa.BroadcastScalarToVector256(start).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Low(Int nibbles) => Isa.And(nibbles, Vector256.Create(0x0F0F0F0F));

    /// <summary>A shift and a mask, or where there is GFNI the bit matrix that does both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int High(Int nibbles) => Gfni.V256.IsSupported
        ? Gfni.V256.GaloisFieldAffineTransform(nibbles.AsByte(), Vector256.Create(UpperHalf).AsByte(), 0).AsInt32()
        : Isa.And(Isa.ShiftRightLogical(nibbles, 4), Vector256.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.BroadcastScalarToVector256((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short MulAdd(Short sums, Int n, Int x) => Isa.Add(sums, Isa.MultiplyAddAdjacent(n.AsByte(), x.AsSByte()));

    /// <summary>Each scale in both 16-bit halves of its lane: shuffled into the upper bytes, then shifted down with its sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadScales(sbyte* scales)
    {
        var places = Vector256.Create(128, 0, 128, 0, 128, 1, 128, 1, 128, 2, 128, 2, 128, 3, 128, 3, 128, 4, 128, 4, 128, 5, 128, 5, 128, 6, 128, 6, 128, 7, 128, (byte)7);
        var upper = Isa.Shuffle(Isa.BroadcastScalarToVector256((long*)scales).AsByte(), places);
        return Isa.ShiftRightArithmetic(upper.AsInt16(), 8).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int End(Int acc, Short sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums, scales.AsInt16()));
}
