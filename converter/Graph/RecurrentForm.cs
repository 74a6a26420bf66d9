using SeqRuntime.Format;

namespace SeqRuntime.Converter.Graph;

/// <summary>How the gates of ONNX's LSTM, GRU and RNN lie in the runtime's packed rows, and the constants that their activations take.</summary>
internal static class RecurrentForm
{
    private static readonly Dictionary<string, int[]> s_gates = RecurrentOp.All.ToDictionary(op => op.Name, op => op.Gates);

    private static readonly HashSet<string> s_takeAlpha = new(["Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"], StringComparer.OrdinalIgnoreCase);
    private static readonly HashSet<string> s_takeBeta = new(["Affine", "ScaledTanh", "HardSigmoid"], StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc cref="RecurrentOp.Gates"/>
    public static int[] Gates(string op) => s_gates[op];

    /// <summary>Whether an activation takes a first constant.</summary>
    public static bool TakesAlpha(string function) => s_takeAlpha.Contains(function);

    /// <summary>Whether an activation takes a second constant.</summary>
    public static bool TakesBeta(string function) => s_takeBeta.Contains(function);

    /// <summary>For each packed row of a layer of so many gates the row of ONNX's order that lies there; -1 for padding.</summary>
    public static int[] PackedOrder(int gates, int hidden)
    {
        var order = s_gates.Values.First(g => g.Length == gates);
        var rows = new int[Rows(order, hidden)];
        Array.Fill(rows, -1);
        for (var unit = 0; unit < hidden; unit++)
        {
            for (var gate = 0; gate < gates; gate++) rows[GateRows.Of(gates, gate, unit, hidden)] = order[gate] * hidden + unit;
        }

        return rows;
    }

    /// <summary>Rows of one direction's packed matrices, of a layer with this W.</summary>
    public static int Rows(string op, IrTensor w) => Rows(s_gates[op], w.Shape[1] / s_gates[op].Length);

    /// <summary>Rows of one direction's packed matrices.</summary>
    public static int Rows(int[] gates, int hidden) => GateRows.Count(gates.Length, hidden);
}
