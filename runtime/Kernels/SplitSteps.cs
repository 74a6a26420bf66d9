using System.Runtime.CompilerServices;

namespace SeqRuntime.Kernels;

/// <summary>Steps by vectors of 16 units, but the last units by one of 8 where that holds them.</summary>
/// <typeparam name="W">Steps with 16 lanes.</typeparam>
/// <typeparam name="N">Steps with 8.</typeparam>
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

    private static nint Split(nint end) => (end & 15) is > 0 and <= 8 ? end & ~15 : end;
}
