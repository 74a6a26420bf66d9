using SeqRuntime.Format;

namespace SeqRuntime.Converter.Graph;

/// <summary>How the gates of recurrent layers are placed in the runtime's packed rows, and which activations take constants.</summary>
internal static class RecurrentForm
{
    private static readonly HashSet<string> s_takeAlpha = new(["Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Celu", "Swish", "Clip"], StringComparer.OrdinalIgnoreCase);
    private static readonly HashSet<string> s_takeBeta = new(["Affine", "ScaledTanh", "HardSigmoid", "Clip"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether an activation takes a first constant (alpha).</summary>
    public static bool TakesAlpha(string function) => s_takeAlpha.Contains(function);

    /// <summary>Whether an activation takes a second constant (beta).</summary>
    public static bool TakesBeta(string function) => s_takeBeta.Contains(function);

    /// <summary>For each packed row of a layer with this number of gates, the row of its weights. -1 for padding.</summary>
    public static int[] PackedOrder(int gates, int hidden)
    {
        var rows = new int[GateRows.Count(gates, hidden)];
        Array.Fill(rows, -1);
        for (var unit = 0; unit < hidden; unit++)
        {
            for (var gate = 0; gate < gates; gate++) rows[GateRows.Of(gates, gate, unit, hidden)] = gate * hidden + unit;
        }

        return rows;
    }
}
