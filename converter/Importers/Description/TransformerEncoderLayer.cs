namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// PyTorch's <c>nn.TransformerEncoderLayer</c> over [N, T, E]: self-attention and two linear layers, each added to its input, with two layer
/// normalizations after them, or before them with <c>norm_first</c>. Vaswani et al. 2017, arXiv:1706.03762.
/// </summary>
internal sealed record TransformerEncoderLayer : UnaryLayer
{
    private static readonly string[] s_parts = ["self_attn", "linear1", "linear2", "norm1", "norm2"];

    public required int Heads { get; init; }

    /// <summary>The function between <c>linear1</c> and <c>linear2</c>, as in an activation layer.</summary>
    public string Activation { get; set; } = "relu";

    public bool NormFirst { get; set; }

    public float Epsilon { get; set; } = 1e-5f;

    /// <inheritdoc cref="MultiHeadAttentionLayer.Causal"/>
    public bool Causal { get; set; }

    /// <inheritdoc cref="MultiHeadAttentionLayer.Mask"/>
    public string? Mask { get; set; }

    public override IEnumerable<LayerDescription> Parts(GraphComposer graph)
    {
        if (Tensors.Keys.FirstOrDefault(name => !Array.Exists(s_parts, part => name.StartsWith(part + ".", StringComparison.Ordinal))) is { } unknown)
            throw graph.Fault($"layer '{Output}': 'tensors' names '{unknown}', but a transformer_encoder_layer has the tensors of its parts, {string.Join(", ", s_parts)}, such as 'self_attn.in_proj_weight'");
        if (NormFirst)
        {
            var normal = Value("norm1");
            return [Norm("norm1", Input, normal), Attend(normal), Add("attended", Input, Value("self_attn")), Norm("norm2", Value("attended"), Value("norm2")), .. Inner(Value("norm2")), Sum(Value("attended"), Output)];
        }

        return [Attend(Input), Add("attended", Input, Value("self_attn")), Norm("norm1", Value("attended"), Value("norm1")), .. Inner(Value("norm1")), Sum(Value("norm1"), Value("sum")), Norm("norm2", Value("sum"), Output)];
    }

    public override void Emit(GraphComposer graph) => throw new InvalidOperationException("A layer of parts is added by its parts.");

    private MultiHeadAttentionLayer Attend(string query) => new() { Query = query, Heads = Heads, Causal = Causal, Mask = Mask, Weights = Name("self_attn"), Tensors = Own("self_attn"), Scale = Scale, Output = Value("self_attn") };

    private LayerNormLayer Norm(string name, string input, string output) => new() { Input = input, Epsilon = Epsilon, Weights = Name(name), Tensors = Own(name), Scale = Scale, Output = output };

    private AddLayer Add(string name, string first, string second) => new() { Inputs = [first, second], Output = Value(name) };

    private AddLayer Sum(string first, string output) => new() { Inputs = [first, Value("linear2")], Output = output };

    private LayerDescription[] Inner(string input) =>
    [
        new LinearLayer { Input = input, Weights = Name("linear1"), Tensors = Own("linear1"), Scale = Scale, Output = Value("linear1") },
        new ActivationLayer { Input = Value("linear1"), Function = Activation, Output = Value("activation") },
        new LinearLayer { Input = Value("activation"), Weights = Name("linear2"), Tensors = Own("linear2"), Scale = Scale, Output = Value("linear2") },
    ];

    /// <summary>The tensors of a part that have other names.</summary>
    private Dictionary<string, string> Own(string part) => Tensors.Where(tensor => tensor.Key.StartsWith(part + ".", StringComparison.Ordinal)).ToDictionary(tensor => tensor.Key[(part.Length + 1)..], tensor => tensor.Value, StringComparer.Ordinal);

    private string Value(string name) => $"{Output}.{name}";

    private string Name(string part) => Weights is { Length: > 0 } prefix ? $"{prefix}.{part}" : part;
}
