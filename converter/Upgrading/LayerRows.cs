using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>
/// The gate rows of recurrent layers in files of 1.x: gates interleaved by blocks of 16 units as in <see cref="GateRows"/>, but with all blocks
/// whole. So W, R and biases have rows for units that are padding, which today's files do not have.
/// </summary>
/// <param name="Gates">Rows for each unit.</param>
/// <param name="Units">Hidden units.</param>
/// <param name="IsStep">Whether a matrix in fp32 has panels for whole steps.</param>
internal readonly record struct LayerRows(int Gates, int Units, bool IsStep)
{
    /// <summary>Rows in a file of 1.x.</summary>
    public int Before => Gates * TileLayout.PadRows(Units);

    /// <summary>Whether the rows have the places of today.</summary>
    public bool IsSame => Units % TileLayout.TileRows == 0;

    /// <summary>For each row of today, its row in the file.</summary>
    public int[] Order()
    {
        var order = new int[GateRows.Count(Gates, Units)];
        for (var unit = 0; unit < GateRows.PadUnits(Units); unit++)
        {
            for (var gate = 0; gate < Gates; gate++)
                order[GateRows.Of(Gates, gate, unit, Units)] = (unit / TileLayout.TileRows * Gates + gate) * TileLayout.TileRows + unit % TileLayout.TileRows;
        }

        return order;
    }
}
