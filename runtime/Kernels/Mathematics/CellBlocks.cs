using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Mathematics;

/// <summary>The formulas of <see cref="Cells{S,F,I}"/> for whole blocks of units, each block in a vector (<see cref="FourVectors{S,F,I}"/>).</summary>
/// <remarks>Each activation has its own method: the compiler inlines only as much as 512 local variables hold.</remarks>
/// <typeparam name="S">Lanes of a block.</typeparam>
/// <typeparam name="F">Vector of fp32.</typeparam>
/// <typeparam name="I">Vector of int32 with as many lanes.</typeparam>
internal static unsafe class CellBlocks<S, F, I>
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = GateRows.BlockUnits;

    /// <summary>Units at a time.</summary>
    private const int Chunk = 64;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* gates, float* cell, float* cellOut, float* hiddenOut, nint units)
    {
        var open = stackalloc float[3 * Chunk];
        for (nint first = 0; first < units; first += Chunk)
        {
            var count = units - first < Chunk ? units - first : Chunk;
            LstmGates(gates + 4 * first, open, count);
            LstmCells(gates + 4 * first, open, cell + first, cellOut + first, count);
            LstmStates(open, cellOut + first, hiddenOut + first, count);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* gatesX, float* gatesH, float* hidden, float* hiddenOut, nint units)
    {
        var open = stackalloc float[2 * Chunk];
        for (nint first = 0; first < units; first += Chunk)
        {
            var count = units - first < Chunk ? units - first : Chunk;
            GruGates(gatesX + 3 * first, gatesH + 3 * first, open, count);
            GruStates(gatesX + 3 * first, gatesH + 3 * first, open, hidden + first, hiddenOut + first, count);
        }
    }

    /// <summary>1 + e⁻ˣ of the input, forget and output gates of each block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void LstmGates(float* gates, float* open, nint units)
    {
        var gate = 0;
        for (var end = open + 3 * units; open < end; open += Tile)
        {
            S.Store(open, CellFormulas<S, F, I>.Open(S.Load(gates)));
            gates += gate == 1 ? 2 * Tile : Tile;
            gate = gate == 2 ? 0 : gate + 1;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void LstmCells(float* gates, float* open, float* cell, float* cellOut, nint units)
    {
        for (var end = cell + units; cell < end; cell += Tile)
        {
            S.Store(cellOut, CellFormulas<S, F, I>.LstmCellOfOpen(S.Load(open), S.Load(open + Tile), S.Load(gates + 2 * Tile), S.Load(cell)));
            gates += 4 * Tile;
            open += 3 * Tile;
            cellOut += Tile;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void LstmStates(float* open, float* cell, float* hiddenOut, nint units)
    {
        for (var end = cell + units; cell < end; cell += Tile)
        {
            S.Store(hiddenOut, CellFormulas<S, F, I>.LstmHiddenOfOpen(S.Load(open + 2 * Tile), S.Load(cell)));
            open += 3 * Tile;
            hiddenOut += Tile;
        }
    }

    /// <summary>r and z of each block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void GruGates(float* x, float* h, float* open, nint units)
    {
        var isLast = false;
        for (var end = open + 2 * units; open < end; open += Tile)
        {
            S.Store(open, CellFormulas<S, F, I>.Gate(S.Add(S.Load(x), S.Load(h))));
            nint step = isLast ? 2 * Tile : Tile;
            x += step;
            h += step;
            isLast = !isLast;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void GruStates(float* x, float* h, float* open, float* hidden, float* hiddenOut, nint units)
    {
        for (var end = hidden + units; hidden < end; hidden += Tile)
        {
            var candidate = S.FmaAside(S.Load(open), S.Load(h + 2 * Tile), S.Load(x + 2 * Tile));
            S.Store(hiddenOut, CellFormulas<S, F, I>.GruHidden(candidate, S.Load(open + Tile), S.Load(hidden)));
            x += 3 * Tile;
            h += 3 * Tile;
            open += 2 * Tile;
            hiddenOut += Tile;
        }
    }
}
