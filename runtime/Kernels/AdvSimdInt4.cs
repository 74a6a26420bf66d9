using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.Arm.AdvSimd;

namespace SeqRuntime.Kernels;

/// <summary>int4 products by NEON: widening multiply-accumulate into 16 bits through a whole group.</summary>
internal readonly unsafe struct AdvSimdInt4 : IInt4Dot<Int, AdvSimdInt4.Sums>
{
    public static int Rows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x)
    {
        var pairs = Isa.AddPairwiseWideningAndAdd(Isa.AddPairwiseWidening(Isa.LoadVector128(x)), Isa.LoadVector128(x + 16));
        return -8 * Isa.Arm64.AddAcross(pairs).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums Begin(int* start) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Low(Int nibbles) => Isa.And(nibbles, Vector128.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int High(Int nibbles) => Isa.ShiftRightLogical(nibbles.AsByte(), 4).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    /// <summary>A lane sums 8 products in a group: at most 8·15·127 = 15240.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums MulAdd(Sums sums, Int n, Int x) => new(
        Isa.MultiplyWideningLowerAndAdd(sums.Lower, n.AsSByte().GetLower(), x.AsSByte().GetLower()),
        Isa.MultiplyWideningUpperAndAdd(sums.Upper, n.AsSByte(), x.AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadScales(sbyte* scales) =>
        Isa.SignExtendWideningLower(Isa.SignExtendWideningLower(Vector64.CreateScalarUnsafe(Unsafe.ReadUnaligned<int>(scales)).AsSByte()).GetLower());

    /// <summary>Neighbours sum to at most 30480, within 16 bits; the start comes in where they become 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int End(Int acc, Sums sums, int* start, Int scales)
    {
        var pairs = Isa.Arm64.AddPairwise(sums.Lower, sums.Upper);
        return Isa.MultiplyAdd(acc, Isa.AddPairwiseWideningAndAdd(Isa.LoadAndReplicateToVector128(start), pairs), scales);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Load(int* sums) => Isa.LoadVector128(sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(int* sums, Int acc) => Isa.Store(sums, acc);

    /// <summary>Products of rows 0, 1 and of rows 2, 3, in 16 bits, input by input.</summary>
    internal readonly struct Sums(Vector128<short> lower, Vector128<short> upper)
    {
        public Vector128<short> Lower { get; } = lower;

        public Vector128<short> Upper { get; } = upper;
    }
}
