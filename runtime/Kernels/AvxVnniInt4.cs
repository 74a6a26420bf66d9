using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.AvxVnni;

namespace SeqRuntime.Kernels;

/// <summary>int4 products by AVX-VNNI (vpdpbusd, 256 bits), with nibbles as its unsigned factor.</summary>
internal readonly unsafe struct AvxVnniInt4 : IInt4Dot<Int, Int>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x)
    {
        var sums = Isa.MultiplyWideningAndAdd(Int.Zero, Vector256.Create((byte)8), Isa.LoadVector256(x));
        var quads = Isa.Add(Isa.ExtractVector128(sums, 0), Isa.ExtractVector128(sums, 1));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 8));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 4));
        return -quads.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int* start) => Isa.BroadcastScalarToVector256(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Low(Int nibbles) => Avx2Int4.Low(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int High(Int nibbles) => Avx2Int4.High(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.BroadcastScalarToVector256((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int sums, Int n, Int x) => Isa.MultiplyWideningAndAdd(sums, n.AsByte(), x.AsSByte());

    /// <summary>Each scale in the lower half of its lane, the upper one 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadScales(sbyte* scales) => Isa.And(Isa.ConvertToVector256Int32(scales), Vector256.Create(0xFFFF));

    /// <summary>A group's sum fits 16 bits, so vpmaddwd multiplies it exactly (vpmulld takes two operations).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int End(Int acc, Int sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums.AsInt16(), scales.AsInt16()));
}
