using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>
/// A whole step of a recurrent layer in fp32: the gates of a few units stay in registers from the products to the new state, and their
/// activations are computed while the next units' weights come. The same sums and formulas, in the same order, as <see cref="GemmFloat32{S,F,I,W,T}"/> followed by <see cref="Cells{S,F,I}"/>.
/// </summary>
/// <remarks>
/// Two vectors of units at a time, so that the activations of one fill the other's waits; the last may be alone. Walking down where the
/// last step walked up meets first what that left in the nearest cache, which the weights fill or just exceed.
/// </remarks>
internal readonly unsafe struct WholeSteps<S, F, I> : IWholeSteps
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = WeightLayout.TileRows;

    public static void Run(in RecurrentStep step, nint first, nint end)
    {
        if (step.Cell != null) Lstm(step, first, end);
        else Gru(step, first, end);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lstm(in RecurrentStep step, nint first, nint end)
    {
        float* x = step.X, h = step.Hidden, w = step.Weights, r = step.Recurrence, bias = step.Bias;
        float* cell = step.Cell, cellOut = step.CellOut, hiddenOut = step.HiddenOut;
        nint inputs = step.Inputs, units = step.Units;
        var descending = step.IsDescending;
        const int Gates = 4;
        var beside = stackalloc float[2 * Tile];
        var width = S.Lanes == 16 ? S.Lanes : 2 * S.Lanes;
        var last = (end - first - 1) / width * width;
        for (nint done = 0; done <= last; done += width)
        {
            var unit = first + (descending ? last - done : done);
            var isPair = S.Lanes != 16 && unit + S.Lanes < end;
            F i0 = default, f0 = default, g0 = default, o0 = default, i1 = default, f1 = default, g1 = default, o1 = default;
            if (bias != null)
            {
                var b = bias + Start(unit, Gates, Tile);
                (i0, f0, g0, o0) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile), S.Load(b + 3 * Tile));
                if (isPair) (i1, f1, g1, o1) = (S.Load(b + S.Lanes), S.Load(b + Tile + S.Lanes), S.Load(b + 2 * Tile + S.Lanes), S.Load(b + 3 * Tile + S.Lanes));
            }

            for (var part = 0; part < 2; part++)
            {
                var from = part == 0 ? x : h;
                var count = part == 0 ? inputs : units;
                var stop = from + count;
                var stride = count * Tile;
                var p = (part == 0 ? w : r) + Start(unit, Gates, stride);
                var p2 = p + 2 * stride;
                for (; isPair && from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    i0 = S.Fma(value, S.Load(p), i0);
                    f0 = S.Fma(value, S.Load(p + stride), f0);
                    g0 = S.Fma(value, S.Load(p2), g0);
                    o0 = S.Fma(value, S.Load(p2 + stride), o0);
                    i1 = S.Fma(value, S.Load(p + S.Lanes), i1);
                    f1 = S.Fma(value, S.Load(p + stride + S.Lanes), f1);
                    g1 = S.Fma(value, S.Load(p2 + S.Lanes), g1);
                    o1 = S.Fma(value, S.Load(p2 + stride + S.Lanes), o1);
                    p += Tile;
                    p2 += Tile;
                }

                for (; from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    i0 = S.Fma(value, S.Load(p), i0);
                    f0 = S.Fma(value, S.Load(p + stride), f0);
                    g0 = S.Fma(value, S.Load(p2), g0);
                    o0 = S.Fma(value, S.Load(p2 + stride), o0);
                    p += Tile;
                    p2 += Tile;
                }
            }

            var c0 = Cells<S, F, I>.LstmCell(i0, f0, g0, S.Load(cell + unit));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit, end, beside), c0);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, end, beside + Tile), Cells<S, F, I>.LstmHidden(o0, c0));
            if (!isPair) continue;
            var c1 = Cells<S, F, I>.LstmCell(i1, f1, g1, S.Load(cell + unit + S.Lanes));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit + S.Lanes, end, beside), c1);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit + S.Lanes, end, beside + Tile), Cells<S, F, I>.LstmHidden(o1, c1));
        }

        Lanes<S, F, I>.Flush(cellOut, end, beside);
        Lanes<S, F, I>.Flush(hiddenOut, end, beside + Tile);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gru(in RecurrentStep step, nint first, nint end)
    {
        float* x = step.X, h = step.Hidden, w = step.Weights, r = step.Recurrence, bias = step.Bias, recurrentBias = step.RecurrentBias;
        var hiddenOut = step.HiddenOut;
        nint inputs = step.Inputs, units = step.Units;
        var descending = step.IsDescending;
        const int Gates = 3;
        var beside = stackalloc float[Tile];
        var last = (end - first - 1) / (2 * S.Lanes) * (2 * S.Lanes);
        for (nint done = 0; done <= last; done += 2 * S.Lanes)
        {
            var unit = first + (descending ? last - done : done);
            var isPair = unit + S.Lanes < end;
            var second = isPair ? unit + S.Lanes : unit;

            // Of W·x first, then of R·h while those of W·x wait.
            F r0 = default, z0 = default, n0 = default, r1 = default, z1 = default, n1 = default;
            F xr0 = default, xz0 = default, xn0 = default, xr1 = default, xz1 = default, xn1 = default;
            for (var part = 0; part < 2; part++)
            {
                (xr0, xz0, xn0, xr1, xz1, xn1) = (r0, z0, n0, r1, z1, n1);
                var start = part == 0 ? bias : recurrentBias;
                if (start != null)
                {
                    var b = start + Start(unit, Gates, Tile);
                    (r0, z0, n0) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
                    b = start + Start(second, Gates, Tile);
                    (r1, z1, n1) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
                }
                else
                {
                    (r0, z0, n0, r1, z1, n1) = (default, default, default, default, default, default);
                }

                var from = part == 0 ? x : h;
                var count = part == 0 ? inputs : units;
                var stop = from + count;
                var stride = count * Tile;
                var weights = part == 0 ? w : r;
                var p = weights + Start(unit, Gates, stride);
                var q = weights + Start(second, Gates, stride);
                for (; from < stop && isPair; from++)
                {
                    var value = S.Broadcast(*from);
                    r0 = S.Fma(value, S.Load(p), r0);
                    z0 = S.Fma(value, S.Load(p + stride), z0);
                    n0 = S.Fma(value, S.Load(p + 2 * stride), n0);
                    r1 = S.Fma(value, S.Load(q), r1);
                    z1 = S.Fma(value, S.Load(q + stride), z1);
                    n1 = S.Fma(value, S.Load(q + 2 * stride), n1);
                    p += Tile;
                    q += Tile;
                }

                for (; from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    r0 = S.Fma(value, S.Load(p), r0);
                    z0 = S.Fma(value, S.Load(p + stride), z0);
                    n0 = S.Fma(value, S.Load(p + 2 * stride), n0);
                    p += Tile;
                }
            }

            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, end, beside), Next(xr0, xz0, xn0, r0, z0, n0, S.Load(h + unit)));
            if (isPair) S.Store(Lanes<S, F, I>.Target(hiddenOut, second, end, beside), Next(xr1, xz1, xn1, r1, z1, n1, S.Load(h + second)));
        }

        Lanes<S, F, I>.Flush(hiddenOut, end, beside);
    }

    /// <summary>A GRU's new state of the units in a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Next(F xr, F xz, F xn, F hr, F hz, F hn, F hidden) =>
        Cells<S, F, I>.GruHidden(S.Fma(Cells<S, F, I>.Gate(S.Add(xr, hr)), hn, xn), Cells<S, F, I>.Gate(S.Add(xz, hz)), hidden);

    /// <summary>Where the gates of a unit begin, tiles <paramref name="stride"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Start(nint unit, int gates, nint stride) => (unit >> 4) * gates * stride + (unit & Tile - 1);
}
