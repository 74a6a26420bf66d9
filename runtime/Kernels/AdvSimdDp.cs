using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.Arm.Dp;

namespace SeqRuntime.Kernels;

/// <summary>int8 products by the dot-product extension (sdot); everything else is <see cref="AdvSimd"/>'s.</summary>
internal readonly unsafe struct AdvSimdDp : IInt8Dot<Int, Int>
{
    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x, nint columns) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int start) => Vector128.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.LoadAndReplicateToVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.DotProduct(acc, w.AsSByte(), factor.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Finish(Int acc, int* rowSums) => acc;
}
