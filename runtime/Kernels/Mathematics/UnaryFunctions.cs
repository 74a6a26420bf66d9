using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>An elementwise function of one argument; the loop, written once, takes it as a type argument.</summary>
internal interface IUnaryFunction
{
    /// <summary>Whether the function is too long for <see cref="FourVectors{S,F,I}"/>: the compiler stops inlining at 512 local variables.</summary>
    static virtual bool IsLong
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    static abstract F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged;
}

/// <summary>|x|.</summary>
internal readonly struct AbsFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Abs(x);
}

/// <summary>-x.</summary>
internal readonly struct NegFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Negate(x);
}

/// <summary>eˣ.</summary>
internal readonly struct ExpFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Exp(x);
}

/// <summary>ln x.</summary>
internal readonly struct LogFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Log(x);
}

/// <summary>√x.</summary>
internal readonly struct SqrtFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Sqrt(x);
}

/// <summary>1/x.</summary>
internal readonly struct ReciprocalFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Div(S.Broadcast(1f), x);
}

/// <summary>max(0, x).</summary>
internal readonly struct ReluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Max(default, x);
}

/// <summary>x &lt; 0 ? αx : x.</summary>
internal readonly struct LeakyReluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(x, default), S.Mul(alpha, x), x);
}

/// <summary>x &lt; 0 ? α(eˣ - 1) : x.</summary>
internal readonly struct EluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(x, default), S.Mul(alpha, LaneMath<S, F, I>.Expm1OfNegative(x)), x);
}

/// <summary>β·(x &lt; 0 ? α(eˣ - 1) : x).</summary>
internal readonly struct SeluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(beta, S.Select(S.Less(x, default), S.Mul(alpha, LaneMath<S, F, I>.Expm1OfNegative(x)), x));
}

/// <summary>x &lt; 0 ? α(exp(x/α) - 1) : x, for α &gt; 0.</summary>
internal readonly struct CeluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(x, default), S.Mul(alpha, LaneMath<S, F, I>.Expm1OfNegative(S.Div(x, alpha))), x);
}

/// <summary>x &gt; α ? x : 0; NaN stays.</summary>
internal readonly struct ThresholdedReluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(alpha, x), x, S.Select(S.Equal(x, x), default, x));
}

/// <summary>1/(1 + e⁻ˣ).</summary>
internal readonly struct SigmoidFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Sigmoid(x);
}

/// <summary>αx + β within [0, 1].</summary>
internal readonly struct HardSigmoidFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.AtMost(S.Broadcast(1f), S.Max(default, S.Fma(alpha, x, beta)));
}

/// <summary>x within [α, β].</summary>
internal readonly struct ClipFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Min(beta, S.Max(alpha, x));
}

/// <summary>x·(x/6 + ½ within [0, 1]).</summary>
internal readonly struct HardSwishFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(x, S.AtMost(S.Broadcast(1f), S.Max(default, S.Fma(x, S.Broadcast(1f / 6f), S.Broadcast(0.5f)))));
}

/// <summary>ln(1 + eˣ).</summary>
internal readonly struct SoftplusFunction : IUnaryFunction
{
    public static bool IsLong
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Softplus(x);
}

/// <summary>x/(1 + |x|).</summary>
internal readonly struct SoftsignFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Div(x, S.Add(S.Broadcast(1f), LaneMath<S, F, I>.Abs(x)));
}

/// <summary>tanh x.</summary>
internal readonly struct TanhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Tanh(x);
}

/// <summary>erf x.</summary>
internal readonly struct ErfFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Erf(x);
}

/// <summary>x/2·(1 + erf(x/√2)).</summary>
internal readonly struct GeluFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(S.Mul(S.Broadcast(0.5f), x), S.Add(S.Broadcast(1f), LaneMath<S, F, I>.Erf(S.Mul(x, S.Broadcast(0.70710678118654752f)))));
}

/// <summary>x/2·(1 + tanh(√(2/π)·(x + 0.044715x³))).</summary>
internal readonly struct GeluTanhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(S.Mul(S.Broadcast(0.5f), x), S.Add(S.Broadcast(1f), LaneMath<S, F, I>.Tanh(S.Mul(S.Broadcast(0.79788456080286536f), S.Fma(S.Mul(S.Broadcast(0.044715f), x), S.Mul(x, x), x)))));
}

/// <summary>x·σ(αx).</summary>
internal readonly struct SwishFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(x, LaneMath<S, F, I>.Sigmoid(S.Mul(alpha, x)));
}

/// <summary>x·tanh(ln(1 + eˣ)).</summary>
internal readonly struct MishFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Mish(x);
}

/// <summary>sin x.</summary>
internal readonly struct SinFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Sin(x);
}

/// <summary>cos x.</summary>
internal readonly struct CosFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Cos(x);
}

/// <summary>tan x.</summary>
internal readonly struct TanFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Tan(x);
}

/// <summary>asin x.</summary>
internal readonly struct AsinFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Asin(x);
}

/// <summary>acos x.</summary>
internal readonly struct AcosFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Acos(x);
}

/// <summary>atan x.</summary>
internal readonly struct AtanFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Atan(x);
}

/// <summary>sinh x.</summary>
internal readonly struct SinhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Sinh(x);
}

/// <summary>cosh x.</summary>
internal readonly struct CoshFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Cosh(x);
}

/// <summary>asinh x.</summary>
internal readonly struct AsinhFunction : IUnaryFunction
{
    public static bool IsLong
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Asinh(x);
}

/// <summary>acosh x.</summary>
internal readonly struct AcoshFunction : IUnaryFunction
{
    public static bool IsLong
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Acosh(x);
}

/// <summary>atanh x.</summary>
internal readonly struct AtanhFunction : IUnaryFunction
{
    public static bool IsLong
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        LaneMath<S, F, I>.Atanh(x);
}

/// <summary>⌈x⌉.</summary>
internal readonly struct CeilFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Ceiling(x);
}

/// <summary>⌊x⌋.</summary>
internal readonly struct FloorFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Floor(x);
}

/// <summary>Nearest whole number, half to even.</summary>
internal readonly struct RoundFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Round(x);
}

/// <summary>-1, 0 or 1; NaN stays.</summary>
internal readonly struct SignFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(default, x), S.Broadcast(1f), S.Select(S.Less(x, default), S.Broadcast(-1f), S.Select(S.Equal(x, default), default, x)));
}

/// <summary>αx + β, rounded once.</summary>
internal readonly struct AffineFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Fma(alpha, x, beta);
}

/// <summary>α·tanh(βx).</summary>
internal readonly struct ScaledTanhFunction : IUnaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F x, F alpha, F beta)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(alpha, LaneMath<S, F, I>.Tanh(S.Mul(beta, x)));
}
