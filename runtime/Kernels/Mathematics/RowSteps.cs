using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>One kind of reduction along a row: how to add an element to a partial result, and how to combine two partial results.</summary>
internal interface IRowStep
{
    /// <summary>Value of a partial with no elements.</summary>
    static abstract float Identity { get; }

    /// <summary>Partial result with one more element in each lane.</summary>
    static abstract F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged;

    static abstract F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged;
}

/// <summary>Σ x.</summary>
internal readonly struct SumStep : IRowStep
{
    public static float Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(sum, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(a, b);
}

/// <summary>Π x.</summary>
internal readonly struct ProdStep : IRowStep
{
    public static float Identity => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Mul(sum, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Mul(a, b);
}

/// <summary>Largest element that is not NaN.</summary>
internal readonly struct MaxStep : IRowStep
{
    public static float Identity => float.NegativeInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Max(x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Max(b, a);
}

/// <summary>Smallest element that is not NaN.</summary>
internal readonly struct MinStep : IRowStep
{
    public static float Identity => float.PositiveInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Min(x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Min(b, a);
}

/// <summary>Σ |x|.</summary>
internal readonly struct AbsStep : IRowStep
{
    public static float Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(sum, LaneMath<S, F, I>.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(a, b);
}

/// <summary>Σ x², each added by one FMA.</summary>
internal readonly struct SquareStep : IRowStep
{
    public static float Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Fma(x, x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(a, b);
}

/// <summary>Σ (x - shift)², each added by one FMA.</summary>
internal readonly struct VarianceStep : IRowStep
{
    public static float Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => Square<S, F, I>(sum, S.Sub(x, shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Square<S, F, I>(F sum, F difference)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Fma(difference, difference, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(a, b);
}

/// <summary>Σ exp(x - shift).</summary>
internal readonly struct ExpStep : IRowStep
{
    public static float Identity => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Add<S, F, I>(F sum, F x, F shift)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(sum, LaneMath<S, F, I>.Exp(S.Sub(x, shift)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Join<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged => S.Add(a, b);
}
