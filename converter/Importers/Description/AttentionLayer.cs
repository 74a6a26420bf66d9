namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Attention of a query [N, Q] over a memory [B, T, M], where B is 1 or N: scores of all positions, softmax, weighted sum. The output is
/// the context [N, M]. The encoder's graph projects the keys [B, T, A] once for each sentence; the step takes them as an input.
/// </summary>
/// <remarks>
/// <para><c>additive</c>: vᵀ tanh(W q + k (+ U f)), with weights <c>query.weight</c> (<c>query.bias</c>) and <c>score.weight</c>. Bahdanau
/// et al. 2015, arXiv:1409.0473. Luong's <c>concat</c>, vᵀ tanh(W [q; m]), is the same with W in two parts: <c>query.weight</c> is
/// <c>attn.weight[:, :Q]</c>, and <c>attn.weight[:, Q:]</c> makes the keys.</para>
/// <para><c>dot</c>: qᵀ k. <c>scaled_dot</c>: qᵀ k / √A. <c>general</c>: qᵀ k with k = W m computed before, or (W q)ᵀ m if
/// <c>query.weight</c> is given. Luong et al. 2015, arXiv:1508.04025; Vaswani et al. 2017, arXiv:1706.03762.</para>
/// <para>Location (Chorowski et al. 2015, arXiv:1506.07503): <c>previous</c> is the alignment [N, T] of the previous step. A
/// convolution over it, <c>location.conv.weight</c> [F, 1, K], and a projection, <c>location.weight</c> [A, F], are added to the
/// keys of <c>additive</c>. If <c>previous</c> is the sum of all previous alignments, this is coverage (Tu et al. 2016, arXiv:1601.04811).</para>
/// </remarks>
internal sealed record AttentionLayer : LayerDescription
{
    /// <summary>additive, concat, dot, general, scaled_dot.</summary>
    public string Score { get; set; } = "additive";

    public required string Query { get; init; }

    public required string Memory { get; init; }

    /// <summary>The keys that the query is compared with. If omitted, the memory.</summary>
    public string? Keys { get; set; }

    /// <summary>Value [N, T] that is 0 at masked positions.</summary>
    public string? Mask { get; set; }

    /// <summary>Alignment [N, T] from which location or coverage features are computed.</summary>
    public string? Previous { get; set; }

    /// <summary>Name for the alignment [N, T].</summary>
    public string? Alignment { get; set; }

    public override void Emit(GraphComposer graph)
    {
        var keys = graph.Read(Keys ?? Memory);
        var query = graph.Read(Query);
        if (graph.Optional("query.weight") is { } weight)
        {
            query = graph.Product(query, weight, graph.NameOf("query.weight"));
            if (graph.Bias("query.bias", weight.Shape.Length == 1 ? 1 : weight.Shape[0]) is { } bias) query = graph.Op("Add", [query, graph.Constant(graph.NameOf("query.bias"), bias)]);
        }

        var scores = Score switch
        {
            "additive" or "concat" => Additive(graph, query, keys),
            "dot" or "general" => Dot(graph, query, keys),
            "scaled_dot" => Scaled(graph, query, keys),
            _ => throw graph.Fault($"score '{Score}' is unknown; it must be additive, concat, dot, general or scaled_dot"),
        };
        if (Mask is not null)
        {
            var isOut = graph.Op("Equal", [graph.Read(Mask), graph.Scalar(0)]);
            scores = graph.OpInShape(2, "Where", isOut, graph.Scalar(-1e9f), scores);
        }

        var alignment = graph.Op("Softmax", [scores], Alignment ?? graph.Graph.Fresh("alignment"), ("axis", -1L));
        var context = graph.Op("MatMul", [graph.Unsqueeze(alignment, 1), graph.Read(Memory)]);
        graph.Op("Squeeze", [context, graph.Axes(1)], Output);
        if (Alignment is not null) graph.Declare(Alignment);
    }

    private string Additive(GraphComposer graph, string query, string keys)
    {
        var sum = graph.Op("Add", [keys, graph.Unsqueeze(query, 1)]);
        if (Previous is not null)
        {
            var filters = graph.Need("location.conv.weight", 3);
            long taps = filters.Shape[2];
            var features = graph.Op(
                "Conv",
                [graph.Unsqueeze(graph.Read(Previous), 1), graph.Constant(graph.NameOf("location.conv.weight"), filters)],
                ("kernel_shape", new[] { taps }),
                ("pads", new[] { (taps - 1) / 2, taps / 2 }));
            sum = graph.Op("Add", [sum, graph.Product(graph.Transpose(features, 0, 2, 1), graph.Need("location.weight", 2), graph.NameOf("location.weight"))]);
        }

        var score = graph.Optional("score.weight") ?? graph.Need("v", 1);
        return graph.Squeeze(graph.Product(graph.Op("Tanh", [sum]), score, graph.NameOf("score.weight")), -1);
    }

    private static string Dot(GraphComposer graph, string query, string keys) =>
        graph.Squeeze(graph.Op("MatMul", [graph.Unsqueeze(query, 1), graph.Transpose(keys, 0, 2, 1)]), 1);

    private static string Scaled(GraphComposer graph, string query, string keys)
    {
        var width = graph.Op("Shape", [query], ("start", -1L));
        var root = graph.Op("Sqrt", [graph.Op("Cast", [width], ("to", 1L))]);
        return graph.Op("Div", [Dot(graph, query, keys), root]);
    }
}
