using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Attention (Luong's dot, or concat), AdditiveAttention (Bahdanau's) and MultiHeadAttention over queries [N, S, D], values and keys [N, T, D].</summary>
internal sealed class KerasAttention(KerasEmitter emitter)
{
    /// <summary>Keras subtracts this from the score of a masked position.</summary>
    private const float Far = 1e9f;

    private GraphComposer Graph => emitter.Graph;

    public KerasValue[] Dot(KerasLayer layer, KerasCall call)
    {
        var (query, value, key) = Inputs(layer, call);
        string scores;
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

    public KerasValue[] Additive(KerasLayer layer, KerasCall call)
    {
        var (query, value, key) = Inputs(layer, call);
        var bent = Graph.Op("Tanh", [Graph.Op("Add", [Graph.Unsqueeze(query.Name, 2), Graph.Unsqueeze(key.Name, 1)])]);
        if (layer.Flag("use_scale", true)) bent = Graph.Op("Mul", [bent, Weight(layer, "scale", 1)]);
        return Weigh(layer, call, Graph.Op("ReduceSum", [bent, Graph.Axes(-1)], ("keepdims", 0L)), query, value);
    }

    public KerasValue[] MultiHead(KerasLayer layer, KerasCall call)
    {
        var (query, value, key) = Inputs(layer, call);
        if (call.Named.ContainsKey("attention_mask")) throw layer.Fault("a computed attention mask is not supported");
        if (layer.Longs("attention_axes") is not ([] or [1])) throw layer.Fault("attention over axes other than the steps is not supported");
        if (layer.Flag("use_gate") || layer.Get("sliding_window") is not null) throw layer.Fault("a gate or a sliding window is not supported");
        int heads = layer.Int("num_heads", 1), size = layer.Int("key_dim", 1);
        var q = Graph.Op("Mul", [Project(layer, "query", query.Name), emitter.Scalar(1 / MathF.Sqrt(size))]);
        var scores = Graph.Op("MatMul", [q, Graph.Transpose(Project(layer, "key", key.Name), 0, 1, 3, 2)]);
        string?[] masks = [query.Mask is null ? null : Graph.Op("Unsqueeze", [query.Mask, Graph.Axes(1, 3)]), .. new[] { value.Mask, key.Mask }.Distinct().Select(m => m is null ? null : Graph.Op("Unsqueeze", [m, Graph.Axes(1, 2)])), IsCausal(layer, call) ? Earlier(query.Name, value.Name) : null];
        scores = Outside(scores, masks);
        var weights = Graph.Op("Softmax", [scores], ("axis", -1L));
        var context = Graph.Op("Reshape", [Graph.Transpose(Graph.Op("MatMul", [weights, Project(layer, "value", value.Name)]), 0, 2, 1, 3), Graph.Axes(0, 0, -1)]);
        var kernel = emitter.Need(layer, "kernel", 3, "attention_output");
        if (kernel.Shape[0] != heads) throw layer.Fault($"its output kernel has {kernel.Shape[0]} heads, not {heads}");
        var bias = layer.Flag("use_bias", true) ? emitter.Need(layer, "bias", 1, "attention_output") : null;
        var result = new KerasValue(emitter.Affine(layer, context, kernel.Reshaped(kernel.Shape[0] * kernel.Shape[1], kernel.Shape[2]), bias, "attention_output"), 3, query.Mask);
        return call.Flags.Contains("return_attention_scores") ? [result, new(weights, 4)] : [result];
    }

    private string Project(KerasLayer layer, string part, string x)
    {
        var kernel = emitter.Need(layer, "kernel", 3, part);
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
