using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Refuses settings of nodes that are invalid for any shape. ONNX Runtime refuses them too; converting them would compute something else than they say.</summary>
internal sealed class OnnxSettings(string file, int opset)
{
    private const int NumberedSplit = 18;

    private static readonly HashSet<string> s_activations = new(StringComparer.OrdinalIgnoreCase) { "Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign", "Softplus" };

    /// <exception cref="ConversionException">A node has such a setting; the message says which.</exception>
    public void Check(IrGraph graph) => Check(graph, []);

    private void Check(IrGraph graph, Dictionary<string, IrTensor> outer)
    {
        var constants = new Dictionary<string, IrTensor>(outer);
        foreach (var (name, tensor) in graph.Constants.Concat(Constants.Held(graph))) constants[name] = tensor;
        foreach (var node in graph.Nodes)
        {
            if (Fault(node, constants.GetValueOrDefault) is { } what) throw new ConversionException($"{file}: node {node.Name} ({node.Op}): {what}.");
            foreach (var inner in node.Attributes.Values.OfType<IrGraph>()) Check(inner, constants);
        }
    }

    private string? Fault(IrNode node, Func<string, IrTensor?> constant) => node.Op switch
    {
        _ when node.Recurrent is { } op => Recurrent(node, op, constant),
        "Conv" or "ConvTranspose" or "MaxPool" or "AveragePool" => Window(node),
        "Gelu" when node.String("approximate", "none") is not ("none" or "tanh") and var how => $"its attribute 'approximate' is '{how}'; it must be none or tanh",
        "DepthToSpace" when node.String("mode", "DCR") is not ("DCR" or "CRD") and var mode => $"its attribute 'mode' is '{mode}'; it must be DCR or CRD",
        "Split" => Split(node),
        "Resize" when constant(node.Input(2)) is { Count: > 0 } && node.Input(3).Length > 0 => "it has scales and sizes; it must have one of them",
        "Div" or "Mod" when constant(node.Input(1)) is { Type: not (ElementType.Float32 or ElementType.Float64) } divisor && Array.IndexOf(divisor.Integers(), 0) >= 0 => $"it divides integers by '{node.Input(1)}', which holds 0",
        "ReverseSequence" => Lengths(constant(node.Input(1)), node.Input(1)),
        "QuantizeLinear" or "DequantizeLinear" when constant(node.Input(1)) is { } scale && constant(node.Input(2)) is { } zero && !scale.Shape.AsSpan().SequenceEqual(zero.Shape) && (scale.Count != 1 || zero.Count != 1) =>
            $"its scale '{node.Input(1)}' has shape [{string.Join(", ", scale.Shape)}], but its zero point '{node.Input(2)}' has [{string.Join(", ", zero.Shape)}]; both must have the same shape",
        _ => null,
    };

    private static string? Recurrent(IrNode node, RecurrentOp op, Func<string, IrTensor?> constant)
    {
        if (node.Strings("activations") is { Length: > 0 } names)
        {
            if (Array.Find(names, n => !s_activations.Contains(n)) is { } unknown) return $"its activation '{unknown}' is not one of those that ONNX allows in recurrent layers: {string.Join(", ", s_activations)}";
            var (directions, functions) = (node.String("direction", "forward") == "bidirectional" ? 2 : 1, op.Activations.Length);
            if (names.Length != directions * functions) return $"it has {names.Length} activations ({string.Join(", ", names)}); {node.Op} of {directions} {(directions == 1 ? "direction" : "directions")} has {directions * functions}";
        }

        if (op.HasCell && node.Int("input_forget", 0) is not (0 or 1) and var coupled) return $"its attribute 'input_forget' is {coupled}; it must be 0 or 1";
        return Lengths(constant(node.Input(4)), node.Input(4));
    }

    private static string? Lengths(IrTensor? lengths, string name) =>
        lengths is { Type: ElementType.Int32 or ElementType.Int64 } && Array.Exists(lengths.Integers(), l => l < 0) ? $"its sequence lengths '{name}' contain {lengths.Integers().Min()}; a length must be at least 0" : null;

    private static string? Window(IrNode node)
    {
        var auto = node.String("auto_pad", "NOTSET");
        // VALID with pads of zero is consistent.
        if (auto is not ("NOTSET" or "") && node.Ints("pads") is { Length: > 0 } pads && (auto != "VALID" || Array.Exists(pads, p => p != 0)))
            return $"it has auto_pad = {auto} and pads = {string.Join(", ", pads)}; one of them would be ignored; export the model again with only one";
        if (node.Op != "ConvTranspose") return null;
        long[] more = node.Ints("output_padding"), strides = node.Ints("strides"), dilations = node.Ints("dilations");
        for (var i = 0; i < more.Length; i++)
        {
            var most = Math.Max(i < strides.Length ? strides[i] : 1, i < dilations.Length ? dilations[i] : 1);
            if (more[i] < 0 || more[i] >= most) return $"its attribute 'output_padding' is {string.Join(", ", more)}; number {i} must be less than its stride or dilation, {most}";
        }

        return null;
    }

    private string? Split(IrNode node)
    {
        var hasSizes = node.Input(1).Length > 0;
        if (opset < NumberedSplit)
        {
            if (!hasSizes) node.Attributes[Decompose.EqualParts] = 1L;
            return null;
        }

        if (hasSizes && node.Has("num_outputs")) return "it has both sizes of its parts and their number (num_outputs); it must have one of them";
        if (!hasSizes && !node.Has("num_outputs")) return $"it has neither sizes of its parts nor their number (num_outputs), one of which is required from opset {NumberedSplit} on";
        return null;
    }
}
