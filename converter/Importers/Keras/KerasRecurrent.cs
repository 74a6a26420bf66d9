using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>SimpleRNN, GRU (both forms of <c>reset_after</c>), LSTM, and Bidirectional around them, with masks and kept states.</summary>
internal sealed partial class KerasRecurrent(KerasEmitter emitter)
{
    private static readonly Dictionary<string, RecurrentOp> s_kinds = new()
    {
        ["SimpleRNN"] = RecurrentOp.Rnn,
        ["GRU"] = RecurrentOp.Gru,
        ["CuDNNGRU"] = RecurrentOp.Gru,
        ["LSTM"] = RecurrentOp.Lstm,
        ["CuDNNLSTM"] = RecurrentOp.Lstm,
    };

    /// <summary>The class of a layer over a cell, or over several.</summary>
    public const string OverCells = "RNN";

    private readonly KerasConvRecurrent _convolutions = new(emitter);

    /// <summary>Keras' classes of recurrent layers.</summary>
    public static IReadOnlyCollection<string> Classes { get; } = [.. s_kinds.Keys, OverCells, .. KerasConvRecurrent.Classes];

    /// <summary>Whether layers of a class have a cell of their own, which holds the weights.</summary>
    public static bool HasCell(string kind) => Classes.Contains(kind) && kind != OverCells;

    private GraphComposer Graph => emitter.Graph;

    /// <summary>Outputs: the sequence or the last output, then the states if <c>return_state</c> is set.</summary>
    public KerasValue[] Layer(KerasLayer layer, KerasCall call)
    {
        var x = Turned(layer, call.Inputs[0]);
        var isBackward = layer.Flag("go_backwards");
        var run = RunCells(layer, x, Initial(call), isBackward, layer.Flag("zero_output_for_mask"));
        // The sequence is in reading order; Keras does not reverse the mask with it.
        var value = layer.Flag("return_sequences") ? Turned(layer, new KerasValue(isBackward ? Graph.Reversed(run.Sequence, 1) : run.Sequence, x.Rank, x.Mask)) : new KerasValue(run.Last, x.Rank - 1);
        return layer.Flag("return_state") ? [value, .. run.States.Select(s => new KerasValue(s, x.Rank - 1))] : [value];
    }

    /// <summary>Both directions, merged by sum, product, mean or concatenation, or not merged.</summary>
    public KerasValue[] Bidirectional(KerasLayer layer, KerasCall call)
    {
        var isGiven = layer.Get("backward_layer") is not null;
        var forward = KerasEmitter.Inner(layer, part: "forward_");
        var backward = isGiven ? KerasEmitter.Inner(layer, "backward_layer", "backward_") : KerasEmitter.Inner(layer, part: "backward_");
        emitter.Check(forward);
        if (isGiven) emitter.Check(backward);
        if (layer.Int("num_constants", 0) != 0) throw layer.Fault("constants for its cells are not supported");
        var isSequence = forward.Flag("return_sequences");
        var (isReversed, isBackReversed) = (forward.Flag("go_backwards"), isGiven ? backward.Flag("go_backwards") : !forward.Flag("go_backwards"));
        if (backward.Class != forward.Class) throw layer.Fault("its two directions are of different classes");
        if (isReversed == isBackReversed) throw layer.Fault("its two layers have the same direction (go_backwards)");
        foreach (var both in (string[])["return_sequences", "return_state", "stateful", "time_major"])
        {
            if (forward.Flag(both) != backward.Flag(both)) throw layer.Fault($"its two layers differ in '{both}'");
        }

        var x = Turned(forward, call.Inputs[0]);
        var initial = Initial(call);
        var half = initial.Count / 2;
        bool IsZero(KerasLayer direction)
        {
            // Read without a mask too: it is known then, and has no effect.
            var isAsked = direction.Flag("zero_output_for_mask");
            return x.Mask is not null && (emitter.Version.TellZeroesMaskedSteps() ? isSequence : isAsked);
        }

        var ahead = RunCells(forward, x, initial[..half], isReversed, IsZero(forward));
        var back = RunCells(backward, x, initial[half..], isBackReversed, IsZero(backward));
        // Keras joins the first layer's outputs in reading order with the reversed outputs of the second.
        var (a, b) = !isSequence ? (ahead.Last, back.Last) : isReversed ? (Graph.Reversed(ahead.Sequence, 1), Graph.Reversed(back.Sequence, 1)) : (ahead.Sequence, back.Sequence);
        var mask = isSequence ? x.Mask : null;
        KerasValue Result(string value) => isSequence ? Turned(forward, new KerasValue(value, x.Rank, mask)) : new KerasValue(value, x.Rank - 1);
        KerasValue[] merged = layer.Get("merge_mode") is null && layer.Has("merge_mode") ? [Result(a), Result(b)] : layer.String("merge_mode") switch
        {
            null or "concat" => [Result(Graph.Op("Concat", [a, b], ("axis", -1L)))],
            "sum" => [Result(Graph.Op("Add", [a, b]))],
            "mul" => [Result(Graph.Op("Mul", [a, b]))],
            "ave" => [Result(Graph.Op("Mul", [Graph.Op("Add", [a, b]), emitter.Scalar(0.5f)]))],
            var other => throw layer.Fault($"merge_mode '{other}' is unknown"),
        };
        return forward.Flag("return_state") ? [.. merged, .. ahead.States.Concat(back.States).Select(s => new KerasValue(s, x.Rank - 1))] : merged;
    }

    /// <summary>A sequence with steps and batch exchanged, if the layer has the steps first.</summary>
    private KerasValue Turned(KerasLayer layer, KerasValue x)
    {
        if (!layer.Flag("time_major")) return x;
        if (x.Rank < 3) throw layer.Fault($"its input has {x.Rank} dimensions; it must be [steps, batch, …]");
        return x with { Name = Graph.Transpose(x.Name, [1, 0, .. KerasSpatial.Axes(2, x.Rank - 2)]), Mask = x.Mask is null ? null : Graph.Transpose(x.Mask, 1, 0) };
    }

    /// <summary>Refuses a call with another number of initial states than the layer has. A call without any starts from zeros or from kept states.</summary>
    public static void CheckInitial(KerasLayer layer, int given, int states)
    {
        if (given != 0 && given != states) throw layer.Fault($"it is called with {given} initial states, but has {states}");
    }

    private static List<KerasValue> Initial(KerasCall call) => call.Named.TryGetValue("initial_state", out var named) ? named : call.Inputs[1..];

    /// <summary>One direction: the sequence [N, T, H] in the input's order, the output of the step that is read last, and the final states [N, H].</summary>
    private (string Sequence, string Last, string[] States) Run(KerasLayer layer, KerasValue x, List<KerasValue> initial, bool isBackward, bool isZeroElsewhere)
    {
        var kind = KindOf(layer);
        if (x.Rank != 3) throw layer.Fault($"its input has {x.Rank} dimensions; it must be [batch, steps, features]");
        var packing = x.Mask is null ? null : new MaskPacking(Graph, x.Name, x.Mask, isBackward);
        var steps = Graph.Transpose(packing?.Packed ?? x.Name, 1, 0, 2);
        var (w, r, b, hidden, isResetAfter) = Weights(layer, kind);
        var states = kind.States;
        CheckInitial(layer, initial.Count, states);
        var isStateful = layer.Flag("stateful");
        var first = initial.Count > 0 ? initial.ConvertAll(s => Graph.Unsqueeze(s.Name, 0)) : isStateful ? Declare(Graph, layer, states, [new IrDim(1, null), Batch(layer, x.Name), new IrDim(hidden, null)]) : [];
        string?[] inputs = [steps, w, r, b, packing?.Lengths, .. first];
        string[] outputs = [Graph.Graph.Fresh(layer.Name), .. Enumerable.Range(0, states).Select(_ => Graph.Graph.Fresh(layer.Name + "/state"))];
        List<(string, object)> attributes = [("hidden_size", (long)hidden), ("direction", isBackward ? "reverse" : "forward"), .. Activations(layer, kind)];
        if (kind == RecurrentOp.Gru) attributes.Add(("linear_before_reset", isResetAfter ? 1L : 0L));
        Graph.Ops(kind.Name, inputs, outputs, [.. attributes]);
        if (initial.Count == 0 && isStateful)
        {
            for (var i = 0; i < states; i++) Keep(Graph, layer, i, outputs[1 + i]);
        }

        var sequence = Graph.Transpose(Graph.Squeeze(outputs[0], 1), 1, 0, 2);
        string[] after = [.. outputs.Skip(1).Select(s => Graph.Squeeze(s, 0))];
        return packing is null ? (sequence, after[0], after) : (packing.Unpack(sequence, isZeroElsewhere), packing.Last(after[0], isZeroElsewhere, isFirstZero: first.Count == 0), after);
    }

    private static RecurrentOp KindOf(KerasLayer layer) => s_kinds.TryGetValue(layer.Class, out var kind) ? kind : throw layer.Fault("it is not a recurrent layer");

    private IEnumerable<(string, object)> Activations(KerasLayer layer, RecurrentOp kind)
    {
        var activation = KerasFunctions.Of(layer, otherwise: "tanh");
        KerasFunction[] gates = kind == RecurrentOp.Rnn ? [] : [KerasFunctions.Of(layer, "recurrent_activation", layer.Class.StartsWith("CuDNN", StringComparison.Ordinal) ? "sigmoid" : "hard_sigmoid")];
        KerasFunction[] all = kind == RecurrentOp.Lstm ? [.. gates, activation, activation] : [.. gates, activation];
        if (activation.Name == "tanh" && Array.TrueForAll(gates, g => g.Name == "sigmoid")) yield break;
        var functions = Array.ConvertAll(all, f => emitter.Functions.InRecurrent(layer, f) ?? throw layer.Fault($"the activation '{f.Name}' is not supported in a recurrent layer; it must be a function of single elements: {string.Join(", ", emitter.Functions.OfRecurrent)}"));
        yield return ("activations", Array.ConvertAll(functions, f => f.Name));
        yield return ("activation_alpha", functions.SelectMany(f => f.Alpha).ToArray());
        yield return ("activation_beta", functions.SelectMany(f => f.Beta).ToArray());
    }

    /// <summary>Converts kernels [I, gates · H] to ONNX's matrices [1, gates · H, I].</summary>
    private (string W, string R, string? B, int Hidden, bool IsResetAfter) Weights(KerasLayer layer, RecurrentOp kind)
    {
        var count = kind.Gates;
        var (kernel, recurrent) = (emitter.Need(layer, "kernel", 2), emitter.Need(layer, "recurrent_kernel", 2));
        var (rows, hidden) = (kernel.Shape[1], recurrent.Shape[0]);
        if (rows != (long)count * hidden || recurrent.Shape[1] != rows) throw layer.Fault($"its kernels have {rows} and {recurrent.Shape[1]} columns; each must have {count} gates of {hidden} columns");
        layer.Expect("units", hidden);
        var bias = Bias(layer, rows);
        var isCudnn = bias is { Shape.Length: 1 } && bias.Count == 2 * rows;
        if (isCudnn) (kernel, recurrent) = (KerasKernels.FromCudnn(kernel, count), KerasKernels.FromCudnn(recurrent, count));
        string Matrix(string weight, IrTensor matrix) => emitter.Constant(layer, weight, GateOrder.OfKeras(matrix.Transposed(), count).Reshaped(1, rows, matrix.Shape[0]));
        string? biases = null;
        if (bias is not null)
        {
            IrTensor Part(ReadOnlySpan<float> part) => GateOrder.OfKeras(IrTensor.Of([rows], part), count);
            float[] both = [.. Part(bias.Floats[..rows]).Floats, .. bias.Count == rows ? new float[rows] : Part(bias.Floats[rows..]).Floats];
            biases = emitter.Constant(layer, "bias", IrTensor.Of<float>([1, 2 * rows], both));
        }

        return (Matrix("kernel", kernel), Matrix("recurrent_kernel", recurrent), biases, hidden, kind == RecurrentOp.Gru && IsResetAfter(layer, bias, rows));
    }

    /// <summary>One bias for each gate, two of them as two rows (a GRU with <c>reset_after</c>) or concatenated (CuDNN's layers), or none.</summary>
    private IrTensor? Bias(KerasLayer layer, int rows)
    {
        if (!layer.Flag("use_bias", true)) return emitter.Bias(layer, rows);
        var bias = emitter.Weights.Find(layer, layer.Part, "bias") ?? throw layer.Fault("the file has no weight 'bias' for it");
        if (bias.Shape is [var one] && (one == rows || one == 2L * rows)) return bias;
        if (bias.Shape is [2, var each] && each == rows && KindOf(layer) == RecurrentOp.Gru) return bias;
        throw layer.Fault($"its bias has shape [{string.Join(", ", bias.Shape)}]; [{rows}]{(KindOf(layer) == RecurrentOp.Gru ? $" or [2, {rows}]" : "")} is expected");
    }

    /// <summary>Reads reset_after and checks it with the bias: a GRU with one bias has its reset gate before the product.</summary>
    private static bool IsResetAfter(KerasLayer layer, IrTensor? bias, int rows)
    {
        if (layer.Class == "CuDNNGRU") return true;
        if (bias is null) return layer.Flag("reset_after");
        var isAfter = bias.Count == 2 * rows;
        if (layer.Flag("reset_after", isAfter) != isAfter) throw layer.Fault($"it has \"reset_after\": {(isAfter ? "false" : "true")}, but its bias of shape [{string.Join(", ", bias.Shape)}] belongs to the other form; the file mixes two models");
        return isAfter;
    }

    /// <summary>The batch of a layer's input, which is the model's.</summary>
    private IrDim Batch(KerasLayer layer, string x)
    {
        var shape = (Graph.Graph.Inputs.Find(i => i.Value == x) ?? Graph.Graph.Inputs[0]).Shape;
        return shape[layer.Flag("time_major") && shape.Length > 1 ? 1 : 0];
    }

    /// <summary>States of a stateful layer, which the runtime keeps between runs.</summary>
    public static List<string> Declare(GraphComposer graph, KerasLayer layer, int count, IrDim[] shape)
    {
        var names = Enumerable.Range(0, count).Select(i => StateName(layer, i)).ToList();
        foreach (var name in names)
        {
            graph.Declare(name);
            graph.Graph.States.Add(new IrState(name, name, name, name, ElementType.Float32, shape));
        }

        return names;
    }

    /// <summary>Gives a state that was declared its next value.</summary>
    public static void Keep(GraphComposer graph, KerasLayer layer, int state, string update)
    {
        var at = graph.Graph.States.FindIndex(s => s.Name == StateName(layer, state));
        graph.Graph.States[at] = graph.Graph.States[at] with { Update = update, Output = update };
    }

    private static string StateName(KerasLayer layer, int state) => $"{layer.WeightsOf}{(layer.Part.Length > 0 ? "/" + layer.Part.TrimEnd('_') : "")}/{(state == 0 ? "hidden" : "cell")}";
}
