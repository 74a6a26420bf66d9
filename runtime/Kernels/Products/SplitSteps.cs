using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Kernels.Products;

/// <summary>Steps with vectors of a whole block of units; the last units take a vector of half a block if they fit it.</summary>
/// <typeparam name="W">Steps with a block in a vector.</typeparam>
/// <typeparam name="N">Steps with half a block.</typeparam>
internal readonly struct SplitSteps<W, N> : IWholeSteps
    where W : struct, IWholeSteps
    where N : struct, IWholeSteps
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(in RecurrentStep step, nint first, nint end)
    {
        var split = Split(end);
        if (split == end)
        {
            W.Run(step, first, end);
            return;
        }

        if (step.IsDescending) N.Run(step, split, end);
        if (split > first) W.Run(step, first, split);
        if (!step.IsDescending) N.Run(step, split, end);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Split(nint end) => (end & GateRows.BlockUnits - 1) is > 0 and <= GateRows.BlockUnits / 2 ? end & -GateRows.BlockUnits : end;
}
