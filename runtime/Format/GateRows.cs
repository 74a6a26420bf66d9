using System.Runtime.CompilerServices;

namespace SeqRuntime.Format;

/// <summary>
/// The order of a recurrent layer's gate rows in packed matrices, biases and pre-activations. Only this class knows it.
/// </summary>
/// <remarks>
/// Gates are interleaved by blocks of <see cref="BlockUnits"/> hidden units: all rows of the block's first gate, then of its second. In the
/// last block, each gate has as many rows as units remain, padded to a multiple of <see cref="WeightLayout.RowStep"/>. A block of an LSTM
/// or a GRU is one panel of a matrix with <see cref="Panel"/> rows in each panel.
/// </remarks>
internal static class GateRows
{
    /// <summary>Hidden units of a block, except the last.</summary>
    public const int BlockUnits = 16;

    /// <summary>The number of hidden units with padding.</summary>
    public static int PadUnits(int units) => WeightLayout.PadRows(units);

    /// <summary>The number of rows of a layer.</summary>
    public static int Count(int gates, int units) => checked(gates * PadUnits(units));

    /// <summary>The number of rows in a panel of the layer's matrices.</summary>
    public static int Panel(int gates) => gates == 3 ? WeightLayout.GruPanel : WeightLayout.WidestPanel;

    /// <summary>The number of rows of each gate in a unit's block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Width(int unit, int units) => Math.Min(BlockUnits, PadUnits(units) - unit / BlockUnits * BlockUnits);

    /// <summary>The row of a unit's gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Of(int gates, int gate, int unit, int units) => unit / BlockUnits * BlockUnits * gates + gate * Width(unit, units) + unit % BlockUnits;
}
