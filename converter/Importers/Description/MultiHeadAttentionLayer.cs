namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Multi-head attention of queries [N, S, E] over a memory [N, T, M], PyTorch's <c>MultiheadAttention</c> with batch_first:
/// <c>in_proj_weight</c> [3E, E], <c>in_proj_bias</c>, <c>out_proj.weight</c>, <c>out_proj.bias</c>; or separate projections
/// (<see cref="HeadProjections"/>). Vaswani et al. 2017, arXiv:1706.03762.
/// </summary>
/// <remarks>
/// <para>With a cache it is the self-attention of a decoder's step. The keys and values of previous steps are states [N, most, key heads · D].
/// This step's are written at <see cref="Position"/>, and later places are ignored. Queries are then [N, 1, E].</para>
/// <para>With fewer key heads than heads, each is shared by a group of queries: Ainslie et al. 2023, arXiv:2305.13245.</para>
/// </remarks>
internal sealed record MultiHeadAttentionLayer : LayerDescription
{
    private const float Out = -1e9f;

    public required string Query { get; init; }

    /// <summary>The source of keys and values. If omitted, the query.</summary>
    public string? Memory { get; set; }

    public required int Heads { get; init; }

    /// <summary>Heads of the keys and values. As many as <see cref="Heads"/> if omitted.</summary>
    public int? KeyHeads { get; set; }

    /// <summary>The base of rotary positions of queries and keys; no rotary positions if omitted.</summary>
    public float? Rotary { get; set; }

    /// <summary>Whether neighbours are the pairs of the rotary positions.</summary>
    public bool RotaryInterleaved { get; set; }

    /// <summary>Whether the heads' results are projected: false for one head of several whose results a layer of its own projects together.</summary>
    public bool OutProjection { get; set; } = true;

    /// <summary>Whether a query attends only to its own and earlier places.</summary>
    public bool Causal { get; set; }

    /// <summary>Value [N, T] that is 0 at masked places of the memory.</summary>
    public string? Mask { get; set; }

    /// <summary>Name for the weights averaged over heads, [N, S, T].</summary>
    public string? Alignment { get; set; }

    /// <summary>States [N, most, key heads · D] with the keys and the values of previous steps.</summary>
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
        var projections = HeadProjections.Read(graph, Heads, KeyHeads ?? Heads);
        var query = projections.Query(graph, graph.Read(Query));
        var memory = graph.Read(Memory ?? Query);
        var (keys, values) = (projections.Key(graph, memory), projections.Value(graph, memory));
        if (Rotary is { } frequency)
        {
            if (Memory is not null) throw graph.Fault("rotary positions are for self-attention; omit 'memory'");
            var rotation = new Rotation(frequency, RotaryInterleaved);
            query = rotation.Turn(graph, query, Heads, Position, projections.Width);
            keys = rotation.Turn(graph, keys, projections.KeyHeads, Position, projections.Width);
        }
        else if (RotaryInterleaved)
        {
            throw graph.Fault("'rotary_interleaved' has no effect without 'rotary', the base of the rotary positions");
        }

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

        var root = graph.Scalar(1 / MathF.Sqrt(projections.Width));
        var scores = graph.Op("MatMul", [ByHead(graph, graph.Op("Mul", [query, root]), projections, projections.Group), Turned(graph, ByHead(graph, keys, projections, 1), projections)]);
        if (visible is not null) scores = Masked(graph, visible, scores);
        if (Mask is not null)
        {
            var isIn = graph.Op("Not", [graph.Op("Equal", [graph.Read(Mask), graph.Scalar(0)])]);
            scores = Masked(graph, graph.Op("Unsqueeze", [isIn, projections.Group == 1 ? graph.Axes(1, 2) : graph.Axes(1, 2, 3)]), scores);
        }

        var weights = graph.Op("Softmax", [scores], ("axis", -1L));
        if (Alignment is not null)
        {
            graph.Op("ReduceMean", [weights, projections.Group == 1 ? graph.Axes(1) : graph.Axes(1, 2)], Alignment, ("keepdims", 0L));
            graph.Declare(Alignment);
        }

        var heads = graph.Op("MatMul", [weights, ByHead(graph, values, projections, 1)]);
        var inOrder = projections.Group == 1 ? graph.Transpose(heads, 0, 2, 1, 3) : graph.Transpose(heads, 0, 3, 1, 2, 4);
        string[] shaped = [inOrder, graph.Axes(0, 0, (long)Heads * projections.Width)];
        if (OutProjection) HeadProjections.Out(graph, graph.Op("Reshape", shaped), Output);
        else graph.Op("Reshape", shaped, Output);
    }

    private static string Masked(GraphComposer graph, string visible, string scores) => graph.OpInShape(1, "Where", visible, scores, graph.Scalar(Out));

    /// <summary>[N, T, heads · D] as [N, heads, T, D]; with groups, as [N, key heads, group, T, D], where keys and values have a group of 1.</summary>
    private static string ByHead(GraphComposer graph, string value, HeadProjections projections, int group) => projections.Group == 1
        ? graph.Transpose(graph.Op("Reshape", [value, graph.Axes(0, 0, projections.KeyHeads, -1)]), 0, 2, 1, 3)
        : graph.Transpose(graph.Op("Reshape", [value, graph.Axes(0, 0, projections.KeyHeads, group, projections.Width)]), 0, 2, 3, 1, 4);

    private static string Turned(GraphComposer graph, string keys, HeadProjections projections) =>
        projections.Group == 1 ? graph.Transpose(keys, 0, 1, 3, 2) : graph.Transpose(keys, 0, 1, 2, 4, 3);
}
