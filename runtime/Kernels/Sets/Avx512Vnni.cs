#if NET11_0_OR_GREATER // .NET 10 has vpdpbusd with 256 bits only.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Products;
using Int = System.Runtime.Intrinsics.Vector512<int>;
using Isa = System.Runtime.Intrinsics.X86.AvxVnni.V512;

namespace SeqRuntime.Kernels.Sets;

/// <summary>int8 and int4 products with vpdpbusd in 512 bits, which processors with AVX512-VNNI have; everything else is <see cref="Avx512"/>'s.</summary>
/// <remarks>The unsigned factor is as in <see cref="AvxVnni"/>. A sum never goes through a mask: .NET 11.0.0 loses the other operand of a product that it folds into a blend.</remarks>
internal readonly unsafe struct Avx512Vnni : IInt8Dot<Int, Int>, IInt4Dot<Int, Int>
{
    private const int Shift = unchecked((int)0x80808080);

    public static KernelSet Make(string name) => Avx512.Make<Int8, Avx512Vnni, Int>(name);

    /// <summary>A whole panel.</summary>
    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
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
    public static Int Begin(int start, int* rowSums) => Avx512.Sub(Int.Zero, Avx512.ShiftLeft(Avx512.LoadInt(rowSums), 7));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Avx512.LoadInt((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Avx512.Xor(Avx512.LoadInputs(x), Vector512.Create(Shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => Avx512.Xor(System.Runtime.Intrinsics.X86.Avx512F.BroadcastVector128ToVector512((int*)x), Vector512.Create(Shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => group switch
    {
        0 => System.Runtime.Intrinsics.X86.Avx512F.Shuffle(four, 0b00_00_00_00),
        1 => System.Runtime.Intrinsics.X86.Avx512F.Shuffle(four, 0b01_01_01_01),
        2 => System.Runtime.Intrinsics.X86.Avx512F.Shuffle(four, 0b10_10_10_10),
        _ => System.Runtime.Intrinsics.X86.Avx512F.Shuffle(four, 0b11_11_11_11),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.MultiplyWideningAndAdd(acc, factor.AsByte(), w.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 64)), factor0, flip0, LoadWeights(w1 + (at + 64)), factor1, flip1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int a0, ref Int b0, ref Int a1, ref Int b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
    {
        MulAdd(ref a0, ref a1, at, w0, factor0, flip0, w1, factor1, flip1);
        MulAdd(ref b0, ref b1, at, w0, factor2, flip2, w1, factor3, flip3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Join(Int a, Int b) => Avx512.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Finish(Int acc) => acc;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x) => -Vector512.Sum(Isa.MultiplyWideningAndAdd(Int.Zero, Vector512.Create((byte)8), Vector256.Load(x).ToVector512()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int BeginGroup(int* start) => Vector512.Create(*start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Avx512.LoadNibbles(w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Avx512.LowNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Avx512.HighNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Int IInt4Dot<Int, Int>.LoadInputs(sbyte* x) => Avx512.LoadInputs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAddNibbles(Int sums, Int n, Int x) => Isa.MultiplyWideningAndAdd(sums, n.AsByte(), x.AsSByte());

    /// <summary>See <see cref="AvxVnni.LoadGroupScales"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales) => Avx512.And(System.Runtime.Intrinsics.X86.Avx512F.ConvertToVector512Int32(Vector128.Load(scales)), Vector512.Create(0xFFFF));

    /// <summary>See <see cref="AvxVnni.EndGroup"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Int sums, int* start, Int scales) => Avx512.Add(acc, System.Runtime.Intrinsics.X86.Avx512BW.MultiplyAddAdjacent(sums.AsInt16(), scales.AsInt16()));

    /// <summary>The products by int8 weights. With a scale for each group of inputs, 256 bits are used.</summary>
    internal readonly struct Int8 : IInt8Products
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void ScaledByRow(in PackedMatrix w, in QuantizedRows x, in OutputRange y) =>
            GemmInt8<Avx512, Vector512<float>, Int, Avx512Vnni, Int>.Run(w, x, y);

        /// <summary>A program compiled ahead of time may have the products of 512 bits alone.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void ScaledByGroup(in PackedMatrix w, in QuantizedRows x, in OutputRange y)
        {
            if (System.Runtime.Intrinsics.X86.AvxVnni.IsSupported) GemmInt8Groups<Avx2, Vector256<float>, Vector256<int>, AvxVnni.Signed, Vector256<int>>.Run(w, x, y);
            else GemmInt8Groups<Avx2, Vector256<float>, Vector256<int>, Avx2, Vector256<int>>.Run(w, x, y);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static QuantizedRow Prepare(sbyte* x, float scale, nint columns) => new(x, scale, Start(x, columns));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Panels(in PackedMatrix w, nint first, nint rows, in QuantizedRow x, float* init, float* y) =>
            GemmInt8<Avx512, Vector512<float>, Int, Avx512Vnni, Int>.Panels(w, first, rows, x, init, y);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Step(in RecurrentStep step) => QuantizedSteps<Avx512, Vector512<float>, Int, Int8>.Run(step);
    }
}
#endif
