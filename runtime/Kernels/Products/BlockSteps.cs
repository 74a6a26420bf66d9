using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Kernels.Products;

/// <summary>
/// Steps of whole blocks of units, each block by the products and the cells of its own: a block is a panel, which the products read in order, and
/// its sums are still in the nearest cache when the cells read them. <see cref="WholeSteps{S,F,I}"/> takes the units of a partial block.
/// </summary>
internal readonly unsafe struct BlockSteps<S, F, I> : IWholeSteps
    where S : struct, ISimd<F, I>
    where F : unmanaged
    where I : unmanaged
{
    private const int Tile = GateRows.BlockUnits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(in RecurrentStep step, nint first, nint end)
    {
        var split = end & -Tile;
        if (step.IsDescending && split < end) WholeSteps<S, F, I>.Run(step, split, end);
        if (split > first && step.Cell != null) Lstm(step, first, split);
        else if (split > first) Gru(step, first, split);
        if (!step.IsDescending && split < end) WholeSteps<S, F, I>.Run(step, split, end);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lstm(in RecurrentStep step, nint first, nint end)
    {
        const int Rows = 4 * Tile;
        var gates = stackalloc float[Rows];
        for (nint done = 0; done < end - first; done += Tile)
        {
            var unit = step.IsDescending ? end - Tile - done : first + done;
            var start = step.Bias == null ? null : step.Bias + 4 * unit;
            if (step.Inputs > 0)
            {
                Multiply<FourTiles>((float*)step.Weights.Panels + 4 * unit * step.Inputs, step.Inputs, step.X, start, gates);
                start = gates;
            }

            Multiply<FourTiles>((float*)step.Recurrence.Panels + 4 * unit * step.Units, step.Units, step.Hidden, start, gates);
            CellBlocks<FourVectors<S, F, I>, Four<F>, Four<I>>.Lstm(gates, step.Cell + unit, step.CellOut + unit, step.HiddenOut + unit, Tile);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gru(in RecurrentStep step, nint first, nint end)
    {
        const int Rows = 3 * Tile;
        var gates = stackalloc float[2 * Rows];
        for (nint done = 0; done < end - first; done += Tile)
        {
            var unit = step.IsDescending ? end - Tile - done : first + done;
            Multiply<ThreeTiles>((float*)step.Weights.Panels + 3 * unit * step.Inputs, step.Inputs, step.X, step.Bias == null ? null : step.Bias + 3 * unit, gates);
            Multiply<ThreeTiles>((float*)step.Recurrence.Panels + 3 * unit * step.Units, step.Units, step.Hidden, step.RecurrentBias == null ? null : step.RecurrentBias + 3 * unit, gates + Rows);
            CellBlocks<FourVectors<S, F, I>, Four<F>, Four<I>>.Gru(gates, gates + Rows, step.Hidden + unit, step.HiddenOut + unit, Tile);
        }
    }

    /// <summary>to = start + W·x for the rows of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply<N>(float* panel, nint columns, float* x, float* start, float* to)
        where N : struct, ITiles => GemmFloat32<S, F, I, Float32Weights<S, F, I>, float>.Row<N>(panel, N.Count * Tile, 0, columns, x, start, N.Count * Tile, to);
}
