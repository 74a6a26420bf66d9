using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <content>Sine, cosine, tangent and their inverses.</content>
internal static unsafe partial class LaneMath<S, F, I>
{
    /// <summary>Largest argument that three FMA steps reduce by π/2 accurately (Cody and Waite).</summary>
    private const float ReductionLimit = 30000f;

    /// <summary>sin x. Maximum error 1.5 ulp for every finite x; NaN for ±∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Sin(F x)
    {
        ReduceByHalfPi(x, out var r, out var quadrant);
        var odd = S.Sub(default, S.And(quadrant, S.Broadcast(1)));
        var y = S.Select(odd, CosPolynomial(r), SinPolynomial(r));
        y = S.AsFloat(S.Xor(S.AsInt(y), S.ShiftLeft(S.And(quadrant, S.Broadcast(2)), 30)));
        return S.Select(S.Equal(x, default), x, y);
    }

    /// <summary>cos x. Maximum error 1.5 ulp for every finite x; NaN for ±∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Cos(F x)
    {
        ReduceByHalfPi(x, out var r, out var quadrant);
        quadrant = S.Add(quadrant, S.Broadcast(1));
        var odd = S.Sub(default, S.And(quadrant, S.Broadcast(1)));
        var y = S.Select(odd, CosPolynomial(r), SinPolynomial(r));
        return S.AsFloat(S.Xor(S.AsInt(y), S.ShiftLeft(S.And(quadrant, S.Broadcast(2)), 30)));
    }

    /// <summary>tan x = sin x/cos x, in odd quadrants -cos r/sin r. Maximum error 3 ulp for every finite x; NaN for ±∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Tan(F x)
    {
        ReduceByHalfPi(x, out var r, out var quadrant);
        var odd = S.Sub(default, S.And(quadrant, S.Broadcast(1)));
        var sin = SinPolynomial(r);
        var cos = CosPolynomial(r);
        var y = S.Div(S.Select(odd, Negate(cos), sin), S.Select(odd, sin, cos));
        return S.Select(S.Equal(x, default), x, y);
    }

    /// <summary>asin x; NaN beyond ±1. Above ½: π/2 - 2·asin √((1 - x)/2) (Cephes). Maximum error 3 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Asin(F x)
    {
        var t = Abs(x);
        var large = S.Less(S.Broadcast(0.5f), t);
        var z = S.Select(large, S.Mul(S.Sub(S.Broadcast(1f), t), S.Broadcast(0.5f)), S.Mul(t, t));
        var root = S.Select(large, S.Sqrt(z), t);
        var y = AsinPolynomial(z, root);
        var far = S.Add(S.FmaNegated(S.Broadcast(2f), y, S.Broadcast(1.57079637f)), S.Broadcast(-4.37113883e-8f));
        return CopySign(Abs(S.Select(large, far, y)), x);
    }

    /// <summary>acos x; NaN beyond ±1. Maximum error 3 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Acos(F x)
    {
        var t = Abs(x);
        var large = S.Less(S.Broadcast(0.5f), t);
        var z = S.Select(large, S.Mul(S.Sub(S.Broadcast(1f), t), S.Broadcast(0.5f)), S.Mul(t, t));
        var y = AsinPolynomial(z, S.Select(large, S.Sqrt(z), t));
        var negative = S.Less(x, default);
        var twice = S.Add(y, y);
        var far = S.Select(negative, S.Sub(S.Broadcast(3.14159274f), S.Add(twice, S.Broadcast(8.74227766e-8f))), twice);
        var signed = S.Select(negative, Negate(y), y);
        var near = S.Sub(S.Broadcast(1.57079637f), S.Add(signed, S.Broadcast(4.37113883e-8f)));
        return S.Select(large, far, near);
    }

    /// <summary>atan x; beyond 1 as π/2 - atan(1/x) (polynomial after N. Juffa). Maximum error 3 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Atan(F x)
    {
        var t = Abs(x);
        var large = S.Less(S.Broadcast(1f), t);
        var a = S.Select(large, S.Div(S.Broadcast(1f), t), t);
        var s = S.Mul(a, a);
        var p = S.Broadcast(2.78569828e-3f);
        p = S.Fma(p, s, S.Broadcast(-1.58660226e-2f));
        p = S.Fma(p, s, S.Broadcast(4.24722321e-2f));
        p = S.Fma(p, s, S.Broadcast(-7.49753043e-2f));
        p = S.Fma(p, s, S.Broadcast(1.06448799e-1f));
        p = S.Fma(p, s, S.Broadcast(-1.42070308e-1f));
        p = S.Fma(p, s, S.Broadcast(1.99934542e-1f));
        p = S.Fma(p, s, S.Broadcast(-3.33331466e-1f));
        var y = S.Fma(S.Mul(p, s), a, a);
        var far = S.Sub(S.Broadcast(1.57079637f), S.Add(y, S.Broadcast(4.37113883e-8f)));
        return CopySign(S.Select(large, far, y), x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F AsinPolynomial(F z, F root)
    {
        var p = S.Broadcast(4.2163199048e-2f);
        p = S.Fma(p, z, S.Broadcast(2.4181311049e-2f));
        p = S.Fma(p, z, S.Broadcast(4.5470025998e-2f));
        p = S.Fma(p, z, S.Broadcast(7.4953002686e-2f));
        p = S.Fma(p, z, S.Broadcast(1.6666752422e-1f));
        return S.Fma(S.Mul(p, z), root, root);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F SinPolynomial(F r)
    {
        var s = S.Mul(r, r);
        var p = S.Fma(S.Broadcast(2.86567956e-6f), s, S.Broadcast(-1.98559923e-4f));
        p = S.Fma(p, s, S.Broadcast(8.33338592e-3f));
        p = S.Fma(p, s, S.Broadcast(-1.66666672e-1f));
        return S.Fma(p, S.Mul(r, s), r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F CosPolynomial(F r)
    {
        var s = S.Mul(r, r);
        var p = S.Fma(S.Broadcast(2.44677067e-5f), s, S.Broadcast(-1.38877297e-3f));
        p = S.Fma(p, s, S.Broadcast(4.16666567e-2f));
        p = S.Fma(p, s, S.Broadcast(-5.00000000e-1f));
        return S.Fma(p, s, S.Broadcast(1f));
    }

    /// <summary>x = quadrant·π/2 + r with |r| ≤ π/4 (by a rounding error more).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReduceByHalfPi(F x, out F r, out I quadrant)
    {
        if (S.Any(S.Less(S.Broadcast(ReductionLimit), Abs(x)))) ReduceLarge(x, out r, out quadrant);
        else
        {
            var n = S.Round(S.Mul(x, S.Broadcast(0.636619772f)));
            r = S.FmaNegated(n, S.Broadcast(1.57079601e+00f), x);
            r = S.FmaNegated(n, S.Broadcast(3.13916473e-07f), r);
            r = S.FmaNegated(n, S.Broadcast(5.39030253e-15f), r);
            quadrant = S.ToInt(n);
        }
    }

    /// <summary>The same lane by lane, if any lane is large. Small lanes take the same three steps as before.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void ReduceLarge(F x, out F r, out I quadrant)
    {
        var values = stackalloc float[KernelSet.Tile];
        var quadrants = stackalloc int[KernelSet.Tile];
        S.Store(values, x);
        for (var i = 0; i < S.Lanes; i++)
        {
            if (MathF.Abs(values[i]) > ReductionLimit) values[i] = ArgumentReduction.ByHalfPi(values[i], out quadrants[i]);
            else
            {
                LaneMath<Scalar, float, int>.ReduceByHalfPi(values[i], out var reduced, out quadrants[i]);
                values[i] = reduced;
            }
        }

        r = S.Load(values);
        quadrant = S.LoadInt(quadrants);
    }
}
