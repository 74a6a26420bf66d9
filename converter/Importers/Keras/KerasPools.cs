using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>The greatest or mean value of windows, or of everything between batch and channels.</summary>
internal sealed class KerasPools(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers
    {
        get
        {
            for (var spatial = 1; spatial <= 3; spatial++)
            {
                var count = spatial;
                yield return ($"MaxPooling{count}D", emitter.Unmasked((layer, x) => Windows(layer, "MaxPool", x, count)));
                yield return ($"AveragePooling{count}D", emitter.Unmasked((layer, x) => Windows(layer, "AveragePool", x, count)));
                yield return ($"GlobalMaxPooling{count}D", emitter.Unmasked((layer, x) => Whole(layer, "ReduceMax", x, count)));
                yield return ($"GlobalAveragePooling{count}D", count == 1 ? KerasEmitter.One(Mean) : emitter.Unmasked((layer, x) => Whole(layer, "ReduceMean", x, count)));
            }
        }
    }

    private KerasValue Windows(KerasLayer layer, string op, KerasValue x, int spatial)
    {
        var size = KerasSpatial.Numbers(layer, "pool_size", spatial, 2);
        var strides = layer.Get("strides") is null ? size : KerasSpatial.Numbers(layer, "strides", spatial, 1);
        var pads = layer.String("padding") switch
        {
            "same" => "SAME_UPPER",
            null or "valid" => "VALID",
            var other => throw layer.Fault($"the padding '{other}' is not supported"),
        };
        return KerasSpatial.Inside(emitter, layer, x, spatial, inner => Graph.Op(op, [inner], ("kernel_shape", size), ("strides", strides), ("auto_pad", pads)));
    }

    private KerasValue Whole(KerasLayer layer, string op, KerasValue x, int spatial)
    {
        KerasSpatial.Require(layer, x, spatial);
        return Reduced(layer, x, spatial, Graph.Op(op, [x.Name, Graph.Axes(KerasSpatial.Axes(KerasSpatial.FirstAxis(layer), spatial))], Keep(layer)));
    }

    /// <summary>The mean over the unmasked steps.</summary>
    private KerasValue Mean(KerasLayer layer, KerasValue x)
    {
        if (x.Mask is null) return Whole(layer, "ReduceMean", x, 1);
        var (keep, axis) = (Keep(layer), KerasSpatial.FirstAxis(layer));
        var weights = Graph.Unsqueeze(emitter.ToFloat(x.Mask), 3 - axis);
        string Sum(string value) => Graph.Op("ReduceSum", [value, Graph.Axes(axis)], keep);
        return Reduced(layer, x, 1, Graph.Op("Div", [Sum(Graph.Op("Mul", [x.Name, weights])), Sum(weights)]));
    }

    private static (string, object) Keep(KerasLayer layer) => ("keepdims", layer.Flag("keepdims") ? 1L : 0L);

    private static KerasValue Reduced(KerasLayer layer, KerasValue x, int spatial, string value) => new(value, layer.Flag("keepdims") ? x.Rank : x.Rank - spatial);
}
