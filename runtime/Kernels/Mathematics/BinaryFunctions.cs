using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>An elementwise function of two arguments; the loop takes it as a type argument.</summary>
internal interface IBinaryFunction
{
    static abstract F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged;
}

/// <summary>a + b.</summary>
internal readonly struct AddFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Add(a, b);
}

/// <summary>a - b.</summary>
internal readonly struct SubFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Sub(a, b);
}

/// <summary>a·b.</summary>
internal readonly struct MulFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Mul(a, b);
}

/// <summary>a/b.</summary>
internal readonly struct DivFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Div(a, b);
}

/// <summary>Smaller of two; NaN if either is.</summary>
internal readonly struct MinFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Equal(a, a), S.Min(a, b), a);
}

/// <summary>Larger of two; NaN if either is.</summary>
internal readonly struct MaxFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Equal(a, a), S.Max(a, b), a);
}

/// <summary>a &lt; 0 ? b·a : a.</summary>
internal readonly struct PReluFunction : IBinaryFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Invoke<S, F, I>(F a, F b)
        where S : struct, ISimd<F, I>
        where F : unmanaged
        where I : unmanaged =>
        S.Select(S.Less(a, default), S.Mul(b, a), a);
}
