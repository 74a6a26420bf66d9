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
    public static void LoadWeights(byte* w, out Int first, out Int second) => (first, second) = (LoadWeights(w), LoadWeights(w + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.DotProduct(acc, w.AsSByte(), factor.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

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
