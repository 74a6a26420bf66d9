using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Attention (Luong's dot, or concat), AdditiveAttention (Bahdanau's) and MultiHeadAttention over queries [N, S, D], values and keys [N, T, D].</summary>
internal sealed class KerasAttention(KerasEmitter emitter)
{
    /// <summary>Keras subtracts this from the score of a masked position.</summary>
    private const float Far = 1e9f;

    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers =>
    [
        ("Attention", Dot),
        ("AdditiveAttention", Additive),
        ("MultiHeadAttention", (layer, call) => Heads(layer, call, layer.Int("num_heads", 1), layer.Int("num_heads", 1), layer.Int("key_dim", 1))),
        ("GroupQueryAttention", Grouped),
        ("GroupedQueryAttention", Grouped),
    ];

    private KerasValue[] Dot(KerasLayer layer, KerasCall call)
    {
        var (query, value, key) = Inputs(layer, call);
        string scores;
        if (layer.String("score_mode") is not (null or "dot" or "concat") and var mode) throw layer.Fault($"score_mode '{mode}' is unknown; it must be dot or concat");
        if (layer.String("score_mode") == "concat")
        {
            var sum = Graph.Op("Add", [Graph.Unsqueeze(query.Name, 2), Graph.Unsqueeze(key.Name, 1)]);
            var bent = Graph.Op("Tanh", [layer.Flag("use_scale") ? Graph.Op("Mul", [sum, Weight(layer, "scale", 0)]) : sum]);
            scores = Graph.Op("Mul", [Graph.Op("ReduceSum", [bent, Graph.Axes(-1)], ("keepdims", 0L)), Weight(layer, "concat_score_weight", 0)]);
        }
        else
        {
            scores = Graph.Op("MatMul", [query.Name, Graph.Transpose(key.Name, 0, 2, 1)]);
            if (layer.Flag("use_scale")) scores = Graph.Op("Mul", [scores, Weight(layer, "scale", 0)]);
        }

        return Weigh(layer, call, scores, query, value);
    }

    private KerasValue[] Additive(KerasLayer layer, KerasCall call)
    {
        var (query, value, key) = Inputs(layer, call);
        var bent = Graph.Op("Tanh", [Graph.Op("Add", [Graph.Unsqueeze(query.Name, 2), Graph.Unsqueeze(key.Name, 1)])]);
        if (layer.Flag("use_scale", true)) bent = Graph.Op("Mul", [bent, Weight(layer, "scale", 1)]);
        return Weigh(layer, call, Graph.Op("ReduceSum", [bent, Graph.Axes(-1)], ("keepdims", 0L)), query, value);
    }

    /// <summary>Several heads of the queries share a head of the keys and values.</summary>
    private KerasValue[] Grouped(KerasLayer layer, KerasCall call)
    {
        int heads = layer.Int("num_query_heads", 1), shared = layer.Int("num_key_value_heads", 1);
        if (shared < 1 || heads % shared != 0) throw layer.Fault($"its {heads} heads of queries cannot be divided among {shared} heads of keys and values");
        return Heads(layer, call, heads, shared, layer.Int("head_dim", 1));
    }

    private KerasValue[] Heads(KerasLayer layer, KerasCall call, int heads, int shared, int size)
    {
        var (query, value, key) = Inputs(layer, call);
        if (layer.Longs("attention_axes") is not ([] or [1])) throw layer.Fault("attention over axes other than the steps is not supported");
        if (layer.Get("sliding_window") is not null) throw layer.Fault("a sliding window is not supported");
        var q = Graph.Op("Mul", [Project(layer, "query", query.Name, heads), emitter.Scalar(1 / MathF.Sqrt(size))]);
        var scores = Graph.Op("MatMul", [q, Graph.Transpose(Shared(Project(layer, "key", key.Name, shared), heads, shared), 0, 1, 3, 2)]);
        string?[] masks = [query.Mask is null ? null : Graph.Op("Unsqueeze", [query.Mask, Graph.Axes(1, 3)]), .. new[] { value.Mask, key.Mask }.Distinct().Select(m => m is null ? null : Graph.Op("Unsqueeze", [m, Graph.Axes(1, 2)])), IsCausal(layer, call) ? Earlier(query.Name, value.Name) : null, Given(layer, call)];
        scores = Outside(scores, masks);
        var weights = Graph.Op("Softmax", [scores], ("axis", -1L));
        var heard = Graph.Transpose(Graph.Op("MatMul", [weights, Shared(Project(layer, "value", value.Name, shared), heads, shared)]), 0, 2, 1, 3);
        if (layer.Flag("use_gate")) heard = Graph.Op("Mul", [heard, Graph.Op("Sigmoid", [Graph.Transpose(Project(layer, "gate", query.Name, heads), 0, 2, 1, 3)])]);
        var context = Graph.Op("Reshape", [heard, Graph.Axes(0, 0, -1)]);
        var kernel = emitter.Need(layer, "kernel", 3, "attention_output");
        if (kernel.Shape[0] != heads) throw layer.Fault($"its output kernel has {kernel.Shape[0]} heads, not {heads}");
        var bias = layer.Flag("use_bias", true) ? emitter.Need(layer, "bias", 1, "attention_output") : null;
        var result = new KerasValue(emitter.Affine(layer, context, kernel.Reshaped(kernel.Shape[0] * kernel.Shape[1], kernel.Shape[2]), bias, "attention_output"), 3, query.Mask);
        return call.Flags.Contains("return_attention_scores") ? [result, new(weights, 4)] : [result];
    }

    /// <summary>A mask that the model computes: [batch, queries, keys], or with an axis of heads.</summary>
    private string? Given(KerasLayer layer, KerasCall call)
    {
        if (!call.Named.TryGetValue("attention_mask", out var given)) return null;
        var mask = emitter.ToBool(given[0].Name);
        return given[0].Rank switch
        {
            2 => mask,
            3 => Graph.Unsqueeze(mask, 1),
            4 => mask,
            var rank => throw layer.Fault($"its attention mask has {rank} dimensions; it must be [batch, queries, keys]"),
        };
    }

    /// <summary>Heads [N, shared, T, D] repeated for the heads of the queries that share them.</summary>
    private string Shared(string x, int heads, int shared)
    {
        if (heads == shared) return x;
        var repeated = Graph.Op("Expand", [Graph.Unsqueeze(x, 2), Graph.Axes(1, 1, heads / shared, 1, 1)]);
        return Graph.Op("Reshape", [repeated, Graph.Op("Concat", [Graph.Op("Shape", [x], ("start", 0L), ("end", 1L)), Graph.Axes(heads), Graph.Op("Shape", [x], ("start", 2L))], ("axis", 0L))]);
    }

    private string Project(KerasLayer layer, string part, string x, int heads)
    {
        var kernel = emitter.Need(layer, "kernel", 3, part);
        if (kernel.Shape[1] != heads) throw layer.Fault($"its kernel of the {part} has {kernel.Shape[1]} heads, not {heads}");
        var bias = layer.Flag("use_bias", true) ? emitter.Need(layer, "bias", 2, part) : null;
        var y = emitter.Affine(layer, x, kernel.Reshaped(kernel.Shape[0], kernel.Shape[1] * kernel.Shape[2]), bias?.Reshaped(bias.Count), part);
        return Graph.Transpose(Graph.Op("Reshape", [y, Graph.Axes(0, 0, kernel.Shape[1], kernel.Shape[2])]), 0, 2, 1, 3);
    }

    private KerasValue[] Weigh(KerasLayer layer, KerasCall call, string scores, KerasValue query, KerasValue value)
    {
        scores = Outside(scores, value.Mask is null ? null : Graph.Unsqueeze(value.Mask, 1), IsCausal(layer, call) ? Earlier(query.Name, value.Name) : null);
        var weights = Graph.Op("Softmax", [scores], ("axis", -1L));
        var result = Graph.Op("MatMul", [weights, value.Name]);
        if (query.Mask is not null) result = Graph.Op("Mul", [result, Graph.Unsqueeze(emitter.ToFloat(query.Mask), 2)]);
        return call.Flags.Contains("return_attention_scores") ? [new(result, 3, query.Mask), new(weights, 3)] : [new(result, 3, query.Mask)];
    }

    private static (KerasValue Query, KerasValue Value, KerasValue Key) Inputs(KerasLayer layer, KerasCall call)
    {
        KerasValue? Named(string name) => call.Named.TryGetValue(name, out var values) ? values[0] : null;
        KerasValue Masked(KerasValue value, string mask) => Named(mask) is { } given ? value with { Mask = given.Name } : value;
        var query = call.Inputs[0];
        var value = Named("value") ?? (call.Inputs.Count > 1 ? call.Inputs[1] : throw layer.Fault("it is called without a value"));
        var key = Named("key") ?? (call.Inputs.Count > 2 ? call.Inputs[2] : value);
        if (query.Rank != 3 || value.Rank != 3 || key.Rank != 3) throw layer.Fault("queries, values and keys must have three dimensions");
        return (Masked(query, "query_mask"), Masked(value, "value_mask"), Masked(key, "key_mask"));
    }

    private static bool IsCausal(KerasLayer layer, KerasCall call) => layer.Flag("causal") || call.Flags.Contains("use_causal_mask");

    private string Weight(KerasLayer layer, string name, int rank) => emitter.Constant(layer, name, emitter.Need(layer, name, rank));

    /// <summary>Lowers the scores where one of the masks is false.</summary>
    private string Outside(string scores, params string?[] masks) =>
        masks.OfType<string>().ToList() is { Count: > 0 } given ? Graph.Op("Sub", [scores, Graph.Op("Mul", [emitter.ToFloat(Graph.Op("Not", [given.Aggregate((all, next) => Graph.Op("And", [all, next]))])), emitter.Scalar(Far)])]) : scores;

    /// <summary>[S, T]: whether a key is not later than the query.</summary>
    private string Earlier(string query, string key) => Graph.Op("LessOrEqual", [Graph.Places(key, 1), Graph.Unsqueeze(Graph.Places(query, 1), 1)]);
}
