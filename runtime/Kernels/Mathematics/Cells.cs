using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>Cell updates of recurrent layers over pre-activations in the order of <see cref="GateRows"/>.</summary>
/// <remarks>
/// Units are computed in chunks of 64, in two loops: first the values that depend on the gates alone, then the values that depend on the first
/// loop's results. In a single loop the second activation would wait for the first, and the processor's window is too short to
/// fill the wait with the next units.
/// </remarks>
internal static unsafe class Cells<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Chunk = 64;
    private const int Tile = GateRows.BlockUnits;

    /// <summary>
    /// c' = fma(σ(f), c, σ(i)·tanh(g)), h' = σ(o)·tanh(c'), each product of two activations by one division:
    /// σ(a)·tanh(b) = t/((1 + e⁻ᵃ)·(t + 2)) with t = e²ᵇ - 1.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* gates, float* cell, float* cellOut, float* hiddenOut, nint hidden)
    {
        var next = stackalloc float[2 * Chunk + 2 * Tile];
        var output = next + Chunk;
        var beside = output + Chunk;
        nint first = 0;
        if (S.Interleaves || S.HasFour)
        {
            first = hidden & -Tile;
            CellBlocks<FourVectors<S, F, I>, Four<F>, Four<I>>.Lstm(gates, cell, cellOut, hiddenOut, first);
        }

        for (; first < hidden; first += Chunk)
        {
            var end = first + Chunk < hidden ? first + Chunk : hidden;
            nint unit = first, whole = end & -Tile;
            for (; unit < whole; unit += S.Lanes)
            {
                var block = gates + (unit & -Tile) * 4 + (unit & Tile - 1);
                S.Store(output + unit - first, S.Load(block + 3 * Tile));
                var c = CellFormulas<S, F, I>.LstmCell(S.Load(block), S.Load(block + Tile), S.Load(block + 2 * Tile), S.Load(cell + unit));
                S.Store(next + unit - first, c);
                S.Store(cellOut + unit, c);
            }

            for (; unit < end; unit += S.Lanes)
            {
                var width = Width(unit, hidden);
                var block = gates + (unit & -Tile) * 4 + (unit & Tile - 1);
                S.Store(output + unit - first, S.Load(block + 3 * width));
                var c = CellFormulas<S, F, I>.LstmCell(S.Load(block), S.Load(block + width), S.Load(block + 2 * width), S.Load(cell + unit));
                S.Store(next + unit - first, c);
                S.Store(Lanes<S, F, I>.Target(cellOut, unit, hidden, beside), c);
            }

            for (unit = first; unit < end; unit += S.Lanes)
            {
                S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, hidden, beside + Tile), CellFormulas<S, F, I>.LstmHidden(S.Load(output + unit - first), S.Load(next + unit - first)));
            }
        }

        Lanes<S, F, I>.Flush(cellOut, hidden, beside);
        Lanes<S, F, I>.Flush(hiddenOut, hidden, beside + Tile);
    }

    /// <summary>r = σ(xr + hr), z = σ(xz + hz), n = tanh(fma(r, hn, xn)), h' = fma(z, h - n, n).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, nint units)
    {
        var candidate = stackalloc float[2 * Chunk + Tile];
        var update = candidate + Chunk;
        var beside = update + Chunk;
        nint first = 0;
        if (S.Interleaves || S.HasFour)
        {
            first = units & -Tile;
            CellBlocks<FourVectors<S, F, I>, Four<F>, Four<I>>.Gru(gatesX, gatesH, hidden, hiddenOut, first);
        }

        for (; first < units; first += Chunk)
        {
            var end = first + Chunk < units ? first + Chunk : units;
            nint unit = first, whole = end & -Tile;
            for (; unit < whole; unit += S.Lanes)
            {
                var offset = (unit & -Tile) * 3 + (unit & Tile - 1);
                var x = gatesX + offset;
                var h = gatesH + offset;
                S.Store(candidate + unit - first, S.FmaAside(CellFormulas<S, F, I>.Gate(S.Add(S.Load(x), S.Load(h))), S.Load(h + 2 * Tile), S.Load(x + 2 * Tile)));
                S.Store(update + unit - first, CellFormulas<S, F, I>.Gate(S.Add(S.Load(x + Tile), S.Load(h + Tile))));
            }

            for (; unit < end; unit += S.Lanes)
            {
                var width = Width(unit, units);
                var offset = (unit & -Tile) * 3 + (unit & Tile - 1);
                var x = gatesX + offset;
                var h = gatesH + offset;
                S.Store(candidate + unit - first, S.FmaAside(CellFormulas<S, F, I>.Gate(S.Add(S.Load(x), S.Load(h))), S.Load(h + 2 * width), S.Load(x + 2 * width)));
                S.Store(update + unit - first, CellFormulas<S, F, I>.Gate(S.Add(S.Load(x + width), S.Load(h + width))));
            }

            for (unit = first; unit < end; unit += S.Lanes)
            {
                var h = CellFormulas<S, F, I>.GruHidden(S.Load(candidate + unit - first), S.Load(update + unit - first), S.Load(hidden + unit));
                S.Store(Lanes<S, F, I>.Target(hiddenOut, unit, units, beside), h);
            }
        }

        Lanes<S, F, I>.Flush(hiddenOut, units, beside);
    }

    /// <summary>Rows of a gate in the block of a unit: <see cref="GateRows.Width"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Width(nint unit, nint units) => (unit | Tile - 1) < units ? Tile : (units - (unit & -Tile) + WeightLayout.RowStep - 1) & -WeightLayout.RowStep;
}
