using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Whole numbers as vectors, and numbers as the bins that they fall into.</summary>
internal sealed class KerasCodes(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("CategoryEncoding", emitter.Unmasked((layer, x) => Encoded(layer, x, layer.String("output_mode") ?? "multi_hot", layer.Int("num_tokens", layer.Int("max_tokens", 0))))),
        ("Discretization", emitter.Unmasked(Bins)),
    ];

    /// <summary>1 at the place of the number along a new axis, 0 elsewhere.</summary>
    public static string OneHot(GraphComposer graph, string x, long depth, int axis) =>
        graph.Op("OneHot", [graph.Op("Cast", [x], ("to", 7L)), graph.Number(depth), graph.Constant("one_hot", IrTensor.Of<float>([2], 0, 1))], ("axis", (long)axis));

    private KerasValue Encoded(KerasLayer layer, KerasValue x, string mode, int tokens)
    {
        if (tokens < 1) throw layer.Fault("it has no num_tokens");
        if (layer.Flag("sparse")) throw layer.Fault("sparse outputs are not supported");
        if (x.Rank > 2) throw layer.Fault($"its input has {x.Rank} dimensions; Keras encodes up to 2");
        if (mode is "multi_hot" or "binary" or "count")
        {
            if (x.Rank != 2) throw layer.Fault("its input must be [batch, samples]");
            var codes = OneHot(Graph, x.Name, tokens, 2);
            return new KerasValue(Graph.Op(mode == "count" ? "ReduceSum" : "ReduceMax", [codes, Graph.Axes(1)], ("keepdims", 0L)), 2);
        }

        if (mode != "one_hot") throw layer.Fault($"output_mode '{mode}' is not supported; one_hot, multi_hot and count are");
        if (x.Rank == 1) return new KerasValue(OneHot(Graph, x.Name, tokens, 1), 2);
        // Keras encodes along a last axis of size 1, and adds an axis to others.
        var size = Graph.Graph.Inputs.Find(i => i.Value == x.Name) is { Shape: [.., { Symbol: null } last] } ? last.Size : throw layer.Fault("the size of its input's last axis is not known, and Keras' result depends on it; give the input a fixed size there");
        return size == 1 ? new KerasValue(Graph.Squeeze(OneHot(Graph, x.Name, tokens, 2), 1), 2) : new KerasValue(OneHot(Graph, x.Name, tokens, 2), 3);
    }

    /// <summary>The number of boundaries that are not above x.</summary>
    private KerasValue Bins(KerasLayer layer, KerasValue x)
    {
        var boundaries = KerasConstants.Floats(layer, "bin_boundaries", layer.Get("bin_boundaries") ?? throw layer.Fault("it has no bin_boundaries; boundaries learned by adapt are not in the file's config"));
        if (boundaries.Shape.Length != 1 || boundaries.Count == 0) throw layer.Fault("its bin_boundaries must be a list of numbers");
        _ = (layer.Get("num_bins"), layer.Get("epsilon"));
        var isReached = Graph.Op("GreaterOrEqual", [Graph.Unsqueeze(emitter.ToFloat(x.Name), x.Rank), Graph.Constant($"{layer.Name}/bin_boundaries", boundaries)]);
        var bins = Graph.Op("ReduceSum", [Graph.Op("Cast", [isReached], ("to", 7L)), Graph.Axes(x.Rank)], ("keepdims", 0L));
        return layer.String("output_mode") is null or "int" ? new KerasValue(bins, x.Rank) : Encoded(layer, x with { Name = bins }, layer.String("output_mode")!, boundaries.Count + 1);
    }
}
