using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <content>The error function, and hyperbolic functions with their inverses.</content>
internal static partial class LaneMath<S, F, I>
{
    /// <summary>erf x. Polynomials after N. Juffa's erff (about 1 ulp). Maximum error 1.1 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Erf(F x)
    {
        var t = S.AtMost(S.Broadcast(4f), Abs(x));
        var s = S.Mul(t, t);

        var r = S.Fma(S.Broadcast(-1.72853470e-5f), t, S.Broadcast(3.83197126e-4f));
        var u = S.Fma(S.Broadcast(-3.88396438e-3f), t, S.Broadcast(2.42546219e-2f));
        r = S.Fma(r, s, u);
        r = S.Fma(r, t, S.Broadcast(-1.06777877e-1f));
        r = S.Fma(r, t, S.Broadcast(-6.34846687e-1f));
        r = S.Fma(r, t, S.Broadcast(-1.28717512e-1f));
        r = S.Fma(r, t, Negate(t));
        var large = S.Sub(S.Broadcast(1f), ExpOfNegative(r));

        var p = S.Broadcast(-5.96761703e-4f);
        p = S.Fma(p, s, S.Broadcast(4.99119423e-3f));
        p = S.Fma(p, s, S.Broadcast(-2.67681349e-2f));
        p = S.Fma(p, s, S.Broadcast(1.12819925e-1f));
        p = S.Fma(p, s, S.Broadcast(-3.76125336e-1f));
        p = S.Fma(p, s, S.Broadcast(1.28379166e-1f));
        var small = S.Fma(p, t, t);
        return CopySign(S.Select(S.Less(S.Broadcast(0.927734375f), t), large, small), x);
    }

    /// <summary>sinh x: a polynomial below 1 (Cephes), (eˣ - e⁻ˣ)/2 above. Maximum error 2 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Sinh(F x)
    {
        var t = Abs(x);
        var s = S.Mul(t, t);
        var p = S.Fma(S.Broadcast(2.03721912945e-4f), s, S.Broadcast(8.33028376239e-3f));
        p = S.Fma(p, s, S.Broadcast(1.66667160211e-1f));
        var small = S.Fma(S.Mul(p, s), t, t);
        var half = HalfExp(t);
        var large = S.Sub(half, S.Div(S.Broadcast(0.25f), half));
        return CopySign(S.Select(S.Less(t, S.Broadcast(1f)), small, large), x);
    }

    /// <summary>cosh x = (eˣ + e⁻ˣ)/2. Maximum error 2 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Cosh(F x)
    {
        var half = HalfExp(Abs(x));
        return S.Add(half, S.Div(S.Broadcast(0.25f), half));
    }

    /// <summary>asinh x = ln(1 + t + t²/(1 + √(1 + t²))) with t = |x|; ln t + ln 2 for large t. Maximum error 4 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Asinh(F x)
    {
        var one = S.Broadcast(1f);
        var t = Abs(x);
        var s = S.Mul(t, t);
        var small = Log1p(S.Add(t, S.Div(s, S.Add(one, S.Sqrt(S.Add(one, s))))));
        var large = S.Add(Log(t), S.Broadcast(0.69314718055994531f));
        return CopySign(Abs(S.Select(S.Less(t, S.Broadcast(1e9f)), small, large)), x);
    }

    /// <summary>acosh x = ln(1 + t + √(2t + t²)) with t = x - 1; NaN below 1. Maximum error 4 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Acosh(F x)
    {
        var t = S.Sub(x, S.Broadcast(1f));
        var small = Log1p(S.Add(t, S.Sqrt(S.Mul(t, S.Add(t, S.Broadcast(2f))))));
        var large = S.Add(Log(x), S.Broadcast(0.69314718055994531f));
        return S.Select(S.Less(x, S.Broadcast(1e9f)), S.Select(S.Less(t, default), S.Broadcast(float.NaN), small), large);
    }

    /// <summary>atanh x = ½·ln(1 + 2t/(1 - t)) with t = |x|; ±∞ at ±1, NaN beyond. Maximum error 4 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Atanh(F x)
    {
        var t = Abs(x);
        var result = S.Mul(S.Broadcast(0.5f), Log1p(S.Div(S.Add(t, t), S.Sub(S.Broadcast(1f), t))));
        result = S.Select(S.Less(S.Broadcast(1f), t), S.Broadcast(float.NaN), result);
        return CopySign(Abs(result), x);
    }

    /// <summary>eᵗ/2 for t ≥ 0, without overflow before eᵗ/2 itself overflows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F HalfExp(F t) => ExpScaled(S.AtMost(S.Broadcast(90f), t), -1);
}
