using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// A whole step of a recurrent layer in fp32: the gates of a few units stay in registers from the products to the new state, and their
/// activations are computed while the next units' weights load. It uses the same sums and formulas, in the same order, as <see cref="GemmFloat32{S,F,I,W,T}"/> followed by <see cref="Cells{S,F,I}"/>.
/// </summary>
/// <remarks>
/// It takes two vectors of units at a time, so that the activations of one fill the waits of the other; the last vector may be alone. If the last step
/// walked up, this one walks down, to start with the weights that the last step left in the nearest cache.
/// </remarks>
internal readonly unsafe struct WholeSteps<S, F, I> : IWholeSteps
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = GateRows.BlockUnits;

    /// <summary>Whether a vector is a whole block of units.</summary>
    private static bool IsBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => S.Lanes == Tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in RecurrentStep step, nint first, nint end)
    {
        if (step.Cell != null) Lstm(step, first, end);
        else Gru(step, first, end);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lstm(in RecurrentStep step, nint first, nint end)
    {
        float* x = step.X, h = step.Hidden, w = (float*)step.Weights.Panels, r = (float*)step.Recurrence.Panels, bias = step.Bias;
        float* cell = step.Cell, cellOut = step.CellOut, hiddenOut = step.HiddenOut;
        nint inputs = step.Inputs, units = step.Units;
        var descending = step.IsDescending;
        const int Gates = 4;
        var beside = stackalloc float[2 * Tile];
        var together = IsBlock ? S.Lanes : 2 * S.Lanes;
        var last = (end - first - 1) / together * together;
        for (nint done = 0; done <= last; done += together)
        {
            var unit = first + (descending ? last - done : done);
            var isPair = !IsBlock && unit + S.Lanes < end;
            F i0 = default, f0 = default, g0 = default, o0 = default, i1 = default, f1 = default, g1 = default, o1 = default;
            nint width = Width(unit, units), next = Gates * width;
            if (bias != null)
            {
                var b = bias + Start(unit, Gates, 1);
                (i0, f0, g0, o0) = (S.Load(b), S.Load(b + width), S.Load(b + 2 * width), S.Load(b + 3 * width));
                if (isPair) (i1, f1, g1, o1) = (S.Load(b + S.Lanes), S.Load(b + width + S.Lanes), S.Load(b + 2 * width + S.Lanes), S.Load(b + 3 * width + S.Lanes));
            }

            for (var part = 0; part < 2; part++)
            {
                var from = part == 0 ? x : h;
                var count = part == 0 ? inputs : units;
                var stop = from + count;
                var p = (part == 0 ? w : r) + Start(unit, Gates, count);
                var p2 = p + 2 * width;
                for (; isPair && from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    i0 = S.Fma(value, S.Load(p), i0);
                    f0 = S.Fma(value, S.Load(p + width), f0);
                    g0 = S.Fma(value, S.Load(p2), g0);
                    o0 = S.Fma(value, S.Load(p2 + width), o0);
                    i1 = S.Fma(value, S.Load(p + S.Lanes), i1);
                    f1 = S.Fma(value, S.Load(p + width + S.Lanes), f1);
                    g1 = S.Fma(value, S.Load(p2 + S.Lanes), g1);
                    o1 = S.Fma(value, S.Load(p2 + width + S.Lanes), o1);
                    p += next;
                    p2 += next;
                }

                for (; from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    i0 = S.Fma(value, S.Load(p), i0);
                    f0 = S.Fma(value, S.Load(p + width), f0);
                    g0 = S.Fma(value, S.Load(p2), g0);
                    o0 = S.Fma(value, S.Load(p2 + width), o0);
                    p += next;
                    p2 += next;
                }
            }

            var c0 = CellFormulas<S, F, I>.LstmCell(i0, f0, g0, S.Load(cell + unit));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit, end, beside), c0);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, end, beside + Tile), CellFormulas<S, F, I>.LstmHidden(o0, c0));
            if (!isPair) continue;
            var c1 = CellFormulas<S, F, I>.LstmCell(i1, f1, g1, S.Load(cell + unit + S.Lanes));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit + S.Lanes, end, beside), c1);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit + S.Lanes, end, beside + Tile), CellFormulas<S, F, I>.LstmHidden(o1, c1));
        }

        Lanes<S, F, I>.Flush(cellOut, end, beside);
        Lanes<S, F, I>.Flush(hiddenOut, end, beside + Tile);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gru(in RecurrentStep step, nint first, nint end)
    {
        float* x = step.X, h = step.Hidden, w = (float*)step.Weights.Panels, r = (float*)step.Recurrence.Panels, bias = step.Bias, recurrentBias = step.RecurrentBias;
        var hiddenOut = step.HiddenOut;
        nint inputs = step.Inputs, units = step.Units;
        var descending = step.IsDescending;
        const int Gates = 3;
        var beside = stackalloc float[Tile];

        // Two vectors at a time. If each is a block, both must be whole; the remaining vectors go one by one.
        var pairs = IsBlock ? (nint)((nuint)((end & -Tile) - first) / (2 * Tile)) : (end - first + 2 * S.Lanes - 1) / (2 * S.Lanes);
        var items = pairs + (IsBlock ? (nint)((nuint)(end - first - 2 * Tile * pairs + Tile - 1) / Tile) : 0);
        for (nint done = 0; done < items; done++)
        {
            var item = descending ? items - 1 - done : done;
            var unit = first + (item < pairs ? item * 2 * S.Lanes : (item + pairs) * S.Lanes);
            var isPair = item < pairs && unit + S.Lanes < end;
            var second = isPair ? unit + S.Lanes : unit;
            nint width = Width(unit, units), next = Gates * width;

            // Sums of W·x first, then of R·h; those of W·x stay in registers.
            F r0 = default, z0 = default, n0 = default, r1 = default, z1 = default, n1 = default;
            F xr0 = default, xz0 = default, xn0 = default, xr1 = default, xz1 = default, xn1 = default;
            for (var part = 0; part < 2; part++)
            {
                (xr0, xz0, xn0, xr1, xz1, xn1) = (r0, z0, n0, r1, z1, n1);
                var start = part == 0 ? bias : recurrentBias;
                if (start != null)
                {
                    var b = start + Start(unit, Gates, 1);
                    (r0, z0, n0) = (S.Load(b), S.Load(b + width), S.Load(b + 2 * width));
                    b = start + Start(second, Gates, 1);
                    (r1, z1, n1) = (S.Load(b), S.Load(b + width), S.Load(b + 2 * width));
                }
                else
                {
                    (r0, z0, n0, r1, z1, n1) = (default, default, default, default, default, default);
                }

                var from = part == 0 ? x : h;
                var count = part == 0 ? inputs : units;
                var stop = from + count;
                var weights = part == 0 ? w : r;
                var p = weights + Start(unit, Gates, count);
                var q = weights + Start(second, Gates, count);
                for (; from < stop && isPair; from++)
                {
                    var value = S.Broadcast(*from);
                    var other = IsBlock ? q : p + S.Lanes;
                    r0 = S.Fma(value, S.Load(p), r0);
                    z0 = S.Fma(value, S.Load(p + width), z0);
                    n0 = S.Fma(value, S.Load(p + 2 * width), n0);
                    r1 = S.Fma(value, S.Load(other), r1);
                    z1 = S.Fma(value, S.Load(other + width), z1);
                    n1 = S.Fma(value, S.Load(other + 2 * width), n1);
                    p += next;
                    if (IsBlock) q += next;
                }

                for (; from < stop; from++)
                {
                    var value = S.Broadcast(*from);
                    r0 = S.Fma(value, S.Load(p), r0);
                    z0 = S.Fma(value, S.Load(p + width), z0);
                    n0 = S.Fma(value, S.Load(p + 2 * width), n0);
                    p += next;
                }
            }

            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, end, beside), Next(xr0, xz0, xn0, r0, z0, n0, S.Load(h + unit)));
            if (isPair) S.Store(Lanes<S, F, I>.Target(hiddenOut, second, end, beside), Next(xr1, xz1, xn1, r1, z1, n1, S.Load(h + second)));
        }

        Lanes<S, F, I>.Flush(hiddenOut, end, beside);
    }

    /// <summary>The new state of a GRU for the units in a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Next(F xr, F xz, F xn, F hr, F hz, F hn, F hidden) =>
        CellFormulas<S, F, I>.GruHidden(S.Fma(CellFormulas<S, F, I>.Gate(S.Add(xr, hr)), hn, xn), CellFormulas<S, F, I>.Gate(S.Add(xz, hz)), hidden);

    /// <summary>The place of a unit's first gate in a matrix with this many columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Start(nint unit, int gates, nint columns) => (unit & -Tile) * gates * columns + (unit & Tile - 1);

    /// <summary>Rows of a gate in the block of a unit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Width(nint unit, nint units) => Cells<S, F, I>.Width(unit, units);
}
