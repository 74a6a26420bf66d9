using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.Arm.Dp;

namespace SeqRuntime.Kernels;

/// <summary>int4 products by the dot-product extension (sdot), on nibbles as they are.</summary>
internal readonly unsafe struct AdvSimdDpInt4 : IInt4Dot<Int, Int>
{
    public static int Rows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x) => AdvSimdInt4.Start(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int* start) => Isa.LoadAndReplicateToVector128(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Low(Int nibbles) => AdvSimdInt4.Low(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int High(Int nibbles) => AdvSimdInt4.High(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int sums, Int n, Int x) => Isa.DotProduct(sums, n.AsSByte(), x.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadScales(sbyte* scales) => AdvSimdInt4.LoadScales(scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int End(Int acc, Int sums, int* start, Int scales) => Isa.MultiplyAdd(acc, sums, scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Load(int* sums) => Isa.LoadVector128(sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(int* sums, Int acc) => Isa.Store(sums, acc);
}
