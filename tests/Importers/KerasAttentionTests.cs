using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras' Dot, and attention of several heads with masks, gates and shared heads, compared with their formulas.</summary>
public sealed class KerasAttentionTests
{
    [Theory]
    [InlineData("[2, 2]", "1")]
    [InlineData("[2, 1]", "2")]
    [InlineData("2", "1")]
    [InlineData("-1", "1")]
    [InlineData("[1, 1]", "3")]
    [InlineData("[-1, -1]", "1", true)]
    public void Dot_sums_products_along_an_axis_of_each(string axes, string form, bool isNormal = false)
    {
        Grid a = Grid.Random(1, 2, 3, 4), b = form switch { "1" => Grid.Random(2, 2, 5, 4), "2" => Grid.Random(2, 2, 4, 5), _ => Grid.Random(2, 2, 3, 5) };
        var (x, y) = isNormal ? (ByLength(a), ByLength(b)) : (a, b);
        var expected = form switch
        {
            "1" => Grid.Of([2, 3, 5], at => Sum(4, i => x[at[0], at[1], i] * y[at[0], at[2], i])),
            "2" => Grid.Of([2, 3, 5], at => Sum(4, i => x[at[0], at[1], i] * y[at[0], i, at[2]])),
            _ => Grid.Of([2, 4, 5], at => Sum(3, t => x[at[0], t, at[1]] * y[at[0], t, at[2]])),
        };
        expected.IsOf(Dot(a, b, axes, isNormal), a, b);
    }

    [Fact]
    public void Dot_of_rows_is_a_column()
    {
        Grid a = Grid.Random(3, 2, 4), b = Grid.Random(4, 2, 4);
        Grid.Of([2, 1], at => Sum(4, i => a[at[0], i] * b[at[0], i])).IsOf(Dot(a, b, "1", isNormal: false), a, b);
        Assert.Contains("its axis 0 is not one after the batch", Assert.ThrowsAny<ConversionException>(() => Dot(a, b, "0", isNormal: false)).Message, StringComparison.Ordinal);
    }

    /// <summary>Scores are a dot product of all pairs, and the context is the mean of the encoder's outputs by their softmax.</summary>
    [Theory]
    [InlineData(2, 1, false, false, false, false)]
    [InlineData(4, 2, false, false, false, false)]
    [InlineData(4, 1, true, false, false, true)]
    [InlineData(2, 2, true, true, false, false)]
    [InlineData(2, 2, false, false, true, false)]
    [InlineData(2, 2, true, false, true, true)]
    public void Heads_may_share_keys_and_have_masks(int heads, int shared, bool isCausal, bool hasGate, bool isMasked, bool withScores)
    {
        const int size = 3, features = 4, queries = 3, keys = 5;
        var isGrouped = heads != shared;
        var file = new KerasFile(1) { Version = "3.6.0" };
        (Grid Kernel, Grid Bias) Part(string name, int count) => (Grid.Weight(file, $"l/l/{name}/kernel", features, count, size), Grid.Weight(file, $"l/l/{name}/bias", count, size));
        var (q, k, v) = (Part("query", heads), Part("key", shared), Part("value", shared));
        var gate = hasGate ? Part("gate", heads) : default;
        Grid kernel = Grid.Weight(file, "l/l/attention_output/kernel", heads, size, features), bias = Grid.Weight(file, "l/l/attention_output/bias", features);
        Grid x = Grid.Random(5, 1, queries, features), y = Grid.Random(6, 1, keys, features);
        var mask = Grid.Of([1, queries, keys], at => (at[1] + at[2]) % 2 == 0 || at[2] == 0 ? 1 : -1);
        double Project((Grid Kernel, Grid Bias) part, Grid of, int t, int head, int d) => part.Bias[head, d] + Sum(features, i => of[0, t, i] * part.Kernel[i, head, d]);
        double Weight(int head, int t, int s) => (isCausal && s > t) || (isMasked && mask[0, t, s] < 0) ? 0 : Math.Exp(Sum(size, d => Project(q, x, t, head, d) * Project(k, y, s, head / (heads / shared), d)) / Math.Sqrt(size));
        double Share(int head, int t, int s) => Weight(head, t, s) / Sum(keys, o => Weight(head, t, o));
        var expected = Grid.Of([1, queries, features], at => bias[at[2]] + Sum(heads, h => Sum(size, d => kernel[h, d, at[2]] * (hasGate ? Numbers.Sigmoid(Project(gate, x, at[1], h, d)) : 1) * Sum(keys, s => Share(h, at[1], s) * Project(v, y, s, h / (heads / shared), d)))));
        var config = isGrouped ? $"\"num_query_heads\": {heads}, \"num_key_value_heads\": {shared}, \"head_dim\": {size}" : $"\"num_heads\": {heads}, \"key_dim\": {size}";
        string Tensor(string name) => $$"""{"class_name": "__keras_tensor__", "config": {"shape": [1, 3, 4], "dtype": "float32", "keras_history": ["{{name}}", 0, 0]} }""";
        string Input(string name, Grid of) => $$"""{"class_name": "InputLayer", "name": "{{name}}", "config": {"name": "{{name}}", "batch_shape": [{{string.Join(", ", of.Shape)}}], "dtype": "float32"}, "inbound_nodes": []}""";
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {{Input("x", x)}}, {{Input("y", y)}}, {{Input("m", mask)}},
              {"module": "keras.src.ops.numpy", "class_name": "Greater", "name": "g", "config": {"name": "g"}, "inbound_nodes": [{"args": [{{Tensor("m")}}, 0], "kwargs": {} }]},
              {"module": "keras.layers", "class_name": "{{(isGrouped ? "GroupQueryAttention" : "MultiHeadAttention")}}", "name": "l", "config": {"name": "l", {{config}}, "use_bias": true, "use_gate": {{Json(hasGate)}}, "dropout": 0.1}, "inbound_nodes": [{"args": [{{Tensor("x")}}, {{Tensor("y")}}],
                "kwargs": {"use_causal_mask": {{Json(isCausal)}}, "return_attention_scores": {{Json(withScores)}}, "attention_mask": {{(isMasked ? Tensor("g") : "null")}} } }]}],
              "input_layers": [["x", 0, 0], ["y", 0, 0], ["m", 0, 0]], "output_layers": [["l", 0, 0]{{(withScores ? ", [\"l\", 0, 1]" : "")}}]} }
            """);
        using var session = model.CreateSession();
        foreach (var (i, input) in new[] { x, y, mask }.Index()) Array.ConvertAll(input.Values, value => (float)value).CopyTo(session.Input<float>(i));
        session.Run();
        expected.IsIn(session, 0);
        if (withScores) Grid.Of([1, heads, queries, keys], at => Share(at[1], at[2], at[3])).IsIn(session, 1);
    }

    private static double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);

    private static Grid ByLength(Grid x) => Grid.Of(x.Shape, at => x[at] / Math.Sqrt(Sum(x.Shape[^1], i => Math.Pow(x[at[0], at[1], i], 2))));

    private static SeqModel Dot(Grid a, Grid b, string axes, bool isNormal)
    {
        string Input(string name, Grid of) => $$"""{"class_name": "InputLayer", "name": "{{name}}", "config": {"name": "{{name}}", "batch_input_shape": [{{string.Join(", ", of.Shape)}}]}, "inbound_nodes": []}""";
        return new KerasFile(2).Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {{Input("a", a)}}, {{Input("b", b)}},
              {"class_name": "Dot", "name": "l", "config": {"name": "l", "axes": {{axes}}, "normalize": {{Json(isNormal)}} }, "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]}],
              "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["l", 0, 0]]} }
            """);
    }
}
