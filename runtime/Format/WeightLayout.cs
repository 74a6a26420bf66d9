using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>
/// The packed layout of a weight matrix of <c>rows</c> outputs by <c>columns</c> inputs; the one place that knows it.
/// </summary>
/// <remarks>
/// <para>Outputs live in lanes, and a product reads its weights strictly in order. A panel holds 64 consecutive rows, of a GRU
/// <see cref="GruPanel"/>, the last one what is left. A panel stores one group of inputs after the other: all that its rows need of the first group, then of
/// the second. The width of a panel is its number of rows. Rows are padded with zeros to a multiple of <see cref="RowStep"/>.</para>
/// <para><b>fp32</b>: a group is one input: a float for each row.</para>
/// <para><b>int8</b>: a group is 4 inputs: for each row its 4 weights, adjacent. Columns are padded with zeros to a multiple of 4.
/// After all panels: the scale of each padded row (fp32), then the sum of each padded row's weights (int32), which offset-based dot
/// products need.</para>
/// <para>Weight = scale × q, with q in [-127, 127]. The writer never stores -128 or a wrong row sum. The reader does not scan for
/// them, as loading touches no weights: a file that has them is as safe to run as any, but its results may differ from one
/// kernel set to another.</para>
/// <para><b>narrow int8</b>: the panels are those of int8; after them for each padded row 4 bytes: the row's sum (int16) and the upper half of
/// its scale, whose lower half is 0. What is read of it is <see cref="NarrowRows"/>.</para>
/// <para><b>fp16</b>: as fp32, with IEEE 754 binary16. The writer stores finite values only; exponent 31 would be read as one more binade.</para>
/// <para><b>int4</b>: weight = scale × group scale × q, with q in [-8, 7], one fp32 scale a row and one int8 group scale a row and
/// group of 32 inputs; it may be negative, so that the largest weight of either sign can be -8 steps. A group is, for each 8 of its 32
/// inputs, 4 bytes for each row, byte j with input j as q + 8 in its lower and input 4 + j in its upper half; then the group scale of each row. Columns
/// are padded with zeros to a multiple of 32. After all panels: the scale of each padded row (fp32). Any content gives the same bits on every kernel
/// set; the writer keeps group scales in [-127, 127], so that no sum of <see cref="MaxColumnsInt4"/> products leaves int32.</para>
/// </remarks>
/// <param name="Format">How weights are stored.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="PanelRows">Rows of all panels but the last.</param>
internal sealed record WeightLayout(TensorFormat Format, int Rows, int Columns, int PanelRows = WeightLayout.WidestPanel)
{
    /// <summary>Of a dense tensor: no rows, no columns.</summary>
    public static readonly WeightLayout None = new(TensorFormat.Dense, 0, 0);

    /// <summary>Rows of a panel, but for those of <see cref="GruPanel"/>.</summary>
    public const int WidestPanel = 64;

    /// <summary>Rows of a panel where each should hold one block of a GRU's gates.</summary>
    public const int GruPanel = 3 * GateRows.BlockUnits;

    /// <summary>The rows of a matrix as stored are a multiple of this.</summary>
    public const int RowStep = 4;

    /// <summary>Consecutive inputs stored side by side for one output of an int8 matrix.</summary>
    public const int InnerInt8 = 4;

    /// <summary>Inputs that share a group scale in an int4 matrix.</summary>
    public const int GroupInt4 = 32;

    /// <summary>Most columns of an int4 matrix: 16640 · 8 · 127 · 127 &lt; 2³¹, and one group more would be over.</summary>
    public const int MaxColumnsInt4 = int.MaxValue / (GroupInt4 * 8 * 127 * 127) * GroupInt4;

    /// <summary>Most columns of a narrow int8 matrix: 258 · 127 &lt; 2¹⁵.</summary>
    public const int MaxColumnsNarrow = short.MaxValue / 127;

    /// <summary>Bytes of one row for the weights of one group of an int4 matrix, without its group scale.</summary>
    public const int NibbleBytes = GroupInt4 / 2;

    private const int StepInt4 = 8;

    public int PaddedRows { get; } = PadRows(Rows);

    /// <summary>Whether products quantize their inputs to int8.</summary>
    public bool IsInteger => Format is TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 or TensorFormat.PackedInt4;

    /// <summary>Columns as stored: whole groups.</summary>
    public int PaddedColumns => checked(Groups * InputsOf(Format));

    /// <summary>Groups of inputs.</summary>
    public int Groups { get; } = GroupsOf(Format, Columns);

    /// <summary>Bytes that one row takes, its scales and sum among them.</summary>
    public int RowBytes => checked(Groups * GroupBytesOf(Format)) + Format switch
    {
        TensorFormat.PackedInt8 => sizeof(float) + sizeof(int),
        TensorFormat.NarrowInt8 or TensorFormat.PackedInt4 => sizeof(float),
        _ => 0,
    };

    /// <summary>Bytes from one panel to the next.</summary>
    public long PanelBytes => RowsBytes(PanelRows);

    /// <summary>Bytes of all panels, which is also the offset of the row scales of int8 and int4.</summary>
    public long PanelsBytes => RowsBytes(PaddedRows);

    public long ScalesOffset => PanelsBytes;

    public long RowSumsOffset => checked(PanelsBytes + (long)PaddedRows * sizeof(float));

    /// <summary>Bytes of the whole packed matrix.</summary>
    public long TotalBytes => Format switch
    {
        TensorFormat.PackedInt8 => checked(RowSumsOffset + (long)PaddedRows * sizeof(int)),
        TensorFormat.PackedInt4 or TensorFormat.NarrowInt8 => checked(ScalesOffset + (long)PaddedRows * sizeof(float)),
        _ => PanelsBytes,
    };

    /// <summary>Bytes from one packed matrix to the next, where several lie one after the other.</summary>
    public long Stride => SeqLayout.Align(TotalBytes);

    /// <summary>Rows as stored.</summary>
    public static int PadRows(int rows) => checked(rows + RowStep - 1) / RowStep * RowStep;

    /// <summary>Packs a row-major matrix [rows, columns] into a new fp32 block.</summary>
    public static byte[] PackFloat32(ReadOnlySpan<float> weights, int rows, int columns, int panel = WidestPanel) => PackFloats(new WeightLayout(TensorFormat.PackedFloat32, rows, columns, panel), weights, static weight => weight);

    /// <summary>Packs a row-major matrix [rows, columns] as fp16, rounded to nearest even; no value may be too large for it.</summary>
    public static byte[] PackFloat16(ReadOnlySpan<float> weights, int rows, int columns, int panel = WidestPanel) => PackFloats(new WeightLayout(TensorFormat.PackedFloat16, rows, columns, panel), weights, static weight => (Half)weight);

    private static byte[] PackFloats<T>(WeightLayout layout, ReadOnlySpan<float> weights, Func<float, T> store)
        where T : unmanaged
    {
        var (rows, columns) = (layout.Rows, layout.Columns);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) MemoryMarshal.Write(bytes.AsSpan(layout.Offset(row, k)), store(weights[row * columns + k]));
        }

        return bytes;
    }

    /// <summary>How int8 matrices of so many columns are stored.</summary>
    public static TensorFormat Int8Of(int columns) => columns <= MaxColumnsNarrow ? TensorFormat.NarrowInt8 : TensorFormat.PackedInt8;

    /// <summary>Packs quantized rows [rows, columns], each in [-127, 127], with one scale per row.</summary>
    public static byte[] PackInt8(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns, int panel = WidestPanel) => PackInt8(new WeightLayout(TensorFormat.PackedInt8, rows, columns, panel), weights, scales);

    /// <summary>The same narrow: of the scales the upper halves are stored.</summary>
    public static byte[] PackNarrowInt8(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns, int panel = WidestPanel) => PackInt8(new WeightLayout(TensorFormat.NarrowInt8, rows, columns, panel), weights, scales);

    private static byte[] PackInt8(WeightLayout layout, ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales)
    {
        var (rows, columns) = (layout.Rows, layout.Columns);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            var sum = 0;
            for (var k = 0; k < columns; k++)
            {
                var q = weights[row * columns + k];
                bytes[layout.Offset(row, k)] = (byte)q;
                sum += q;
            }

            var place = bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float));
            if (layout.Format == TensorFormat.NarrowInt8)
            {
                BinaryPrimitives.WriteInt32LittleEndian(place, NarrowRows.Join(scales[row], sum));
                continue;
            }

            BinaryPrimitives.WriteSingleLittleEndian(place, scales[row]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)layout.RowSumsOffset + row * sizeof(int)), sum);
        }

        return bytes;
    }

    /// <summary>Packs quantized rows [rows, columns], each in [-8, 7], with group scales [rows, groups] in [-127, 127] and one scale a row.</summary>
    public static byte[] PackInt4(ReadOnlySpan<sbyte> weights, ReadOnlySpan<sbyte> groupScales, ReadOnlySpan<float> scales, int rows, int columns, int panel = WidestPanel)
    {
        var layout = new WeightLayout(TensorFormat.PackedInt4, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < layout.PaddedRows; row++)
        {
            for (var k = 0; k < layout.PaddedColumns; k += StepInt4) bytes.AsSpan(layout.Offset(row, k), StepInt4 / 2).Fill(0x88);
        }

        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++)
            {
                ref var pair = ref bytes[layout.Int4Offset(row, k, out var shift)];
                pair = (byte)(pair & ~(15 << shift) | weights[row * columns + k] + 8 << shift);
            }

            for (var group = 0; group < layout.Groups; group++) bytes[layout.GroupScaleOffset(row, group)] = (byte)groupScales[row * layout.Groups + group];
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float)), scales[row]);
        }

        return bytes;
    }

    /// <summary>Rows of the panel that a row is in.</summary>
    public int Width(int row) => Math.Min(PanelRows, PaddedRows - row / PanelRows * PanelRows);

    /// <summary>Byte offset of one weight; of an int4 weight, of the byte that holds it (<see cref="Int4Offset"/>).</summary>
    public int Offset(int row, int column)
    {
        int inputs = InputsOf(Format), width = Width(row), inPanel = row % PanelRows, inGroup = column % inputs;
        var group = RowsBytes(row / PanelRows * PanelRows) + (long)(column / inputs) * width * GroupBytesOf(Format);
        return checked((int)group) + Format switch
        {
            TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 => inPanel * InnerInt8 + inGroup,
            TensorFormat.PackedInt4 => (inGroup / StepInt4 * width + inPanel) * (StepInt4 / 2) + inGroup % (StepInt4 / 2),
            _ => inPanel * GroupBytesOf(Format),
        };
    }

    /// <summary>Byte offset of one int4 weight, and by how much its nibble is shifted there.</summary>
    public int Int4Offset(int row, int column, out int shift)
    {
        shift = column % StepInt4 / 4 * 4;
        return Offset(row, column);
    }

    /// <summary>Byte offset of the scale of one row and group of an int4 matrix.</summary>
    public int GroupScaleOffset(int row, int group)
    {
        var width = Width(row);
        return checked((int)(RowsBytes(row / PanelRows * PanelRows) + (long)group * width * GroupBytesOf(Format))) + width * NibbleBytes + row % PanelRows;
    }

    /// <summary>Bytes of so many rows, without what follows the panels.</summary>
    private long RowsBytes(int rows) => checked((long)rows * Groups * GroupBytesOf(Format));

    private static int GroupsOf(TensorFormat format, int columns) => (int)(((long)columns + InputsOf(format) - 1) / InputsOf(format));

    /// <summary>Inputs of a group.</summary>
    private static int InputsOf(TensorFormat format) => format switch
    {
        TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 => InnerInt8,
        TensorFormat.PackedInt4 => GroupInt4,
        _ => 1,
    };

    /// <summary>Bytes that a row takes for a group.</summary>
    private static int GroupBytesOf(TensorFormat format) => format switch
    {
        TensorFormat.PackedInt4 => NibbleBytes + 1,
        TensorFormat.PackedFloat16 => sizeof(ushort),
        _ => sizeof(float),
    };
}
