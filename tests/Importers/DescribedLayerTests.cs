namespace SeqRuntime.Tests.Importers;

/// <summary>Described layers compared with their formulas, where the description or the file leaves a choice open.</summary>
public sealed class DescribedLayerTests : IDisposable
{
    private const int Inputs = 3;
    private const int Hidden = 4;
    private readonly WeightFiles _files = new();

    public void Dispose() => _files.Dispose();

    /// <summary>γ (x - μ) / √(σ² + ε) + β. The channels are axis 1 of [N, C] and of [N, C, T], or the last axis with channels_last.</summary>
    [Theory]
    [InlineData("[1, 6]", false, 1)]
    [InlineData("[\"N\", 6]", false, 5)]
    [InlineData("[\"N\", 6, 4]", false, 3)]
    [InlineData("[\"N\", 4, 6]", true, 3)]
    public void Batch_normalization_is_over_the_channels(string shape, bool isLast, int rows)
    {
        double[] gamma = _files.Random("b.weight", 6), beta = _files.Random("b.bias", 6), mean = _files.Random("b.running_mean", 6), variance = _files.Put("b.running_var", [0.5f, 1, 2, 0.25f, 3, 1.5f], 6);
        using var model = _files.Load(WeightFiles.Graph(shape, $$"""{ "kind": "batch_norm", "input": "x", "weights": "b", "output": "y", "channels_last": {{(isLast ? "true" : "false")}} }"""));
        var sizes = new SeqSessionOptions();
        foreach (var symbol in model.Graphs[0].Symbols) sizes.MaxSizes[symbol] = rows;
        using var session = model.CreateSession(graph: null, sizes);
        var x = session.Input<float>(0);
        var random = new Random(2);
        Numbers.Fill(random, x);
        var given = x.ToArray();
        session.Run();
        var y = session.Output<float>(0);
        Assert.Equal(given.Length, y.Length);
        var inner = !isLast && shape.Contains("6, 4", StringComparison.Ordinal) ? 4 : 1;
        for (var i = 0; i < given.Length; i++)
        {
            var c = i / inner % 6;
            Assert.Equal(gamma[c] * (given[i] - mean[c]) / Math.Sqrt(variance[c] + 1e-5) + beta[c], y[i], 1e-5);
        }
    }

    [Theory]
    [InlineData("[1, 5]", false, "5 channels along axis 1, but the normalization has 6")]
    [InlineData("[1, 1]", false, "1 channels along axis 1, but the normalization has 6")]
    [InlineData("[4, 1]", true, "do not fit: the result would be [4, 6]")]
    [InlineData("[4, \"T\"]", true, "")]
    public void A_value_does_not_grow_to_the_channels_of_a_normalization(string shape, bool isLast, string says)
    {
        foreach (var name in (string[])["weight", "bias", "running_mean"]) _files.Random("b." + name, 6);
        _files.Put("b.running_var", [1, 1, 1, 1, 1, 1], 6);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph(shape, $$"""{ "kind": "batch_norm", "input": "x", "weights": "b", "output": "y", "channels_last": {{(isLast ? "true" : "false")}} }""")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linear", "[1, 3]", "the tensor 'l.bias' has shape [5]; it must be [1]")]
    [InlineData("conv1d", "[1, 3, 9]", "the tensor 'l.bias' has shape [5]; it must be [1]")]
    public void A_bias_has_one_element_an_output(string kind, string shape, string says)
    {
        _files.Random("l.weight", kind == "linear" ? [1, 3] : [1, 3, 2]);
        _files.Random("l.bias", 5);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph(shape, $$"""{ "kind": "{{kind}}", "input": "x", "weights": "l", "output": "y" }""")), StringComparison.Ordinal);
    }

    /// <summary>A mask with more places or sequences than exist would broadcast the scores.</summary>
    [Theory]
    [InlineData("[2, 1, 3]", "[2, 4]")]
    [InlineData("[1, 4, 3]", "[5, 4]")]
    public void A_mask_does_not_stretch_the_scores(string memory, string mask)
    {
        _files.Random("unused", 1);
        var message = _files.Refusal($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "q": { "shape": [{{memory[1]}}, 3] }, "m": { "shape": {{memory}} }, "mask": { "shape": {{mask}} } },
              "layers": [{ "kind": "attention", "score": "dot", "query": "q", "memory": "m", "mask": "mask", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        Assert.Contains("do not fit", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Positions_number_the_steps_of_a_value()
    {
        var table = _files.Random("place.weight", 8, 2);
        using var model = _files.Load(WeightFiles.Graph("[1, \"T\", 2]", """
            { "kind": "positions", "like": "x", "output": "places" }, { "kind": "embedding", "input": "places", "weights": "place", "output": "e" }, { "kind": "add", "inputs": ["x", "e"], "output": "y" }
            """));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 8 } });
        foreach (var steps in (int[])[5, 8, 1])
        {
            session.SetSize("T", steps);
            session.Input<float>(0).Clear();
            session.Run();
            Assert.Equal(table[..(2 * steps)].Select(v => (float)v), session.Output<float>(0).ToArray());
        }
    }

    [Fact]
    public void A_GRU_with_one_bias_of_a_file_that_does_not_tell_is_told()
    {
        _files.Random("g.weight_ih_l0", 3 * Hidden, Inputs);
        _files.Random("g.weight_hh_l0", 3 * Hidden, Hidden);
        _files.Random("g.bias_ih_l0", 3 * Hidden);
        string Layer(string more) => WeightFiles.Graph($"[1, \"T\", {Inputs}]", $$"""{ "kind": "gru", "input": "x", "weights": "g", "output": "y"{{more}} }""");
        Assert.Contains(_files.Notes(Layer("")), n => n.Contains("\"reset_after\": false", StringComparison.Ordinal));
        Assert.DoesNotContain(_files.Notes(Layer(", \"reset_after\": true")), n => n.Contains("reset_after", StringComparison.Ordinal));
        _files.Random("g.bias_hh_l0", 3 * Hidden);
        Assert.Contains("layer 'y': it has two biases like PyTorch's GRU, whose reset gate acts after the product; \"reset_after\": false makes it act before", _files.Notes(Layer(", \"reset_after\": false")));
        Assert.DoesNotContain(_files.Notes(Layer("")), n => n.Contains("reset_after", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{ "kind": "linear", "input": "x", "output": "y", "tensors": { "weight": "a", "biass": "b" } }""", "'tensors' names 'biass', but the layer has no such tensor; it has 'weight', 'bias'")]
    [InlineData("""{ "kind": "activation", "function": "tanh", "input": "x", "output": "y", "tensors": { "weight": "a" } }""", "'tensors' names 'weight', but the layer has no tensors")]
    [InlineData("""{ "kind": "slice", "input": "x", "start": 5, "end": 2, "output": "y" }""", "a slice from 5 to 2 selects nothing")]
    [InlineData("""{ "kind": "slice", "input": "x", "start": -1, "end": -1, "output": "y" }""", "a slice from -1 to -1 selects nothing")]
    [InlineData("""{ "kind": "layer_norm", "input": "x", "weights": "n", "epsilon": -1, "output": "y" }""", "epsilon is -1; it must be at least 0")]
    [InlineData("""{ "kind": "conv1d", "input": "x", "weights": "n", "tensors": { "weight": "c" }, "causal": true, "padding": 1, "output": "y" }""", "omit 'padding'")]
    public void Ignored_members_and_empty_results_are_refused(string layer, string why)
    {
        _files.Random("a", 2, Inputs);
        _files.Random("b", 2);
        _files.Random("n.weight", Inputs);
        _files.Random("c", 2, Inputs, 3);
        Assert.Contains(why, _files.Refusal(WeightFiles.Graph("[1, 3, 3]", layer)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_as_a_name_of_a_dimension_is_refused() =>
        Assert.Contains("a shape has the size \"3\"", _files.Refusal(WeightFiles.Graph("[1, \"3\"]", """{ "kind": "activation", "function": "tanh", "input": "x", "output": "y" }""")), StringComparison.Ordinal);

    [Fact]
    public void A_state_whose_update_has_another_shape_is_told_as_what_it_is()
    {
        const string Model = """
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, 3] } }, "states": { "s": { "shape": [1, 4], "update": "y" } },
              "layers": [{ "kind": "activation", "function": "tanh", "input": "x", "output": "y" }], "outputs": { "y": "y" } } } }
            """;
        Assert.Contains("graph 'main': state 's' [1, 4] would become 'y' [1, 3], but a state keeps its shape", _files.Refusal(Model), StringComparison.Ordinal);
    }
}
