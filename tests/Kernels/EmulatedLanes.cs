using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>
/// Any number of lanes, each computed by <see cref="Scalar"/>. It runs the loops written for 16 and 4 lanes (AVX-512, NEON), with all
/// their tails, on a processor that has neither.
/// </summary>
internal readonly unsafe struct EmulatedLanes<F, I> : ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    public static int Lanes => sizeof(F) / sizeof(float);

    public static int Chains => WeightLayout.WidestPanel / Lanes;

    public static F Load(float* p) => Unsafe.ReadUnaligned<F>(p);

    public static void Store(float* p, F v) => Unsafe.WriteUnaligned(p, v);

    public static F Broadcast(float value)
    {
        F result = default;
        new Span<float>(&result, Lanes).Fill(value);
        return result;
    }

    public static F LoadBroadcast(float* p) => Broadcast(*p);

    public static F Add(F a, F b) => Each<F, F, F, F>(a, b, default, &AddLane);

    public static F Sub(F a, F b) => Each<F, F, F, F>(a, b, default, &SubLane);

    public static F Mul(F a, F b) => Each<F, F, F, F>(a, b, default, &MulLane);

    public static F Div(F a, F b) => Each<F, F, F, F>(a, b, default, &DivLane);

    public static F Sqrt(F a) => Each<F, F, F, F>(a, default, default, &SqrtLane);

    public static F Fma(F a, F b, F c) => Each<F, F, F, F>(a, b, c, &FmaLane);

    public static bool Interleaves => Lanes == 4;

    public static F LoadElements(float* p) => Load(p);

    public static F FmaElement(F a, F elements, [ConstantExpected(Max = (byte)3)] byte element, F c) => Fma(a, Broadcast(((float*)&elements)[element]), c);

    public static F FmaNegated(F a, F b, F c) => Each<F, F, F, F>(a, b, c, &FmaNegatedLane);

    public static bool IsFused => true;

    public static F FmaOfExact(F a, F b, F c) => Fma(a, b, c);

    public static F FmaFlagged(float a, F b, F c, ref I flags) => Fma(Broadcast(a), b, c);

    public static bool TryStoreFmaOfWhole(float* p, F a, F b, F c)
    {
        Store(p, Fma(a, b, c));
        return true;
    }

    public static F FmaAside(F a, F b, F c) => Fma(a, b, c);

    public static F ExpOfNegated(F x) => LaneMath<EmulatedLanes<F, I>, F, I>.ExpOfNegated(x);

    public static F Expm1OfNormal(F x) => LaneMath<EmulatedLanes<F, I>, F, I>.Expm1OfNormal(x);

    public static F Max(F a, F b) => Each<F, F, F, F>(a, b, default, &MaxLane);

    public static F Min(F a, F b) => Each<F, F, F, F>(a, b, default, &MinLane);

    public static F AtLeast(F limit, F x) => Max(limit, x);

    public static F AtMost(F limit, F x) => Min(limit, x);

    public static F Floor(F a) => Each<F, F, F, F>(a, default, default, &FloorLane);

    public static F Ceiling(F a) => Each<F, F, F, F>(a, default, default, &CeilingLane);

    public static F Round(F a) => Each<F, F, F, F>(a, default, default, &RoundLane);

    public static I Less(F a, F b) => Each<F, F, F, I>(a, b, default, &LessLane);

    public static I Equal(F a, F b) => Each<F, F, F, I>(a, b, default, &EqualLane);

    public static F Select(I mask, F a, F b) => Each<I, F, F, F>(mask, a, b, &SelectLane);

    public static bool Any(I mask) => new ReadOnlySpan<int>(&mask, Lanes).ContainsAnyExcept(0);

    public static F Upper(F a, [ConstantExpected(Min = 1, Max = 8)] int half)
    {
        var result = Broadcast(float.NaN);
        for (var i = 0; i < half; i++) ((float*)&result)[i] = ((float*)&a)[i + half];
        return result;
    }

    public static float First(F a) => *(float*)&a;

    public static I LoadInt(int* p) => Unsafe.ReadUnaligned<I>(p);

    public static void StoreInt(int* p, I v) => Unsafe.WriteUnaligned(p, v);

    public static I LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift)
    {
        I result = default;
        for (var i = 0; i < Lanes; i++) ((int*)&result)[i] = p[i] << shift;
        return result;
    }

    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out I a, out I b, out I c, out I d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    public static I Broadcast(int value) => AsInt(Broadcast(BitConverter.Int32BitsToSingle(value)));

    public static I ToInt(F a) => Each<F, F, F, I>(a, default, default, &ToIntLane);

    public static F ToFloat(I a) => Each<I, I, I, F>(a, default, default, &ToFloatLane);

    public static I AsInt(F a) => Unsafe.BitCast<F, I>(a);

    public static F AsFloat(I a) => Unsafe.BitCast<I, F>(a);

    public static I And(I a, I b) => Each<I, I, I, I>(a, b, default, &AndLane);

    public static I Or(I a, I b) => Each<I, I, I, I>(a, b, default, &OrLane);

    public static I Xor(I a, I b) => Each<I, I, I, I>(a, b, default, &XorLane);

    public static I Add(I a, I b) => Each<I, I, I, I>(a, b, default, &AddIntLane);

    public static I Max(I a, I b) => Each<I, I, I, I>(a, b, default, &MaxIntLane);

    public static I Sub(I a, I b) => Each<I, I, I, I>(a, b, default, &SubIntLane);

    public static I ShiftLeft(I a, [ConstantExpected(Max = (byte)31)] byte count) => Each<I, I, I, I>(a, Broadcast(count), default, &ShiftLeftLane);

    public static I ShiftRight(I a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => Each<I, I, I, I>(a, Broadcast(count), default, &ShiftRightLane);

    public static void StoreBytes(sbyte* p, I a)
    {
        for (var i = 0; i < Lanes; i++) p[i] = (sbyte)((int*)&a)[i];
    }

    public static void StoreSteps(sbyte* p, float* x, F factor) => Steps<EmulatedLanes<F, I>, F, I>.Store(p, x, factor);

    public static F StoreSteps(sbyte* p, float* x, F factor, F squares) => Steps<EmulatedLanes<F, I>, F, I>.Store(p, x, factor, squares);

    private static R Each<T, U, V, R>(T a, U b, V c, delegate*<int, int, int, int> lane)
        where T : unmanaged
        where U : unmanaged
        where V : unmanaged
        where R : unmanaged
    {
        R result = default;
        for (var i = 0; i < Lanes; i++) ((int*)&result)[i] = lane(((int*)&a)[i], ((int*)&b)[i], ((int*)&c)[i]);
        return result;
    }

    private static float Float(int bits) => BitConverter.Int32BitsToSingle(bits);

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);

    private static int AddLane(int a, int b, int c) => Bits(Scalar.Add(Float(a), Float(b)));

    private static int SubLane(int a, int b, int c) => Bits(Scalar.Sub(Float(a), Float(b)));

    private static int MulLane(int a, int b, int c) => Bits(Scalar.Mul(Float(a), Float(b)));

    private static int DivLane(int a, int b, int c) => Bits(Scalar.Div(Float(a), Float(b)));

    private static int SqrtLane(int a, int b, int c) => Bits(Scalar.Sqrt(Float(a)));

    private static int FmaLane(int a, int b, int c) => Bits(Scalar.Fma(Float(a), Float(b), Float(c)));

    private static int FmaNegatedLane(int a, int b, int c) => Bits(Scalar.FmaNegated(Float(a), Float(b), Float(c)));

    private static int MaxLane(int a, int b, int c) => Bits(Scalar.Max(Float(a), Float(b)));

    private static int MinLane(int a, int b, int c) => Bits(Scalar.Min(Float(a), Float(b)));

    private static int FloorLane(int a, int b, int c) => Bits(Scalar.Floor(Float(a)));

    private static int CeilingLane(int a, int b, int c) => Bits(Scalar.Ceiling(Float(a)));

    private static int RoundLane(int a, int b, int c) => Bits(Scalar.Round(Float(a)));

    private static int LessLane(int a, int b, int c) => Scalar.Less(Float(a), Float(b));

    private static int EqualLane(int a, int b, int c) => Scalar.Equal(Float(a), Float(b));

    private static int SelectLane(int mask, int a, int b) => mask != 0 ? a : b;

    private static int ToIntLane(int a, int b, int c) => Scalar.ToInt(Float(a));

    private static int ToFloatLane(int a, int b, int c) => Bits(a);

    private static int AndLane(int a, int b, int c) => a & b;

    private static int OrLane(int a, int b, int c) => a | b;

    private static int XorLane(int a, int b, int c) => a ^ b;

    private static int AddIntLane(int a, int b, int c) => a + b;

    private static int MaxIntLane(int a, int b, int c) => Math.Max(a, b);

    private static int SubIntLane(int a, int b, int c) => a - b;

    private static int ShiftLeftLane(int a, int b, int c) => a << b;

    private static int ShiftRightLane(int a, int b, int c) => a >> b;
}

/// <summary>AVX-VNNI's vpdpbusd in plain arithmetic: unsigned (x + 128) times signed weights, from -128 times the row sums on.</summary>
/// <typeparam name="P">Whether sums are split, as beside AVX-512.</typeparam>
internal readonly unsafe struct EmulatedVnni<P> : IInt8Dot<Vector256<int>, Vector256<int>>
    where P : struct, IIsSplit
{
    private const int Shift = unchecked((int)0x80808080);

    public static int Vectors => 8;

    public static bool PairsRows => true;

    public static bool SplitsSums => P.Value;

    public static int Start(sbyte* x, nint columns) => 0;

    public static Vector256<int> Begin(int start, int* rowSums) => -(Vector256.Load(rowSums) << 7);

    public static Vector256<int> LoadWeights(byte* w) => Vector256.Load((int*)w);

    public static Vector256<int> LoadInputs(sbyte* x) => Vector256.Create(Unsafe.ReadUnaligned<int>(x) ^ Shift);

    public static Vector256<int> LoadFour(sbyte* x) => Vector256.Create(Vector128.Load((int*)x), default) ^ Vector256.Create(Shift);

    public static Vector256<int> Group(Vector256<int> four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => Vector256.Create(four[group]);

    public static Vector256<int> Factor(Vector256<int> x) => x;

    public static Vector256<int> Flip(Vector256<int> x) => default;

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector256<int> w, Vector256<int> factor, Vector256<int> flip)
    {
        for (var i = 0; i < 32; i++) ((int*)&acc)[i / 4] += ((byte*)&factor)[i] * ((sbyte*)&w)[i];
        return acc;
    }

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector256<int> w0, Vector256<int> factor0, Vector256<int> flip0, Vector256<int> w1, Vector256<int> factor1, Vector256<int> flip1) =>
        MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    public static void MulAdd(ref Vector256<int> first, ref Vector256<int> second, int at, byte* w0, Vector256<int> factor0, Vector256<int> flip0, byte* w1, Vector256<int> factor1, Vector256<int> flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 32)), factor0, flip0, LoadWeights(w1 + (at + 32)), factor1, flip1);
    }

    public static void MulAdd(ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1, ref Vector256<int> b1, int at, byte* w0, Vector256<int> factor0, Vector256<int> flip0, Vector256<int> factor2, Vector256<int> flip2, byte* w1, Vector256<int> factor1, Vector256<int> flip1, Vector256<int> factor3, Vector256<int> flip3)
    {
        Vector256<int> w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
        a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
        b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
        (w, v) = (LoadWeights(w0 + (at + 32)), LoadWeights(w1 + (at + 32)));
        a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
        b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
    }

    public static Vector256<int> Join(Vector256<int> a, Vector256<int> b) => a + b;

    public static Vector256<int> Finish(Vector256<int> acc) => acc;
}

/// <summary>The same with 16 rows a vector, for the loops of wide vectors.</summary>
internal readonly unsafe struct EmulatedWideVnni : IInt8Dot<Vector512<int>, Vector512<int>>
{
    private const int Shift = unchecked((int)0x80808080);

    public static int Vectors => 4;

    public static bool PairsRows => true;

    public static bool SplitsSums => false;

    public static int Start(sbyte* x, nint columns) => 0;

    public static Vector512<int> Begin(int start, int* rowSums) => -(Vector512.Load(rowSums) << 7);

    public static Vector512<int> LoadWeights(byte* w) => Vector512.Load((int*)w);

    public static Vector512<int> LoadInputs(sbyte* x) => Vector512.Create(Unsafe.ReadUnaligned<int>(x) ^ Shift);

    public static Vector512<int> LoadFour(sbyte* x) => Vector512.Create(Vector256.Create(Vector128.Load((int*)x), default), default) ^ Vector512.Create(Shift);

    public static Vector512<int> Group(Vector512<int> four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => Vector512.Create(four[group]);

    public static Vector512<int> Factor(Vector512<int> x) => x;

    public static Vector512<int> Flip(Vector512<int> x) => default;

    public static Vector512<int> MulAdd(Vector512<int> acc, Vector512<int> w, Vector512<int> factor, Vector512<int> flip)
    {
        for (var i = 0; i < 64; i++) ((int*)&acc)[i / 4] += ((byte*)&factor)[i] * ((sbyte*)&w)[i];
        return acc;
    }

    public static Vector512<int> MulAdd(Vector512<int> acc, Vector512<int> w0, Vector512<int> factor0, Vector512<int> flip0, Vector512<int> w1, Vector512<int> factor1, Vector512<int> flip1) =>
        throw new NotSupportedException("Wide loops take one group at a time.");

    public static void MulAdd(ref Vector512<int> first, ref Vector512<int> second, int at, byte* w0, Vector512<int> factor0, Vector512<int> flip0, byte* w1, Vector512<int> factor1, Vector512<int> flip1) =>
        throw new NotSupportedException("Wide loops take one vector at a time.");

    public static void MulAdd(ref Vector512<int> a0, ref Vector512<int> b0, ref Vector512<int> a1, ref Vector512<int> b1, int at, byte* w0, Vector512<int> factor0, Vector512<int> flip0, Vector512<int> factor2, Vector512<int> flip2, byte* w1, Vector512<int> factor1, Vector512<int> flip1, Vector512<int> factor3, Vector512<int> flip3) =>
        throw new NotSupportedException("Wide loops take one vector at a time.");

    public static Vector512<int> Join(Vector512<int> a, Vector512<int> b) => a + b;

    public static Vector512<int> Finish(Vector512<int> acc) => acc;
}

/// <summary>The same with |x| as the unsigned factor and signs at the weights, which needs no sums of weights.</summary>
internal readonly unsafe struct EmulatedSignedVnni : IInt8Dot<Vector256<int>, Vector256<int>>
{
    public static int Vectors => 8;

    public static bool PairsRows => true;

    public static bool SplitsSums => false;

    public static int Start(sbyte* x, nint columns)
    {
        var sum = 0;
        for (nint k = 0; k < columns; k++) sum += x[k] < 0 ? -x[k] : 0;
        return sum;
    }

    public static Vector256<int> Begin(int start, int* rowSums) => Vector256.Create(start);

    public static Vector256<int> LoadWeights(byte* w) => Vector256.Load((int*)w);

    public static Vector256<int> LoadInputs(sbyte* x) => Vector256.Create(Unsafe.ReadUnaligned<int>(x));

    public static Vector256<int> LoadFour(sbyte* x) => default;

    public static Vector256<int> Group(Vector256<int> four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

    public static Vector256<int> Factor(Vector256<int> x) => Vector256.Abs(x.AsSByte()).AsInt32();

    public static Vector256<int> Flip(Vector256<int> x) => Vector256.LessThan(x.AsSByte(), default).AsInt32();

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector256<int> w, Vector256<int> factor, Vector256<int> flip) => EmulatedVnni<Whole>.MulAdd(acc, w ^ flip, factor, default);

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector256<int> w0, Vector256<int> factor0, Vector256<int> flip0, Vector256<int> w1, Vector256<int> factor1, Vector256<int> flip1) =>
        MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    public static void MulAdd(ref Vector256<int> first, ref Vector256<int> second, int at, byte* w0, Vector256<int> factor0, Vector256<int> flip0, byte* w1, Vector256<int> factor1, Vector256<int> flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 32)), factor0, flip0, LoadWeights(w1 + (at + 32)), factor1, flip1);
    }

    public static void MulAdd(ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1, ref Vector256<int> b1, int at, byte* w0, Vector256<int> factor0, Vector256<int> flip0, Vector256<int> factor2, Vector256<int> flip2, byte* w1, Vector256<int> factor1, Vector256<int> flip1, Vector256<int> factor3, Vector256<int> flip3)
    {
        Vector256<int> w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
        a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
        b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
        (w, v) = (LoadWeights(w0 + (at + 32)), LoadWeights(w1 + (at + 32)));
        a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
        b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
    }

    public static Vector256<int> Join(Vector256<int> a, Vector256<int> b) => a + b;

    public static Vector256<int> Finish(Vector256<int> acc) => acc;
}

/// <summary>A choice as a type.</summary>
internal interface IIsSplit
{
    static abstract bool Value { get; }
}

internal readonly struct Split : IIsSplit
{
    public static bool Value => true;
}

internal readonly struct Whole : IIsSplit
{
    public static bool Value => false;
}

/// <summary>NEON's int8 products: those of two groups are added in 16 bits, then in pairs to two 32-bit sums for each row.</summary>
internal readonly unsafe struct EmulatedNeonInt8 : IInt8Dot<Vector128<int>, Vector256<int>>
{
    public static int Vectors => 8;

    public static bool PairsRows => true;

    public static bool SplitsSums => false;

    public static int Start(sbyte* x, nint columns) => 0;

    public static Vector256<int> Begin(int start, int* rowSums) => default;

    public static Vector128<int> LoadWeights(byte* w) => Vector128.Load((int*)w);

    public static Vector128<int> LoadInputs(sbyte* x) => Vector128.Create(Unsafe.ReadUnaligned<int>(x));

    public static Vector128<int> LoadFour(sbyte* x) => default;

    public static Vector128<int> Group(Vector128<int> four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => LoadInputs(x + 4 * group);

    public static Vector128<int> Factor(Vector128<int> x) => x;

    public static Vector128<int> Flip(Vector128<int> x) => default;

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector128<int> w, Vector128<int> factor, Vector128<int> flip) => MulAdd(acc, w, factor, flip, default, default, default);

    public static Vector256<int> MulAdd(Vector256<int> acc, Vector128<int> w0, Vector128<int> factor0, Vector128<int> flip0, Vector128<int> w1, Vector128<int> factor1, Vector128<int> flip1)
    {
        for (var i = 0; i < 16; i++) ((int*)&acc)[i / 2] += (short)(((sbyte*)&w0)[i] * ((sbyte*)&factor0)[i] + ((sbyte*)&w1)[i] * ((sbyte*)&factor1)[i]);
        return acc;
    }

    public static void MulAdd(ref Vector256<int> first, ref Vector256<int> second, int at, byte* w0, Vector128<int> factor0, Vector128<int> flip0, byte* w1, Vector128<int> factor1, Vector128<int> flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 16)), factor0, flip0, LoadWeights(w1 + (at + 16)), factor1, flip1);
    }

    public static void MulAdd(ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1, ref Vector256<int> b1, int at, byte* w0, Vector128<int> factor0, Vector128<int> flip0, Vector128<int> factor2, Vector128<int> flip2, byte* w1, Vector128<int> factor1, Vector128<int> flip1, Vector128<int> factor3, Vector128<int> flip3)
    {
        Vector128<int> w = LoadWeights(w0 + at), v = LoadWeights(w1 + at);
        a0 = MulAdd(a0, w, factor0, flip0, v, factor1, flip1);
        b0 = MulAdd(b0, w, factor2, flip2, v, factor3, flip3);
        (w, v) = (LoadWeights(w0 + (at + 16)), LoadWeights(w1 + (at + 16)));
        a1 = MulAdd(a1, w, factor0, flip0, v, factor1, flip1);
        b1 = MulAdd(b1, w, factor2, flip2, v, factor3, flip3);
    }

    public static Vector256<int> Join(Vector256<int> a, Vector256<int> b) => a + b;

    public static Vector128<int> Finish(Vector256<int> acc)
    {
        Vector128<int> sums = default;
        for (var i = 0; i < 8; i++) ((int*)&sums)[i / 2] += acc[i];
        return sums;
    }
}

/// <summary>AVX-VNNI's int4 products: vpdpbusd on nibbles, then vpmaddwd of sums that fit 16 bits by scales whose upper halves are 0.</summary>
internal readonly unsafe struct EmulatedVnniInt4 : IInt4Dot<Vector256<int>, Vector256<int>>
{
    public static int StartGroup(sbyte* x) => Portable.StartGroup(x);

    public static Vector256<int> BeginGroup(int* start) => Vector256.Create(*start);

    public static Vector256<int> LoadNibbles(byte* w) => Vector256.Load((int*)w);

    public static Vector256<int> LowNibbles(Vector256<int> nibbles) => nibbles & Vector256.Create(0x0F0F0F0F);

    public static Vector256<int> HighNibbles(Vector256<int> nibbles) => nibbles >>> 4 & Vector256.Create(0x0F0F0F0F);

    public static Vector256<int> LoadInputs(sbyte* x) => Vector256.Create(Unsafe.ReadUnaligned<int>(x));

    public static Vector256<int> MulAddNibbles(Vector256<int> sums, Vector256<int> n, Vector256<int> x)
    {
        for (var i = 0; i < 32; i++) ((int*)&sums)[i / 4] += ((byte*)&n)[i] * ((sbyte*)&x)[i];
        return sums;
    }

    public static Vector256<int> LoadGroupScales(sbyte* scales)
    {
        Vector256<int> result = default;
        for (var i = 0; i < 8; i++) ((int*)&result)[i] = scales[i] & 0xFFFF;
        return result;
    }

    public static Vector256<int> EndGroup(Vector256<int> acc, Vector256<int> sums, int* start, Vector256<int> scales)
    {
        for (var i = 0; i < 16; i++) ((int*)&acc)[i / 2] += ((short*)&sums)[i] * ((short*)&scales)[i];
        return acc;
    }
}

/// <summary>NEON's int4 products: each product is added to its own 16-bit lane, then lanes in pairs to 16 and again to 32 bits.</summary>
internal readonly unsafe struct EmulatedNeonInt4 : IInt4Dot<Vector128<int>, Vector256<short>>
{
    public static int StartGroup(sbyte* x) => Portable.StartGroup(x);

    public static Vector256<short> BeginGroup(int* start) => default;

    public static Vector128<int> LoadNibbles(byte* w) => Vector128.Load((int*)w);

    public static Vector128<int> LowNibbles(Vector128<int> nibbles) => nibbles & Vector128.Create(0x0F0F0F0F);

    public static Vector128<int> HighNibbles(Vector128<int> nibbles) => (nibbles.AsByte() >>> 4).AsInt32();

    public static Vector128<int> LoadInputs(sbyte* x) => Vector128.Create(Unsafe.ReadUnaligned<int>(x));

    public static Vector256<short> MulAddNibbles(Vector256<short> sums, Vector128<int> n, Vector128<int> x)
    {
        for (var i = 0; i < 16; i++) ((short*)&sums)[i] = (short)(((short*)&sums)[i] + ((sbyte*)&n)[i] * ((sbyte*)&x)[i]);
        return sums;
    }

    public static Vector128<int> LoadGroupScales(sbyte* scales) => Vector128.Create(scales[0], scales[1], scales[2], (int)scales[3]);

    public static Vector128<int> EndGroup(Vector128<int> acc, Vector256<short> sums, int* start, Vector128<int> scales)
    {
        for (var i = 0; i < 4; i++)
        {
            var lanes = (short*)&sums + 4 * i;
            ((int*)&acc)[i] += (*start + (short)(lanes[0] + lanes[1]) + (short)(lanes[2] + lanes[3])) * ((int*)&scales)[i];
        }

        return acc;
    }
}

/// <summary>NEON's sdot, of 4 rows a vector, for the loops over four rows of inputs.</summary>
internal readonly unsafe struct EmulatedSdot : IInt8Dot<Vector128<int>, Vector128<int>>
{
    public static int Vectors => 16;

    public static bool PairsRows => true;

    public static bool SplitsSums => false;

    public static int Start(sbyte* x, nint columns) => 0;

    public static Vector128<int> Begin(int start, int* rowSums) => Vector128.Create(start);

    public static Vector128<int> LoadWeights(byte* w) => Vector128.Load((int*)w);

    public static Vector128<int> LoadInputs(sbyte* x) => Vector128.Create(Unsafe.ReadUnaligned<int>(x));

    public static Vector128<int> LoadFour(sbyte* x) => Vector128.Load((int*)x);

    public static Vector128<int> Group(Vector128<int> four, sbyte* x, [ConstantExpected(Max = (byte)3)] byte group) => Vector128.Create(four[group]);

    public static Vector128<int> MulAddGroup(Vector128<int> acc, Vector128<int> w, Vector128<int> four, [ConstantExpected(Max = (byte)3)] byte group) => MulAdd(acc, w, Vector128.Create(four[group]), default);

    public static Vector128<int> Factor(Vector128<int> x) => x;

    public static Vector128<int> Flip(Vector128<int> x) => default;

    public static Vector128<int> MulAdd(Vector128<int> acc, Vector128<int> w, Vector128<int> factor, Vector128<int> flip)
    {
        for (var i = 0; i < 16; i++) ((int*)&acc)[i / 4] += ((sbyte*)&factor)[i] * ((sbyte*)&w)[i];
        return acc;
    }

    public static Vector128<int> MulAdd(Vector128<int> acc, Vector128<int> w0, Vector128<int> factor0, Vector128<int> flip0, Vector128<int> w1, Vector128<int> factor1, Vector128<int> flip1) =>
        MulAdd(MulAdd(acc, w0, factor0, flip0), w1, factor1, flip1);

    public static void MulAdd(ref Vector128<int> first, ref Vector128<int> second, int at, byte* w0, Vector128<int> factor0, Vector128<int> flip0, byte* w1, Vector128<int> factor1, Vector128<int> flip1)
    {
        first = MulAdd(first, LoadWeights(w0 + at), factor0, flip0, LoadWeights(w1 + at), factor1, flip1);
        second = MulAdd(second, LoadWeights(w0 + (at + 16)), factor0, flip0, LoadWeights(w1 + (at + 16)), factor1, flip1);
    }

    public static void MulAdd(ref Vector128<int> a0, ref Vector128<int> b0, ref Vector128<int> a1, ref Vector128<int> b1, int at, byte* w0, Vector128<int> factor0, Vector128<int> flip0, Vector128<int> factor2, Vector128<int> flip2, byte* w1, Vector128<int> factor1, Vector128<int> flip1, Vector128<int> factor3, Vector128<int> flip3)
    {
        MulAdd(ref a0, ref a1, at, w0, factor0, flip0, w1, factor1, flip1);
        MulAdd(ref b0, ref b1, at, w0, factor2, flip2, w1, factor3, flip3);
    }

    public static Vector128<int> Join(Vector128<int> a, Vector128<int> b) => a + b;

    public static Vector128<int> Finish(Vector128<int> acc) => acc;
}
