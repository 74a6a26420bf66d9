using System.Text;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.Importers;

/// <summary>Unused parts of a description's weight file are refused if they must be a mistake, and reported otherwise.</summary>
public sealed class UnusedWeightTests : IDisposable
{
    private const int Inputs = 3;
    private const int Hidden = 4;
    private readonly WeightFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_backward_half_that_is_forgotten_is_refused_with_the_line_to_add()
    {
        AddLstm("r", "_l0");
        AddLstm("r", "_l0_reverse");
        const string layer = """{ "kind": "lstm", "input": "x", "weights": "r", "output": "y" BOTH }""";
        var shape = $"[1, \"T\", {Inputs}]";
        var message = _files.Refusal(WeightFiles.Graph(shape, layer.Replace("BOTH", "", StringComparison.Ordinal)));
        Assert.Contains("'r.weight_ih_l0_reverse'", message, StringComparison.Ordinal);
        Assert.Contains("\"bidirectional\": true", message, StringComparison.Ordinal);
        Assert.Empty(_files.Convert(WeightFiles.Graph(shape, layer.Replace("BOTH", ", \"bidirectional\": true", StringComparison.Ordinal))).Unused);
    }

    [Fact]
    public void Unused_weights_are_listed_and_training_state_by_kind()
    {
        _files.Random("fc.weight", 2, Inputs);
        _files.Random("fc.b", 2);
        _files.Random("bn.num_batches_tracked", 1);
        _files.Random("optimizer.state.0.exp_avg", 2, Inputs);
        _files.Random("ema.fc.weight", 2, Inputs);
        for (var i = 0; i < 20; i++) _files.Random($"old.{i}", 1);
        var result = _files.Convert(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }"""));
        var note = Assert.Single(result.Graphs[0].Notes);
        Assert.Equal("unused in weights.npz: the optimizer's state (1); counters of batches (num_batches_tracked) (1); averaged copies of weights (EMA) (1); 'fc.b' [2], 'old.0' [1], 'old.1' [1], 'old.2' [1], 'old.3' [1], 'old.4' [1], 'old.5' [1], 'old.6' [1], 'old.7' [1], 'old.8' [1], 'old.9' [1], 'old.10' [1] and 9 more (--json lists all)", note);
        Assert.Equal(24, result.Unused.Count);
        Assert.Contains(result.Unused, u => u.Name == "old.19" && u.Shape!.SequenceEqual([1]));
    }

    [Fact]
    public void Texts_beside_the_weights_are_listed_too()
    {
        _files.Random("fc.weight", 2, Inputs);
        const string head = "{'descr': '<U1', 'fortran_order': False, 'shape': (2,), }";
        _files.PutFile("words.npy", [.. NpyReader.Magic, 1, 0, (byte)head.Length, 0, .. Encoding.ASCII.GetBytes(head), .. new byte[8]]);
        Assert.Equal("unused in weights.npz: 'words' (not an array of numbers)", Assert.Single(_files.Notes(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }"""))));
    }

    [Fact]
    public void Layers_inputs_and_states_without_effect_are_told()
    {
        _files.Random("fc.weight", 2, Inputs);
        var notes = _files.Notes($$"""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, {{Inputs}}] }, "idle": { "shape": [1, 2] } }, "states": { "s": { "shape": [1, 2], "update": "y" } },
              "layers": [{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }, { "kind": "activation", "input": "y", "function": "tanh", "output": "forgotten" }], "outputs": { "out": "y" } } } }
            """);
        Assert.Equal(["layer 'forgotten' of graph 'main' has no effect: no output and no state depends on it", "input 'idle' has no effect: nothing reads it", "state 's' has no effect: nothing reads it"], notes);
    }

    [Fact]
    public void Integer_weights_are_reported_and_scaled()
    {
        _files.Put("w", [10000, -20000, 5000, 0, 30000, 10000], 2, Inputs);
        _files.Put("b", [5000, -5000], 2);
        const string layer = """{ "kind": "linear", "input": "x", "tensors": { "weight": "w", "bias": "b" }, "output": "y"MORE }""";
        string Layer(string more) => layer.Replace("MORE", more, StringComparison.Ordinal);
        var note = Assert.Single(_files.Notes(WeightFiles.Graph($"[1, {Inputs}]", Layer(""))));
        Assert.Contains("are integers and used unchanged: 'w' (int32 [2, 3]), 'b' (int32 [2])", note, StringComparison.Ordinal);
        Assert.Contains("\"scale\": 0.0001", note, StringComparison.Ordinal);
        foreach (var (more, layers) in ((string, string)[])[(", \"scale\": 0.0001", Layer("")), ("", Layer(", \"scale\": 0.0001")), (", \"scale\": 7", Layer(", \"scale\": 0.0001"))])
        {
            var result = _files.Convert(WeightFiles.Graph($"[1, {Inputs}]", layers, more));
            Assert.Empty(result.Graphs[0].Notes);
            using var model = SeqModel.Load(result.File);
            using var session = model.CreateSession();
            ((float[])[1, 2, 3]).CopyTo(session.Input<float>(0));
            session.Run();
            Assert.Equal([1 - 4 + 1.5f + 0.5f, 6 + 3 - 0.5f], session.Output<float>(0).ToArray(), (a, b) => Math.Abs(a - b) < 1e-5);
        }
    }

    [Theory]
    [InlineData(", \"scale\": 0", "'scale' is 0")]
    [InlineData(", \"scale\": 2", "'scale' is for integer weights")]
    public void A_scale_that_changes_nothing_is_refused(string scale, string says)
    {
        _files.Random("fc.weight", 2, Inputs);
        Assert.Contains(says, _files.Refusal(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""", scale)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, "1 NaN among 6 values, the first at [1, 2]")]
    [InlineData(float.PositiveInfinity, "1 infinite among 6 values, the first at [1, 2]")]
    public void Weights_that_are_no_numbers_are_refused_by_name_and_place(float value, string says)
    {
        _files.Put("fc.weight", [1, 2, 3, 4, 5, value], 2, Inputs);
        var message = _files.Refusal(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }"""));
        Assert.Contains("'fc.weight' of shape [2, 3]", message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_too_large_for_float32_is_told_as_what_it_is()
    {
        _files.Put("fc.weight", new[] { 1d, 2, 3, -1e300, 4, 1e39 }, 2, Inputs);
        Assert.Contains("the weight 'fc.weight' of shape [2, 3] holds 2 of 6 values beyond ±3.4028235E+38, the range of float32, in which the runtime computes; the first is -1E+300 at [1, 0]", _files.Refusal(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""")), StringComparison.Ordinal);
        var wide = new OnnxBuilder().Input("x", OnnxBuilder.Double, 1, 2).Constant("w", [2, 1], 1d, 1e300).Node("MatMul", "x w", "y").Output("y", OnnxBuilder.Double);
        Assert.Contains("the weight 'w' of shape [2, 1] holds 1 of 2 values beyond ±3.4028235E+38, the range of float32, in which the runtime computes; the first is 1E+300 at [1, 0]", wide.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_variance_without_a_root_is_refused_as_what_it_is()
    {
        foreach (var name in (string[])["b.weight", "b.bias", "b.running_mean"]) _files.Random(name, 2);
        _files.Put("b.running_var", [1, -0.25f], 2);
        string Layer(string more) => WeightFiles.Graph("[\"N\", 2]", $$"""{ "kind": "batch_norm", "input": "x", "weights": "b", "output": "y"{{more}} }""");
        Assert.Contains("the variance 'b.running_var' of shape [2] is -0.25 at [1], and epsilon 1E-05 does not raise it above zero: results would be NaN", _files.Refusal(Layer("")), StringComparison.Ordinal);
        Assert.Contains("and epsilon 0.25 does not raise it above zero: results would be infinite", _files.Refusal(Layer(", \"epsilon\": 0.25")), StringComparison.Ordinal);
        Assert.Empty(_files.Notes(Layer(", \"epsilon\": 0.5")));
    }

    [Fact]
    public void A_recurrent_bias_that_is_infinite_is_refused()
    {
        AddLstm("r", "_l0");
        _files.Put("r.bias_hh_l0", [.. Enumerable.Repeat(0f, 4 * Hidden - 1), float.NegativeInfinity], 4 * Hidden);
        Assert.Contains("the weight 'r.bias_l0' of shape [1, 32] holds 1 infinite among 32 values", _files.Refusal(WeightFiles.Graph($"[1, \"T\", {Inputs}]", """{ "kind": "lstm", "input": "x", "weights": "r", "output": "y" }""")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bias_that_forbids_a_class_is_no_fault()
    {
        _files.Put("fc.weight", [1, 2, 3, 4, 5, 6], 2, Inputs);
        _files.Put("fc.bias", [0, float.NegativeInfinity], 2);
        using var model = _files.Load(WeightFiles.Graph($"[1, {Inputs}]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }"""));
        Assert.NotNull(model);
    }

    private void AddLstm(string name, string suffix)
    {
        _files.Random($"{name}.weight_ih{suffix}", 4 * Hidden, Inputs);
        _files.Random($"{name}.weight_hh{suffix}", 4 * Hidden, Hidden);
        _files.Random($"{name}.bias_ih{suffix}", 4 * Hidden);
    }
}
