using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>Moves weights from the tiles of 1.x to the panels of today. Bytes are copied, never computed, so each weight keeps its bits.</summary>
internal static class Rearranging
{
    /// <summary>A matrix in panels.</summary>
    /// <param name="tiles">The matrix in tiles.</param>
    /// <param name="from">Its layout.</param>
    /// <param name="to">The layout of the result.</param>
    /// <param name="order">For each row of the result, its row in the tiles; null if rows keep their places.</param>
    public static byte[] ToPanels(ReadOnlySpan<byte> tiles, TileLayout from, WeightLayout to, int[]? order)
    {
        var panels = new byte[to.TotalBytes];
        for (var row = 0; row < to.PaddedRows; row++)
        {
            var source = order?[row] ?? row;
            for (var piece = 0; piece < from.Pieces; piece++)
                tiles.Slice(from.Offset(source, piece), from.PieceBytes).CopyTo(panels.AsSpan(to.Offset(row, piece * from.PieceInputs)));
            for (var group = 0; group < from.ScaleGroups; group++) panels[Int4Format.ScaleOffset(to, row, group)] = tiles[from.ScaleOffset(source, group)];

            // A scale, and in int8 a sum: all scales, then all sums.
            for (var part = 0; part < to.Format.RowBytes / sizeof(int); part++)
                tiles.Slice(Behind(from.TilesBytes, part, from.PaddedRows, source), sizeof(int)).CopyTo(panels.AsSpan(Behind(to.PanelsBytes, part, to.PaddedRows, row)));
        }

        return panels;
    }

    /// <summary>A dense tensor with the elements of its last dimension in another order, or fewer of them.</summary>
    public static byte[] Last(ReadOnlySpan<byte> elements, int size, int before, int[] order)
    {
        var rows = elements.Length / (size * before);
        var result = new byte[(long)rows * order.Length * size];
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < order.Length; i++) elements.Slice((row * before + order[i]) * size, size).CopyTo(result.AsSpan((row * order.Length + i) * size));
        }

        return result;
    }

    private static int Behind(long weights, int part, int rows, int row) => checked((int)(weights + ((long)part * rows + row) * sizeof(int)));
}
