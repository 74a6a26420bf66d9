using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>
/// The places of the weights of a packed matrix with <c>rows</c> outputs and <c>columns</c> inputs, in any format.
/// </summary>
/// <remarks>
/// Each output has its own lane, and a product reads its weights strictly in order. A panel has 64 consecutive rows, or
/// <see cref="GruPanel"/> for a GRU; the last panel has the rest. A panel stores one group of inputs after the other: everything that its rows need
/// of the first group, then of the second. The width of a panel is its number of rows. Rows are padded with zeros to a multiple of
/// <see cref="RowStep"/>, columns to whole groups. <see cref="WeightFormat"/> defines a group and the data after the panels.
/// </remarks>
/// <param name="Format">How weights are stored.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="PanelRows">Rows of each panel except the last.</param>
internal sealed record WeightLayout(WeightFormat Format, int Rows, int Columns, int PanelRows = WeightLayout.WidestPanel)
{
    /// <summary>The layout of a dense tensor: no rows, no columns.</summary>
    public static readonly WeightLayout None = new(Float32Format.Instance, 0, 0);

    /// <summary>Rows of a panel, unless it is a <see cref="GruPanel"/>.</summary>
    public const int WidestPanel = 64;

    /// <summary>Rows of a panel that holds one block of a GRU's gates.</summary>
    public const int GruPanel = 3 * GateRows.BlockUnits;

    /// <summary>The stored rows of a matrix are a multiple of this.</summary>
    public const int RowStep = 4;

    public WeightLayout(TensorFormat format, int rows, int columns, int panelRows = WidestPanel)
        : this(WeightFormats.Of(format), rows, columns, panelRows)
    {
    }

    public int PaddedRows { get; } = PadRows(Rows);

    /// <summary>Whether products quantize their inputs to int8.</summary>
    public bool IsInteger => Format.IsInteger;

    /// <summary>Stored columns: whole groups.</summary>
    public int PaddedColumns => checked(Groups * Format.GroupInputs);

    /// <summary>Groups of inputs.</summary>
    public int Groups { get; } = GroupsOf(Format, Columns);

    /// <summary>Bytes of one row, including its data after the panels.</summary>
    public int RowBytes => checked(Groups * Format.GroupBytes + Format.RowBytes);

    /// <summary>Bytes from one panel to the next.</summary>
    public long PanelBytes => checked((long)PanelRows * Groups * Format.GroupBytes);

    /// <summary>Bytes of all panels, which is also the offset of what follows them.</summary>
    public long PanelsBytes { get; } = checked((long)PadRows(Rows) * GroupsOf(Format, Columns) * Format.GroupBytes);

    /// <summary>Where the scales of the rows are, in formats that have them.</summary>
    public long ScalesOffset => PanelsBytes;

    /// <summary>Where the sums of the rows are, in int8.</summary>
    public long RowSumsOffset
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => checked(PanelsBytes + (long)PaddedRows * sizeof(float));
    }

    /// <summary>Bytes of the whole packed matrix.</summary>
    public long TotalBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => checked(PanelsBytes + (long)PaddedRows * Format.RowBytes);
    }

    /// <summary>Bytes from one packed matrix to the next of several.</summary>
    public long Stride => SeqLayout.Align(TotalBytes);

    /// <summary>Stored rows.</summary>
    public static int PadRows(int rows) => checked(rows + RowStep - 1) / RowStep * RowStep;

    /// <summary>The number of rows in a row's panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Width(int row) => Math.Min(PanelRows, PaddedRows - row / PanelRows * PanelRows);

    /// <summary>Byte offset of one weight, or of the byte that contains it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Offset(int row, int column) =>
        GroupOffset(row, column / Format.GroupInputs) + Format.Place(row % PanelRows, column % Format.GroupInputs, Width(row));

    /// <summary>Byte offset of a group in a row's panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int GroupOffset(int row, int group) => checked((int)((long)(row / PanelRows * PanelRows) * Groups * Format.GroupBytes + (long)group * Width(row) * Format.GroupBytes));

    private static int GroupsOf(WeightFormat format, int columns) => (int)(((long)columns + format.GroupInputs - 1) / format.GroupInputs);
}
