using System.Globalization;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// An activation by its name and constants: <c>tanh</c>, <c>leaky_relu(0.2)</c>, <c>hard_sigmoid(0.2, 0.5)</c>. Constants that are left out
/// have PyTorch's defaults, those of hard_sigmoid ONNX's.
/// </summary>
internal sealed class ActivationFunction
{
    private static readonly Dictionary<string, Form> s_forms = new()
    {
        ["linear"] = new("Identity", Recurrent: "Affine", Fixed: (1, 0)),
        ["tanh"] = new("Tanh", Recurrent: "Tanh"),
        ["relu"] = new("Relu", Recurrent: "Relu"),
        ["sigmoid"] = new("Sigmoid", Recurrent: "Sigmoid"),
        ["leaky_relu"] = new("LeakyRelu", [0.01f], "LeakyRelu"),
        ["thresholded_relu"] = new("ThresholdedRelu", [1], "ThresholdedRelu"),
        ["elu"] = new("Elu", [1], "Elu"),
        ["selu"] = new("Selu", Recurrent: "Selu"),
        ["celu"] = new("Celu", [1], "Celu"),
        ["gelu"] = new("Gelu", Recurrent: "Gelu"),
        ["gelu_tanh"] = new("Gelu", With: ("approximate", "tanh")),
        ["softplus"] = new("Softplus", Recurrent: "Softplus"),
        ["softsign"] = new("Softsign", Recurrent: "Softsign"),
        ["hard_sigmoid"] = new("HardSigmoid", [0.2f, 0.5f], "HardSigmoid"),
        ["hard_swish"] = new("HardSwish", Recurrent: "HardSwish"),
        ["mish"] = new("Mish", Recurrent: "Mish"),
        ["silu"] = new("Swish", Recurrent: "Swish"),
        ["exp"] = new("Exp", Recurrent: "Exp"),
        ["log"] = new("Log"),
        ["sqrt"] = new("Sqrt"),
        ["abs"] = new("Abs"),
        ["negative"] = new("Neg"),
        ["sin"] = new("Sin"),
        ["cos"] = new("Cos"),
        ["square"] = new("", Emit: (graph, x, y) => graph.Op("Mul", [x, x], y)),
        ["relu6"] = new("", Recurrent: "Clip", Fixed: (0, 6), Emit: (graph, x, y) => graph.Op("Clip", [x, graph.Scalar(0), graph.Scalar(6)], y)),
        ["hard_tanh"] = new("", Recurrent: "Clip", Fixed: (-1, 1), Emit: (graph, x, y) => graph.Op("Clip", [x, graph.Scalar(-1), graph.Scalar(1)], y)),
        ["log_sigmoid"] = new("", Emit: (graph, x, y) => graph.Op("Neg", [graph.Op("Softplus", [graph.Op("Neg", [x])])], y)),
        ["scaled_tanh"] = new("", [1, 1], "ScaledTanh"),
        ["softmax"] = new("Softmax", IsAlongAxis: true),
        ["log_softmax"] = new("LogSoftmax", IsAlongAxis: true),
        ["glu"] = new("", IsAlongAxis: true),
    };

    private readonly Form _form;
    private readonly string _name;
    private readonly float[] _constants;

    private ActivationFunction(string name, Form form, float[] constants) => (_name, _form, _constants) = (name, form, constants);

    /// <summary>Names of the functions that a recurrent layer has.</summary>
    public static IEnumerable<string> OfRecurrent { get; } = s_forms.Where(form => form.Value.Recurrent is not null).Select(form => form.Key);

    /// <summary>The function's name for a recurrent layer, and one or two constants.</summary>
    public (string Name, float? Alpha, float? Beta) Recurrent => _form.Fixed is var (least, most) ? (_form.Recurrent!, least, most) : (_form.Recurrent!, _constants is [var alpha, ..] ? alpha : null, _constants is [_, var beta] ? beta : null);

    /// <summary>Reads a function's name and constants.</summary>
    /// <param name="graph">The layer.</param>
    /// <param name="text">The name, with constants in brackets if they are not the default.</param>
    /// <param name="member">The member that has it.</param>
    /// <param name="isRecurrent">Whether a recurrent layer uses it for its gates or its candidate.</param>
    public static ActivationFunction Parse(GraphComposer graph, string text, string member, bool isRecurrent)
    {
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var (name, given) = open > 0 && text.EndsWith(')') ? (text[..open].Trim(), text[(open + 1)..^1]) : (text, null);
        if (name == "prelu") throw graph.Fault($"{member} is 'prelu', which has weights; use a layer of kind \"prelu\"");
        if (!s_forms.TryGetValue(name, out var form) || (isRecurrent ? form.Recurrent is null : form.Op.Length == 0 && form.Emit is null && !form.IsAlongAxis))
            throw graph.Fault($"{member} '{text}' is unknown; it must be one of {string.Join(", ", isRecurrent ? OfRecurrent : s_forms.Where(f => f.Key != "scaled_tanh").Select(f => f.Key))}");
        var defaults = form.Constants ?? [];
        if (given is null)
        {
            if (name == "hard_sigmoid") graph.Notes.Add($"layer '{graph.Scope}': hard_sigmoid is 0.2 x + 0.5, as in Keras 2 and ONNX; PyTorch's and Keras 3's is hard_sigmoid(0.16666667, 0.5)");
            return new ActivationFunction(name, form, defaults);
        }

        var parts = given.Split(',', StringSplitOptions.TrimEntries);
        var constants = new float[parts.Length];
        if (parts.Length > defaults.Length) throw graph.Fault($"{member} '{text}' has {parts.Length} constant{(parts.Length == 1 ? "" : "s")}; {name} takes {(defaults.Length == 0 ? "none" : defaults.Length == 1 ? "1" : "at most 2")}");
        for (var i = 0; i < parts.Length; i++)
        {
            if (!float.TryParse(parts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out constants[i]) || !float.IsFinite(constants[i])) throw graph.Fault($"{member} '{text}': '{parts[i]}' is not a number");
        }

        return new ActivationFunction(name, form, [.. constants, .. defaults[constants.Length..]]);
    }

    /// <summary>Adds the function's nodes for all elements of a value, or along an axis of it.</summary>
    /// <param name="graph">Receives the nodes.</param>
    /// <param name="x">The value.</param>
    /// <param name="y">The name of the result.</param>
    /// <param name="axis">The axis of softmax, log_softmax and glu; null for the last.</param>
    public void Emit(GraphComposer graph, string x, string y, int? axis = null)
    {
        if (axis is not null && !_form.IsAlongAxis) throw graph.Fault($"'{_name}' works on each element, so 'axis' has no effect; omit it");
        var along = ("axis", (object)(long)(axis ?? -1));
        if (_name == "glu")
        {
            var (first, second) = graph.Halves(x, axis ?? -1);
            graph.Op("Mul", [first, graph.Op("Sigmoid", [second])], y);
        }
        else if (_form.IsAlongAxis)
        {
            graph.Op(_form.Op, [x], y, along);
        }
        else if (_form.Emit is { } emit)
        {
            emit(graph, x, y);
        }
        else
        {
            List<(string, object)> attributes = [.. _constants.Zip((string[])["alpha", "beta"], (constant, name) => (name, (object)constant))];
            if (_form.With is { } with) attributes.Add(with);
            graph.Op(_form.Op, [x], y, [.. attributes]);
        }
    }

    /// <summary>How a function is written.</summary>
    /// <param name="Op">Its operator.</param>
    /// <param name="Constants">The defaults of alpha and beta.</param>
    /// <param name="Recurrent">Its name in recurrent layers, if they have it.</param>
    /// <param name="IsAlongAxis">Whether it is over an axis.</param>
    /// <param name="Fixed">The two constants that it always has in recurrent layers.</param>
    /// <param name="Emit">Its nodes, if it is not one operator.</param>
    /// <param name="With">An attribute that it always has.</param>
    private sealed record Form(string Op, float[]? Constants = null, string? Recurrent = null, bool IsAlongAxis = false, (float, float)? Fixed = null, Action<GraphComposer, string, string>? Emit = null, (string, object)? With = null);
}

/// <summary>A function of each element, or softmax, log_softmax or glu over an axis.</summary>
internal sealed record ActivationLayer : UnaryLayer
{
    /// <summary>
    /// linear, tanh, relu, sigmoid, leaky_relu, thresholded_relu, elu, selu, celu, gelu, gelu_tanh, softplus, softsign, hard_sigmoid, hard_swish,
    /// mish, silu, exp, log, sqrt, abs, negative, sin, cos, square, relu6, hard_tanh, log_sigmoid, softmax, log_softmax, glu. Constants follow in
    /// brackets: <c>leaky_relu(0.2)</c>.
    /// </summary>
    public required string Function { get; init; }

    /// <summary>The axis of softmax, log_softmax and glu. The last if omitted.</summary>
    public int? Axis { get; set; }

    public override void Emit(GraphComposer graph) =>
        ActivationFunction.Parse(graph, Function, "function", isRecurrent: false).Emit(graph, graph.Read(Input), Output, Axis);
}

/// <summary>max(0, x) + a · min(0, x): <c>weight</c> has one a, or one for each channel along <c>axis</c>. He et al. 2015, arXiv:1502.01852.</summary>
internal sealed record PreluLayer : UnaryLayer
{
    /// <summary>The axis of the channels: 1 as in PyTorch.</summary>
    public int Axis { get; set; } = 1;

    public override void Emit(GraphComposer graph)
    {
        var slopes = graph.Optional("weight") ?? graph.Need("weight", 1);
        var x = graph.Read(Input);
        var name = graph.NameOf("weight");
        if (slopes.Count == 1)
        {
            graph.Op("PRelu", [x, graph.Constant(name, slopes.Reshaped(1))], Output);
            return;
        }

        if (slopes.Shape.Length != 1) throw graph.Fault($"the tensor '{name}' has shape [{string.Join(", ", slopes.Shape)}]; it must be [1] or [channels]");
        graph.Op("PRelu", [x, graph.Along(x, Axis, graph.Constant(name, slopes), slopes.Count)], Output);
        graph.Graph.Nodes[^1].Marks = new Graph.IrMarks { KeepsShapeOf = 0 };
    }
}
