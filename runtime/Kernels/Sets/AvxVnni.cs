using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector256<float>;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.AvxVnni;

namespace SeqRuntime.Kernels.Sets;

/// <summary>int8 and int4 products with AVX-VNNI (vpdpbusd, 256 bits); everything else is <see cref="Avx2"/>'s.</summary>
/// <remarks>
/// vpdpbusd needs one unsigned factor. With int8 weights it is x + 128: (x + 128)·w = x·w + 128·w, so 128 times the row's sum is subtracted at
/// the end. With int4 weights it is the nibbles.
/// </remarks>
internal readonly unsafe struct AvxVnni : IInt8Dot<Int, Int>, IInt4Dot<Int, Int>
{
    public static KernelSet Make(string name) => Avx2.Make<Int8, AvxVnni, Int>(name);

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

    /// <summary>The products by int8 weights.</summary>
    internal readonly struct Int8 : IInt8Products
    {
        public static void ScaledByRow(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8<Avx2, Float, Int, AvxVnni, Int>.Run(w, x, y);

        public static void ScaledByGroup(in PackedMatrix w, in QuantizedRows x, in OutputRange y) => GemmInt8Groups<Avx2, Float, Int, Signed, Int>.Run(w, x, y);
    }

    /// <summary>The same without the sums of weights, where these are not known: the unsigned factor is |x|, and signs go to the weights, as in <see cref="Avx2"/>.</summary>
    internal readonly struct Signed : IInt8Dot<Int, Int>
    {
        public static int Vectors
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => AvxVnni.Vectors;
        }

        public static int Start(sbyte* x, nint columns) => Avx2.Start(x, columns);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Begin(int start) => AvxVnni.Begin(start);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadWeights(byte* w) => AvxVnni.LoadWeights(w);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int LoadInputs(sbyte* x) => AvxVnni.LoadInputs(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Factor(Int x) => Avx2.Factor(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Flip(Int x) => Avx2.Flip(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.MultiplyWideningAndAdd(acc, factor.AsByte(), Isa.Xor(w, flip).AsSByte());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Int Finish(Int acc, int* rowSums) => acc;
    }
}
