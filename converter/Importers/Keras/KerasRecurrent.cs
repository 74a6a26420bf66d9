using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>SimpleRNN, GRU (both forms of <c>reset_after</c>), LSTM, and Bidirectional around them, with masks and kept states.</summary>
/// <remarks>
/// Where a mask says that a step does not count, Keras keeps the state and repeats the output before it. Steps that count are
/// therefore moved to the front by a product with a 0/1 matrix, which is exact, run as shorter sequences, and moved back.
/// </remarks>
internal sealed class KerasRecurrent(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>Outputs: the sequence or the last output, then, where <c>return_state</c>, the states.</summary>
    public KerasValue[] Layer(KerasLayer layer, KerasCall call)
    {
        var x = call.Inputs[0];
        var initial = call.Named.TryGetValue("initial_state", out var named) ? named : call.Inputs[1..];
        var run = Run(layer, x, initial, layer.Flag("go_backwards"));
        var value = layer.Flag("return_sequences") ? new KerasValue(layer.Flag("go_backwards") ? Reversed(run.Sequence) : run.Sequence, x.Mask) : new KerasValue(run.States[0]);
        return layer.Flag("return_state") ? [value, .. run.States.Select(s => new KerasValue(s))] : [value];
    }

    /// <summary>Both directions, merged by sum, product, mean, concatenation or not at all.</summary>
    public KerasValue[] Bidirectional(KerasLayer layer, KerasCall call)
    {
        var forward = KerasEmitter.Inner(layer, part: "forward_");
        var backward = layer.Get("backward_layer") is null ? KerasEmitter.Inner(layer, part: "backward_") : KerasEmitter.Inner(layer, "backward_layer", "backward_");
        if (backward.Class != forward.Class) throw layer.Fault("its two directions are of different classes");
        var x = call.Inputs[0];
        var initial = call.Named.TryGetValue("initial_state", out var named) ? named : call.Inputs[1..];
        var half = initial.Count / 2;
        var isReversed = forward.Flag("go_backwards");
        var ahead = Run(forward, x, initial[..half], isReversed);
        var back = Run(backward, x, initial[half..], !isReversed);
        var isSequence = forward.Flag("return_sequences");
        var (a, b) = isSequence ? (ahead.Sequence, back.Sequence) : (ahead.States[0], back.States[0]);
        var mask = isSequence ? x.Mask : null;
        KerasValue[] merged = layer.Get("merge_mode") is null && layer.Config.TryGetProperty("merge_mode", out _) ? [new(a, mask), new(b, mask)] : layer.String("merge_mode") switch
        {
            null or "concat" => [new(Graph.Op("Concat", [a, b], ("axis", -1L)), mask)],
            "sum" => [new(Graph.Op("Add", [a, b]), mask)],
            "mul" => [new(Graph.Op("Mul", [a, b]), mask)],
            "ave" => [new(Graph.Op("Mul", [Graph.Op("Add", [a, b]), emitter.Scalar(0.5f)]), mask)],
            var other => throw layer.Fault($"there is no merge_mode '{other}'"),
        };
        return forward.Flag("return_state") ? [.. merged, .. ahead.States.Concat(back.States).Select(s => new KerasValue(s))] : merged;
    }

    /// <summary>One direction: the sequence [N, T, H] in the order of the input, and the last states [N, H].</summary>
    private (string Sequence, string[] States) Run(KerasLayer layer, KerasValue x, List<KerasValue> initial, bool isBackward)
    {
        var kind = KindOf(layer);
        if (layer.Flag("time_major")) throw layer.Fault("time_major is not known");
        var packing = x.Mask is null ? null : new Packing(emitter, x, isBackward);
        var steps = Graph.Transpose(packing?.Packed ?? x.Name, 1, 0, 2);
        var (w, r, b, hidden) = Weights(layer, kind);
        var states = kind == RecurrentKind.Lstm ? 2 : 1;
        if (initial.Count != 0 && initial.Count != states) throw layer.Fault($"it is given {initial.Count} initial states; it has {states}");
        var first = initial.Count > 0 ? initial.ConvertAll(s => Graph.Unsqueeze(s.Name, 0)) : layer.Flag("stateful") ? Kept(layer, x.Name, states, hidden) : [];
        string?[] inputs = [steps, w, r, b, packing?.Lengths, .. first];
        string[] outputs = [Graph.Graph.Fresh(layer.Name), .. Enumerable.Range(0, states).Select(_ => Graph.Graph.Fresh(layer.Name + "/state"))];
        List<(string, object)> attributes = [("hidden_size", (long)hidden), ("direction", isBackward ? "reverse" : "forward"), ("activations", Activations(layer, kind))];
        if (kind == RecurrentKind.Gru) attributes.Add(("linear_before_reset", IsResetAfter(layer) ? 1L : 0L));
        Graph.Ops(kind.Operator, inputs, outputs, [.. attributes]);
        if (initial.Count == 0 && layer.Flag("stateful"))
        {
            for (var i = 0; i < states; i++) Keep(layer, i, outputs[1 + i]);
        }

        var sequence = Graph.Transpose(Graph.Squeeze(outputs[0], 1), 1, 0, 2);
        if (packing is not null) sequence = packing.Unpack(sequence, layer.Flag("zero_output_for_mask"));
        return (sequence, [.. outputs.Skip(1).Select(s => Graph.Squeeze(s, 0))]);
    }

    private static RecurrentKind KindOf(KerasLayer layer) => layer.Class switch
    {
        "SimpleRNN" => RecurrentKind.Rnn,
        "GRU" or "CuDNNGRU" => RecurrentKind.Gru,
        "LSTM" or "CuDNNLSTM" => RecurrentKind.Lstm,
        _ => throw layer.Fault("it is no recurrent layer"),
    };

    private static bool IsResetAfter(KerasLayer layer) => layer.Class == "CuDNNGRU" || layer.Flag("reset_after", false);

    private string[] Activations(KerasLayer layer, RecurrentKind kind)
    {
        var activation = Name(layer.Activation(otherwise: "tanh"));
        if (kind == RecurrentKind.Rnn) return [activation];
        var gates = Name(layer.Activation("recurrent_activation", layer.Class.StartsWith("CuDNN", StringComparison.Ordinal) ? "sigmoid" : "hard_sigmoid"));
        return kind == RecurrentKind.Gru ? [gates, activation] : [gates, activation, activation];

        string Name(string function) => function switch
        {
            "tanh" => "Tanh",
            "sigmoid" => "Sigmoid",
            "relu" => "Relu",
            "softsign" => "Softsign",
            "softplus" => "Softplus",
            "elu" => "Elu",
            "hard_sigmoid" when !emitter.IsKeras3 => "HardSigmoid",
            _ => throw layer.Fault($"the activation '{function}' is not known in a recurrent layer"),
        };
    }

    /// <summary>Kernels [I, gates · H], gates i f c o of an LSTM and z r h of a GRU, to ONNX's matrices, gates i o f c and z r h.</summary>
    private (string W, string R, string? B, int Hidden) Weights(KerasLayer layer, RecurrentKind kind)
    {
        var kernel = GraphComposer.Transposed(emitter.Need(layer, "kernel", 2));
        var recurrent = GraphComposer.Transposed(emitter.Need(layer, "recurrent_kernel", 2));
        var (rows, hidden, count) = (kernel.Shape[0], recurrent.Shape[1], kind.Gates.Length);
        if (rows != (long)count * hidden || recurrent.Shape[0] != rows) throw layer.Fault($"its kernels have {rows} and {recurrent.Shape[0]} columns; {count} gates of {hidden} are needed");
        string Matrix(IrTensor matrix) => Graph.Constant(layer.Name, IrTensor.Of<float>([1, rows, matrix.Shape[1]], Reorder(matrix.Floats, kind)));
        string? bias = null;
        if (layer.Flag("use_bias", true))
        {
            var given = emitter.Weights.Find(layer.WeightsOf, layer.Part, "bias") ?? throw layer.Fault("the file has no weight 'bias' of it");
            if (given.Count != rows && given.Count != 2 * rows) throw layer.Fault($"its bias has {given.Count} elements; {rows} or twice as many are needed");
            float[] both = [.. Reorder(given.Floats[..rows], kind), .. given.Count == rows ? new float[rows] : Reorder(given.Floats[rows..], kind)];
            bias = Graph.Constant(layer.Name + "/bias", IrTensor.Of<float>([1, 2 * rows], both));
        }

        return (Matrix(kernel), Matrix(recurrent), bias, hidden);
    }

    private static float[] Reorder(ReadOnlySpan<float> gates, RecurrentKind kind)
    {
        if (kind == RecurrentKind.Gru) return gates.ToArray();
        var to = new List<float>(gates.Length);
        RecurrentWeights.Reorder(gates, kind, gates.Length / kind.Gates.Length, to);
        return [.. to];
    }

    /// <summary>States of a stateful layer, [1, N, H], that the runtime keeps from call to call.</summary>
    private List<string> Kept(KerasLayer layer, string x, int count, int hidden)
    {
        var batch = Graph.Graph.Inputs.Find(i => i.Value == x) is { } input ? input.Shape[0] : Graph.Graph.Inputs[0].Shape[0];
        var names = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var name = StateName(layer, i);
            Graph.Declare(name);
            Graph.Graph.States.Add(new IrState(name, name, name, name, ElementType.Float32, [new IrDim(1, null), batch, new IrDim(hidden, null)]));
            names.Add(name);
        }

        return names;
    }

    private void Keep(KerasLayer layer, int state, string update)
    {
        var at = Graph.Graph.States.FindIndex(s => s.Name == StateName(layer, state));
        Graph.Graph.States[at] = Graph.Graph.States[at] with { Update = update, Output = update };
    }

    private static string StateName(KerasLayer layer, int state) => $"{layer.WeightsOf}{(layer.Part.Length > 0 ? "/" + layer.Part.TrimEnd('_') : "")}/{(state == 0 ? "hidden" : "cell")}";

    private string Reversed(string sequence) => Graph.Op("Slice", [sequence, Graph.Axes(-1), Graph.Axes(long.MinValue), Graph.Axes(1), Graph.Axes(-1)]);

    /// <summary>Steps that count, moved to the front and back.</summary>
    private sealed class Packing
    {
        private readonly KerasEmitter _emitter;
        private readonly string _mask;
        private readonly string _last;

        public Packing(KerasEmitter emitter, KerasValue x, bool isBackward)
        {
            _emitter = emitter;
            var graph = emitter.Graph;
            _mask = emitter.ToFloat(x.Mask!);
            var count = graph.Op("CumSum", [_mask, graph.Constant("axis", IrTensor.Of<long>([], 1))]);
            var place = graph.Op("Sub", [count, emitter.Scalar(1)]);
            Lengths = graph.Op("Cast", [graph.Op("ReduceSum", [_mask, graph.Axes(1)], ("keepdims", 0L))], ("to", 6L));
            Places = emitter.ToFloat(graph.Places(_mask, 1));
            // [N, place, T]: 1 where the step of this time goes to this place.
            var isThere = emitter.ToFloat(graph.Op("Equal", [graph.Unsqueeze(place, 1), graph.Op("Unsqueeze", [Places, graph.Axes(0, 2)])]));
            Packed = graph.Op("MatMul", [graph.Op("Mul", [isThere, graph.Unsqueeze(_mask, 1)]), x.Name]);
            // A step that does not count has the output of the one before it in reading order.
            _last = isBackward ? graph.Op("Sub", [count, _mask]) : place;
        }

        public string Packed { get; }

        public string Lengths { get; }

        private string Places { get; }

        public string Unpack(string packed, bool isZeroElsewhere)
        {
            var graph = _emitter.Graph;
            var isThere = _emitter.ToFloat(graph.Op("Equal", [graph.Unsqueeze(_last, 2), graph.Op("Unsqueeze", [Places, graph.Axes(0, 1)])]));
            var sequence = graph.Op("MatMul", [isThere, packed]);
            return isZeroElsewhere ? graph.Op("Mul", [sequence, graph.Unsqueeze(_mask, 2)]) : sequence;
        }
    }
}
