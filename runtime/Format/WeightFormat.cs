namespace SeqRuntime.Format;

/// <summary>
/// A way of storing weight matrices, which knows its number in the file, its name and limits, where each weight lies, and what it stands for.
/// One file a format; <see cref="WeightFormats"/> lists them. How products read a format is in <c>Kernels</c>.
/// </summary>
/// <param name="number">The number in the file.</param>
/// <param name="name">The name in messages and in docs/file-format.md.</param>
/// <param name="groupInputs">Inputs of a group.</param>
/// <param name="groupBytes">Bytes that a row takes for a group.</param>
/// <param name="rowBytes">Bytes that each padded row has behind all panels.</param>
internal abstract unsafe class WeightFormat(TensorFormat number, string name, int groupInputs, int groupBytes, int rowBytes = 0)
{
    public TensorFormat Number { get; } = number;

    public string Name { get; } = name;

    public int GroupInputs { get; } = groupInputs;

    public int GroupBytes { get; } = groupBytes;

    public int RowBytes { get; } = rowBytes;

    /// <summary>Whether products quantize their inputs to int8.</summary>
    public bool IsInteger { get; protected init; }

    /// <summary>Most columns that a matrix may have.</summary>
    public int MaxColumns { get; protected init; } = int.MaxValue;

    /// <summary>Where a weight lies within a group of a panel, in bytes; of weights smaller than a byte, the byte that holds it.</summary>
    /// <param name="row">Row of the panel.</param>
    /// <param name="input">Input of the group.</param>
    /// <param name="width">Rows of the panel.</param>
    public abstract int Place(int row, int input, int width);

    /// <summary>What products read of the rows where the file has it in another form; null where they read the file.</summary>
    public virtual NarrowRows? Expand(WeightLayout layout, int count, byte* data) => null;

    /// <summary>Reads a row as fp32.</summary>
    public abstract void ReadRow(in PackedMatrix matrix, int row, float* to);

    /// <summary>Reads a column as fp32.</summary>
    public abstract void ReadColumn(in PackedMatrix matrix, int column, float* to);
}
