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
/// </remarks>
internal readonly record struct WeightLayout(TensorFormat Format, int Rows, int Columns)
{
    /// <summary>Outputs in one tile.</summary>
    public const int TileRows = 16;

    /// <summary>Consecutive inputs stored side by side for one output in an int8 tile.</summary>
    public const int InnerInt8 = 4;

    public int PaddedRows => PadRows(Rows);

    public int Tiles => PaddedRows / TileRows;

    /// <summary>Columns as stored: padded to a multiple of 4 for int8.</summary>
    public int PaddedColumns => Format == TensorFormat.PackedInt8 ? checked(Columns + InnerInt8 - 1) / InnerInt8 * InnerInt8 : Columns;

    /// <summary>Bytes from one tile to the next.</summary>
    public long TileBytes => Format == TensorFormat.PackedInt8 ? (long)PaddedColumns * TileRows : (long)Columns * TileRows * sizeof(float);

    /// <summary>Bytes of all tiles, which is also the offset of the int8 row scales.</summary>
    public long TilesBytes => checked(TileBytes * Tiles);

    public long ScalesOffset => TilesBytes;

    public long RowSumsOffset => checked(TilesBytes + (long)PaddedRows * sizeof(float));

    /// <summary>Bytes of the whole packed matrix.</summary>
    public long TotalBytes => Format == TensorFormat.PackedInt8 ? checked(RowSumsOffset + (long)PaddedRows * sizeof(int)) : TilesBytes;

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

    /// <summary>Packs quantized rows [rows, columns], each in [-127, 127], with one scale per row.</summary>
    public static byte[] PackInt8(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns)
    {
        var layout = new WeightLayout(TensorFormat.PackedInt8, rows, columns);
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

            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float)), scales[row]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)layout.RowSumsOffset + row * sizeof(int)), sum);
        }

        return bytes;
    }

    /// <summary>Byte offset of one int8 weight.</summary>
    public int Int8Offset(int row, int column) =>
        checked((int)(row / TileRows * TileBytes) + column / InnerInt8 * (TileRows * InnerInt8) + row % TileRows * InnerInt8 + column % InnerInt8);
}
