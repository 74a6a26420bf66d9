using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using SeqRuntime.Kernels.Mathematics;
using SeqRuntime.Kernels.Products;
using Float = System.Runtime.Intrinsics.Vector512<float>;
using FloatOf8 = System.Runtime.Intrinsics.Vector256<float>;
using Int = System.Runtime.Intrinsics.Vector512<int>;
using IntOf8 = System.Runtime.Intrinsics.Vector256<int>;
using Isa = System.Runtime.Intrinsics.X86.Avx512BW;
using Short = System.Runtime.Intrinsics.Vector512<short>;

namespace SeqRuntime.Kernels.Sets;

/// <summary>16 lanes of AVX-512 (F, BW and DQ), also for int4 products. int8 products use 8 lanes, because 16 are not faster with AVX-512 BW, and .NET 10 has AVX-VNNI with 8 only; for .NET 11 see <c>Avx512Vnni</c>.</summary>
internal readonly unsafe struct Avx512 : ISimd<Float, Int>, IInt4Dot<Int, Short>
{
    public static KernelSet Make(string name)
    {
#if NET11_0_OR_GREATER
        if (System.Runtime.Intrinsics.X86.AvxVnni.V512.IsSupported) return Avx512Vnni.Make(name);
#endif
        return System.Runtime.Intrinsics.X86.AvxVnni.IsSupported
            ? Make<Int8Products<Avx2, FloatOf8, IntOf8, AvxVnni.Shifted<AvxVnni.Together>, AvxVnni.Signed, IntOf8>, Avx512, Short>(name)
            : Make<Int8Products<Avx2, FloatOf8, IntOf8, Avx2, Avx2, IntOf8>, Avx512, Short>(name);
    }

    /// <summary>A kernel set with these lanes and the given integer products.</summary>
    /// <typeparam name="B">int8 products.</typeparam>
    /// <typeparam name="P">int4 products.</typeparam>
    /// <typeparam name="G">Sums of int4 products within a group.</typeparam>
    /// <param name="name">Its name.</param>
    public static KernelSet Make<B, P, G>(string name)
        where B : struct, IInt8Products
        where P : struct, IInt4Dot<Int, G>
        where G : unmanaged =>
        new SimdKernels<Avx512, Float, Int, B, GemmInt4<Avx512, Float, Int, P, G>, SplitSteps<WholeSteps<Avx512, Float, Int>, WholeSteps<Avx2, FloatOf8, IntOf8>>>(name);

    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Load(float* p) => Isa.LoadVector512(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, Float v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadBroadcast(float* p) => Vector512.Create(*p);

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
    public static Float Fma(Float a, Float b, Float c) => Isa.FusedMultiplyAdd(a, b, c);

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float LoadElements(float* p) => Vector512.Create(Vector256.Create(Vector128.Load(p), default), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaElement(Float a, Float elements, [ConstantExpected(Max = (byte)3)] byte element, Float c) => Fma(a, Broadcast(elements.GetElement(element)), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaNegated(Float a, Float b, Float c) => Isa.FusedMultiplyAddNegated(a, b, c);

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
    public static Float ExpOfNegated(Float x) => LaneMath<Avx512, Float, Int>.ExpOfNegated(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Expm1OfNormal(Float x) => LaneMath<Avx512, Float, Int>.Expm1OfNormal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Max(Float a, Float b) => Isa.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Min(Float a, Float b) => Isa.Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtLeast(Float limit, Float x) => Max(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float AtMost(Float limit, Float x) => Min(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Floor(Float a) => Isa.RoundScale(a, 0x09);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Ceiling(Float a) => Isa.RoundScale(a, 0x0A);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Round(Float a) => Isa.RoundScale(a, 0x08);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Less(Float a, Float b) => Isa.Compare(a, b, FloatComparisonMode.OrderedLessThanNonSignaling).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Equal(Float a, Float b) => Isa.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Select(Int mask, Float a, Float b) => Isa.BlendVariable(b, a, mask.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(Int mask) => mask.ExtractMostSignificantBits() != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Upper(Float a, [ConstantExpected(Min = 1, Max = 8)] int half) => half switch
    {
        8 => Isa.ExtractVector256(a, 1).ToVector512Unsafe(),
        4 => Avx.ExtractVector128(a.GetLower(), 1).ToVector256Unsafe().ToVector512Unsafe(),
        2 => Isa.Permute4x32(a, 0b1110),
        _ => Isa.Permute4x32(a, 0b0001),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Float a) => a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInt(int* p) => Isa.LoadVector512(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Int v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => ShiftLeft(Isa.ConvertToVector512Int32(Avx.LoadVector256(p)), shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out Int a, out Int b, out Int c, out Int d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int Broadcast(int value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ToInt(Float a) => Isa.ConvertToVector512Int32WithTruncation(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float ToFloat(Int a) => Isa.ConvertToVector512Single(a);

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
    public static void StoreBytes(sbyte* p, Int a) => System.Runtime.Intrinsics.X86.Sse2.Store(p, Isa.ConvertToVector128SByte(a));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, Float factor) => Steps<Avx512, Float, Int>.Store(p, x, factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float StoreSteps(sbyte* p, float* x, Float factor, Float squares)
    {
        var steps = Isa.ConvertToVector512Int32(Mul(Load(x), factor));
        StoreBytes(p, steps);
        return Fma(ToFloat(steps), ToFloat(steps), squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int StartGroup(sbyte* x) => Avx2.StartGroup(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short BeginGroup(int* start) => Vector512.Create(*start).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadNibbles(byte* w) => Isa.LoadVector512((int*)w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LowNibbles(Int nibbles) => Isa.And(nibbles, Vector512.Create(0x0F0F0F0F));

    /// <summary>See <see cref="Avx2.HighNibbles"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int HighNibbles(Int nibbles) => Gfni.V512.IsSupported
        ? Gfni.V512.GaloisFieldAffineTransform(nibbles.AsByte(), Vector512.Create(Avx2.UpperHalf).AsByte(), 0).AsInt32()
        : Isa.And(Isa.ShiftRightLogical(nibbles, 4), Vector512.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadInputs(sbyte* x) => Vector512.Create(Unsafe.ReadUnaligned<int>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Short MulAddNibbles(Short sums, Int n, Int x) => Isa.Add(sums, Isa.MultiplyAddAdjacent(n.AsByte(), x.AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadGroupScales(sbyte* scales)
    {
        var places = Vector512.Create(
            128, 0, 128, 0, 128, 1, 128, 1, 128, 2, 128, 2, 128, 3, 128, 3, 128, 4, 128, 4, 128, 5, 128, 5, 128, 6, 128, 6, 128, 7, 128, 7,
            128, 8, 128, 8, 128, 9, 128, 9, 128, 10, 128, 10, 128, 11, 128, 11, 128, 12, 128, 12, 128, 13, 128, 13, 128, 14, 128, 14, 128, 15, 128, (byte)15);
        var upper = Isa.Shuffle(Isa.BroadcastVector128ToVector512((int*)scales).AsByte(), places);
        return Isa.ShiftRightArithmetic(upper.AsInt16(), 8).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int EndGroup(Int acc, Short sums, int* start, Int scales) => Isa.Add(acc, Isa.MultiplyAddAdjacent(sums, scales.AsInt16()));
}
