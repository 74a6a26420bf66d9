using System.Text.Json;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>A function as a layer names it: a text, or an object with constants, which is a layer of its own.</summary>
internal readonly record struct KerasFunction(string Name, JsonElement? Layer = null);

/// <summary>Keras' activation functions as nodes, by their names and by the layers that stand for them.</summary>
internal sealed class KerasFunctions(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

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
        return emitter.Call(inner, new KerasCall([new KerasValue(x, rank)]))[0].Name;
    }

    /// <summary>The function of this name. Null if it is unknown.</summary>
    public string? Apply(string function, string x) => function switch
    {
        "linear" => x,
        "tanh" => Graph.Op("Tanh", [x]),
        "relu" => Graph.Op("Relu", [x]),
        "sigmoid" => Graph.Op("Sigmoid", [x]),
        "softmax" => Graph.Op("Softmax", [x], ("axis", -1L)),
        "log_softmax" => Graph.Op("LogSoftmax", [x], ("axis", -1L)),
        "elu" => Graph.Op("Elu", [x]),
        "celu" => Graph.Op("Celu", [x]),
        "selu" => Graph.Op("Selu", [x]),
        "gelu" => Graph.Op("Gelu", [x]),
        "softplus" => Graph.Op("Softplus", [x]),
        "softsign" => Graph.Op("Softsign", [x]),
        "mish" => Graph.Op("Mish", [x]),
        "exponential" => Graph.Op("Exp", [x]),
        "swish" or "silu" => Graph.Op("Mul", [x, Graph.Op("Sigmoid", [x])]),
        "hard_swish" or "hard_silu" => Graph.Op("HardSwish", [x]),
        "relu6" => Clip(x, 0, 6),
        "hard_tanh" => Clip(x, -1, 1),
        "leaky_relu" => Graph.Op("LeakyRelu", [x], ("alpha", 0.2f)),
        "hard_sigmoid" => Graph.Op("HardSigmoid", [x], ("alpha", emitter.Version.HardSigmoidSlope), ("beta", 0.5f)),
        "log_sigmoid" => Graph.Op("Neg", [Graph.Op("Softplus", [Graph.Op("Neg", [x])])]),
        "soft_shrink" => Graph.Op("Shrink", [x], ("lambd", 0.5f), ("bias", 0.5f)),
        "hard_shrink" => Graph.Op("Shrink", [x], ("lambd", 0.5f), ("bias", 0f)),
        "tanh_shrink" => Graph.Op("Sub", [x, Graph.Op("Tanh", [x])]),
        "squareplus" => Squareplus(x, 4),
        "sparse_sigmoid" => Graph.Op("HardSigmoid", [x], ("alpha", 0.5f), ("beta", 0.5f)),
        "sparse_plus" => SparsePlus(x),
        "glu" => Glu(x, -1),
        _ => null,
    };

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
    public (string Name, float[] Alpha, float[] Beta)? InRecurrent(KerasLayer layer, KerasFunction function) => function.Layer is { } given ? OfLayer(layer, new KerasLayer(given)) : function.Name switch
    {
        "tanh" => ("Tanh", [], []),
        "sigmoid" => ("Sigmoid", [], []),
        "relu" => ("Relu", [], []),
        "softsign" => ("Softsign", [], []),
        "softplus" => ("Softplus", [], []),
        "elu" => ("Elu", [1], []),
        "celu" => ("Celu", [1], []),
        "selu" => ("Selu", [], []),
        "gelu" => ("Gelu", [], []),
        "mish" => ("Mish", [], []),
        "exponential" => ("Exp", [], []),
        "swish" or "silu" => ("Swish", [1], []),
        "hard_swish" or "hard_silu" => ("HardSwish", [], []),
        "relu6" => ("Clip", [0], [6]),
        "hard_tanh" => ("Clip", [-1], [1]),
        "leaky_relu" => ("LeakyRelu", [0.2f], []),
        "linear" => ("Affine", [1], [0]),
        "hard_sigmoid" => ("HardSigmoid", [emitter.Version.HardSigmoidSlope], [0.5f]),
        "sparse_sigmoid" => ("HardSigmoid", [0.5f], [0.5f]),
        _ => null,
    };

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
}
