using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers that are an activation function.</summary>
internal sealed class KerasActivations(KerasEmitter emitter)
{
    /// <summary>Keras adds this to the score of a masked position.</summary>
    private const float Far = -1e9f;

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("Activation", KerasEmitter.Map((layer, x) => emitter.Functions.Apply(layer, x.Name, x.Rank))),
        ("ReLU", KerasEmitter.Map(Relu)),
        ("LeakyReLU", KerasEmitter.Map((layer, x) => Graph.Op("LeakyRelu", [x.Name], ("alpha", Slope(layer))))),
        ("ELU", KerasEmitter.Map((layer, x) => Graph.Op("Elu", [x.Name], ("alpha", layer.Float("alpha", 1))))),
        ("ThresholdedReLU", KerasEmitter.Map((layer, x) => Graph.Op("ThresholdedRelu", [x.Name], ("alpha", layer.Float("theta", 1))))),
        ("PReLU", KerasEmitter.Map(Parametric)),
        ("Softmax", KerasEmitter.Map(Softmax)),
    ];

    /// <summary>Whether a layer of this class may stand for a function in another layer: it has no weights.</summary>
    public static bool IsFunction(string kind) => kind is "Activation" or "ReLU" or "LeakyReLU" or "ELU" or "ThresholdedReLU" or "Softmax";

    /// <summary>The slope of a LeakyReLU, which Keras 3 calls negative_slope.</summary>
    public static float Slope(KerasLayer layer) => layer.Float("negative_slope", layer.Float("alpha", 0.3f));

    public static (float Slope, float Threshold, float? Most) Limits(KerasLayer layer) =>
        (layer.Float("negative_slope", 0), layer.Float("threshold", 0), layer.Get("max_value") is null ? null : layer.Float("max_value", 0));

    /// <summary>x above the threshold, up to the limit; below it slope · (x - threshold).</summary>
    private string Relu(KerasLayer layer, KerasValue x)
    {
        var (slope, threshold, most) = Limits(layer);
        if (most < 0) throw layer.Fault("its max_value is negative");
        if (slope != 0 && threshold == 0 && most is null) return Graph.Op("LeakyRelu", [x.Name], ("alpha", slope));
        var above = threshold != 0 ? Graph.Op("ThresholdedRelu", [x.Name], ("alpha", threshold)) : most is null ? Graph.Op("Relu", [x.Name]) : x.Name;
        if (most is { } limit) above = emitter.Functions.Clip(above, 0, limit);
        if (slope == 0) return above;
        var below = Graph.Op("Relu", [Graph.Op("Sub", [Graph.Scalar(threshold), x.Name])]);
        return Graph.Op("Sub", [above, Graph.Op("Mul", [below, Graph.Scalar(slope)])]);
    }

    /// <summary>x, or alpha · x below zero. alpha has one element for each of the axes after the batch that are not shared.</summary>
    private string Parametric(KerasLayer layer, KerasValue x)
    {
        var alpha = emitter.Need(layer, "alpha", x.Rank - 1);
        foreach (var axis in layer.Longs("shared_axes"))
        {
            if (axis < 1 || axis >= x.Rank || alpha.Shape[axis - 1] != 1) throw layer.Fault($"it shares axis {axis}, but its weight 'alpha' has shape [{string.Join(", ", alpha.Shape)}] for a value of {x.Rank} dimensions");
        }

        return Graph.OpInShape(0, "PRelu", x.Name, emitter.Constant(layer, "alpha", alpha));
    }

    private string Softmax(KerasLayer layer, KerasValue x)
    {
        if (x.Mask is not null && x.Rank != 2) throw layer.Fault("its input has a mask, which it would treat as a mask of the scores' shape; use Activation('softmax')");
        var axes = layer.Longs("axis");
        if (Array.Exists(axes, a => a < -x.Rank || a >= x.Rank)) throw layer.Fault($"its axis is {string.Join(", ", axes)}, but its input has {x.Rank} dimensions");
        var scores = x.Mask is null ? x.Name : Graph.Op("Add", [x.Name, Graph.Op("Mul", [emitter.ToFloat(Graph.Op("Not", [x.Mask])), Graph.Scalar(Far)])]);
        if (axes.Length > 1) return Graph.Op("Exp", [Graph.Op("Sub", [scores, Graph.Op("ReduceLogSumExp", [scores, Graph.Axes(axes)], ("keepdims", 1L))])]);
        var axis = axes is [var one] ? one : -1;
        return Graph.Op("Softmax", [scores], ("axis", axis < 0 ? axis : axis - x.Rank));
    }
}
