using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>
/// A whole step of a small recurrent layer in fp32: the gates of a few units stay in registers from the products to the new state.
/// The same sums and formulas, in the same order, as <see cref="GemmFloat32{S,F,I,W,T}"/> followed by <see cref="Cells{S,F,I}"/>.
/// </summary>
/// <remarks>Two vectors of units at a time, one with 16 lanes: 4 chains a vector hide the latency.</remarks>
internal static unsafe class SmallSteps<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = WeightLayout.TileRows;

    /// <summary>See <see cref="KernelSet.LstmStep"/>.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* w, float* x, nint inputs, float* bias, float* r, float* h, nint units, float* cell, float* cellOut, float* hiddenOut)
    {
        var beside = stackalloc float[2 * Tile];
        nint width = S.Lanes == 16 ? S.Lanes : 2 * S.Lanes;
        for (nint unit = 0; unit < units; unit += width)
        {
            var block = unit >> 4;
            var lane = unit & (Tile - 1);
            F i0 = default, f0 = default, g0 = default, o0 = default, i1 = default, f1 = default, g1 = default, o1 = default;
            if (bias != null)
            {
                var b = bias + block * 4 * Tile + lane;
                (i0, f0, g0, o0) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile), S.Load(b + 3 * Tile));
                if (S.Lanes != 16) (i1, f1, g1, o1) = (S.Load(b + S.Lanes), S.Load(b + Tile + S.Lanes), S.Load(b + 2 * Tile + S.Lanes), S.Load(b + 3 * Tile + S.Lanes));
            }

            for (var part = 0; part < 2; part++)
            {
                var from = part == 0 ? x : h;
                var count = part == 0 ? inputs : units;
                var end = from + count;
                var stride = count * Tile;
                var p = (part == 0 ? w : r) + block * 4 * stride + lane;
                var p2 = p + 2 * stride;
                for (; from < end; from++)
                {
                    var value = S.Broadcast(*from);
                    i0 = S.Fma(value, S.Load(p), i0);
                    f0 = S.Fma(value, S.Load(p + stride), f0);
                    g0 = S.Fma(value, S.Load(p2), g0);
                    o0 = S.Fma(value, S.Load(p2 + stride), o0);
                    if (S.Lanes != 16)
                    {
                        i1 = S.Fma(value, S.Load(p + S.Lanes), i1);
                        f1 = S.Fma(value, S.Load(p + stride + S.Lanes), f1);
                        g1 = S.Fma(value, S.Load(p2 + S.Lanes), g1);
                        o1 = S.Fma(value, S.Load(p2 + stride + S.Lanes), o1);
                    }

                    p += Tile;
                    p2 += Tile;
                }
            }

            var c0 = Cells<S, F, I>.LstmCell(i0, f0, g0, S.Load(cell + unit));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit, units, beside), c0);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, units, beside + Tile), Cells<S, F, I>.LstmHidden(o0, c0));
            if (S.Lanes == 16 || unit + S.Lanes >= units) continue;
            var c1 = Cells<S, F, I>.LstmCell(i1, f1, g1, S.Load(cell + unit + S.Lanes));
            S.Store(Lanes<S, F, I>.Target(cellOut, unit + S.Lanes, units, beside), c1);
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit + S.Lanes, units, beside + Tile), Cells<S, F, I>.LstmHidden(o1, c1));
        }

        Lanes<S, F, I>.Flush(cellOut, units, beside);
        Lanes<S, F, I>.Flush(hiddenOut, units, beside + Tile);
    }

    /// <summary>See <see cref="KernelSet.GruStep"/>.</summary>
    /// <remarks>Two blocks or vectors at a time: three chains alone would wait for each other. Where there is no second, the first is done twice.</remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* w, float* x, nint inputs, float* bias, float* r, float* h, nint units, float* recurrentBias, float* hiddenOut)
    {
        var beside = stackalloc float[Tile];
        for (nint unit = 0; unit < units; unit += 2 * S.Lanes)
        {
            var second = unit + S.Lanes < units ? unit + S.Lanes : unit;
            F r0 = default, z0 = default, n0 = default, r1 = default, z1 = default, n1 = default;
            if (bias != null)
            {
                var b = bias + Offset(unit);
                (r0, z0, n0) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
                b = bias + Offset(second);
                (r1, z1, n1) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
            }

            var stride = inputs * Tile;
            var p = w + Start(unit, stride);
            var p1 = w + Start(second, stride);
            for (nint k = 0; k < inputs; k++)
            {
                var value = S.Broadcast(x[k]);
                r0 = S.Fma(value, S.Load(p), r0);
                z0 = S.Fma(value, S.Load(p + stride), z0);
                n0 = S.Fma(value, S.Load(p + 2 * stride), n0);
                r1 = S.Fma(value, S.Load(p1), r1);
                z1 = S.Fma(value, S.Load(p1 + stride), z1);
                n1 = S.Fma(value, S.Load(p1 + 2 * stride), n1);
                p += Tile;
                p1 += Tile;
            }

            F rh0 = default, zh0 = default, nh0 = default, rh1 = default, zh1 = default, nh1 = default;
            if (recurrentBias != null)
            {
                var b = recurrentBias + Offset(unit);
                (rh0, zh0, nh0) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
                b = recurrentBias + Offset(second);
                (rh1, zh1, nh1) = (S.Load(b), S.Load(b + Tile), S.Load(b + 2 * Tile));
            }

            stride = units * Tile;
            p = r + Start(unit, stride);
            p1 = r + Start(second, stride);
            for (nint k = 0; k < units; k++)
            {
                var value = S.Broadcast(h[k]);
                rh0 = S.Fma(value, S.Load(p), rh0);
                zh0 = S.Fma(value, S.Load(p + stride), zh0);
                nh0 = S.Fma(value, S.Load(p + 2 * stride), nh0);
                rh1 = S.Fma(value, S.Load(p1), rh1);
                zh1 = S.Fma(value, S.Load(p1 + stride), zh1);
                nh1 = S.Fma(value, S.Load(p1 + 2 * stride), nh1);
                p += Tile;
                p1 += Tile;
            }

            var candidate = S.Fma(Cells<S, F, I>.Gate(S.Add(r0, rh0)), nh0, n0);
            var next = Cells<S, F, I>.GruHidden(candidate, Cells<S, F, I>.Gate(S.Add(z0, zh0)), S.Load(h + unit));
            S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, units, beside), next);
            if (second == unit) break;
            candidate = S.Fma(Cells<S, F, I>.Gate(S.Add(r1, rh1)), nh1, n1);
            next = Cells<S, F, I>.GruHidden(candidate, Cells<S, F, I>.Gate(S.Add(z1, zh1)), S.Load(h + second));
            S.Store(Lanes<S, F, I>.Target(hiddenOut, second, units, beside), next);
        }

        Lanes<S, F, I>.Flush(hiddenOut, units, beside);
    }

    /// <summary>Where the gates of a unit begin in a row of a GRU's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Offset(nint unit) => (unit & -Tile) * 3 + (unit & Tile - 1);

    /// <summary>Where the weights of a GRU's unit begin, tiles <paramref name="stride"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Start(nint unit, nint stride) => (unit >> 4) * 3 * stride + (unit & Tile - 1);
}
