using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers that move, join or cut elements: shapes, pools, padding. None of them passes a mask on, as in Keras.</summary>
internal sealed class KerasShaping(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    public KerasValue Repeat(KerasLayer layer, KerasValue x) => new(Graph.Op("Tile", [Graph.Unsqueeze(x.Name, 1), Graph.Axes(1, layer.Int("n", 1), 1)]), x.Rank + 1);

    public KerasValue Flatten(KerasLayer layer, KerasValue x) => new(Graph.Op("Flatten", [x.Name], ("axis", 1L)), 2);

    public KerasValue Reshape(KerasLayer layer, KerasValue x)
    {
        var shape = layer.Longs("target_shape");
        return new KerasValue(Graph.Op("Reshape", [x.Name, Graph.Axes([0, .. shape])]), 1 + shape.Length);
    }

    public KerasValue Permute(KerasLayer layer, KerasValue x) => new(Graph.Transpose(x.Name, [0, .. layer.Longs("dims")]), x.Rank);

    public KerasValue Maximum(KerasLayer layer, KerasValue x) => Reduced(layer, x, Graph.Op("ReduceMax", [x.Name, Graph.Axes(1)], Keep(layer)));

    /// <summary>The mean over the unmasked steps.</summary>
    public KerasValue Average(KerasLayer layer, KerasValue x)
    {
        var keep = Keep(layer);
        if (x.Mask is null) return Reduced(layer, x, Graph.Op("ReduceMean", [x.Name, Graph.Axes(1)], keep));
        var weights = Graph.Unsqueeze(emitter.ToFloat(x.Mask), 2);
        return Reduced(layer, x, Graph.Op("Div", [Graph.Op("ReduceSum", [Graph.Op("Mul", [x.Name, weights]), Graph.Axes(1)], keep), Graph.Op("ReduceSum", [weights, Graph.Axes(1)], keep)]));
    }

    public KerasValue Pool(KerasLayer layer, string op, KerasValue x)
    {
        long size = layer.Int("pool_size", 2);
        var pads = layer.String("padding") switch
        {
            "same" => "SAME_UPPER",
            null or "valid" => "VALID",
            var other => throw layer.Fault($"the padding '{other}' is not supported"),
        };
        return new(Graph.Transpose(Graph.Op(op, [Graph.Transpose(x.Name, 0, 2, 1)], ("kernel_shape", new[] { size }), ("strides", new long[] { layer.Int("strides", (int)size) }), ("auto_pad", pads)), 0, 2, 1), x.Rank);
    }

    public KerasValue Pad(KerasLayer layer, KerasValue x)
    {
        var (before, after) = Ends(layer, "padding");
        return new(Graph.Op("Pad", [x.Name, Graph.Axes(0, before, 0, 0, after, 0)]), x.Rank);
    }

    public KerasValue Crop(KerasLayer layer, KerasValue x)
    {
        var (before, after) = Ends(layer, "cropping");
        return new(Graph.Op("Slice", [x.Name, Graph.Axes(before), Graph.Axes(after == 0 ? int.MaxValue : -after), Graph.Axes(1)]), x.Rank);
    }

    private static (string, object) Keep(KerasLayer layer) => ("keepdims", layer.Flag("keepdims") ? 1L : 0L);

    private static KerasValue Reduced(KerasLayer layer, KerasValue x, string value) => new(value, layer.Flag("keepdims") ? x.Rank : x.Rank - 1);

    private static (long Before, long After) Ends(KerasLayer layer, string member) => layer.Longs(member) switch
    {
        [] => (1, 1),
        [var both] => (both, both),
        [var before, var after] => (before, after),
        _ => throw layer.Fault($"'{member}' has more than two numbers"),
    };
}
