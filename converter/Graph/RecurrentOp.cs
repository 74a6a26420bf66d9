using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// ONNX's recurrent layers and their differences. Inputs: X, W, R, B, sequence_lens, the initial hidden state (5), and for a layer
/// with a cell state also the initial cell state (6) and P. Outputs: Y, the last hidden state, and the last cell state. After ONNX's
/// inputs, a layer with a cell state may have a projection (8).
/// </summary>
internal sealed class RecurrentOp
{
    private RecurrentOp(OpKind kind) => (Kind, Name) = (kind, OperatorTable.OnnxName(kind)!);

    public static RecurrentOp Lstm { get; } = new(OpKind.Lstm) { OnnxGates = [0, 2, 3, 1], Activations = ["Sigmoid", "Tanh", "Tanh"], Weights = [1, 2, 3, 7, 8], HasCell = true };

    public static RecurrentOp Gru { get; } = new(OpKind.Gru) { OnnxGates = [1, 0, 2], Activations = ["Sigmoid", "Tanh"], HasTwoBiases = true };

    public static RecurrentOp Rnn { get; } = new(OpKind.Rnn) { OnnxGates = [0], Activations = ["Tanh"] };

    private static readonly RecurrentOp[] s_all = [Lstm, Gru, Rnn];

    public static IReadOnlyList<RecurrentOp> All => s_all;

    public OpKind Kind { get; }

    /// <summary>ONNX's name.</summary>
    public string Name { get; }

    /// <summary>For each gate in the runtime's order, its position in ONNX's order: LSTM i f g o of i o f c, GRU r z n of z r h.</summary>
    public required int[] OnnxGates { get; init; }

    /// <summary>The number of gates.</summary>
    public int Gates => OnnxGates.Length;

    /// <summary>The default activations of one direction.</summary>
    public required string[] Activations { get; init; }

    /// <summary>Inputs that are weights.</summary>
    public int[] Weights { get; private init; } = [1, 2, 3];

    /// <summary>Whether the layer has a cell state besides the hidden state.</summary>
    public bool HasCell { get; private init; }

    /// <summary>Whether the runtime takes the biases of W and R separately, because the reset gate may act between them.</summary>
    public bool HasTwoBiases { get; private init; }

    /// <summary>The number of states: inputs from 5 on, outputs from 1 on.</summary>
    public int States => HasCell ? 2 : 1;

    /// <summary>The recurrent layer of this name. Null for other operators.</summary>
    public static RecurrentOp? Of(string name)
    {
        foreach (var op in s_all)
        {
            if (op.Name == name) return op;
        }

        return null;
    }

    public override string ToString() => Name;
}
