namespace SeqRuntime.Converter.Graph;

/// <summary>
/// A gate order of recurrent layers in a source format. Importers bring weights from it into the runtime's order, which all later steps
/// use: i f g o for an LSTM's gates, i f o for its peepholes, and r z n for a GRU's gates, as in PyTorch.
/// </summary>
internal sealed class GateOrder
{
    /// <summary>ONNX's i o f c.</summary>
    private static readonly GateOrder s_lstm = new(RecurrentOp.Lstm.OnnxGates, 1), s_lstmBias = new(RecurrentOp.Lstm.OnnxGates, 2);

    /// <summary>ONNX's i o f.</summary>
    private static readonly GateOrder s_peepholes = new([0, 2, 1], 1);

    /// <summary>ONNX's and Keras' z r h.</summary>
    private static readonly GateOrder s_gru = new(RecurrentOp.Gru.OnnxGates, 1), s_gruBias = new(RecurrentOp.Gru.OnnxGates, 2);

    private readonly int[] _places;

    /// <param name="places">For each gate in the runtime's order, its position in this order.</param>
    /// <param name="groups">How often the group of gates is repeated.</param>
    private GateOrder(int[] places, int groups)
    {
        _places = [.. Enumerable.Range(0, groups).SelectMany(group => places.Select(place => group * places.Length + place))];
    }

    /// <summary>For each part of a tensor in the runtime's order, its position in this order.</summary>
    public IReadOnlyList<int> Places => _places;

    /// <summary>The order of an ONNX layer's input along axis 1. Null if it is the runtime's order or the input has no gates.</summary>
    public static GateOrder? OfOnnx(RecurrentOp? op, int input) => input switch
    {
        1 or 2 => op == RecurrentOp.Lstm ? s_lstm : op == RecurrentOp.Gru ? s_gru : null,
        3 => op == RecurrentOp.Lstm ? s_lstmBias : op == RecurrentOp.Gru ? s_gruBias : null,
        7 => op == RecurrentOp.Lstm ? s_peepholes : null,
        _ => null,
    };

    /// <summary>A Keras layer's weights in the runtime's gate order. Keras' LSTM order i f c o is the same as the runtime's.</summary>
    /// <param name="weights">Gates along the first axis.</param>
    /// <param name="gates">The number of gates.</param>
    public static IrTensor OfKeras(IrTensor weights, int gates) => gates == 3 ? s_gru.Undo(weights, 0) : weights;

    /// <summary>A tensor with its parts along an axis in the runtime's order. A tensor with unequal parts is returned unchanged; no layer accepts it.</summary>
    public IrTensor Undo(IrTensor tensor, int axis)
    {
        if (tensor.Shape.Length <= axis || tensor.Count == 0 || tensor.Shape[axis] % _places.Length != 0) return tensor;
        var part = tensor.Data.Length / tensor.Shape[..axis].Aggregate(1, (a, b) => a * b) / _places.Length;
        var ordered = new byte[tensor.Data.Length];
        for (var start = 0; start < ordered.Length; start += _places.Length * part)
        {
            for (var i = 0; i < _places.Length; i++) tensor.Data.Slice(start + _places[i] * part, part).CopyTo(ordered.AsSpan(start + i * part));
        }

        return new IrTensor(tensor.Type, tensor.Shape, ordered) { Beyond = tensor.Beyond };
    }
}
