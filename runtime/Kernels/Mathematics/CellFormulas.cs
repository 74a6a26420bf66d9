using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>The updates of recurrent cells for the units in a vector.</summary>
internal static class CellFormulas<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>c' = fma(σ(f), c, σ(i)·tanh(g)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F LstmCell(F input, F forget, F candidate, F cell) => LstmCellOfOpen(Open(input), Open(forget), candidate, cell);

    /// <summary>The same from <see cref="Open"/> of the gates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F LstmCellOfOpen(F input, F forget, F candidate, F cell)
    {
        var t = LaneMath<S, F, I>.Expm1OfTwice(candidate);
        return S.FmaAside(S.Div(S.Broadcast(1f), forget), cell, S.Div(t, S.Mul(input, S.Add(t, S.Broadcast(2f)))));
    }

    /// <summary>h' = σ(o)·tanh(c').</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F LstmHidden(F output, F cell) => LstmHiddenOfOpen(Open(output), cell);

    /// <summary>The same from <see cref="Open"/> of the gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F LstmHiddenOfOpen(F output, F cell)
    {
        var t = LaneMath<S, F, I>.Expm1OfTwice(cell);
        return S.Div(t, S.Mul(output, S.Add(t, S.Broadcast(2f))));
    }

    /// <summary>h' = fma(z, h - n, n) with n = tanh of the candidate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F GruHidden(F candidate, F update, F hidden)
    {
        var t = LaneMath<S, F, I>.Expm1OfTwice(candidate);
        var n = S.Div(t, S.Add(t, S.Broadcast(2f)));
        return S.FmaAside(update, S.Sub(hidden, n), n);
    }

    /// <summary>σ(x) = 1/(1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Gate(F x) => S.Div(S.Broadcast(1f), Open(x));

    /// <summary>1/σ(x) = 1 + e⁻ˣ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Open(F x) => S.Add(S.Broadcast(1f), LaneMath<S, F, I>.ExpOfGate(x));
}
