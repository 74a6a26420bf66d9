namespace SeqRuntime.Kernels;

/// <summary>
/// Sums over sliding windows, which convolutions are made of: for all groups g, outputs r, lines l and windows j of a line
/// Y[g, r, l, j] = init[g, r] + Σ_k W[g, r, k]·X[g, l, taps[k] + j], where taps[k] is the place of the windows' element k in X.
/// </summary>
/// <remarks>
/// Each sum is one chain in the order of the taps, as in products. Without weights the elements themselves are added. Windows of a line are
/// neighbours in X: a caller that moves them by more than one element stores X so that they are.
/// </remarks>
internal unsafe struct WindowRows
{
    /// <summary>Weights, or null to add up the elements.</summary>
    public float* Weights;

    /// <summary>Weights from one group to the next.</summary>
    public nint WeightGroup;

    /// <summary>Weights from one output to the next.</summary>
    public nint WeightRow;

    /// <summary>Weights from one tap to the next.</summary>
    public nint WeightTap;

    /// <summary>X.</summary>
    public float* Source;

    /// <summary>Elements of X from one group to the next.</summary>
    public nint SourceGroup;

    /// <summary>Elements of X from one line to the next.</summary>
    public nint SourceLine;

    /// <summary>The place of each tap.</summary>
    public nint* Taps;

    /// <summary>The number of taps.</summary>
    public nint TapCount;

    /// <summary>An initial value for each output, group after group, or null for 0.</summary>
    public float* Init;

    /// <summary>Y. It does not overlap X.</summary>
    public float* Target;

    /// <summary>Elements of Y from one group to the next.</summary>
    public nint TargetGroup;

    /// <summary>Elements of Y from one output to the next.</summary>
    public nint TargetRow;

    /// <summary>Elements of Y from one line to the next.</summary>
    public nint TargetLine;

    /// <summary>The number of groups.</summary>
    public nint Groups;

    /// <summary>The number of outputs of a group.</summary>
    public nint Rows;

    /// <summary>The number of lines.</summary>
    public nint Lines;

    /// <summary>The number of windows of a line.</summary>
    public nint Width;
}
