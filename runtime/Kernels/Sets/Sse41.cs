using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector128<float>;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.X86.Sse41;
using Short = System.Runtime.Intrinsics.Vector128<short>;

namespace SeqRuntime.Kernels.Sets;

/// <summary>4 lanes of SSE4.1, for x64 processors without AVX2. There is no fused multiply-add: <see cref="Fma"/> computes its bits in double precision.</summary>
internal readonly unsafe partial struct Sse41 : ISimd<Float, Int>, IInt8Dot<Int, Int>, IInt4Dot<Int, Short>
{
    public static KernelSet Make(string name) => new SimdKernels<Sse41, Float, Int, Int8Products<Sse41, Float, Int, Sse41, Sse41, Int>, GemmInt4<Sse41, Float, Int, Sse41, Short>, BlockSteps<Sse41, Float, Int>>(name);

    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    /// <summary>A multiply-add takes many instructions, so few chains hide its latency; more would not fit the registers beside its temporaries.</summary>
    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Load(float* p) => Isa.LoadVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, Float v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadBroadcast(float* p) => Vector128.Create(*p);

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

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadElements(float* p) => Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaElement(Float a, Float elements, [ConstantExpected(Max = (byte)3)] byte element, Float c) => Fma(a, Broadcast(elements.GetElement(element)), c);

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
    public static Int Less(Float a, Float b) => Isa.CompareLessThan(a, b).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Equal(Float a, Float b) => Isa.CompareEqual(a, b).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Select(Int mask, Float a, Float b) => Isa.BlendVariable(b, a, mask.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Int mask) => Isa.MoveMask(mask.AsSingle()) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Upper(Float a, [ConstantExpected(Min = 1, Max = 8)] int half) => half == 2 ? Isa.MoveHighToLow(a, a) : Isa.Shuffle(a, a, 0b0001);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Float a) => a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInt(int* p) => Isa.LoadVector128(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Int v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => ShiftLeft(Isa.ConvertToVector128Int32(p), shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out Int a, out Int b, out Int c, out Int d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Broadcast(int value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ToInt(Float a) => Isa.ConvertToVector128Int32WithTruncation(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ToFloat(Int a) => Isa.ConvertToVector128Single(a);

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
        var words = Isa.PackSignedSaturate(a, a);
        Isa.StoreScalar((int*)p, Isa.PackSignedSaturate(words, words).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, Float factor)
    {
        Int a = Isa.ConvertToVector128Int32(Steps<Sse41, Float, Int>.Unrounded(x, factor)), b = Isa.ConvertToVector128Int32(Steps<Sse41, Float, Int>.Unrounded(x + 4, factor));
        Int c = Isa.ConvertToVector128Int32(Steps<Sse41, Float, Int>.Unrounded(x + 8, factor)), d = Isa.ConvertToVector128Int32(Steps<Sse41, Float, Int>.Unrounded(x + 12, factor));
        Isa.Store(p, Isa.PackSignedSaturate(Isa.PackSignedSaturate(a, b), Isa.PackSignedSaturate(c, d)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float StoreSteps(sbyte* p, float* x, Float factor, Float squares)
    {
        Int a = Isa.ConvertToVector128Int32(Mul(Load(x), factor)), b = Isa.ConvertToVector128Int32(Mul(Load(x + 4), factor));
        Int c = Isa.ConvertToVector128Int32(Mul(Load(x + 8), factor)), d = Isa.ConvertToVector128Int32(Mul(Load(x + 12), factor));
        Vector128<short> low = Isa.PackSignedSaturate(a, b), high = Isa.PackSignedSaturate(c, d);
        Isa.Store(p, Isa.PackSignedSaturate(low, high));
        return Add(squares, ToFloat(Isa.Add(Isa.MultiplyAddAdjacent(low, low), Isa.MultiplyAddAdjacent(high, high))));
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

    public static bool TakesOne
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
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
        for (nint k = 0; k < columns; k += 16)
        {
            var negative = Isa.Min(Isa.LoadVector128(x + k), Vector128<sbyte>.Zero);
            sums = Isa.Add(sums, Isa.SumAbsoluteDifferences(Isa.Abs(negative), Vector128<byte>.Zero).AsInt64());
        }

        return Isa.Add(sums, Isa.UnpackHigh(sums, sums)).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Begin(int start, int* rowSums) => Vector128.Create(start);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadWeights(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Vector128.Create(Unsafe.ReadUnaligned<int>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadFour(sbyte* x) => Isa.LoadVector128((int*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Group(Int four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => group switch
    {
        0 => Isa.Shuffle(four, 0b00_00_00_00),
        1 => Isa.Shuffle(four, 0b01_01_01_01),
        2 => Isa.Shuffle(four, 0b10_10_10_10),
        _ => Isa.Shuffle(four, 0b11_11_11_11),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Factor(Int x) => Isa.Abs(x.AsSByte()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Flip(Int x) => Isa.CompareGreaterThan(Vector128<sbyte>.Zero, x.AsSByte()).AsInt32();

    /// <summary>
    /// |x|·(w ^ flip), where flip is all ones for negative x: ~w = -w - 1, so the sum is too small by |x| there; <see cref="Start"/> adds it. Two products
    /// sum to at most 2·127·128 = 32512, so pmaddubsw cannot saturate.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w, Int factor, Int flip) => Isa.Add(acc, Sums(w, factor, flip));

    /// <summary>Without AVX, no instruction but a load has an unaligned operand in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAddAligned(Int acc, byte* w, Int factor, Int flip) => Isa.Add(acc, Sums(Isa.LoadAlignedVector128((int*)w), factor, flip));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int MulAdd(Int acc, Int w0, Int factor0, Int flip0, Int w1, Int factor1, Int flip1) => Isa.Add(acc, Isa.Add(Sums(w0, factor0, flip0), Sums(w1, factor1, flip1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int Sums(Int w, Int factor, Int flip) =>
        Isa.MultiplyAddAdjacent(Isa.MultiplyAddAdjacent(factor.AsByte(), Isa.Xor(flip, w).AsSByte()), Vector128.Create((short)1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int first, ref Int second, int at, byte* w0, Int factor0, Int flip0, byte* w1, Int factor1, Int flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 16)), factor0, flip0, LoadWeights(w1 + (at + 16)), factor1, flip1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MulAdd(ref Int a0, ref Int b0, ref Int a1, ref Int b1, int at, byte* w0, Int factor0, Int flip0, Int factor2, Int flip2, byte* w1, Int factor1, Int flip1, Int factor3, Int flip3)
    {
        Int w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
        a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
        b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
        (w, v) = (LoadWeights(w0 + (at + 16)), LoadWeights(w1 + (at + 16)));
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
        var eights = Vector128.Create((byte)8);
        var quads = Isa.Add(Isa.MultiplyAddAdjacent(eights, Isa.LoadVector128(x)), Isa.MultiplyAddAdjacent(eights, Isa.LoadVector128(x + 16)));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 8));
        quads = Isa.Add(quads, Isa.ShiftRightLogical128BitLane(quads, 4));
        return Isa.Subtract(Short.Zero, quads).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short BeginGroup(int* start) => Vector128.Create(*start).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector128((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Isa.And(nibbles, Vector128.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Isa.And(Isa.ShiftRightLogical(nibbles, 4), Vector128.Create(0x0F0F0F0F));

    /// <summary>Nibbles are the unsigned factor of pmaddubsw. Sums stay in 16 bits for a whole group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short MulAddNibbles(Short sums, Int n, Int x) => Isa.Add(sums, Isa.MultiplyAddAdjacent(n.AsByte(), x.AsSByte()));

    /// <summary>Each scale in both 16-bit halves of its lane: shuffled into the upper bytes, then sign-extended by a shift.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales)
    {
        var places = Vector128.Create(128, 0, 128, 0, 128, 1, 128, 1, 128, 2, 128, 2, 128, 3, 128, (byte)3);
        var upper = Isa.Shuffle(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<int>(scales)).AsByte(), places);
        return Isa.ShiftRightArithmetic(upper.AsInt16(), 8).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Short sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums, scales.AsInt16()));
}
