using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>
/// int8g32: weight = group scale × q, q in [-127, 127], with a scale in bfloat16 for each row and group of 32 inputs. A group is, for each 4 of its
/// inputs, for each row its 4 weights, adjacent; then the scale of each row. Nothing follows the panels.
/// </summary>
/// <remarks>The writer never stores -128. Any content gives the same bits on every kernel set.</remarks>
internal sealed unsafe class Int8GroupFormat : WeightFormat
{
    /// <summary>Inputs that share a scale.</summary>
    public const int Group = 32;

    /// <summary>Consecutive inputs stored side by side for one row.</summary>
    public const int Inner = 4;

    /// <summary>Bytes that a row takes for a group.</summary>
    public const int RowGroupBytes = Group + sizeof(ushort);

    /// <summary>Most columns: products keep a number for each group beside them.</summary>
    public const int MostColumns = 65536;

    public static readonly Int8GroupFormat Instance = new();

    private Int8GroupFormat()
        : base(TensorFormat.GroupedInt8, "int8g32", Group, RowGroupBytes) => (IsInteger, MaxColumns, Minor) = (true, MostColumns, 1);

    /// <summary>Packs quantized rows [rows, columns], each weight in [-127, 127], with scales [rows, groups], of which the upper halves are stored.</summary>
    public static byte[] Pack(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(Instance, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) bytes[layout.Offset(row, k)] = (byte)weights[row * columns + k];
            for (var group = 0; group < layout.Groups; group++)
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(ScaleOffset(layout, row, group)), (ushort)(BitConverter.SingleToUInt32Bits(scales[row * layout.Groups + group]) >> 16));
        }

        return bytes;
    }

    /// <summary>Byte offset of the scale of one row and group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int ScaleOffset(WeightLayout layout, int row, int group) => layout.GroupOffset(row, group) + layout.Width(row) * Group + row % layout.PanelRows * sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Place(int row, int input, int width) => (input / Inner * width + row) * Inner + input % Inner;

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
        var scale = BitConverter.Int32BitsToSingle(*(short*)(matrix.Panels + ScaleOffset(matrix.Layout, row, column / Group)) << 16);
        return scale * (sbyte)matrix.Panels[matrix.Layout.Offset(row, column)];
    }
}
