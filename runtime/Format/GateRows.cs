namespace SeqRuntime.Format;

/// <summary>
/// Where the rows of a recurrent layer's gates lie in its packed matrices, its biases and its pre-activations; the one place that knows it.
/// </summary>
/// <remarks>
/// Gates are interleaved by blocks of <see cref="BlockUnits"/> hidden units: all rows of the block's first gate, then of its second. The last
/// block has as many rows a gate as units are left, padded to a multiple of <see cref="WeightLayout.RowStep"/>. A block of an LSTM
/// or a GRU is one panel of a matrix with <see cref="Panel"/> rows a panel.
/// </remarks>
internal static class GateRows
{
    /// <summary>Hidden units of all blocks but the last.</summary>
    public const int BlockUnits = 16;

    /// <summary>Hidden units as stored.</summary>
    public static int PadUnits(int units) => WeightLayout.PadRows(units);

    /// <summary>Rows of a layer.</summary>
    public static int Count(int gates, int units) => checked(gates * PadUnits(units));

    /// <summary>Rows of a panel of the layer's matrices.</summary>
    public static int Panel(int gates) => gates == 3 ? WeightLayout.GruPanel : WeightLayout.WidestPanel;

    /// <summary>Rows that each gate has in the block of a unit.</summary>
    public static int Width(int unit, int units) => Math.Min(BlockUnits, PadUnits(units) - unit / BlockUnits * BlockUnits);

    /// <summary>The row of a unit's gate.</summary>
    public static int Of(int gates, int gate, int unit, int units) => unit / BlockUnits * BlockUnits * gates + gate * Width(unit, units) + unit % BlockUnits;
}
