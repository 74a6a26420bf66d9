using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;

namespace SeqRuntime.Kernels.Sets;

/// <summary>The set that runs everywhere and defines the right result: <see cref="Scalar"/>, with int8 and int4 products in plain integers.</summary>
internal readonly unsafe struct Portable : IInt8Dot<int, int>, IInt4Dot<int, int>
{
    public static KernelSet Make(string name) => new SimdKernels<Scalar, float, int, Int8Products<Scalar, float, int, Portable, Portable, int>, GemmInt4<Scalar, float, int, Portable, int>, WholeSteps<Scalar, float, int>>(name);

    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
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
    public static int Begin(int start, int* rowSums) => start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadWeights(byte* w) => Unsafe.ReadUnaligned<int>(w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadInputs(sbyte* x) => Unsafe.ReadUnaligned<int>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadFour(sbyte* x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Group(int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Factor(int x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Flip(int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MulAdd(int acc, int w, int factor, int flip) =>
        acc + (sbyte)w * (sbyte)factor + (sbyte)(w >> 8) * (sbyte)(factor >> 8) + (sbyte)(w >> 16) * (sbyte)(factor >> 16) + (w >> 24) * (factor >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MulAdd(int acc, int w0, int factor0, int flip0, int w1, int factor1, int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref int first, ref int second, int at, byte* w0, int factor0, int flip0, byte* w1, int factor1, int flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 4)), factor0, flip0, LoadWeights(w1 + (at + 4)), factor1, flip1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref int a0, ref int b0, ref int a1, ref int b1, int at, byte* w0, int factor0, int flip0, int factor2, int flip2, byte* w1, int factor1, int flip1, int factor3, int flip3)
    {
        int w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
        a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
        b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
        (w, v) = (LoadWeights(w0 + (at + 4)), LoadWeights(w1 + (at + 4)));
        a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
        b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Join(int a, int b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Finish(int acc) => acc;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int StartGroup(sbyte* x)
    {
        var sum = 0;
        for (var i = 0; i < Int4Format.Group; i++) sum += x[i];
        return -8 * sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BeginGroup(int* start) => *start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadNibbles(byte* w) => Unsafe.ReadUnaligned<int>(w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LowNibbles(int nibbles) => nibbles & 0x0F0F0F0F;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HighNibbles(int nibbles) => nibbles >> 4 & 0x0F0F0F0F;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int MulAddNibbles(int sums, int n, int x) =>
        sums + (n & 15) * (sbyte)x + (n >> 8 & 15) * (sbyte)(x >> 8) + (n >> 16 & 15) * (sbyte)(x >> 16) + (n >> 24) * (x >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadGroupScales(sbyte* scales) => *scales;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EndGroup(int acc, int sums, int* start, int scales) => acc + sums * scales;
}
