using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>
/// The places of the weights of a packed matrix in files of 1.x: the rows lie in tiles of 16, and are padded with zeros to whole tiles.
/// </summary>
/// <remarks>
/// A piece is what lies adjacent for one row: the weight of one input in fp32 and fp16, of 4 inputs in int8, of 8 inputs in int4. A tile is,
/// for each piece, the pieces of its 16 rows. In int4, the group scales of the tile come first: for each group of 32 inputs one byte for each
/// of the 16 rows, together padded to a multiple of 64 bytes. The scales and sums of the padded rows follow all tiles, as they follow all
/// panels today, so a piece has the bytes that it has today.
/// </remarks>
internal sealed class TileLayout
{
    /// <summary>Rows of a tile.</summary>
    public const int TileRows = 16;

    private readonly long _headBytes;

    /// <exception cref="OverflowException">The matrix is larger than a file can be.</exception>
    public TileLayout(WeightFormat format, int rows, int columns)
    {
        (Format, Rows, Columns, PaddedRows) = (format, rows, columns, PadRows(rows));
        (PieceInputs, PieceBytes) = format.Number switch
        {
            TensorFormat.PackedFloat32 => (1, sizeof(float)),
            TensorFormat.PackedFloat16 => (1, sizeof(ushort)),
            TensorFormat.PackedInt4 => (8, 4),
            _ => (4, 4),
        };
        Pieces = Padded(columns, format.GroupInputs) / PieceInputs;
        ScaleGroups = format.Number == TensorFormat.PackedInt4 ? Padded(columns, format.GroupInputs) / format.GroupInputs : 0;
        _headBytes = SeqLayout.Align((long)ScaleGroups * TileRows);
        TileBytes = checked(_headBytes + (long)Pieces * TileRows * PieceBytes);
        TilesBytes = checked(TileBytes * (PaddedRows / TileRows));
    }

    public WeightFormat Format { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Stored rows: whole tiles.</summary>
    public int PaddedRows { get; }

    /// <summary>Inputs of a piece.</summary>
    public int PieceInputs { get; }

    public int PieceBytes { get; }

    /// <summary>Pieces of a row.</summary>
    public int Pieces { get; }

    /// <summary>Group scales of a row.</summary>
    public int ScaleGroups { get; }

    /// <summary>Bytes of all tiles, which is also the offset of what follows them.</summary>
    public long TilesBytes { get; }

    /// <summary>Bytes from one matrix to the next of several.</summary>
    public long Stride => SeqLayout.Align(checked(TilesBytes + (long)PaddedRows * Format.RowBytes));

    private long TileBytes { get; }

    /// <summary>Rows as stored.</summary>
    public static int PadRows(int rows) => Padded(rows, TileRows);

    /// <summary>Byte offset of a row's piece.</summary>
    public int Offset(int row, int piece) => (int)(row / TileRows * TileBytes + _headBytes + ((long)piece * TileRows + row % TileRows) * PieceBytes);

    /// <summary>Byte offset of a row's group scale.</summary>
    public int ScaleOffset(int row, int group) => (int)(row / TileRows * TileBytes + (long)group * TileRows + row % TileRows);

    private static int Padded(int count, int step) => checked(count + step - 1) / step * step;
}
