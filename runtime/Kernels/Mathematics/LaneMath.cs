using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>
/// exp, log and the sigmoid family, written once over lanes: fixed polynomials by explicit FMA, no estimate instruction,
/// the same bits everywhere.
/// </summary>
/// <remarks>
/// The polynomial of log and the reduction of exp are those of Cephes (S. Moshier, netlib.org/cephes, logf and expf). The stated maximum errors
/// are measured over the whole float range by the tests. NaN gives NaN; denormals are kept.
/// </remarks>
internal static partial class LaneMath<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int SignBit = int.MinValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Abs(F x) => S.AsFloat(S.And(S.AsInt(x), S.Broadcast(int.MaxValue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Negate(F x) => S.AsFloat(S.Xor(S.AsInt(x), S.Broadcast(SignBit)));

    /// <summary>The magnitude of a (which is not negative) with the sign of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F CopySign(F a, F x) => S.AsFloat(S.Or(S.AsInt(a), S.And(S.AsInt(x), S.Broadcast(SignBit))));

    /// <summary>eˣ. Maximum error 1.0 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Exp(F x)
    {
        x = S.AtMost(S.Broadcast(89f), S.AtLeast(S.Broadcast(-104f), x));
        return ExpScaled(x, 0);
    }

    /// <summary>eˣ - 1 for x in [-40, 40] or NaN. Maximum error 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Expm1(F x)
    {
        var n = ReduceExp(x, out var r);
        var scale = S.AsFloat(S.ShiftLeft(S.Add(S.ToInt(n), S.Broadcast(127)), 23));
        return S.FmaOfExact(ExpPolynomial(r), scale, S.Sub(scale, S.Broadcast(1f)));
    }

    /// <summary>eˣ - 1 for x ≤ 0. Maximum error 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Expm1OfNegative(F x) => Expm1(S.AtLeast(S.Broadcast(-40f), x));

    /// <summary>ln x; -∞ at 0, NaN below. Maximum error 1.0 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Log(F x)
    {
        // Denormals are scaled by 2²³.
        var small = S.Less(x, S.Broadcast(1.17549435e-38f));
        var bits = S.AsInt(S.Select(small, S.Mul(x, S.Broadcast(8388608f)), x));
        var exponent = S.ShiftRight(S.Sub(bits, S.Broadcast(0x3F3504F3)), 23);
        var f = S.Sub(S.AsFloat(S.Sub(bits, S.ShiftLeft(exponent, 23))), S.Broadcast(1f));
        var e = S.ToFloat(S.Sub(exponent, S.And(small, S.Broadcast(23))));

        var p = S.Broadcast(7.0376836292e-2f);
        p = S.Fma(p, f, S.Broadcast(-1.1514610310e-1f));
        p = S.Fma(p, f, S.Broadcast(1.1676998740e-1f));
        p = S.Fma(p, f, S.Broadcast(-1.2420140846e-1f));
        p = S.Fma(p, f, S.Broadcast(1.4249322787e-1f));
        p = S.Fma(p, f, S.Broadcast(-1.6668057665e-1f));
        p = S.Fma(p, f, S.Broadcast(2.0000714765e-1f));
        p = S.Fma(p, f, S.Broadcast(-2.4999993993e-1f));
        p = S.Fma(p, f, S.Broadcast(3.3333331174e-1f));
        var square = S.Mul(f, f);
        var y = S.Mul(S.Mul(f, square), p);
        y = S.Fma(e, S.Broadcast(-2.12194440e-4f), y);
        y = S.FmaOfExact(square, S.Broadcast(-0.5f), y);
        var result = S.FmaOfExact(e, S.Broadcast(0.693359375f), S.Add(f, y));

        result = S.Select(S.Less(x, S.Broadcast(float.PositiveInfinity)), result, x);
        result = S.Select(S.Equal(x, default), S.Broadcast(float.NegativeInfinity), result);
        return S.Select(S.Less(x, default), S.Broadcast(float.NaN), result);
    }

    /// <summary>ln(1 + x) for x &gt; -1, by Kahan's correction of ln. Maximum error 2 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Log1p(F x)
    {
        var one = S.Broadcast(1f);
        var sum = S.Add(one, x);
        var lost = S.Sub(x, S.Sub(sum, one));
        var result = S.Add(Log(sum), S.Div(lost, sum));
        return S.Select(S.Less(sum, S.Broadcast(float.PositiveInfinity)), S.Select(S.Equal(x, default), x, result), S.Add(sum, x));
    }

    /// <summary>tanh x = t/(t + 2) with t = exp(2|x|) - 1, and x's sign. Maximum error 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Tanh(F x)
    {
        var t = Abs(x);
        t = Expm1(S.AtMost(S.Broadcast(20f), S.Add(t, t)));
        return CopySign(S.Div(t, S.Add(t, S.Broadcast(2f))), x);
    }

    /// <summary>1/(1 + e⁻ˣ) = (x &lt; 0 ? e : 1)/(1 + e) with e = exp(-|x|). Maximum error 2.25 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Sigmoid(F x)
    {
        var one = S.Broadcast(1f);
        var e = ExpOfNegative(S.AsFloat(S.Or(S.AsInt(x), S.Broadcast(SignBit))));
        return S.Div(S.Select(S.Less(x, default), e, one), S.Add(one, e));
    }

    /// <summary>
    /// e⁻ˣ for a gate σ(x) = 1/(1 + e⁻ˣ) within a cell, with x limited to [-40, 40]: beyond that the gate is 1 or below 5·10⁻¹⁸. Maximum error
    /// 1.0 ulp. The result is never denormal, so a product of two of them, which saves a division, loses no accuracy.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F ExpOfGate(F x) => S.ExpOfNegated(S.AtMost(S.Broadcast(40f), S.AtLeast(S.Broadcast(-40f), x)));

    /// <summary>e⁻ˣ for x in [-88, 87].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F ExpOfNegated(F x)
    {
        var scale = ReduceNormal(x, -1, out var p);
        return S.FmaNegated(p, scale, scale);
    }

    /// <summary>t = e²ˣ - 1 for tanh x = t/(t + 2) within a cell, x limited to [-10, 10], where tanh is 1. Maximum error 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Expm1OfTwice(F x)
    {
        x = S.AtMost(S.Broadcast(10f), S.AtLeast(S.Broadcast(-10f), x));
        return S.Expm1OfNormal(S.Add(x, x));
    }

    /// <summary>eˣ - 1 for x in [-87, 88].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Expm1OfNormal(F x)
    {
        var scale = ReduceNormal(x, 1, out var p);
        return S.Fma(p, scale, S.Sub(scale, S.Broadcast(1f)));
    }

    /// <summary>ln(1 + eˣ) = max(x, 0) + ln(1 + exp(-|x|)). Maximum error 2 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Softplus(F x)
    {
        var e = ExpOfNegative(S.AsFloat(S.Or(S.AsInt(x), S.Broadcast(SignBit))));
        var sum = S.Add(S.Broadcast(1f), e);
        var lost = S.Sub(e, S.Sub(sum, S.Broadcast(1f)));
        return S.Add(S.Max(default, x), S.Add(Log(sum), S.Div(lost, sum)));
    }

    /// <summary>x·tanh(ln(1 + eˣ)) = x·n/(n + 2) with n = eˣ(eˣ + 2); x for x ≥ 20. Maximum error 4 ulp for x ≥ -86; below, eˣ is denormal and the error less than 2⁻¹³⁹.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Mish(F x)
    {
        var e = ExpScaled(S.AtMost(S.Broadcast(20f), S.AtLeast(S.Broadcast(-104f), x)), 0);
        var n = S.Mul(e, S.Add(e, S.Broadcast(2f)));
        var y = S.Mul(x, S.Div(n, S.Add(n, S.Broadcast(2f))));
        return S.Select(S.Less(S.Broadcast(20f), x), x, y);
    }

    /// <summary>eˣ·2^shift for x in [-104, 89], rounded once if the result is normal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F ExpScaled(F x, int shift)
    {
        var n = ReduceExp(x, out var r);
        var e = S.Add(S.Broadcast(1f), ExpPolynomial(r));
        var whole = S.Add(S.ToInt(n), S.Broadcast(shift));
        var half = S.ShiftRight(whole, 1);
        var bias = S.Broadcast(127);
        e = S.Mul(e, S.AsFloat(S.ShiftLeft(S.Add(half, bias), 23)));
        return S.Mul(e, S.AsFloat(S.ShiftLeft(S.Add(S.Sub(whole, half), bias), 23)));
    }

    /// <summary>eˣ for x ≤ 0, the same bits as <see cref="Exp"/>: it multiplies by 2⁻⁶⁴ in a second step, so that denormals are rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F ExpOfNegative(F x)
    {
        var n = ReduceExp(S.AtLeast(S.Broadcast(-104f), x), out var r);
        var e = S.Add(S.Broadcast(1f), ExpPolynomial(r));
        e = S.Mul(e, S.AsFloat(S.ShiftLeft(S.Add(S.ToInt(n), S.Broadcast(127 + 64)), 23)));
        return S.Mul(e, S.Broadcast(5.42101086242752217e-20f));
    }

    /// <summary>n = round(x/ln 2), r = x - n·ln 2 in two exact parts (Cody and Waite).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F ReduceExp(F x, out F r)
    {
        var n = S.Round(S.Mul(x, S.Broadcast(1.44269504088896341f)));
        r = S.FmaOfExact(n, S.Broadcast(-0.693359375f), x);
        r = S.FmaNegated(n, S.Broadcast(-2.12194440e-4f), r);
        return n;
    }

    /// <summary>
    /// 2ⁿ and p with e^(sign·x) = 2ⁿ·(1 + sign·p), for sign·x in [-87, 88]. Adding 1.5·2²³ rounds sign·x/ln 2 to n and leaves n in the lowest
    /// bits; a shift makes n an exponent.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F ReduceNormal(F x, [ConstantExpected] float sign, out F p)
    {
        var shifted = S.Fma(x, S.Broadcast(sign * 1.44269504088896341f), S.Broadcast(12582912f));
        var n = S.Sub(shifted, S.Broadcast(12582912f));
        var r = S.FmaNegated(n, S.Broadcast(sign * 0.693359375f), x);
        r = S.FmaNegated(n, S.Broadcast(sign * -2.12194440e-4f), r);
        p = ExpPolynomial(r, sign);
        return S.AsFloat(S.Add(S.ShiftLeft(S.AsInt(shifted), 23), S.Broadcast(0x3F800000)));
    }

    /// <summary>sign·(e^(sign·r) - 1) for r in [-ln 2/2, ln 2/2] and sign 1 or -1: minimax of degree 6 (Remez), relative error of eʳ 3.7·10⁻⁹. Estrin's scheme shortens the chain by one step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F ExpPolynomial(F r, [ConstantExpected] float sign = 1)
    {
        var square = S.Mul(r, r);
        var upper = S.Fma(S.Broadcast(sign * 8.36874544620514e-3f), r, S.Broadcast(4.166838899254799e-2f));
        var lower = S.Fma(S.Broadcast(sign * 1.666652113199234e-1f), r, S.Broadcast(4.999999403953552e-1f));
        var p = S.Fma(S.Fma(S.Broadcast(1.3814540579915047e-3f), square, upper), square, lower);
        return sign > 0 ? S.Fma(p, square, r) : S.FmaNegated(p, square, r);
    }
}
