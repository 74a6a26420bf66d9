using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.AvxVnni;

namespace SeqRuntime.Kernels;

/// <summary>int8 products by AVX-VNNI (vpdpbusd, 256 bits); everything else is <see cref="Avx2"/>'s.</summary>
/// <remarks>vpdpbusd wants one unsigned factor: (x + 128)·w = x·w + 128·w, so 128 times the row's sum is taken off at the end.</remarks>
internal readonly unsafe struct AvxVnni : IInt8Dot<Int, Int>
{
    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(sbyte* x, nint columns) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int start) => Vector256.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.BroadcastScalarToVector256((int*)x);

    /// <summary>x + 128 as unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => Isa.Xor(x, Vector256.Create(unchecked((int)0x80808080)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.MultiplyWideningAndAdd(acc, factor.AsByte(), w.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Finish(Int acc, int* rowSums) => Isa.Subtract(acc, Isa.ShiftLeftLogical(Isa.LoadVector256(rowSums), 7));
}
