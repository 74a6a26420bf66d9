namespace SeqRuntime.Kernels;

/// <summary>The arguments of a whole step of a recurrent layer, passed by reference: passing them one by one would take longer than a small layer's products.</summary>
internal unsafe struct RecurrentStep
{
    /// <summary>Packed fp32 W, gate-interleaved.</summary>
    public float* Weights;

    /// <summary>Packed fp32 R.</summary>
    public float* Recurrence;

    /// <summary>A row of biases in packed order, or null.</summary>
    public float* Bias;

    /// <summary>GRU: the biases of R·h.</summary>
    public float* RecurrentBias;

    /// <summary>Inputs; empty if the biases already contain W·x.</summary>
    public float* X;

    /// <summary>Hidden state.</summary>
    public float* Hidden;

    /// <summary>New hidden state; not <see cref="Hidden"/>.</summary>
    public float* HiddenOut;

    /// <summary>LSTM: cell state; null for a GRU.</summary>
    public float* Cell;

    /// <summary>LSTM: new cell state; may be <see cref="Cell"/>.</summary>
    public float* CellOut;

    /// <summary>Number of inputs.</summary>
    public nint Inputs;

    /// <summary>Number of units.</summary>
    public nint Units;

    /// <summary>Whether to walk down over the units. The result is the same.</summary>
    public bool IsDescending;
}
