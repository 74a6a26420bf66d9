using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Float = System.Runtime.Intrinsics.Vector512<float>;
using Int = System.Runtime.Intrinsics.Vector512<int>;
using Isa = System.Runtime.Intrinsics.X86.Avx512F;

namespace SeqRuntime.Kernels;

/// <summary>16 lanes of AVX-512 (F and DQ); its int8 products are 256 bits wide, because .NET has no wider ones.</summary>
internal readonly unsafe struct Avx512 : ISimd<Float, Int>
{
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaNegated(Float a, Float b, Float c) => Isa.FusedMultiplyAddNegated(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Max(Float a, Float b) => Isa.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Min(Float a, Float b) => Isa.Min(a, b);

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
    public static Int LoadInt(int* p) => Isa.LoadVector512(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, Int v) => Isa.Store(p, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int LoadShorts(short* p) => Isa.ConvertToVector512Int32(Avx.LoadVector256(p));

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
    public static Int Sub(Int a, Int b) => Isa.Subtract(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftLeft(Int a, [ConstantExpected(Max = (byte)31)] byte count) => Isa.ShiftLeftLogical(a, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Int ShiftRight(Int a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => Isa.ShiftRightArithmetic(a, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(sbyte* p, Int a) => System.Runtime.Intrinsics.X86.Sse2.Store(p, Isa.ConvertToVector128SByte(a));
}
