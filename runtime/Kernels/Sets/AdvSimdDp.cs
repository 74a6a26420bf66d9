using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Products;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.Arm.Dp;

namespace SeqRuntime.Kernels.Sets;

/// <summary>int8 and int4 products with the dot-product extension (sdot), which reads nibbles unchanged; everything else is <see cref="AdvSimd"/>'s.</summary>
internal readonly unsafe struct AdvSimdDp : IInt8Dot<Int, Int>, IInt4Dot<Int, Int>
{
    public static KernelSet Make(string name) => AdvSimd.Make<AdvSimdDp, Int, Int>(name);

    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    public static bool PairsRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    public static bool SplitsSums
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x, nint columns) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int start, int* rowSums) => Vector128.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => AdvSimd.LoadFour(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => AdvSimd.Group(four, x, group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAddGroup(Int acc, Int w, Int four, [ConstantExpected(Max = (byte)3)] byte group) => Isa.DotProductBySelectedQuadruplet(acc, w.AsSByte(), four.AsSByte(), group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.DotProduct(acc, w.AsSByte(), factor.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1)
    {
        Int a0 = LoadWeights(w0 + at), b0 = LoadWeights(w0 + (at + 16));
        Int a1 = LoadWeights(w1 + at), b1 = LoadWeights(w1 + (at + 16));
        first = MulAdd(first, a0, factor0, flip0);
        second = MulAdd(second, b0, factor0, flip0);
        first = MulAdd(first, a1, factor1, flip1);
        second = MulAdd(second, b1, factor1, flip1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int a0, ref Int b0, ref Int a1, ref Int b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
    {
        Int w = LoadWeights(w0 + at), next = LoadWeights(w0 + (at + 16));
        Int v = LoadWeights(w1 + at), nextV = LoadWeights(w1 + (at + 16));
        a0 = MulAdd(a0, w, factor0, flip0);
        b0 = MulAdd(b0, w, factor2, flip2);
        a1 = MulAdd(a1, next, factor0, flip0);
        b1 = MulAdd(b1, next, factor2, flip2);
        a0 = MulAdd(a0, v, factor1, flip1);
        b0 = MulAdd(b0, v, factor3, flip3);
        a1 = MulAdd(a1, nextV, factor1, flip1);
        b1 = MulAdd(b1, nextV, factor3, flip3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Join(Int a, Int b) => Isa.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Finish(Int acc) => acc;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x) => AdvSimd.StartGroup(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int BeginGroup(int* start) => Isa.LoadAndReplicateToVector128(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => AdvSimd.LowNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => AdvSimd.HighNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAddNibbles(Int sums, Int n, Int x) => Isa.DotProduct(sums, n.AsSByte(), x.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales) => AdvSimd.LoadGroupScales(scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Int sums, int* start, Int scales) => Isa.MultiplyAdd(acc, sums, scales);
}
