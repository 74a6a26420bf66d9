namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>PyTorch's state_dict as JSON: layers told by names and shapes, and as the weights of a description.</summary>
public sealed class StateDictTests
{
    /// <summary>A GRU, a convolution, PReLU and a linear layer.</summary>
    [Fact]
    public void Layers_stand_in_the_order_of_the_file()
    {
        var weights = new AudioModels(1);
        var content = $$"""{ "rnn.weight_ih_l0": {{weights.Tensor(out var w, 6, 1)}}, "rnn.weight_hh_l0": {{weights.Tensor(out var r, 6, 2)}}, "rnn.bias_ih_l0": {{weights.Tensor(out var bi, 6)}}, "rnn.bias_hh_l0": {{weights.Tensor(out var bh, 6)}}, "conv.weight": {{weights.Tensor(out var kernel, 3, 2, 2)}}, "relu.weight": [0.25], "head.weight": {{weights.Tensor(out var head, 1, 3)}}, "head.bias": [0.5] }""";
        var x = AudioRuns.Steps(2, 300, 1);
        // PyTorch's gates are r z n, Keras' z r h.
        double[] Keras(double[] matrix) => PlainLayers.Transposed([.. matrix[(matrix.Length / 3)..(2 * matrix.Length / 3)], .. matrix[..(matrix.Length / 3)], .. matrix[(2 * matrix.Length / 3)..]], 6);
        var y = KerasFormulas.Recurrent("GRU", x, Keras(w), Keras(r), [.. Keras(bi), .. Keras(bh)], resetAfter: true, isBackward: false).Outputs;
        y = PlainLayers.Map(PlainLayers.Conv(y, kernel, null, outputs: 3, taps: 2), v => v >= 0 ? v : 0.25 * v);
        Numbers.Near(PlainLayers.Dense(y, head, [0.5]).SelectMany(row => row), AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
        Assert.Contains("converted as 'rnn' GRU 1 → 2, 'conv' Conv1d 2 → 3, 'relu' PReLU", AudioRuns.Notes(content), StringComparison.Ordinal);
        Assert.Contains("a convolution is assumed to have PyTorch's defaults", AudioRuns.Notes(content), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"a.weight\": [[1]], \"b.weight\": [[1]] }", "does not say which function (tanh, relu, …) stands between 'a' (Linear) and 'b' (Linear). Describe the layers")]
    [InlineData("{ \"a.weight\": [[[1]]], \"a.bias\": [0], \"b.weight\": [[1]] }", "between 'a' (Conv1d) and 'b' (Linear)")]
    [InlineData("{ \"r.weight_ih_l0\": [[1],[1],[1],[1]], \"r.weight_hh_l0\": [[1],[1],[1],[1]], \"h.weight\": [[1, 1]] }", "'h' (Linear) takes 2 channels, but the layers before it make 1")]
    [InlineData("{ \"r.weight_ih_l0\": [[1],[1]], \"r.weight_hh_l0\": [[1],[1]] }", "are not those of an LSTM (4 gates), a GRU (3) or an RNN (1)")]
    [InlineData("{ \"r.weight_ih_l0\": [[1]], \"r.weight_hh_l0\": [[1]], \"r.weight_ih_l0_reverse\": [[1]] }", "is of a bidirectional layer")]
    [InlineData("{ \"c.weight\": [[[1], [2]]], \"c.bias\": [1, 2] }", "'c' is a transposed convolution")]
    [InlineData("{ \"a.weight\": [1], \"a.bias\": [1] }", "'a' has a weight of the shape [1], by which its kind cannot be told")]
    [InlineData("{ \"state_dict\": { \"a.weight\": [[1]], \"a.weight_g\": [1] } }", "'a' has a tensor 'weight_g', by which its kind cannot be told")]
    [InlineData("{ \"state_dict\": {} }", "the file has no weights")]
    public void What_may_be_several_models_is_refused(string content, string says) => Assert.Contains(says, AudioRuns.Refusal(content), StringComparison.Ordinal);

    [Fact]
    public void What_is_not_read_is_named()
    {
        var notes = AudioRuns.Notes("{ \"epoch\": 3, \"state_dict\": { \"a.weight\": [[1]], \"a.kind\": \"fast\" } }");
        Assert.Contains("'epoch' is not read", notes, StringComparison.Ordinal);
        Assert.Contains("'a.kind' (\"fast\") is not a tensor, and is not read", notes, StringComparison.Ordinal);
    }

    /// <summary>The way out of a refusal: a description that names the file as its weights.</summary>
    [Fact]
    public void A_description_names_it_as_its_weights()
    {
        using var folder = new TemporaryFolder();
        var weights = new AudioModels(3);
        folder.Write("net.json", $$"""{ "state_dict": { "a.weight": {{weights.Tensor(out var a, 3, 2)}}, "a.bias": [0.5, 0, 0.25], "b.weight": {{weights.Tensor(out var b, 1, 3)}} } }""");
        folder.Write("model.json", """
            { "weights": "net.json", "graphs": { "main": { "inputs": { "x": { "shape": [1, "T", 2] } }, "layers": [
              { "kind": "linear", "input": "x", "weights": "a", "output": "h" }, { "kind": "activation", "function": "tanh", "input": "h", "output": "t" },
              { "kind": "linear", "input": "t", "weights": "b", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        var x = AudioRuns.Steps(4, 20, 2);
        var hidden = PlainLayers.Map(PlainLayers.Dense(x, PlainLayers.Transposed(a, 3), [0.5, 0, 0.25]), Math.Tanh);
        Numbers.Near(PlainLayers.Dense(hidden, b, [0]).SelectMany(row => row), AudioRuns.Stream(AudioRuns.ConvertFile(folder["model.json"]).File, AudioRuns.Floats(x)), tolerance: 1e-6);
    }
}
