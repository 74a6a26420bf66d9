using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Reductions of one row, and the functions that use them: softmax and normalization.</summary>
/// <remarks>Element i goes to partial i mod 16; the 16 partials fold 16→8→4→2→1 by adding the upper half to the lower.</remarks>
internal static unsafe class RowReductions<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Partials = 16;

    /// <summary>Max and Min skip NaNs; for no elements they are -∞ and ∞.</summary>
    public static float Reduce(ReduceFunction function, float* x, nint n)
    {
        switch (function)
        {
            case ReduceFunction.Sum: return Fold<SumStep>(x, n, 0);
            case ReduceFunction.Mean: return Fold<SumStep>(x, n, 0) / n;
            case ReduceFunction.Max: return Fold<MaxStep>(x, n, 0);
            case ReduceFunction.Min: return Fold<MinStep>(x, n, 0);
            case ReduceFunction.Prod: return Fold<ProdStep>(x, n, 0);
            case ReduceFunction.L1: return Fold<AbsStep>(x, n, 0);
            case ReduceFunction.L2: return MathF.Sqrt(Fold<SquareStep>(x, n, 0));
            case ReduceFunction.SumSquare: return Fold<SquareStep>(x, n, 0);
            case ReduceFunction.LogSum: return LaneMath<Scalar, float, int>.Log(Fold<SumStep>(x, n, 0));
            case ReduceFunction.LogSumExp:
                var shift = Fold<MaxStep>(x, n, 0);
                if (!float.IsFinite(shift)) shift = 0;
                return LaneMath<Scalar, float, int>.Log(Fold<ExpStep>(x, n, shift)) + shift;
            default: return float.NaN;
        }
    }

    /// <summary>exp(x - max)·(1/Σ), or (x - max) - log Σ.</summary>
    public static void Softmax(float* x, float* y, nint n, bool logarithm)
    {
        var max = Fold<MaxStep>(x, n, 0);
        if (logarithm)
        {
            Shift(x, y, n, max, LaneMath<Scalar, float, int>.Log(Fold<ExpStep>(x, n, max)));
        }
        else
        {
            ExpShifted(x, y, n, max);
            Scale(y, n, 1 / Fold<SumStep>(y, n, 0));
        }
    }

    /// <summary>t = (x - mean)·(1/sqrt(var + epsilon)); y = fma(t, gain, bias).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalize(float* x, float* gain, float* bias, float* y, nint n, float epsilon, bool rms)
    {
        var beside = stackalloc float[KernelSet.Tile];
        var center = rms ? 0 : Fold<SumStep>(x, n, 0) / n;
        var variance = Fold<VarianceStep>(x, n, center) / n;
        var mean = S.Broadcast(center);
        var factor = S.Broadcast(1 / MathF.Sqrt(variance + epsilon));
        for (nint i = 0; i < n; i += S.Lanes)
        {
            var t = S.Mul(S.Sub(S.Load(x + i), mean), factor);
            if (gain != null) t = bias != null ? S.Fma(t, S.Load(gain + i), S.Load(bias + i)) : S.Mul(t, S.Load(gain + i));
            else if (bias != null) t = S.Add(t, S.Load(bias + i));
            S.Store(Lanes<S, F, I>.Target(y, i, n, beside), t);
        }

        Lanes<S, F, I>.Flush(y, n, beside);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ExpShifted(float* x, float* y, nint n, float shift)
    {
        var beside = stackalloc float[KernelSet.Tile];
        var s = S.Broadcast(shift);
        for (nint i = 0; i < n; i += S.Lanes) S.Store(Lanes<S, F, I>.Target(y, i, n, beside), LaneMath<S, F, I>.Exp(S.Sub(S.Load(x + i), s)));
        Lanes<S, F, I>.Flush(y, n, beside);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* y, nint n, float factor)
    {
        var beside = stackalloc float[KernelSet.Tile];
        var f = S.Broadcast(factor);
        for (nint i = 0; i < n; i += S.Lanes) S.Store(Lanes<S, F, I>.Target(y, i, n, beside), S.Mul(S.Load(y + i), f));
        Lanes<S, F, I>.Flush(y, n, beside);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Shift(float* x, float* y, nint n, float first, float second)
    {
        var beside = stackalloc float[KernelSet.Tile];
        var a = S.Broadcast(first);
        var b = S.Broadcast(second);
        for (nint i = 0; i < n; i += S.Lanes) S.Store(Lanes<S, F, I>.Target(y, i, n, beside), S.Sub(S.Sub(S.Load(x + i), a), b));
        Lanes<S, F, I>.Flush(y, n, beside);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Fold<TStep>(float* x, nint n, float shift)
        where TStep : struct, IRowStep
    {
        var partials = stackalloc float[Partials];
        var s = S.Broadcast(shift);
        var whole = n & -Partials;
        if (4 * S.Lanes >= Partials)
        {
            F a0 = S.Broadcast(TStep.Identity), a1 = a0, a2 = a0, a3 = a0;
            for (nint i = 0; i < whole; i += Partials)
            {
                a0 = TStep.Add<S, F, I>(a0, S.Load(x + i), s);
                if (S.Lanes < Partials) a1 = TStep.Add<S, F, I>(a1, S.Load(x + i + S.Lanes), s);
                if (2 * S.Lanes < Partials)
                {
                    a2 = TStep.Add<S, F, I>(a2, S.Load(x + i + 2 * S.Lanes), s);
                    a3 = TStep.Add<S, F, I>(a3, S.Load(x + i + 3 * S.Lanes), s);
                }
            }

            S.Store(partials, a0);
            if (S.Lanes < Partials) S.Store(partials + S.Lanes, a1);
            if (2 * S.Lanes < Partials)
            {
                S.Store(partials + 2 * S.Lanes, a2);
                S.Store(partials + 3 * S.Lanes, a3);
            }
        }
        else
        {
            for (nint j = 0; j < Partials; j += S.Lanes)
            {
                var a = S.Broadcast(TStep.Identity);
                for (nint i = 0; i < whole; i += Partials) a = TStep.Add<S, F, I>(a, S.Load(x + i + j), s);
                S.Store(partials + j, a);
            }
        }

        for (var i = whole; i < n; i++) partials[i - whole] = TStep.Add<Scalar, float, int>(partials[i - whole], x[i], shift);
        for (var half = Partials / 2; half > 0; half /= 2)
        {
            for (var j = 0; j < half; j++) partials[j] = TStep.Join(partials[j], partials[j + half]);
        }

        return partials[0];
    }
}
