using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Multi-head attention of queries [N, S, E] over a memory [N, T, E], PyTorch's <c>MultiheadAttention</c> with batch_first:
/// <c>in_proj_weight</c> [3E, E], <c>in_proj_bias</c>, <c>out_proj.weight</c>, <c>out_proj.bias</c>. Vaswani et al. 2017,
/// arXiv:1706.03762.
/// </summary>
/// <remarks>
/// With a cache it is the self-attention of a decoder's step. The keys and values of previous steps are states [N, most, E].
/// This step's are written at <see cref="Position"/>, and later places are ignored. Queries are then [N, 1, E].
/// </remarks>
internal sealed record MultiHeadAttentionLayer : LayerDescription
{
    private const float Out = -1e9f;

    public required string Query { get; init; }

    /// <summary>The source of keys and values. If omitted, the query.</summary>
    public string? Memory { get; set; }

    public required int Heads { get; init; }

    /// <summary>Whether a query attends only to its own and earlier places.</summary>
    public bool Causal { get; set; }

    /// <summary>Value [N, T] that is 0 at masked places of the memory.</summary>
    public string? Mask { get; set; }

    /// <summary>Name for the weights averaged over heads, [N, S, T].</summary>
    public string? Alignment { get; set; }

    /// <summary>States [N, most, E] with the keys and the values of previous steps.</summary>
    public string? KeyCache { get; set; }

    /// <inheritdoc cref="KeyCache"/>
    public string? ValueCache { get; set; }

    /// <summary>Name of the value that holds the number of previous steps.</summary>
    public string? Position { get; set; }

    /// <summary>Names for the states' next contents.</summary>
    public string? NextKeys { get; set; }

    /// <inheritdoc cref="NextKeys"/>
    public string? NextValues { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var weight = graph.Need("in_proj_weight", 2);
        var size = weight.Shape[1];
        if (weight.Shape[0] != 3L * size) throw graph.Fault($"'{graph.NameOf("in_proj_weight")}' has {weight.Shape[0]} rows; it must have three times its {size} columns");
        if (Heads < 1 || size % Heads != 0) throw graph.Fault($"{size} features cannot be divided into {Heads} heads of equal size");
        var query = Project(graph, weight, 0, graph.Read(Query));
        var memory = graph.Read(Memory ?? Query);
        var (keys, values) = (Project(graph, weight, 1, memory), Project(graph, weight, 2, memory));
        string? visible = null;
        if (KeyCache is not null || ValueCache is not null)
        {
            if (KeyCache is null || ValueCache is null || Position is null || NextKeys is null || NextValues is null) throw graph.Fault("a cache needs key_cache, value_cache, position, next_keys and next_values");
            var places = graph.Places(graph.Read(KeyCache), 1);
            var position = graph.Op("Reshape", [graph.Op("Cast", [graph.Read(Position)], ("to", 7L)), graph.Axes(-1)]);
            var isNow = graph.Op("Unsqueeze", [graph.Op("Equal", [places, position]), graph.Axes(0, 2)]);
            keys = graph.Op("Where", [isNow, keys, graph.Read(KeyCache)], NextKeys);
            values = graph.Op("Where", [isNow, values, graph.Read(ValueCache)], NextValues);
            graph.Declare(NextKeys);
            graph.Declare(NextValues);
            visible = graph.Op("LessOrEqual", [places, position]);
        }
        else if (Causal)
        {
            visible = graph.Op("LessOrEqual", [graph.Places(memory, 1), graph.Unsqueeze(graph.Places(graph.Read(Query), 1), 1)]);
        }

        var root = graph.Scalar(1 / MathF.Sqrt(size / Heads));
        var scores = graph.Op("MatMul", [ByHead(graph, graph.Op("Mul", [query, root])), graph.Transpose(ByHead(graph, keys), 0, 1, 3, 2)]);
        if (visible is not null) scores = Masked(graph, visible, scores);
        if (Mask is not null)
        {
            var isIn = graph.Op("Not", [graph.Op("Equal", [graph.Read(Mask), graph.Scalar(0)])]);
            scores = Masked(graph, graph.Op("Unsqueeze", [isIn, graph.Axes(1, 2)]), scores);
        }

        var weights = graph.Op("Softmax", [scores], ("axis", -1L));
        if (Alignment is not null)
        {
            graph.Op("ReduceMean", [weights, graph.Axes(1)], Alignment, ("keepdims", 0L));
            graph.Declare(Alignment);
        }

        var context = graph.Op("Reshape", [graph.Transpose(graph.Op("MatMul", [weights, ByHead(graph, values)]), 0, 2, 1, 3), graph.Axes(0, 0, size)]);
        var result = graph.Product(context, graph.Need("out_proj.weight", 2), graph.NameOf("out_proj.weight"));
        if (graph.Optional("out_proj.bias") is { } bias) graph.Op("Add", [result, graph.Constant(graph.NameOf("out_proj.bias"), bias)], Output);
        else graph.Op("Identity", [result], Output);
    }

    private static string Masked(GraphComposer graph, string visible, string scores) => graph.OpInShape(1, "Where", visible, scores, graph.Scalar(Out));

    private string ByHead(GraphComposer graph, string value) => graph.Transpose(graph.Op("Reshape", [value, graph.Axes(0, 0, Heads, -1)]), 0, 2, 1, 3);

    private static string Project(GraphComposer graph, IrTensor weight, int part, string value)
    {
        var size = weight.Shape[1];
        var rows = IrTensor.Of<float>([size, size], weight.Floats.Slice(part * size * size, size * size));
        var product = graph.Product(value, rows, $"{graph.NameOf("in_proj_weight")}.{part}");
        if (graph.Optional("in_proj_bias") is not { } bias) return product;
        if (bias.Count != 3 * size) throw graph.Fault($"'{graph.NameOf("in_proj_bias")}' has {bias.Count} elements instead of {3 * size}");
        return graph.Op("Add", [product, graph.Constant($"{graph.NameOf("in_proj_bias")}.{part}", IrTensor.Of<float>([size], bias.Floats.Slice(part * size, size)))]);
    }
}
