namespace SeqRuntime.Kernels;

/// <summary>
/// The scale of a quantized recurrent state whose equations keep it in [-1, 1] once it is in that range. A state that nearly fills this range takes a
/// fixed scale, which needs no exact range. A smaller state, or one outside (an initial state of the caller's), takes its measured range.
/// </summary>
internal static class StateScale
{
    /// <summary>Scale of a state whose largest magnitude lies between <see cref="Least"/> and <see cref="Most"/>.</summary>
    public const float Fixed = 1f / 127f;

    /// <summary>1 plus a rounding error: (1 - z)·n + z·h may exceed 1 by an ulp, and saturating it loses nothing.</summary>
    public const float Most = 1.000001f;

    /// <summary>A state below this would use fewer than 64 of the 127 steps, and none below 1/254.</summary>
    public const float Least = 0.5f;

    /// <summary>The number before <see cref="Least"/>.</summary>
    public const float BelowLeast = 0.49999997f;
}
