using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>
/// int4: weight = scale × group scale × q, q in [-8, 7], one fp32 scale a row and one int8 group scale a row and group of 32 inputs; it may be
/// negative, so that the largest weight of either sign can be -8 steps.
/// </summary>
/// <remarks>
/// A group is, for each 8 of its inputs, 4 bytes for each row, byte j with input j as q + 8 in its lower and input 4 + j in its upper half; then
/// the group scale of each row. After all panels: the scale of each padded row (fp32). Any content gives the same bits on every kernel set; the
/// writer keeps group scales in [-127, 127], so that no sum of <see cref="WeightFormat.MaxColumns"/> products leaves int32.
/// </remarks>
internal sealed unsafe class Int4Format : WeightFormat
{
    /// <summary>Inputs that share a group scale.</summary>
    public const int Group = 32;

    /// <summary>Bytes of one row for the weights of one group, without its group scale.</summary>
    public const int NibbleBytes = Group / 2;

    /// <summary>Most columns: 16640 · 8 · 127 · 127 &lt; 2³¹, and one group more would be over.</summary>
    public const int MostColumns = int.MaxValue / (Group * 8 * 127 * 127) * Group;

    public static readonly Int4Format Instance = new();

    private const int Step = 8;

    private Int4Format()
        : base(TensorFormat.PackedInt4, "int4", Group, NibbleBytes + 1, sizeof(float)) => (IsInteger, MaxColumns) = (true, MostColumns);

    /// <summary>Packs quantized rows [rows, columns], each weight in [-8, 7], with group scales [rows, groups] in [-127, 127] and one scale a row.</summary>
    public static byte[] Pack(ReadOnlySpan<sbyte> weights, ReadOnlySpan<sbyte> groupScales, ReadOnlySpan<float> scales, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(Instance, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < layout.PaddedRows; row++)
        {
            for (var k = 0; k < layout.PaddedColumns; k += Step) bytes.AsSpan(layout.Offset(row, k), Step / 2).Fill(0x88);
        }

        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++)
            {
                ref var pair = ref bytes[layout.Offset(row, k)];
                pair = (byte)(pair & ~(15 << Shift(k)) | weights[row * columns + k] + 8 << Shift(k));
            }

            for (var group = 0; group < layout.Groups; group++) bytes[ScaleOffset(layout, row, group)] = (byte)groupScales[row * layout.Groups + group];
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float)), scales[row]);
        }

        return bytes;
    }

    /// <summary>By how much the weight of a column is shifted in its byte.</summary>
    public static int Shift(int column) => column % Step / 4 * 4;

    /// <summary>Byte offset of the scale of one row and group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int ScaleOffset(WeightLayout layout, int row, int group) => layout.GroupOffset(row, group) + layout.Width(row) * NibbleBytes + row % layout.PanelRows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Place(int row, int input, int width) => (input / Step * width + row) * (Step / 2) + input % (Step / 2);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadRow(in PackedMatrix matrix, int row, float* to)
    {
        for (var k = 0; k < matrix.Layout.Columns; k++) to[k] = Value(matrix, row, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadColumn(in PackedMatrix matrix, int column, float* to)
    {
        for (var row = 0; row < matrix.Layout.Rows; row++) to[row] = Value(matrix, row, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Value(in PackedMatrix matrix, int row, int column)
    {
        var q = (matrix.Panels[matrix.Layout.Offset(row, column)] >> Shift(column) & 15) - 8;
        return matrix.Scales[row] * (q * (sbyte)matrix.Panels[ScaleOffset(matrix.Layout, row, column / Group)]);
    }
}
