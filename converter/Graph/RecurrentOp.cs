using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Recurrent layers, ONNX's and others, and their differences. Inputs are ONNX's: X, W, R, B, sequence_lens, the initial hidden state (5),
/// for a layer that also has a cell state the initial cell state (6), and P, vectors over the units (7). After them, a layer may have a
/// projection (8). Outputs: Y, the last hidden state, and the last cell state. A layer without R has one state, its cell state.
/// </summary>
internal sealed class RecurrentOp
{
    /// <param name="kind">The runtime's operator.</param>
    /// <param name="name">Its name in graphs; ONNX's if left out.</param>
    private RecurrentOp(OpKind kind, string? name = null) => (Kind, Name) = (kind, name ?? OperatorTable.OnnxName(kind)!);

    public static RecurrentOp Lstm { get; } = new(OpKind.Lstm) { OnnxGates = [0, 2, 3, 1], Activations = ["Sigmoid", "Tanh", "Tanh"], Weights = [1, 2, 3, 7, 8], HasCell = true, Vectors = 3, HasProjection = true };

    public static RecurrentOp Gru { get; } = new(OpKind.Gru) { OnnxGates = [1, 0, 2], Activations = ["Sigmoid", "Tanh"], HasTwoBiases = true };

    public static RecurrentOp Rnn { get; } = new(OpKind.Rnn) { OnnxGates = [0], Activations = ["Tanh"] };

    public static RecurrentOp Mgu { get; } = new(OpKind.Mgu, "MGU") { OnnxGates = [0, 1], Activations = [] };

    public static RecurrentOp Sru { get; } = SimpleUnit(OpKind.Sru, "SRU", [0, 1, 2]);

    public static RecurrentOp ProjectedSru { get; } = SimpleUnit(OpKind.ProjectedSru, "ProjectedSRU", [0, 1, 2, 3]);

    private static readonly RecurrentOp[] s_all = [Lstm, Gru, Rnn, Mgu, Sru, ProjectedSru];

    public static IReadOnlyList<RecurrentOp> All => s_all;

    public OpKind Kind { get; }

    /// <summary>ONNX's name, or one of the converter's own where ONNX has no such layer.</summary>
    public string Name { get; }

    /// <summary>For each gate in the runtime's order, its position in ONNX's order: LSTM i f g o of i o f c, GRU r z n of z r h. Layers that ONNX does not have are in the runtime's order.</summary>
    public required int[] OnnxGates { get; init; }

    /// <summary>The number of gates.</summary>
    public int Gates => OnnxGates.Length;

    /// <summary>The default activations of one direction.</summary>
    public required string[] Activations { get; init; }

    /// <summary>Inputs that are weights.</summary>
    public int[] Weights { get; private init; } = [1, 2, 3];

    /// <summary>Whether R multiplies a hidden state.</summary>
    public bool HasRecurrence { get; private init; } = true;

    /// <summary>Whether the layer has a cell state besides the hidden state.</summary>
    public bool HasCell { get; private init; }

    /// <summary>The number of vectors over the units in P.</summary>
    public int Vectors { get; private init; }

    /// <summary>Whether the layer may have a projection.</summary>
    public bool HasProjection { get; private init; }

    /// <summary>The gates that have a bias.</summary>
    public Range Biased { get; private init; } = Range.All;

    /// <summary>Attributes that only this layer has, all of them numbers, and their keys in the file.</summary>
    public (string Name, AttributeKey Key)[] Numbers { get; private init; } = [];

    /// <summary>Whether the runtime takes the biases of W and R separately, because the reset gate may act between them.</summary>
    public bool HasTwoBiases { get; private init; }

    /// <summary>The number of states: inputs from 5 on, outputs from 1 on.</summary>
    public int States => HasCell ? 2 : 1;

    /// <summary>The name of state <paramref name="state"/>.</summary>
    public string StateName(int state) => state == 0 && HasRecurrence ? "hidden" : "cell";

    /// <summary>The size of the hidden state, or of the output of a layer without one.</summary>
    /// <param name="shapeOf">The shape of an input of the node.</param>
    public int StateSize(Func<int, int[]> shapeOf) => HasRecurrence ? shapeOf(2)[2] : shapeOf(1)[1] / Gates;

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

    private static RecurrentOp SimpleUnit(OpKind kind, string name, int[] gates) =>
        new(kind, name) { OnnxGates = gates, Activations = [], Weights = [1, 3, 7], HasRecurrence = false, Vectors = 2, Biased = 1..3, Numbers = [("alpha", AttributeKey.Alpha)] };
}
