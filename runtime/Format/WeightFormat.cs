namespace SeqRuntime.Format;

/// <summary>
/// A file format of weight matrices: its number in the file, its name and limits, the place of each weight, and its value.
/// One file a format; <see cref="WeightFormats"/> lists them. How products read a format is in <c>Kernels</c>.
/// </summary>
/// <param name="number">The number in the file.</param>
/// <param name="name">The name in messages and in docs/file-format.md.</param>
/// <param name="groupInputs">Inputs of a group.</param>
/// <param name="groupBytes">Bytes of a group in one row.</param>
/// <param name="rowBytes">Bytes of each padded row after all panels.</param>
internal abstract unsafe class WeightFormat(TensorFormat number, string name, int groupInputs, int groupBytes, int rowBytes = 0)
{
    public TensorFormat Number { get; } = number;

    public string Name { get; } = name;

    public int GroupInputs { get; } = groupInputs;

    public int GroupBytes { get; } = groupBytes;

    public int RowBytes { get; } = rowBytes;

    /// <summary>The first minor version of the file format that has it.</summary>
    public ushort Minor { get; protected init; }

    /// <summary>Whether products quantize their inputs to int8.</summary>
    public bool IsInteger { get; protected init; }

    /// <summary>Most columns that a matrix may have.</summary>
    public int MaxColumns { get; protected init; } = int.MaxValue;

    /// <summary>Byte offset of a weight within a group of a panel. For a weight smaller than a byte: the offset of its byte.</summary>
    /// <param name="row">Row of the panel.</param>
    /// <param name="input">Input of the group.</param>
    /// <param name="width">Rows of the panel.</param>
    public abstract int Place(int row, int input, int width);

    /// <summary>Rows in the form that products read, if the file stores them differently; null if products read the file.</summary>
    public virtual NarrowRows? Expand(WeightLayout layout, int count, byte* data) => null;

    /// <summary>Reads a row as fp32.</summary>
    public abstract void ReadRow(in PackedMatrix matrix, int row, float* to);

    /// <summary>Reads a column as fp32.</summary>
    public abstract void ReadColumn(in PackedMatrix matrix, int column, float* to);
}
