using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Reductions of adjacent rows, and the functions that use them: softmax and normalization.</summary>
/// <remarks>Each row is summed in the order of <see cref="RowFold{S, F, I}"/>. Rows do not depend on each other, so a processor works on several at once.</remarks>
internal static unsafe class RowReductions<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    /// <summary>Max and Min skip NaNs; for no elements they are -∞ and ∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Reduce(ReduceFunction function, float* x, nint rows, nint n, float* y)
    {
        switch (function)
        {
            case ReduceFunction.Sum: Sum(x, rows, n, y); break;
            case ReduceFunction.Mean:
                Sum(x, rows, n, y);
                float count = n;
                Elementwise<S, F, I>.Binary(BinaryFunction.Div, y, 1, &count, 0, y, rows);
                break;
            case ReduceFunction.Max: RowFold<S, F, I>.Rows<MaxStep>(x, rows, n, y); break;
            case ReduceFunction.Min: RowFold<S, F, I>.Rows<MinStep>(x, rows, n, y); break;
            case ReduceFunction.Prod: RowFold<S, F, I>.Rows<ProdStep>(x, rows, n, y); break;
            case ReduceFunction.L1: RowFold<S, F, I>.Rows<AbsStep>(x, rows, n, y); break;
            case ReduceFunction.L2:
                RowFold<S, F, I>.Rows<SquareStep>(x, rows, n, y);
                Elementwise<S, F, I>.Unary(UnaryFunction.Sqrt, y, y, rows, 0, 0);
                break;
            case ReduceFunction.SumSquare: RowFold<S, F, I>.Rows<SquareStep>(x, rows, n, y); break;
            case ReduceFunction.LogSum:
                RowFold<S, F, I>.Rows<SumStep>(x, rows, n, y);
                Elementwise<S, F, I>.Unary(UnaryFunction.Log, y, y, rows, 0, 0);
                break;
            case ReduceFunction.LogSumExp:
                for (; rows > 0; rows--, x += n, y++)
                {
                    var shift = RowFold<S, F, I>.Of<MaxStep>(x, n, 0);
                    if (!float.IsFinite(shift)) shift = 0;
                    *y = LaneMath<Scalar, float, int>.Log(RowFold<S, F, I>.Of<ExpStep>(x, n, shift)) + shift;
                }

                break;
            default: KernelError.NotArithmetic(function); break;
        }
    }

    /// <summary>Sums of rows; those of one element have rows in lanes. A sum starts from 0, so -0 becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum(float* x, nint rows, nint n, float* y)
    {
        var zero = 0f;
        if (n == 1) Elementwise<S, F, I>.Binary(BinaryFunction.Add, x, 1, &zero, 0, y, rows);
        else RowFold<S, F, I>.Rows<SumStep>(x, rows, n, y);
    }

    /// <summary>exp(x - max)·(1/Σ), or (x - max) - log Σ.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* x, float* y, nint rows, nint n, bool logarithm)
    {
        const int block = RowFold<S, F, I>.Block, width = RowFold<S, F, I>.Partials;
        var partials = stackalloc float[block * width];
        var most = stackalloc float[2 * KernelSet.Tile];
        var sums = most + KernelSet.Tile;
        for (; rows > 0; rows -= block, x += block * n, y += block * n)
        {
            var count = rows < block ? rows : block;
            RowFold<S, F, I>.Rows<MaxStep>(x, count, n, most);
            for (nint i = 0; i < count; i++)
            {
                if (logarithm) RowFold<S, F, I>.Fold<ExpStep>(x + i * n, n, most[i], partials + i * width);
                else ExpShifted(x + i * n, y + i * n, n, most[i], partials + i * width);
            }

            for (nint i = 0; i < count; i++) sums[i] = RowFold<S, F, I>.Joined<SumStep>(partials + i * width);
            if (logarithm) Elementwise<S, F, I>.Unary(UnaryFunction.Log, sums, sums, count, 0, 0);
            for (nint i = 0; i < count; i++)
            {
                if (logarithm) Shift(x + i * n, y + i * n, n, most[i], sums[i]);
                else Scale(y + i * n, n, 1 / sums[i]);
            }
        }
    }

    /// <summary>t = (x - mean)·(1/sqrt(var + epsilon)); y = fma(t, gain, bias).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalize(float* x, float* gain, float* bias, float* y, nint rows, nint n, float epsilon, bool rms)
    {
        const int block = RowFold<S, F, I>.Block, width = RowFold<S, F, I>.Partials;
        var partials = stackalloc float[block * width];
        var centers = stackalloc float[KernelSet.Tile];
        for (; rows > 0; rows -= block, x += block * n, y += block * n)
        {
            var count = rows < block ? rows : block;
            if (rms) new Span<float>(centers, block).Clear();
            else RowFold<S, F, I>.Rows<SumStep>(x, count, n, centers);
            for (nint i = 0; i < count; i++)
            {
                centers[i] /= n;
                RowFold<S, F, I>.Fold<VarianceStep>(x + i * n, n, centers[i], partials + i * width);
            }

            for (nint i = 0; i < count; i++)
            {
                var variance = RowFold<S, F, I>.Joined<VarianceStep>(partials + i * width) / n;
                Normalize(x + i * n, gain, bias, y + i * n, n, centers[i], 1 / MathF.Sqrt(variance + epsilon));
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalize(float* x, float* gain, float* bias, float* y, nint n, float center, float scale)
    {
        var beside = stackalloc float[KernelSet.Tile];
        var mean = S.Broadcast(center);
        var factor = S.Broadcast(scale);
        for (nint i = 0; i < n; i += S.Lanes)
        {
            var t = S.Mul(S.Sub(S.Load(x + i), mean), factor);
            if (gain != null) t = bias != null ? S.Fma(t, S.Load(gain + i), S.Load(bias + i)) : S.Mul(t, S.Load(gain + i));
            else if (bias != null) t = S.Add(t, S.Load(bias + i));
            S.Store(Lanes<S, F, I>.Target(y, i, n, beside), t);
        }

        Lanes<S, F, I>.Flush(y, n, beside);
    }

    /// <summary>y = exp(x - shift), where no x is larger than shift, and the partial sums of y.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ExpShifted(float* x, float* y, nint n, float shift, float* sums)
    {
        const int partials = RowFold<S, F, I>.Partials;
        var beside = stackalloc float[partials];
        var s = S.Broadcast(shift);
        if (!RowFold<S, F, I>.FitsRegisters)
        {
            for (nint j = 0; j < n; j += S.Lanes) S.Store(Lanes<S, F, I>.Target(y, j, n, beside), Exp(x + j, s));
            Lanes<S, F, I>.Flush(y, n, beside);
            RowFold<S, F, I>.Fold<SumStep>(y, n, 0, sums);
            return;
        }

        F a0 = default, a1 = default, a2 = default, a3 = default;
        nint i = 0;
        for (; i + partials <= n; i += partials)
        {
            a0 = S.Add(a0, Exp(x + i, y + i, s));
            if (S.Lanes < partials) a1 = S.Add(a1, Exp(x + i + S.Lanes, y + i + S.Lanes, s));
            if (2 * S.Lanes < partials) a2 = S.Add(a2, Exp(x + i + 2 * S.Lanes, y + i + 2 * S.Lanes, s));
            if (2 * S.Lanes < partials) a3 = S.Add(a3, Exp(x + i + 3 * S.Lanes, y + i + 3 * S.Lanes, s));
        }

        if (i < n)
        {
            var left = n - i;
            var kept = RowFold<S, F, I>.Kept(left);
            a0 = S.Select(S.LoadInt(kept), S.Add(a0, Exp(x + i, beside, s)), a0);
            if (S.Lanes < partials && left > S.Lanes) a1 = S.Select(S.LoadInt(kept + S.Lanes), S.Add(a1, Exp(x + i + S.Lanes, beside + S.Lanes, s)), a1);
            if (2 * S.Lanes < partials && left > 2 * S.Lanes) a2 = S.Select(S.LoadInt(kept + 2 * S.Lanes), S.Add(a2, Exp(x + i + 2 * S.Lanes, beside + 2 * S.Lanes, s)), a2);
            if (2 * S.Lanes < partials && left > 3 * S.Lanes) a3 = S.Select(S.LoadInt(kept + 3 * S.Lanes), S.Add(a3, Exp(x + i + 3 * S.Lanes, beside + 3 * S.Lanes, s)), a3);
            Lanes<S, F, I>.Copy(beside, y + i, left);
        }

        RowFold<S, F, I>.Store(sums, a0, a1, a2, a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Exp(float* x, F shift) => LaneMath<S, F, I>.ExpOfNegative(S.Sub(S.Load(x), shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Exp(float* x, float* y, F shift)
    {
        var e = Exp(x, shift);
        S.Store(y, e);
        return e;
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
}
