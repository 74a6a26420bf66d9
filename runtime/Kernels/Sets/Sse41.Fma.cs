using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SeqRuntime.Kernels.Mathematics;
using Double = System.Runtime.Intrinsics.Vector128<double>;
using Float = System.Runtime.Intrinsics.Vector128<float>;
using Int = System.Runtime.Intrinsics.Vector128<int>;
using Isa = System.Runtime.Intrinsics.X86.Sse41;

namespace SeqRuntime.Kernels.Sets;

/// <summary>The fused multiply-add that SSE4.1 does not have, with all its bits.</summary>
internal readonly unsafe partial struct Sse41
{
    /// <summary>
    /// The product of two floats is exact as double. The sum is rounded twice, to double and to float, which differs from one rounding only if the double
    /// lies halfway between two floats: those lanes, and all that might be denormal, take <see cref="RoundedOnce"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float Fma(Float a, Float b, Float c)
    {
        var lower = Isa.Add(Isa.Multiply(Lower(a), Lower(b)), Lower(c));
        var upper = Isa.Add(Isa.Multiply(Upper(a), Upper(b)), Upper(c));
        var result = Join(lower, upper);
        return IsSafe(lower, upper, result) ? result : RoundedOnce(a, b, c);
    }

    public static bool IsFused
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaOfExact(Float a, Float b, Float c) => Isa.Add(Isa.Multiply(a, b), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaFlagged(float a, Float b, Float c, ref Int flags)
    {
        var factor = Both(a);
        var lower = Isa.Add(Isa.Multiply(Lower(b), factor), Lower(c));
        var upper = Isa.Add(Isa.Multiply(Upper(b), factor), Upper(c));
        var result = Join(lower, upper);
        flags = Isa.Or(flags, Isa.Or(AreHalfway(lower, upper), AreTiny(result)));
        return result;
    }

    /// <summary>
    /// As <see cref="Fma"/>, without the check for denormal results: product and summand are multiples of 2⁻¹⁴⁹, so that a sum below 2⁻¹²⁶ is exact as double
    /// and as float.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryStoreFmaOfWhole(float* p, Float a, Float b, Float c)
    {
        var lower = Isa.Add(Isa.Multiply(Lower(a), Lower(b)), Lower(c));
        var upper = Isa.Add(Isa.Multiply(Upper(a), Upper(b)), Upper(c));
        if (Any(AreHalfway(lower, upper))) return false;
        Isa.Store(p, Join(lower, upper));
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Float FmaAside(Float a, Float b, Float c) => Fma(a, b, c);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void FmaOfFour(Four<Float>* a, Four<Float>* b, Four<Float>* c)
    {
        Float* p = (Float*)a, q = (Float*)b, r = (Float*)c;
        for (var end = r + 4; r < end; p++, q++, r++) *r = Fma(*p, *q, *r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float FmaNegated(Float a, Float b, Float c)
    {
        var lower = Isa.Subtract(Lower(c), Isa.Multiply(Lower(a), Lower(b)));
        var upper = Isa.Subtract(Upper(c), Isa.Multiply(Upper(a), Upper(b)));
        var result = Join(lower, upper);
        return IsSafe(lower, upper, result) ? result : RoundedOnce(-a, b, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Lower(Float a) => Isa.ConvertToVector128Double(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double Upper(Float a) => Isa.ConvertToVector128Double(Isa.Shuffle(a.AsInt32(), 0b11_10_11_10).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float Join(Double lower, Double upper) => Isa.MoveLowToHigh(Isa.ConvertToVector128Single(lower), Isa.ConvertToVector128Single(upper));

    /// <summary>
    /// Whether no lane needs <see cref="RoundedOnce"/>. A double halfway between two normal floats has the last 29 bits 1000…; a denormal result, or the
    /// least normal one, has other places for them. A zero is exact.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSafe(Double lower, Double upper, Float result) => !Any(Isa.Or(AreHalfway(lower, upper), AreTiny(result)));

    /// <summary>
    /// All ones for the lanes that are denormal, or the least normal number. Twice the bits drop the sign; as unsigned numbers they are 2 to 0x01000000 then,
    /// and the subtraction makes them the largest signed numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int AreTiny(Float result) =>
        Isa.CompareGreaterThan(Isa.Subtract(Isa.Subtract(Vector128.Create(int.MinValue), result.AsInt32()), result.AsInt32()), Vector128.Create(int.MaxValue - 0x01000000));

    /// <summary>All ones for the lanes that are halfway between two normal floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int AreHalfway(Double lower, Double upper)
    {
        var lastBits = Isa.Shuffle(lower.AsSingle(), upper.AsSingle(), 0b10_00_10_00).AsInt32();
        return Isa.CompareEqual(Isa.ShiftLeftLogical(lastBits, 3), Vector128.Create(int.MinValue));
    }

    /// <summary>a·b + c rounded once: the sum is rounded to odd as double, which makes the rounding to float right (Boldo and Melquiond, 2008).</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static Float RoundedOnce(Float a, Float b, Float c) =>
        Join(AddToOdd(Isa.Multiply(Lower(a), Lower(b)), Lower(c)), AddToOdd(Isa.Multiply(Upper(a), Upper(b)), Upper(c)));

    /// <summary>a + b, and if it is not exact, of the two doubles around it the one whose last bit is 1. <c>error</c> is the exact rest of the sum (Knuth).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Double AddToOdd(Double a, Double b)
    {
        var sum = a + b;
        var added = sum - a;
        var error = (a - (sum - added)) + (b - added);
        var side = error * sum; // far from the limits of double
        var below = Vector128.LessThan(side, Double.Zero).AsInt64();
        var above = Vector128.GreaterThan(side, Double.Zero).AsInt64();
        var isEven = (sum.AsInt64() & Vector128<long>.One) - Vector128<long>.One;
        return (sum.AsInt64() + ((below | (above & Vector128<long>.One)) & isEven)).AsDouble();
    }
}
