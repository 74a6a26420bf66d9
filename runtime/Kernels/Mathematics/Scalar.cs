using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>One lane: the portable reference, which defines the right result.</summary>
internal readonly unsafe struct Scalar : ISimd<float, int>
{
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static int Chains
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* p, float v) => *p = v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadBroadcast(float* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Add(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sub(float a, float b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Mul(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Div(float a, float b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sqrt(float a) => MathF.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    public static bool Interleaves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadElements(float* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FmaElement(float a, float elements, [ConstantExpected(Max = (byte)3)] byte element, float c) => Fma(a, elements, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FmaNegated(float a, float b, float c) => MathF.FusedMultiplyAdd(-a, b, c);

    public static bool IsFused
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FmaOfExact(float a, float b, float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FmaFlagged(float a, float b, float c, ref int flags) => Fma(Broadcast(a), b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryStoreFmaOfWhole(float* p, float a, float b, float c)
    {
        Store(p, Fma(a, b, c));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FmaAside(float a, float b, float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ExpOfNegated(float x) => LaneMath<Scalar, float, int>.ExpOfNegated(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Expm1OfNormal(float x) => LaneMath<Scalar, float, int>.Expm1OfNormal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(float a, float b) => a > b ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Min(float a, float b) => a < b ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtLeast(float limit, float x) => Max(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtMost(float limit, float x) => Min(limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Floor(float a) => MathF.Floor(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Ceiling(float a) => MathF.Ceiling(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Round(float a) => MathF.Round(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Less(float a, float b) => a < b ? -1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Equal(float a, float b) => a == b ? -1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Select(int mask, float a, float b) => mask != 0 ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(int mask) => mask != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Upper(float a, [ConstantExpected(Min = 1, Max = 8)] int half) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(float a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadInt(int* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt(int* p, int v) => *p = v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadShorts(short* p, [ConstantExpected(Max = (byte)16)] byte shift) => *p << shift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadShorts(short* p, short* q, [ConstantExpected(Max = (byte)16)] byte shift, out int a, out int b, out int c, out int d) =>
        (a, b, c, d) = (LoadShorts(p, shift), LoadShorts(p + Lanes, shift), LoadShorts(q, shift), LoadShorts(q + Lanes, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Broadcast(int value) => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ToInt(float a) => (int)a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToFloat(int a) => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int AsInt(float a) => BitConverter.SingleToInt32Bits(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AsFloat(int a) => BitConverter.Int32BitsToSingle(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int And(int a, int b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Or(int a, int b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Xor(int a, int b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Add(int a, int b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Max(int a, int b) => a > b ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Sub(int a, int b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ShiftLeft(int a, [ConstantExpected(Max = (byte)31)] byte count) => a << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ShiftRight(int a, [ConstantExpected(Min = (byte)1, Max = (byte)31)] byte count) => a >> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(sbyte* p, int a) => *p = (sbyte)a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSteps(sbyte* p, float* x, float factor) => Steps<Scalar, float, int>.Store(p, x, factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float StoreSteps(sbyte* p, float* x, float factor, float squares) => Steps<Scalar, float, int>.Store(p, x, factor, squares);
}
