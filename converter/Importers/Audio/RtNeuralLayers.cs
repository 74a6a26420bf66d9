using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>The types of RTNeural's layers, with the defaults of its loader (<c>model_loader.h</c>).</summary>
internal sealed class RtNeuralLayers(AudioGraph graph, List<string> notes)
{
    /// <summary>RTNeural's own, then others of Keras.</summary>
    private static readonly Dictionary<string, string> s_functions = new()
    {
        ["tanh"] = "Tanh",
        ["relu"] = "Relu",
        ["sigmoid"] = "Sigmoid",
        ["softmax"] = "Softmax",
        ["elu"] = "Elu",
        ["selu"] = "Selu",
        ["softplus"] = "Softplus",
        ["softsign"] = "Softsign",
        ["swish"] = "Swish",
        ["silu"] = "Swish",
        ["exponential"] = "Exp",
    };

    private const string Unknown = "RTNeural's exporter did not know this layer, and wrote nothing that says what it does; if it has no effect when the model runs, such as dropout, remove it from 'layers'; otherwise convert the original Keras model (.h5) or an ONNX export of it";

    private static readonly string[] s_types = ["dense", "time-distributed-dense", "conv1d", "conv2d", "gru", "lstm", "prelu", "batchnorm", "batchnorm2d", "activation"];

    /// <summary>Members that are read elsewhere, or are names only.</summary>
    private static readonly string[] s_told = ["type", "weights", "name"];

    /// <summary>Adds a layer and the function that follows it.</summary>
    public RtNeuralValue Add(Members layer, string name, string type, RtNeuralValue x)
    {
        if (type == "unknown" && IsKerasInput(layer, x)) return x;
        if (!s_types.Contains(type)) throw layer.Fault(type == "unknown" ? Unknown : $"this type is unknown; it must be {string.Join(", ", s_types[..^1])} or {s_types[^1]}");
        var weights = type == "activation" ? [] : Weights(layer);
        graph.Composer.Scope = name;
        var y = type switch
        {
            "dense" or "time-distributed-dense" => Dense(layer, name, weights, Flat(x)),
            "conv1d" => Conv1d(layer, name, weights, Flat(x)),
            "conv2d" => new RtNeuralConv2d(graph).Add(layer, name, weights, x),
            "gru" => Gru(layer, name, weights, Flat(x)),
            "lstm" => Lstm(layer, name, weights, Flat(x)),
            "prelu" => Prelu(layer, name, weights, x),
            "batchnorm" or "batchnorm2d" => BatchNorm(layer, name, weights, x),
            _ => x,
        };
        CheckShape(layer, y);
        graph.Composer.Scope = name;
        if (type is "gru" or "lstm") CheckFunctions(layer);
        else y = Activated(layer, y);
        foreach (var (member, value) in layer.Unread().Where(m => !s_told.Contains(m.Name))) notes.Add($"{layer.What} has '{member}' ({Json.Shown(value)}), which is not read");
        return y;
    }

    /// <summary>Whether a layer that the exporter did not know is Keras' input layer: the only one with a list of shapes, which is that of the input.</summary>
    private bool IsKerasInput(Members layer, RtNeuralValue x)
    {
        if (layer.Get("weights") is { ValueKind: JsonValueKind.Array } weights && weights.GetArrayLength() > 0) return false;
        if (layer.Get("shape") is not { ValueKind: JsonValueKind.Array } shapes || shapes.GetArrayLength() != 1 || shapes[0].ValueKind != JsonValueKind.Array) return false;
        if (!RtNeuralReader.Sizes([.. shapes[0].EnumerateArray()], "shape").AsSpan().SequenceEqual(x.Sizes)) return false;
        notes.Add($"{layer.What} is Keras' input layer, which computes nothing");
        return true;
    }

    private static List<IrTensor> Weights(Members layer) => [.. layer.List("weights").Select((value, i) => JsonTensors.Read(value, $"weight {i + 1} of {layer.What}"))];

    /// <summary>A weight of this rank.</summary>
    public static IrTensor Need(Members layer, List<IrTensor> weights, int index, int rank, string what)
    {
        if (index >= weights.Count) throw layer.Fault($"it has {weights.Count} weights; {what} is missing");
        return weights[index].Shape.Length == rank && weights[index].Count > 0 ? weights[index] : throw layer.Fault($"{what} has the shape [{string.Join(", ", weights[index].Shape)}]; it must have {rank} dimensions");
    }

    /// <summary>A vector of this size.</summary>
    public static IrTensor Vector(Members layer, List<IrTensor> weights, int index, int size, string what) =>
        Need(layer, weights, index, 1, what) is var vector && vector.Count == size ? vector : throw layer.Fault($"{what} has {vector.Count} elements; it must have {size}");

    public static void AtMost(Members layer, List<IrTensor> weights, int most)
    {
        if (weights.Count > most) throw layer.Fault($"it has {weights.Count} weights; it must have {most}");
    }

    private RtNeuralValue Dense(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        AtMost(layer, weights, 2);
        var kernel = Inputs(layer, Need(layer, weights, 0, 2, "its kernel"), 0, x);
        var bias = weights.Count > 1 ? Vector(layer, weights, 1, kernel.Shape[1], "its bias") : null;
        return new RtNeuralValue(graph.Dense(name, x.Name, kernel, bias), [kernel.Shape[1]]);
    }

    /// <summary>Keras' kernel [taps, inputs / groups, outputs].</summary>
    private RtNeuralValue Conv1d(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        AtMost(layer, weights, 2);
        var kernel = Need(layer, weights, 0, 3, "its kernel");
        var (taps, inputs, outputs) = (kernel.Shape[0], kernel.Shape[1], kernel.Shape[2]);
        var groups = layer.Int("groups", 1);
        if (layer.Int("kernel_size", taps) is var size && size != taps) throw layer.Fault($"its kernel_size is {size}, but its kernel has {taps} taps");
        if (x.Count != (long)inputs * groups || outputs % groups != 0) throw layer.Fault($"its kernel [{string.Join(", ", kernel.Shape)}] with {groups} group(s) takes {(long)inputs * groups} channels and makes {outputs}; its input has {x.Count}");
        if (!layer.Has("dilation")) notes.Add($"{layer.What} has no 'dilation'; 1 is assumed");
        foreach (var stride in (string[])["stride", "strides"])
        {
            if (layer.Int(stride, 1) != 1) throw layer.Fault($"its {stride} is {layer.Int(stride, 1)}; RTNeural's layer, and a stream that gives a sample for each sample, have 1");
        }

        if (layer.Text("padding", "causal") is not ("causal" or "valid") and var padding) throw layer.Fault($"its padding is '{padding}', which looks into the future; a stream needs 'causal'");
        var bias = weights.Count > 1 ? Vector(layer, weights, 1, outputs, "its bias") : null;
        var y = graph.Conv(name, graph.Composer.Transpose(x.Name, 0, 2, 1), Turned(kernel), bias, layer.Int("dilation", 1), groups);
        return new RtNeuralValue(graph.Composer.Transpose(y, 0, 2, 1), [outputs]);
    }

    private RtNeuralValue Gru(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        var (kernel, recurrent) = Matrices(layer, weights, RecurrentOp.Gru, x);
        var rows = kernel.Shape[1];
        if (weights.Count < 3) notes.Add($"{layer.What} has no bias, which would show the form of its reset gate; the gate is assumed to act on the recurrent product (reset_after), as in RTNeural");
        // One vector belongs to Keras' form with reset_after=False. RTNeural takes missing rows as zeros.
        var isOneVector = weights.Count > 2 && weights[2].Shape.Length == 1;
        if (isOneVector) notes.Add($"{layer.What} has one row of biases: its reset gate acts before the recurrent product, as Keras' reset_after=False; RTNeural itself does not read it");
        var cells = isOneVector ? RecurrentCells.OfKeras(name, RecurrentOp.Gru, kernel, recurrent, Vector(layer, weights, 2, rows, "its bias"))
            : RecurrentCells.OfKeras(name, RecurrentOp.Gru, kernel, recurrent, [.. BiasRows(layer, weights, rows)]);
        return new RtNeuralValue(graph.Recurrent(x.Name, cells with { IsResetAfter = !isOneVector }), [cells.Hidden]);
    }

    private static IEnumerable<IrTensor?> BiasRows(Members layer, List<IrTensor> weights, int rows)
    {
        if (weights.Count < 3) yield break;
        var bias = Need(layer, weights, 2, 2, "its bias");
        if (bias.Shape[0] > 2 || bias.Shape[1] != rows) throw layer.Fault($"its bias has the shape [{string.Join(", ", bias.Shape)}]; it must be [2, {rows}]");
        for (var row = 0; row < bias.Shape[0]; row++) yield return IrTensor.Of([rows], bias.Floats.Slice(row * rows, rows));
    }

    private RtNeuralValue Lstm(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        var (kernel, recurrent) = Matrices(layer, weights, RecurrentOp.Lstm, x);
        var bias = weights.Count > 2 ? Vector(layer, weights, 2, kernel.Shape[1], "its bias") : null;
        var cells = RecurrentCells.OfKeras(name, RecurrentOp.Lstm, kernel, recurrent, bias);
        return new RtNeuralValue(graph.Recurrent(x.Name, cells), [cells.Hidden]);
    }

    private static (IrTensor Kernel, IrTensor Recurrent) Matrices(Members layer, List<IrTensor> weights, RecurrentOp op, RtNeuralValue x)
    {
        AtMost(layer, weights, 3);
        var kernel = Inputs(layer, Need(layer, weights, 0, 2, "its kernel"), 0, x);
        var recurrent = Need(layer, weights, 1, 2, "its recurrent kernel");
        var (rows, hidden) = (kernel.Shape[1], recurrent.Shape[0]);
        if (rows != (long)op.Gates * hidden || recurrent.Shape[1] != rows) throw layer.Fault($"its kernels have the shapes [{string.Join(", ", kernel.Shape)}] and [{string.Join(", ", recurrent.Shape)}]; they must be [inputs, {op.Gates} · units] and [units, {op.Gates} · units]");
        return (kernel, recurrent);
    }

    /// <summary>RTNeural computes tanh and sigmoid whatever the file says, so another function would give other numbers than the trained model.</summary>
    private static void CheckFunctions(Members layer)
    {
        if (layer.Text("activation", "") is not ("" or "tanh") and var function) throw layer.Fault($"its activation is '{function}'; RTNeural computes tanh in its place, so that its numbers are not those of the trained model. Convert the original Keras model (.h5), or write \"tanh\" for RTNeural's numbers");
        if (layer.Text("recurrent_activation", "sigmoid") is not ("" or "sigmoid") and var gates) throw layer.Fault($"its recurrent_activation is '{gates}'; only sigmoid is supported");
    }

    private RtNeuralValue Prelu(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        AtMost(layer, weights, 1);
        if (weights.Count == 0 || weights[0].Shape.Length == 0 || weights[0].Count == 0) throw layer.Fault("its slopes are missing");
        var channels = x.Sizes[^1];
        var slopes = weights[0];
        var row = slopes.Floats[..slopes.Shape[^1]].ToArray();
        for (var start = 0; start < slopes.Count; start += row.Length)
        {
            if (!slopes.Floats.Slice(start, row.Length).SequenceEqual(row)) throw layer.Fault($"its slopes [{string.Join(", ", slopes.Shape)}] differ along time; a stream needs one for each channel (shared_axes=[1])");
        }

        if (row.Length != 1 && row.Length != channels) throw layer.Fault($"it has {row.Length} slopes; it must have {channels} or 1");
        return x with { Name = graph.Composer.OpInShape(0, "PRelu", x.Name, graph.Composer.Constant($"{name}.slopes", IrTensor.Of<float>([row.Length], row))) };
    }

    /// <summary>Four tensors, or mean and variance alone.</summary>
    private RtNeuralValue BatchNorm(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        const float kerasEpsilon = 1e-3f;
        if (weights.Count is not (2 or 4)) throw layer.Fault($"it has {weights.Count} weights; it must have 4 (gamma, beta, mean, variance) or 2 (mean, variance)");
        var channels = x.Sizes[^1];
        foreach (var member in (string[])["num_filters_in", "num_features_in"])
        {
            var size = member == "num_filters_in" ? channels : x.Sizes.Length == 2 ? x.Sizes[0] : 1;
            if (layer.Int(member, size) is var told && told != size) throw layer.Fault($"its {member} is {told}; its input has {size}");
        }

        IrTensor At(int index, string what) => Vector(layer, weights, index, channels, what);
        var isAffine = weights.Count == 4;
        if (!layer.Has("epsilon")) notes.Add($"{layer.What} has no 'epsilon'; Keras' default of 0.001 is assumed");
        var (mean, variance, epsilon) = (At(weights.Count - 2, "its mean"), At(weights.Count - 1, "its variance"), layer.Float("epsilon", kerasEpsilon));
        if (NonFinite.NoVariance(name, variance, epsilon) is { } fault) throw layer.Fault(fault);
        return x with { Name = graph.Normalize(name, x.Name, mean, variance, isAffine ? At(0, "its gamma") : null, isAffine ? At(1, "its beta") : null, epsilon) };
    }

    private RtNeuralValue Activated(Members layer, RtNeuralValue x)
    {
        var function = layer.Text("activation", "");
        if (function is "" or "linear") return x;
        if (!s_functions.TryGetValue(function, out var op)) throw layer.Fault($"its activation '{function}' is unknown; it must be {string.Join(", ", s_functions.Keys)}, or empty");
        if (op != "Softmax") return x with { Name = graph.Composer.Op(op, [x.Name]) };
        if (x.Sizes.Length == 2) throw layer.Fault("softmax over features and filters is not supported: RTNeural takes it over both, Keras over the filters");
        return x with { Name = graph.Composer.Op(op, [x.Name], ("axis", -1L)) };
    }

    /// <summary>Features and filters side by side, as RTNeural's layers after a two-dimensional convolution see them.</summary>
    private RtNeuralValue Flat(RtNeuralValue x) => x.Sizes.Length == 1 ? x : new RtNeuralValue(graph.Composer.Op("Reshape", [x.Name, graph.Composer.Axes(0, 0, x.Count)]), [x.Count]);

    private static IrTensor Inputs(Members layer, IrTensor kernel, int axis, RtNeuralValue x) =>
        kernel.Shape[axis] == x.Count ? kernel : throw layer.Fault($"its kernel has the shape [{string.Join(", ", kernel.Shape)}] and so takes {kernel.Shape[axis]} channels; its input has {x.Count}");

    /// <summary>The shape in the file, which RTNeural takes the sizes from, must agree with the weights.</summary>
    private static void CheckShape(Members layer, RtNeuralValue y)
    {
        if (layer.Get("shape") is not { } shape) return;
        var told = RtNeuralReader.Sizes(Json.List(shape, $"'shape' of {layer.What}"), $"shape' of '{layer.What}").Aggregate(1L, (a, b) => a * b);
        if (told != y.Count) throw layer.Fault($"its shape says {told} numbers for each step, but its weights make {y.Count}");
    }

    /// <summary>Keras' kernel [taps…, inputs, outputs] as [outputs, inputs, taps…].</summary>
    public static IrTensor Turned(IrTensor kernel)
    {
        int[] window = kernel.Shape[..^2];
        return KerasKernels.ConvKernel(kernel.Reshaped(window.Aggregate(1, (a, b) => a * b), kernel.Shape[^2], kernel.Shape[^1])).Reshaped([kernel.Shape[^1], kernel.Shape[^2], .. window]);
    }
}
