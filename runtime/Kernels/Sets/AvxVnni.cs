using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector256<float>;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.AvxVnni;
using Isa512 = System.Runtime.Intrinsics.X86.Avx512F;

namespace SeqRuntime.Kernels.Sets;

/// <summary>int8 and int4 products with AVX-VNNI (vpdpbusd, 256 bits); everything else is <see cref="Avx2"/>'s.</summary>
/// <remarks>vpdpbusd needs one unsigned factor. With int4 weights it is the nibbles; for int8 see <see cref="Shifted{L}"/> and <see cref="Signed"/>.</remarks>
internal readonly unsafe struct AvxVnni : IInt4Dot<Int, Int>
{
    public static KernelSet Make(string name) => Avx2.Make<Int8Products<Avx2, Float, Int, Shifted<OneByOne>, Signed, Int>, AvxVnni, Int>(name);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.BroadcastScalarToVector256((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x)
    {
        var sums = Isa.MultiplyWideningAndAdd(Int.Zero, Vector256.Create((byte)8), Isa.LoadVector256(x));
        var quads = Isa.Add(Isa.ExtractVector128(sums, 0), Isa.ExtractVector128(sums, 1));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 8));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 4));
        return -quads.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int BeginGroup(int* start) => Isa.BroadcastScalarToVector256(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Avx2.LowNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Avx2.HighNibbles(nibbles);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAddNibbles(Int sums, Int n, Int x) => Isa.MultiplyWideningAndAdd(sums, n.AsByte(), x.AsSByte());

    /// <summary>Each scale in the lower half of its lane; the upper half is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales) => Isa.And(Isa.ConvertToVector256Int32(scales), Vector256.Create(0xFFFF));

    /// <summary>A group's sum fits 16 bits, so vpmaddwd multiplies it exactly (vpmulld takes two operations).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Int sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums.AsInt16(), scales.AsInt16()));

    /// <summary>How a processor loads weights best.</summary>
    internal interface ILoads
    {
        /// <summary>See <see cref="IInt8Dot{I,A}.SplitsSums"/>.</summary>
        static abstract bool SplitsSums { get; }

        /// <summary>Products of two groups by two vectors of rows.</summary>
        static abstract void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, byte* w1, Int factor1);
    }

    /// <summary>One vector a load.</summary>
    internal readonly struct OneByOne : ILoads
    {
        public static bool SplitsSums
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => false;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, byte* w1, Int factor1)
        {
            first = AvxVnni.MulAdd(AvxVnni.MulAdd(first, LoadWeights(w0 + at), factor0), LoadWeights(w1 + at), factor1);
            second = AvxVnni.MulAdd(AvxVnni.MulAdd(second, LoadWeights(w0 + (at + 32)), factor0), LoadWeights(w1 + (at + 32)), factor1);
        }
    }

    /// <summary>Two vectors a load, for processors with AVX-512. They have 32 registers, and the loads would otherwise take longer than the products.</summary>
    internal readonly struct Together : ILoads
    {
        public static bool SplitsSums
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, byte* w1, Int factor1)
        {
            var (w, v) = (Isa512.LoadVector512((int*)(w0 + at)), Isa512.LoadVector512((int*)(w1 + at)));
            first = AvxVnni.MulAdd(AvxVnni.MulAdd(first, w.GetLower(), factor0), v.GetLower(), factor1);
            second = AvxVnni.MulAdd(AvxVnni.MulAdd(second, w.GetUpper(), factor0), v.GetUpper(), factor1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int LoadWeights(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int MulAdd(Int acc, Int w, Int factor) => Isa.MultiplyWideningAndAdd(acc, factor.AsByte(), w.AsSByte());

    /// <summary>The unsigned factor is x + 128: (x + 128)·w = x·w + 128·w, so the sums start from -128 times the sum of the row's weights.</summary>
    internal readonly struct Shifted<L> : IInt8Dot<Int, Int>
        where L : struct, ILoads
    {
        private const int Shift = unchecked((int)0x80808080);

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
            get => L.SplitsSums;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static int Start(sbyte* x, nint columns) => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Begin(int start, int* rowSums) => Isa.Subtract(Int.Zero, Isa.ShiftLeftLogical(Isa.LoadVector256(rowSums), 7));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadWeights(byte* w) => AvxVnni.LoadWeights(w);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadInputs(sbyte* x) => Isa.Xor(Isa.BroadcastScalarToVector256((int*)x), Vector256.Create(Shift));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadFour(sbyte* x) => Isa.Xor(Isa.BroadcastVector128ToVector256((int*)x), Vector256.Create(Shift));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => group switch
        {
            0 => Isa.Shuffle(four, 0b00_00_00_00),
            1 => Isa.Shuffle(four, 0b01_01_01_01),
            2 => Isa.Shuffle(four, 0b10_10_10_10),
            _ => Isa.Shuffle(four, 0b11_11_11_11),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Factor(Int x) => x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Flip(Int x) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => AvxVnni.MulAdd(acc, w, factor);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => AvxVnni.MulAdd(AvxVnni.MulAdd(acc, w0, factor0), w1, factor1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1) =>
            L.MulAdd(ref first, ref second, at, w0, factor0, w1, factor1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int a0, ref Int b0, ref Int a1, ref Int b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
        {
            Int w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
            a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
            b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
            (w, v) = (LoadWeights(w0 + (at + 32)), LoadWeights(w1 + (at + 32)));
            a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
            b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Join(Int a, Int b) => Isa.Add(a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Finish(Int acc) => acc;
    }

    /// <summary>The same without the sums of weights, where these are not known: the unsigned factor is |x|, and signs go to the weights, as in <see cref="Avx2"/>.</summary>
    internal readonly struct Signed : IInt8Dot<Int, Int>
    {
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

        public static int Start(sbyte* x, nint columns) => Avx2.Start(x, columns);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Begin(int start, int* rowSums) => Avx2.Begin(start, rowSums);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadWeights(byte* w) => AvxVnni.LoadWeights(w);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadInputs(sbyte* x) => AvxVnni.LoadInputs(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadFour(sbyte* x) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Factor(Int x) => Avx2.Factor(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Flip(Int x) => Avx2.Flip(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => AvxVnni.MulAdd(acc, Isa.Xor(w, flip), factor);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1)
        {
            first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
            second = MulAdd(second, LoadWeights(w0 + (at + 32)), factor0, flip0, LoadWeights(w1 + (at + 32)), factor1, flip1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void MulAdd(ref Int a0, ref Int b0, ref Int a1, ref Int b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
        {
            Int w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
            a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
            b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
            (w, v) = (LoadWeights(w0 + (at + 32)), LoadWeights(w1 + (at + 32)));
            a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
            b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Join(Int a, Int b) => Isa.Add(a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Finish(Int acc) => acc;
    }
}
