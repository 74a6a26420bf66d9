using System.Text.Json;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>A function as a layer names it: a text, or an object with constants, which is a layer of its own.</summary>
internal readonly record struct KerasFunction(string Name, JsonElement? Layer = null);

/// <summary>Keras' activation functions as nodes, by their names and by the layers that stand for them.</summary>
internal sealed class KerasFunctions
{
    private readonly KerasEmitter _emitter;
    private readonly Dictionary<string, Form> _forms;

    public KerasFunctions(KerasEmitter emitter) => (_emitter, _forms) = (emitter, Forms(emitter));

    private GraphComposer Graph => _emitter.Graph;

    /// <summary>The function that a member names.</summary>
    public static KerasFunction Of(KerasLayer layer, string member = "activation", string otherwise = "linear")
    {
        if (layer.Get(member) is not { } given) return new KerasFunction(otherwise);
        if (Json.TextOf(given) is { } text) return new KerasFunction(text);
        var kind = Json.TextOf(Json.Optional(given, "class_name"));
        // A function by itself is written as class_name "function" with its name as the config.
        if (Json.TextOf(Json.Optional(given, "config")) is { } name) return kind is null or "function" or "builtin_function_or_method" ? new KerasFunction(name) : throw layer.Fault($"'{member}' is '{name}' of class '{kind}', which is code of its own and not in the file");
        return kind is null ? throw layer.Fault($"'{member}' is {Json.Shown(given)}; it must be the name of a function") : new KerasFunction(kind, given);
    }

    public string Apply(KerasLayer layer, string x, int rank) => Apply(layer, Of(layer), x, rank);

    public string Apply(KerasLayer layer, KerasFunction function, string x, int rank)
    {
        if (function.Layer is not { } given) return Apply(function.Name, x) ?? throw layer.Fault($"the activation '{function.Name}' is not supported");
        var inner = new KerasLayer(given, layer.WeightsOf, layer.Part);
        if (!KerasActivations.IsFunction(inner.Class)) throw layer.Fault($"the activation of class '{inner.Class}' is not supported; use the name of a function, or put {inner.Class} behind the layer as a layer of its own");
        return _emitter.Call(inner, new KerasCall([new KerasValue(x, rank)]))[0].Name;
    }

    /// <summary>Whether a function reads a whole row, the last axis if it names no other, instead of single elements.</summary>
    public static bool IsOverRow(KerasFunction function)
    {
        if (function.Layer is not { } given) return function.Name is "softmax" or "log_softmax" or "glu";
        var layer = new KerasLayer(given);
        return layer.Class == "Softmax" || (layer.Class == "Activation" && IsOverRow(Of(layer)));
    }

    /// <summary>The function of this name. Null if it is unknown.</summary>
    public string? Apply(string function, string x) => _forms.GetValueOrDefault(function)?.Emit(x);

    /// <summary>The names of the functions that recurrent operators have.</summary>
    public IEnumerable<string> OfRecurrent => _forms.Where(form => form.Value.Recurrent is not null).Select(form => form.Key);

    public string Clip(string x, float least, float most) => Graph.Op("Clip", [x, Graph.Scalar(least), Graph.Scalar(most)]);

    /// <summary>(x + √(x² + b)) / 2.</summary>
    public string Squareplus(string x, float b) =>
        Graph.Op("Mul", [Graph.Op("Add", [x, Graph.Op("Sqrt", [Graph.Op("Add", [Graph.Op("Mul", [x, x]), Graph.Scalar(b)])])]), Graph.Scalar(0.5f)]);

    /// <summary>The first half of an axis times the sigmoid of the second half.</summary>
    public string Glu(string x, long axis)
    {
        var (first, second) = Graph.Halves(x, axis);
        return Graph.Op("Mul", [first, Graph.Op("Sigmoid", [second])]);
    }

    /// <summary>0 up to -1, x from 1 on, and (x + 1)² / 4 between.</summary>
    private string SparsePlus(string x)
    {
        var within = Graph.Op("Add", [Clip(x, -1, 1), Graph.Scalar(1)]);
        return Graph.Op("Add", [Graph.Op("Mul", [Graph.Op("Mul", [within, within]), Graph.Scalar(0.25f)]), Graph.Op("Relu", [Graph.Op("Sub", [x, Graph.Scalar(1)])])]);
    }

    /// <summary>
    /// The function by the name that recurrent operators have for it, with its constants. Null if they have none, because it is not elementwise
    /// or not one of them.
    /// </summary>
    public (string Name, float[] Alpha, float[] Beta)? InRecurrent(KerasLayer layer, KerasFunction function) => function.Layer is { } given ? OfLayer(layer, new KerasLayer(given)) : _forms.GetValueOrDefault(function.Name)?.Recurrent?.Invoke();

    private Dictionary<string, Form> Forms(KerasEmitter emitter)
    {
        Form One(string op, params float[] constants) => new(x => Graph.Op(op, [x]), () => (op, constants, []));
        Form Limited(float least, float most) => new(x => Clip(x, least, most), () => ("Clip", [least], [most]));
        Form Line(Func<float> slope) => new(x => Graph.Op("HardSigmoid", [x], ("alpha", slope()), ("beta", 0.5f)), () => ("HardSigmoid", [slope()], [0.5f]));
        static Form Only(Func<string, string> emit) => new(emit, null);
        // As a layer it is two operators, whose rounding differs from that of the one in a recurrent layer.
        var silu = new Form(x => Graph.Op("Mul", [x, Graph.Op("Sigmoid", [x])]), () => ("Swish", [1], []));
        return new()
        {
            ["tanh"] = One("Tanh"),
            ["sigmoid"] = One("Sigmoid"),
            ["relu"] = One("Relu"),
            ["relu6"] = Limited(0, 6),
            ["softsign"] = One("Softsign"),
            ["softplus"] = One("Softplus"),
            ["elu"] = One("Elu", 1),
            ["celu"] = One("Celu", 1),
            ["selu"] = One("Selu"),
            ["gelu"] = One("Gelu"),
            ["silu"] = silu,
            ["swish"] = silu,
            ["mish"] = One("Mish"),
            ["exponential"] = One("Exp"),
            ["leaky_relu"] = new(x => Graph.Op("LeakyRelu", [x], ("alpha", 0.2f)), () => ("LeakyRelu", [0.2f], [])),
            ["linear"] = new(x => x, () => ("Affine", [1], [0])),
            ["hard_sigmoid"] = Line(() => emitter.Version.TellHardSigmoidSlope()),
            ["sparse_sigmoid"] = Line(() => 0.5f),
            ["hard_silu"] = One("HardSwish"),
            ["hard_swish"] = One("HardSwish"),
            ["hard_tanh"] = Limited(-1, 1),
            ["softmax"] = Only(x => Graph.Op("Softmax", [x], ("axis", -1L))),
            ["log_softmax"] = Only(x => Graph.Op("LogSoftmax", [x], ("axis", -1L))),
            ["log_sigmoid"] = Only(x => Graph.Op("Neg", [Graph.Op("Softplus", [Graph.Op("Neg", [x])])])),
            ["soft_shrink"] = Only(x => Graph.Op("Shrink", [x], ("lambd", 0.5f), ("bias", 0.5f))),
            ["hard_shrink"] = Only(x => Graph.Op("Shrink", [x], ("lambd", 0.5f), ("bias", 0f))),
            ["tanh_shrink"] = Only(x => Graph.Op("Sub", [x, Graph.Op("Tanh", [x])])),
            ["squareplus"] = Only(x => Squareplus(x, 4)),
            ["sparse_plus"] = Only(SparsePlus),
            ["glu"] = Only(x => Glu(x, -1)),
        };
    }

    private static (string Name, float[] Alpha, float[] Beta)? OfLayer(KerasLayer layer, KerasLayer function)
    {
        switch (function.Class)
        {
            case "LeakyReLU": return ("LeakyRelu", [KerasActivations.Slope(function)], []);
            case "ELU": return ("Elu", [function.Float("alpha", 1)], []);
            case "ThresholdedReLU": return ("ThresholdedRelu", [function.Float("theta", 1)], []);
            case "ReLU":
                var (slope, threshold, most) = KerasActivations.Limits(function);
                if (slope != 0 && threshold == 0 && most is null) return ("LeakyRelu", [slope], []);
                if (slope == 0 && threshold != 0 && most is null) return ("ThresholdedRelu", [threshold], []);
                if (slope != 0 || threshold != 0) throw layer.Fault("a ReLU with a slope, a threshold and a limit together is not supported in a recurrent layer");
                return most is { } limit ? ("Clip", [0], [limit]) : ("Relu", [], []);
            default: return null;
        }
    }

    /// <summary>How a function is written.</summary>
    /// <param name="Emit">Its nodes over a value.</param>
    /// <param name="Recurrent">Its name and constants in recurrent operators, if they have it.</param>
    private sealed record Form(Func<string, string> Emit, Func<(string Name, float[] Alpha, float[] Beta)>? Recurrent);
}
