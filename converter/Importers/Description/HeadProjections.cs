using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// The projections of multi-head attention. Queries, keys and values are projected by one matrix, <c>in_proj_weight</c> and <c>in_proj_bias</c>
/// (PyTorch), by PyTorch's <c>q_proj_weight</c>, <c>k_proj_weight</c> and <c>v_proj_weight</c> with <c>in_proj_bias</c>, or by layers of
/// their own, <c>q_proj</c>, <c>k_proj</c> and <c>v_proj</c> with <c>.weight</c> and <c>.bias</c>. The results are projected by <c>out_proj</c>
/// or <c>o_proj</c>.
/// </summary>
internal sealed class HeadProjections
{
    private readonly Part _query, _key, _value;

    private HeadProjections(Part query, Part key, Part value, int width, int group, int keyHeads) =>
        (_query, _key, _value, Width, Group, KeyHeads) = (query, key, value, width, group, keyHeads);

    /// <summary>Elements of a head.</summary>
    public int Width { get; }

    /// <summary>Heads of queries for each head of keys.</summary>
    public int Group { get; }

    public int KeyHeads { get; }

    public static HeadProjections Read(GraphComposer graph, int heads, int keyHeads)
    {
        if (keyHeads < 1 || heads < 1 || heads % keyHeads != 0) throw graph.Fault($"{heads} heads cannot be divided into {keyHeads} groups of equal size");
        var parts = graph.Has("q_proj.weight") ? Apart(graph, ".weight", ".bias") : graph.Has("q_proj_weight") ? Apart(graph, "_weight", null) : Together(graph);
        var size = parts[0].Weight.Shape[0];
        if (size % heads != 0) throw graph.Fault($"{size} features cannot be divided into {heads} heads of equal size");
        var width = size / heads;
        foreach (var (part, what) in parts[1..].Zip((string[])["keys", "values"]))
        {
            if (part.Weight.Shape[0] != (long)keyHeads * width) throw graph.Fault($"its {what} have {part.Weight.Shape[0]} elements; {keyHeads} heads of {width} have {(long)keyHeads * width}{(keyHeads == heads ? " (fewer heads of keys are given as \"key_heads\")" : "")}");
        }

        return new HeadProjections(parts[0], parts[1], parts[2], width, heads / keyHeads, keyHeads);
    }

    public string Query(GraphComposer graph, string value) => _query.Apply(graph, value);

    public string Key(GraphComposer graph, string value) => _key.Apply(graph, value);

    public string Value(GraphComposer graph, string value) => _value.Apply(graph, value);

    /// <summary>The last projection.</summary>
    public static void Out(GraphComposer graph, string heads, string output)
    {
        var name = graph.Has("o_proj.weight") && !graph.Has("out_proj.weight") ? "o_proj" : "out_proj";
        var weight = graph.Need(name + ".weight", 2);
        var result = graph.Product(heads, weight, graph.NameOf(name + ".weight"));
        if (graph.Optional(name + ".bias") is { } bias) graph.Op("Add", [result, graph.Constant(graph.NameOf(name + ".bias"), bias)], output);
        else graph.Op("Identity", [result], output);
    }

    private static Part[] Together(GraphComposer graph)
    {
        var weight = graph.Need("in_proj_weight", 2);
        var size = weight.Shape[1];
        if (weight.Shape[0] != 3L * size) throw graph.Fault($"'{graph.NameOf("in_proj_weight")}' has {weight.Shape[0]} rows; it must have three times its {size} columns");
        var bias = graph.Bias("in_proj_bias", checked(3 * size));
        return
        [
            .. Enumerable.Range(0, 3).Select(part => new Part(
                $"{graph.NameOf("in_proj_weight")}.{part}",
                IrTensor.Of<float>([size, size], weight.Floats.Slice(part * size * size, size * size)),
                $"{graph.NameOf("in_proj_bias")}.{part}",
                bias is null ? null : IrTensor.Of<float>([size], bias.Floats.Slice(part * size, size)))),
        ];
    }

    /// <param name="graph">The layer.</param>
    /// <param name="weight">What follows the name of a projection.</param>
    /// <param name="bias">The same for its bias; null if the three biases are one tensor.</param>
    private static Part[] Apart(GraphComposer graph, string weight, string? bias)
    {
        IrTensor[] weights = [graph.Need("q_proj" + weight, 2), graph.Need("k_proj" + weight, 2), graph.Need("v_proj" + weight, 2)];
        var all = bias is null ? graph.Bias("in_proj_bias", weights.Sum(w => w.Shape[0])) : null;
        var at = 0;
        return
        [
            .. weights.Zip((string[])["q_proj", "k_proj", "v_proj"], (matrix, name) =>
            {
                var rows = matrix.Shape[0];
                var own = bias is not null ? graph.Bias(name + bias, rows) : all is null ? null : IrTensor.Of<float>([rows], all.Floats.Slice(at, rows));
                at += rows;
                return new Part(graph.NameOf(name + weight), matrix, bias is not null ? graph.NameOf(name + bias) : $"{graph.NameOf("in_proj_bias")}.{name[0]}", own);
            }),
        ];
    }

    /// <summary>One projection, x · Wᵀ + b.</summary>
    private sealed record Part(string Name, IrTensor Weight, string BiasName, IrTensor? Bias)
    {
        public string Apply(GraphComposer graph, string value)
        {
            var product = graph.Product(value, Weight, Name);
            return Bias is null ? product : graph.Op("Add", [product, graph.Constant(BiasName, Bias)]);
        }
    }
}
