using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>
/// The packed layout of a weight matrix of <c>rows</c> outputs by <c>columns</c> inputs; the one place that knows it.
/// </summary>
/// <remarks>
/// <para>Outputs live in lanes. A tile holds 16 consecutive rows. Rows are padded with zeros to a multiple of 16.</para>
/// <para><b>fp32</b>: for each tile, for each input k, 16 floats: the weights of the tile's 16 rows for input k.</para>
/// <para><b>int8</b>: for each tile, for each group of 4 inputs, 64 bytes: for each of the 16 rows its 4 weights,
/// adjacent. Columns are padded with zeros to a multiple of 4. After all tiles: the scale of each padded row (fp32),
/// then the sum of each padded row's weights (int32), which offset-based dot products need.</para>
/// <para>Weight = scale × q, with q in [-127, 127]. The writer never stores -128 or a wrong row sum. The reader does not scan for
/// them, as loading touches no weights: a file that has them is as safe to run as any, but its results may differ from one
/// kernel set to another.</para>
/// <para><b>narrow int8</b>: the tiles are those of int8; after them for each padded row 4 bytes: the row's sum (int16) and the upper half of
/// its scale, whose lower half is 0. What is read of it is <see cref="NarrowRows"/>.</para>
/// <para><b>fp16</b>: as fp32, with IEEE 754 binary16. The writer stores finite values only; exponent 31 would be read as one more binade.</para>
/// <para><b>int4</b>: weight = scale × group scale × q, with q in [-8, 7], one fp32 scale a row and one int8 group scale a row and
/// group of 32 inputs; it may be negative, so that the largest weight of either sign can be -8 steps. For each tile: the group
/// scales, for each group one byte for each of the 16 rows, padded to a multiple of 64 bytes; then for each group, for each 8 of its inputs, 64
/// bytes: for each of the 16 rows 4 bytes, byte j with input j as q + 8 in its lower and input 4 + j in its upper half. Columns
/// are padded with zeros to a multiple of 32. After all tiles: the scale of each padded row (fp32). Any content gives the same bits on every kernel
/// set; the writer keeps group scales in [-127, 127], so that no sum of <see cref="MaxColumnsInt4"/> products leaves int32.</para>
/// </remarks>
internal sealed record WeightLayout(TensorFormat Format, int Rows, int Columns)
{
    /// <summary>Of a dense tensor: no rows, no columns.</summary>
    public static readonly WeightLayout None = new(TensorFormat.Dense, 0, 0);

    /// <summary>Outputs in one tile.</summary>
    public const int TileRows = 16;

    /// <summary>Consecutive inputs stored side by side for one output in an int8 tile.</summary>
    public const int InnerInt8 = 4;

    /// <summary>Inputs that share a group scale in an int4 matrix.</summary>
    public const int GroupInt4 = 32;

    /// <summary>Most columns of an int4 matrix: 16640 · 8 · 127 · 127 &lt; 2³¹, and one group more would be over.</summary>
    public const int MaxColumnsInt4 = int.MaxValue / (GroupInt4 * 8 * 127 * 127) * GroupInt4;

    /// <summary>Most columns of a narrow int8 matrix: 258 · 127 &lt; 2¹⁵.</summary>
    public const int MaxColumnsNarrow = short.MaxValue / 127;

    /// <summary>Bytes of one tile for one group of an int4 matrix.</summary>
    public const int GroupBytesInt4 = TileRows * GroupInt4 / 2;

    private const int StepInt4 = 8;

    public int PaddedRows { get; } = PadRows(Rows);

    public int Tiles => PaddedRows / TileRows;

    /// <summary>Whether products quantize their inputs to int8.</summary>
    public bool IsInteger => Format is TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 or TensorFormat.PackedInt4;

    /// <summary>Columns as stored: padded to a multiple of 4 for int8, of 32 for int4.</summary>
    public int PaddedColumns { get; } = PadColumns(Format, Columns);

    /// <summary>Groups of inputs of an int4 matrix.</summary>
    public int Groups => PaddedColumns / GroupInt4;

    /// <summary>Bytes of an int4 tile's group scales, which is also the offset of its nibbles.</summary>
    public long GroupScalesBytes => GroupScalesOf(PaddedColumns);

    /// <summary>Bytes that one row takes, its scales and sum among them.</summary>
    public int RowBytes => Format switch
    {
        TensorFormat.PackedInt8 => PaddedColumns + sizeof(float) + sizeof(int),
        TensorFormat.NarrowInt8 => PaddedColumns + sizeof(int),
        TensorFormat.PackedInt4 => PaddedColumns / 2 + Groups + sizeof(float),
        TensorFormat.PackedFloat16 => Columns * sizeof(ushort),
        _ => Columns * sizeof(float),
    };

    /// <summary>Bytes from one tile to the next.</summary>
    public long TileBytes { get; } = TileBytesOf(Format, Columns);

    /// <summary>Bytes of all tiles, which is also the offset of the row scales of int8 and int4.</summary>
    public long TilesBytes { get; } = checked(TileBytesOf(Format, Columns) * (PadRows(Rows) / TileRows));

    public long ScalesOffset => TilesBytes;

    public long RowSumsOffset => checked(TilesBytes + (long)PaddedRows * sizeof(float));

    /// <summary>Bytes of the whole packed matrix.</summary>
    public long TotalBytes => Format switch
    {
        TensorFormat.PackedInt8 => checked(RowSumsOffset + (long)PaddedRows * sizeof(int)),
        TensorFormat.PackedInt4 or TensorFormat.NarrowInt8 => checked(ScalesOffset + (long)PaddedRows * sizeof(float)),
        _ => TilesBytes,
    };

    /// <summary>Rows as stored: whole tiles.</summary>
    public static int PadRows(int rows) => checked(rows + TileRows - 1) / TileRows * TileRows;

    /// <summary>Bytes from one packed matrix to the next, where several lie one after the other.</summary>
    public long Stride => SeqLayout.Align(TotalBytes);

    /// <summary>Packs a row-major matrix [rows, columns] into a new fp32 block.</summary>
    public static byte[] PackFloat32(ReadOnlySpan<float> weights, int rows, int columns)
    {
        var layout = new WeightLayout(TensorFormat.PackedFloat32, rows, columns);
        var bytes = new byte[layout.TotalBytes];
        var floats = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        for (var row = 0; row < rows; row++)
        {
            var tile = (long)(row / TileRows) * columns * TileRows;
            for (var k = 0; k < columns; k++)
                floats[(int)(tile + (long)k * TileRows + row % TileRows)] = weights[row * columns + k];
        }

        return bytes;
    }

    /// <summary>How int8 matrices of so many columns are stored.</summary>
    public static TensorFormat Int8Of(int columns) => columns <= MaxColumnsNarrow ? TensorFormat.NarrowInt8 : TensorFormat.PackedInt8;

    /// <summary>Packs quantized rows [rows, columns], each in [-127, 127], with one scale per row.</summary>
    public static byte[] PackInt8(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns) => PackInt8(TensorFormat.PackedInt8, weights, scales, rows, columns);

    /// <summary>The same narrow: of the scales the upper halves are stored.</summary>
    public static byte[] PackNarrowInt8(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns) => PackInt8(TensorFormat.NarrowInt8, weights, scales, rows, columns);

    private static byte[] PackInt8(TensorFormat format, ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns)
    {
        var layout = new WeightLayout(format, rows, columns);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            var sum = 0;
            for (var k = 0; k < columns; k++)
            {
                var q = weights[row * columns + k];
                bytes[layout.Int8Offset(row, k)] = (byte)q;
                sum += q;
            }

            var place = bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float));
            if (format == TensorFormat.NarrowInt8)
            {
                BinaryPrimitives.WriteInt32LittleEndian(place, NarrowRows.Join(scales[row], sum));
                continue;
            }

            BinaryPrimitives.WriteSingleLittleEndian(place, scales[row]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)layout.RowSumsOffset + row * sizeof(int)), sum);
        }

        return bytes;
    }

    /// <summary>Packs a row-major matrix [rows, columns] as fp16, rounded to nearest even; no value may be too large for it.</summary>
    public static byte[] PackFloat16(ReadOnlySpan<float> weights, int rows, int columns)
    {
        var layout = new WeightLayout(TensorFormat.PackedFloat16, rows, columns);
        var bytes = new byte[layout.TotalBytes];
        var halves = MemoryMarshal.Cast<byte, Half>(bytes.AsSpan());
        for (var row = 0; row < rows; row++)
        {
            var tile = (long)(row / TileRows) * columns * TileRows;
            for (var k = 0; k < columns; k++)
                halves[(int)(tile + (long)k * TileRows + row % TileRows)] = (Half)weights[row * columns + k];
        }

        return bytes;
    }

    /// <summary>Packs quantized rows [rows, columns], each in [-8, 7], with group scales [rows, groups] in [-127, 127] and one scale a row.</summary>
    public static byte[] PackInt4(ReadOnlySpan<sbyte> weights, ReadOnlySpan<sbyte> groupScales, ReadOnlySpan<float> scales, int rows, int columns)
    {
        var layout = new WeightLayout(TensorFormat.PackedInt4, rows, columns);
        var bytes = new byte[layout.TotalBytes];
        for (var tile = 0; tile < layout.Tiles; tile++)
            bytes.AsSpan((int)(tile * layout.TileBytes + layout.GroupScalesBytes), layout.Groups * GroupBytesInt4).Fill(0x88);
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

    /// <summary>Byte offset of one int4 weight, and by how much its nibble is shifted there.</summary>
    public int Int4Offset(int row, int column, out int shift)
    {
        shift = column % StepInt4 / 4 * 4;
        return checked((int)(row / TileRows * TileBytes + GroupScalesBytes) + column / StepInt4 * (TileRows * 4) + row % TileRows * 4 + column % 4);
    }

    /// <summary>Byte offset of the scale of one row and group.</summary>
    public int GroupScaleOffset(int row, int group) => checked((int)(row / TileRows * TileBytes) + group * TileRows + row % TileRows);

    /// <summary>Byte offset of one int8 weight.</summary>
    public int Int8Offset(int row, int column) =>
        checked((int)(row / TileRows * TileBytes) + column / InnerInt8 * (TileRows * InnerInt8) + row % TileRows * InnerInt8 + column % InnerInt8);

    private static int PadColumns(TensorFormat format, int columns) => format switch
    {
        TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 => checked(columns + InnerInt8 - 1) / InnerInt8 * InnerInt8,
        TensorFormat.PackedInt4 => checked(columns + GroupInt4 - 1) / GroupInt4 * GroupInt4,
        _ => columns,
    };

    private static long GroupScalesOf(int paddedColumns) => SeqLayout.Align((long)(paddedColumns / GroupInt4) * TileRows);

    private static long TileBytesOf(TensorFormat format, int columns)
    {
        var padded = PadColumns(format, columns);
        return format switch
        {
            TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 => (long)padded * TileRows,
            TensorFormat.PackedInt4 => GroupScalesOf(padded) + (long)(padded / GroupInt4) * GroupBytesInt4,
            TensorFormat.PackedFloat16 => (long)columns * TileRows * sizeof(ushort),
            _ => (long)columns * TileRows * sizeof(float),
        };
    }
}
