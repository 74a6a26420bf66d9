using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Loops over the steps of a sequence as exporters write them, with one recurrent cell.</summary>
internal sealed class RecurrentLoop
{
    public const int N = 2, I = 5, H = 4;

    private readonly GraphProto _body = new() { Name = "body" };
    private readonly string _cell;
    private int _values;

    public RecurrentLoop(string cell) => _cell = cell;

    public GraphProto Body => _body;

    /// <summary>Size of h.</summary>
    public int States => _cell == "lstm-projected" ? 3 : H;

    public bool IsLstm => _cell.StartsWith("lstm", StringComparison.Ordinal);

    public int Gates => IsLstm ? 4 : _cell.StartsWith("gru", StringComparison.Ordinal) ? 3 : 1;

    public string Add(string op, string inputs, params (string, object)[] attributes)
    {
        var output = $"v{_values++}";
        _body.Node.Add(OnnxBuilder.MakeNode(op, inputs, output, attributes));
        return output;
    }

    public string[] Split(string value, int parts, int axis)
    {
        var outputs = Enumerable.Range(0, parts).Select(i => $"s{_values++}").ToArray();
        _body.Node.Add(OnnxBuilder.MakeNode("Split", value, string.Join(' ', outputs), ("axis", axis)));
        return outputs;
    }

    /// <summary>The weights, in the outer graph.</summary>
    public OnnxBuilder Weights(OnnxBuilder model)
    {
        model.Random("W", 1, 1, I, Gates * H).Random("U", 2, 1, H, Gates * H).Random("b", 3, 1, Gates * H).Random("b2", 4, 1, Gates * H).Random("p", 5, 1, 3 * H).Constant("one", [], 1f).Constant("three", [], 3f).Constant("six", [], 6f).Constant("zero", [], 0f)
            .Constant("slope", [], 0.2f).Constant("half", [], 0.5f).Constant("forget", [], 1f).Random("WU", 6, 1, I + H, Gates * H).Random("P", 7, 1, H, 3).Random("Un", 8, 1, H, H).Random("WP", 9, 1, I + 3, Gates * H).Random("pi", 41, 1, H).Random("pf", 42, 1, H).Random("po", 43, 1, H);
        foreach (var gate in (string[])["i", "f", "g", "o"]) model.Random("W" + gate, 10 + gate[0], 1, I, H).Random("U" + gate, 20 + gate[0], 1, H, H).Random("b" + gate, 30 + gate[0], 1, H);
        return model;
    }

    /// <summary>One step of the cell: the next h, and c.</summary>
    public (string H, string? C) Step(string x, string h, string? c)
    {
        switch (_cell)
        {
            case "lstm" or "lstm-hard" or "lstm-hard6" or "lstm-relu" or "lstm-coupled":
                // TensorFlow's and Keras': both products, the bias, a split into i f g o.
                return Lstm(Split(Add("Add", $"{Add("Add", $"{Add("MatMul", $"{x} W")} {Add("MatMul", $"{h} U")}")} b"), parts: 4, axis: 1), c!);
            case "lstm-joined":
                // TensorFlow's LSTMCell: one matrix for both, gates i g f o, a constant added to f.
                var parts = Split(Add("Add", $"{Add("MatMul", $"{Add("Concat", $"{x} {h}", ("axis", 1))} WU")} b"), parts: 4, axis: 1);
                return Lstm([parts[0], Add("Add", $"{parts[2]} forget"), parts[1], parts[3]], c!);
            case "lstm-projected":
                // TensorFlow's LSTMCell with num_proj.
                var q4 = Split(Add("Add", $"{Add("MatMul", $"{Add("Concat", $"{x} {h}", ("axis", 1))} WP")} b"), parts: 4, axis: 1);
                var unprojected = Lstm(q4, c!);
                return (Add("MatMul", $"{unprojected.H} P"), unprojected.C);
            case "lstm-peephole":
                var v = Split(Add("Add", $"{Add("Add", $"{Add("MatMul", $"{x} W")} {Add("MatMul", $"{h} U")}")} b"), parts: 4, axis: 1);
                var (seesI, seesF) = (Add("Add", $"{v[0]} {Add("Mul", $"{c} pi")}"), Add("Add", $"{v[1]} {Add("Mul", $"pf {c}")}"));
                var state = Add("Add", $"{Add("Mul", $"{Add("Sigmoid", seesF)} {c}")} {Add("Mul", $"{Add("Sigmoid", seesI)} {Add("Tanh", v[2])}")}");
                return (Add("Mul", $"{Add("Sigmoid", Add("Add", $"{v[3]} {Add("Mul", $"{state} po")}"))} {Add("Tanh", state)}"), state);
            case "lstm-apart":
                // Four matrices each, as in Keras' implementation 1.
                return Lstm([.. new[] { "i", "f", "g", "o" }.Select(g => Add("Add", $"{Add("Add", $"{Add("MatMul", $"{x} W{g}")} b{g}")} {Add("MatMul", $"{h} U{g}")}"))], c!);
            case "gru-after":
                // PyTorch's GRUCell and Keras' reset_after: r z n, a bias inside the reset.
                var (a, q) = (Split(Add("Add", $"{Add("MatMul", $"{x} W")} b"), parts: 3, axis: 1), Split(Add("Add", $"{Add("MatMul", $"{h} U")} b2"), parts: 3, axis: 1));
                var (r, z) = (Add("Sigmoid", Add("Add", $"{a[0]} {q[0]}")), Add("Sigmoid", Add("Add", $"{a[1]} {q[1]}")));
                var n = Add("Tanh", Add("Add", $"{a[2]} {Add("Mul", $"{r} {q[2]}")}"));
                return (Add("Add", $"{Add("Mul", $"{z} {h}")} {Add("Mul", $"{Add("Sub", $"one {z}")} {n}")}"), null);
            case "gru-before" or "gru-turned":
                // Keras' reset_after=False and TensorFlow's GRUCell: z r n, the reset state multiplied.
                var w = Split(Add("Add", $"{Add("MatMul", $"{x} W")} b"), parts: 3, axis: 1);
                string Gate(int i) => Add("Sigmoid", Add("Add", $"{w[i]} {Add("MatMul", $"{h} U{"if"[i]}")}"));
                var (update, reset) = (Gate(0), Gate(1));
                var candidate = Add("Tanh", Add("Add", $"{w[2]} {Add("MatMul", $"{Add("Mul", $"{reset} {h}")} Un")}"));
                return (_cell == "gru-turned" ? Add("Add", $"{h} {Add("Mul", $"{update} {Add("Sub", $"{candidate} {h}")}")}") : Add("Add", $"{candidate} {Add("Mul", $"{update} {Add("Sub", $"{h} {candidate}")}")}"), null);
            default:
                return (Add(_cell == "rnn-relu" ? "Relu" : "Tanh", Add("Add", $"{Add("Add", $"{Add("MatMul", $"{x} W")} b")} {Add("MatMul", $"{h} U")}")), null);
        }
    }

    /// <summary>A cell from the sums of its gates, i f g o.</summary>
    public (string H, string C) Gated(string[] gates, string c) => Lstm(gates, c);

    private (string H, string C) Lstm(string[] gates, string c)
    {
        string Gate(string sum) => _cell switch
        {
            "lstm-hard" => Add("Clip", $"{Add("Add", $"{Add("Mul", $"{sum} slope")} half")} zero one"),
            "lstm-hard6" => Add("Div", $"{Add("Clip", $"{Add("Add", $"{sum} three")} zero six")} six"),
            _ => Add("Sigmoid", sum),
        };
        var activation = _cell == "lstm-relu" ? "Relu" : "Tanh";
        var input = Gate(gates[0]);
        var forget = _cell == "lstm-coupled" ? Add("Sub", $"one {input}") : Gate(gates[1]);
        var next = Add("Add", $"{Add("Mul", $"{forget} {c}")} {Add("Mul", $"{input} {Add(activation, gates[2])}")}");
        return (Add("Mul", $"{Gate(gates[3])} {Add(activation, next)}"), next);
    }
}
