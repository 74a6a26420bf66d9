namespace SeqRuntime.Operators;

/// <summary>What one step works on: adjacent batch rows.</summary>
internal unsafe struct RecurrentRows
{
    /// <summary>W·x + b of these rows, packed order; may be overwritten unless the layer's form keeps them.</summary>
    public float* Gates;

    /// <summary>The inputs themselves.</summary>
    public float* X;

    /// <summary>Hidden state before, count × S.</summary>
    public float* Hidden;

    /// <summary>Hidden state after, or what the layer puts out; may be <see cref="Hidden"/>.</summary>
    public float* HiddenOut;

    /// <summary>Cell state before, count × H.</summary>
    public float* Cell;

    /// <summary>Cell state after; may be <see cref="Cell"/>.</summary>
    public float* CellOut;

    /// <summary>Rows.</summary>
    public int Count;

    /// <summary>The hidden state is the missing initial one, so that R·h is 0.</summary>
    public bool IsHiddenZero;
}
