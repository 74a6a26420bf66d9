using SeqRuntime.Format;

namespace SeqRuntime.Kernels;

/// <summary>The arguments of a whole step of a recurrent layer, passed by reference: passing them one by one would take longer than a small layer's products.</summary>
internal unsafe struct RecurrentStep
{
    /// <summary>Packed W, gate-interleaved, in the format of <see cref="Recurrence"/>; nothing if the biases already contain W·x.</summary>
    public PackedMatrix Weights;

    /// <summary>Packed R, in fp32 or int8.</summary>
    public PackedMatrix Recurrence;

    /// <summary>A row of biases in packed order, or null.</summary>
    public float* Bias;

    /// <summary>GRU: the biases of R·h, or null.</summary>
    public float* RecurrentBias;

    /// <summary>fp32: inputs; as many as <see cref="Inputs"/>.</summary>
    public float* X;

    /// <summary>int8: a row of inputs, then its quantization error if it is steep; no rows if the biases already contain W·x.</summary>
    public QuantizedRows Quantized;

    /// <summary>int8: a place for the quantized state.</summary>
    public sbyte* State;

    /// <summary>Hidden state.</summary>
    public float* Hidden;

    /// <summary>New hidden state; in fp32 not <see cref="Hidden"/>.</summary>
    public float* HiddenOut;

    /// <summary>LSTM: cell state; null for other layers.</summary>
    public float* Cell;

    /// <summary>LSTM: new cell state; may be <see cref="Cell"/>.</summary>
    public float* CellOut;

    /// <summary>fp32: number of inputs; 0 if the biases already contain W·x.</summary>
    public nint Inputs;

    /// <summary>Number of units.</summary>
    public nint Units;

    /// <summary>Gates of a unit: 4 for an LSTM, 3 for a GRU, 1 for an RNN with tanh (int8 only).</summary>
    public int Gates;

    /// <summary>Whether to walk down over the units. The result is the same.</summary>
    public bool IsDescending;
}
