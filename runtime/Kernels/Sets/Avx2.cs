using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector256<float>;
using Int = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.Avx2;
using Short = System.Runtime.Intrinsics.Vector256<short>;

namespace SeqRuntime.Kernels.Sets;

/// <summary>8 lanes of AVX2 and FMA.</summary>
internal readonly unsafe struct Avx2 : ISimd<Float, Int>, IInt8Dot<Int, Int>, IInt4Dot<Int, Short>
{
    /// <summary>The matrix over GF(2) that moves a byte's upper four bits down.</summary>
    public const ulong UpperHalf = 0x1020408000000000;

    public static KernelSet Make(string name) => Make<Int8Products<Avx2, Float, Int, Avx2, Avx2, Int>, Avx2, Short>(name);

    /// <summary>A kernel set with these lanes and the given integer products.</summary>
    /// <typeparam name="B">int8 products.</typeparam>
    /// <typeparam name="Q">int4 products.</typeparam>
    /// <typeparam name="G">Sums of int4 products within a group.</typeparam>
    /// <param name="name">Its name.</param>
    public static KernelSet Make<B, Q, G>(string name)
        where B : struct, IInt8Products
        where Q : struct, IInt4Dot<Int, G>
        where G : unmanaged => new SimdKernels<Avx2, Float, Int, B, GemmInt4<Avx2, Float, Int, Q, G>, SmallSteps<Avx2, Float, Int>>(name);

    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Load(float* p) => Isa.LoadVector256(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, Float v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadBroadcast(float* p) => Isa.BroadcastScalarToVector256(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* p) => System.Runtime.Intrinsics.X86.Sse.Prefetch1(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Add(Float a, Float b) => Isa.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Sub(Float a, Float b) => Isa.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Mul(Float a, Float b) => Isa.Multiply(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Div(Float a, Float b) => Isa.Divide(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Sqrt(Float a) => Isa.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Fma(Float a, Float b, Float c) => System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a, b, c);

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadElements(float* p) => Vector256.Create(Vector128.Load(p), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaElement(Float a, Float elements, [ConstantExpected(Max = (byte)3)] byte element, Float c) => Fma(a, Broadcast(elements.GetElement(element)), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaNegated(Float a, Float b, Float c) => System.Runtime.Intrinsics.X86.Fma.MultiplyAddNegated(a, b, c);

    public static bool IsFused
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaOfExact(Float a, Float b, Float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaFlagged(float a, Float b, Float c, ref Int flags) => Fma(Broadcast(a), b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryStoreFmaOfWhole(float* p, Float a, Float b, Float c)
    {
        Store(p, Fma(a, b, c));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaAside(Float a, Float b, Float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ExpOfNegated(Float x) => LaneMath<Avx2, Float, Int>.ExpOfNegated(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Expm1OfNormal(Float x) => LaneMath<Avx2, Float, Int>.Expm1OfNormal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Max(Float a, Float b) => Isa.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Min(Float a, Float b) => Isa.Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtLeast(Float limit, Float x) => Max(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtMost(Float limit, Float x) => Min(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Floor(Float a) => Isa.Floor(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Ceiling(Float a) => Isa.Ceiling(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Round(Float a) => Isa.RoundToNearestInteger(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Less(Float a, Float b) => Isa.Compare(a, b, FloatComparisonMode.OrderedLessThanNonSignaling).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Equal(Float a, Float b) => Isa.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Select(Int mask, Float a, Float b) => Isa.BlendVariable(b, a, mask.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Int mask) => Isa.MoveMask(mask.AsSingle()) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Upper(Float a, [ConstantExpected(Min = 1, Max = 8)] int half) => half switch
    {
        4 => Isa.ExtractVector128(a, 1).ToVector256Unsafe(),
        2 => Isa.Permute(a, 0b1110),
        _ => Isa.Permute(a, 0b0001),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Float a) => a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInt(int* p) => Isa.LoadVector256(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Int v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => ShiftLeft(Isa.ConvertToVector256Int32(p), shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out Int a, out Int b, out Int c, out Int d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Broadcast(int value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ToInt(Float a) => Isa.ConvertToVector256Int32WithTruncation(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ToFloat(Int a) => Isa.ConvertToVector256Single(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int AsInt(Float a) => a.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AsFloat(Int a) => a.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int And(Int a, Int b) => Isa.And(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Or(Int a, Int b) => Isa.Or(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Xor(Int a, Int b) => Isa.Xor(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Add(Int a, Int b) => Isa.Add(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Max(Int a, Int b) => Isa.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Sub(Int a, Int b) => Isa.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftLeft(Int a, [ConstantExpected(Max = (byte)31)] byte count) => Isa.ShiftLeftLogical(a, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftRight(Int a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => Isa.ShiftRightArithmetic(a, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(sbyte* p, Int a)
    {
        var words = Isa.PackSignedSaturate(Isa.ExtractVector128(a, 0), Isa.ExtractVector128(a, 1));
        Isa.StoreScalar((long*)p, Isa.PackSignedSaturate(words, words).AsInt64());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, Float factor)
    {
        Int first = Isa.ConvertToVector256Int32(Steps<Avx2, Float, Int>.Unrounded(x, factor)), second = Isa.ConvertToVector256Int32(Steps<Avx2, Float, Int>.Unrounded(x + Lanes, factor));
        Store(p, Isa.PackSignedSaturate(first, second));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float StoreSteps(sbyte* p, float* x, Float factor, Float squares)
    {
        var words = Isa.PackSignedSaturate(Isa.ConvertToVector256Int32(Mul(Load(x), factor)), Isa.ConvertToVector256Int32(Mul(Load(x + Lanes), factor)));
        Store(p, words);
        return Add(squares, ToFloat(Isa.MultiplyAddAdjacent(words, words)));
    }

    /// <summary>Stores 16 words as bytes; of each eight, four are of the first vector and four of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(sbyte* p, Short words)
    {
        var bytes = Isa.PackSignedSaturate(Isa.ExtractVector128(words, 0), Isa.ExtractVector128(words, 1));
        Isa.Store(p, Isa.Shuffle(bytes.AsInt32(), 0b_11_01_10_00).AsSByte());
    }

    public static int Vectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    public static bool PairsRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    public static bool SplitsSums
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    /// <summary>Σ |x| over the negative x; see <see cref="MulAdd(Int, Int, Int, Int)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Start(sbyte* x, nint columns)
    {
        var sums = Vector128<long>.Zero;
        for (nint k = 0; k < columns; k += Vector128<sbyte>.Count)
        {
            var negative = Isa.Min(Isa.LoadVector128(x + k), Vector128<sbyte>.Zero);
            sums = Isa.Add(sums, Isa.SumAbsoluteDifferences(Isa.Abs(negative), Vector128<byte>.Zero).AsInt64());
        }

        return Isa.Add(sums, Isa.UnpackHigh(sums, sums)).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int start, int* rowSums) => Vector256.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Isa.BroadcastScalarToVector256((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => Isa.Abs(x.AsSByte()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => Isa.CompareGreaterThan(Vector256<sbyte>.Zero, x.AsSByte()).AsInt32();

    /// <summary>
    /// |x|·(w ^ flip), where flip is all ones for negative x: ~w = -w - 1, so the sum is too small by |x| there;
    /// <see cref="Start"/> adds it. Two products sum to at most 2·127·128 = 32512, so vpmaddubsw cannot saturate. (vpsignb would need
    /// no correction, but it shares its two ports with the multiplications; vpxor runs on all ports.)
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip)
    {
        var pairs = Isa.MultiplyAddAdjacent(factor.AsByte(), Isa.Xor(w, flip).AsSByte());
        return Isa.Add(acc, Isa.MultiplyAddAdjacent(pairs, Vector256.Create((short)1)));
    }

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

    /// <summary>Two 16-bit numbers in the form of the sums of int4 products: -8·Σ over inputs 0 and 1 of each 4, and over inputs 2 and 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x)
    {
        var pairs = Isa.MultiplyAddAdjacent(Vector256.Create((byte)8), Isa.LoadVector256(x));
        var quads = Isa.Add(Isa.ExtractVector128(pairs, 0), Isa.ExtractVector128(pairs, 1));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 8));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 4));
        return Isa.Subtract(Vector128<short>.Zero, quads).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short BeginGroup(int* start) => Isa.BroadcastScalarToVector256(start).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector256((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Isa.And(nibbles, Vector256.Create(0x0F0F0F0F));

    /// <summary>A shift and a mask; with GFNI one bit-matrix product does both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Gfni.V256.IsSupported
        ? Gfni.V256.GaloisFieldAffineTransform(nibbles.AsByte(), Vector256.Create(UpperHalf).AsByte(), 0).AsInt32()
        : Isa.And(Isa.ShiftRightLogical(nibbles, 4), Vector256.Create(0x0F0F0F0F));

    /// <summary>Nibbles are the unsigned factor of vpmaddubsw. Sums stay in 16 bits for a whole group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short MulAddNibbles(Short sums, Int n, Int x) => Isa.Add(sums, Isa.MultiplyAddAdjacent(n.AsByte(), x.AsSByte()));

    /// <summary>Each scale in both 16-bit halves of its lane: shuffled into the upper bytes, then sign-extended by a shift.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales)
    {
        var places = Vector256.Create(128, 0, 128, 0, 128, 1, 128, 1, 128, 2, 128, 2, 128, 3, 128, 3, 128, 4, 128, 4, 128, 5, 128, 5, 128, 6, 128, 6, 128, 7, 128, (byte)7);
        var upper = Isa.Shuffle(Isa.BroadcastScalarToVector256((long*)scales).AsByte(), places);
        return Isa.ShiftRightArithmetic(upper.AsInt16(), 8).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Short sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums, scales.AsInt16()));
}
