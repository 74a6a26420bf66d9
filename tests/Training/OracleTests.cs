using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Training.Export;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Tests;

/// <summary>Random weights of PyTorch's own layers, through safetensors, a description, the converter and the runtime: fp32 within 1e-5.</summary>
[Collection(Native.Alone)]
public sealed class OracleTests
{
    private const int Steps = 9;
    private const int Inputs = 7;
    private const int Hidden = 12;

    [Theory]
    [InlineData("rnn", 1, false)]
    [InlineData("rnn", 2, true)]
    [InlineData("rnn_relu", 2, false)]
    [InlineData("lstm", 1, false)]
    [InlineData("lstm", 3, false)]
    [InlineData("lstm", 2, true)]
    [InlineData("gru", 1, false)]
    [InlineData("gru", 3, false)]
    [InlineData("gru", 2, true)]
    public void Recurrent_layers_give_what_PyTorch_gives(string kind, int layers, bool bidirectional)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(layers * 10 + (bidirectional ? 1 : 0));
        var x = randn(2, Steps, Inputs);

        // With gradients: without them libtorch's LSTM is oneDNN's, which on some processors (a Zen 5) gives different numbers.
        nn.Module module;
        Tensor y, h;
        Tensor? c = null;
        switch (kind)
        {
            case "lstm":
                var lstm = nn.LSTM(Inputs, Hidden, layers, batchFirst: true, bidirectional: bidirectional);
                (y, h, c) = lstm.call(x);
                module = lstm;
                break;
            case "gru":
                var gru = nn.GRU(Inputs, Hidden, layers, batchFirst: true, bidirectional: bidirectional);
                (y, h) = gru.call(x);
                module = gru;
                break;
            default:
                var rnn = nn.RNN(Inputs, Hidden, layers, kind == "rnn" ? nn.NonLinearities.Tanh : nn.NonLinearities.ReLU, batchFirst: true, bidirectional: bidirectional);
                (y, h) = rnn.call(x);
                module = rnn;
                break;
        }

        var layer = new Dictionary<string, object> { ["kind"] = kind.Split('_')[0], ["input"] = "x", ["bidirectional"] = bidirectional, ["final"] = "h", ["output"] = "y" };
        var outputs = new Dictionary<string, string> { ["y"] = "y", ["h"] = "h" };
        if (kind == "rnn_relu") layer["nonlinearity"] = "relu";
        if (c is not null) (layer["final_cell"], outputs["c"]) = ("c", "c");
        using var model = Convert(module, new { x = new { shape = new object[] { "N", "T", Inputs } } }, [layer], outputs);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = Steps } });
        x.data<float>().ToArray().CopyTo(session.Input<float>("x"));
        session.Run();
        Equal(y, session.Output<float>("y"));
        Equal(h, session.Output<float>("h"));
        if (c is not null) Equal(c, session.Output<float>("c"));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    public void Multi_head_attention_gives_what_PyTorch_gives(int heads, bool causal)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        using var no = no_grad();
        var attention = nn.MultiheadAttention(16, heads);
        foreach (var parameter in attention.parameters()) parameter.copy_(randn(parameter.shape) / MathF.Sqrt(8));
        var x = randn(2, Steps, 16);
        var across = x.transpose(0, 1);
        var mask = causal ? zeros(Steps, Steps).masked_fill(ones(Steps, Steps).triu(1).to(ScalarType.Bool), float.NegativeInfinity) : null;
        var (y, weights) = attention.call(across, across, across, null, true, mask);
        using var model = Convert(attention, new { x = new { shape = new object[] { 2, "T", 16 } } }, [new Dictionary<string, object> { ["kind"] = "multi_head_attention", ["query"] = "x", ["heads"] = heads, ["causal"] = causal, ["alignment"] = "weights", ["output"] = "y" }], new() { ["y"] = "y", ["weights"] = "weights" });
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = Steps } });
        x.data<float>().ToArray().CopyTo(session.Input<float>("x"));
        session.Run();
        Equal(y.transpose(0, 1).contiguous(), session.Output<float>("y"));
        Equal(weights, session.Output<float>("weights"));
    }

    [Fact]
    public void A_cache_gives_step_by_step_what_causal_attention_gives_at_once()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(6);
        using var no = no_grad();
        var attention = nn.MultiheadAttention(16, 4);
        var x = randn(1, Steps, 16);
        var across = x.transpose(0, 1);
        var mask = zeros(Steps, Steps).masked_fill(ones(Steps, Steps).triu(1).to(ScalarType.Bool), float.NegativeInfinity);
        var expected = attention.call(across, across, across, null, false, mask).Item1.data<float>().ToArray();
        var layer = new Dictionary<string, object> { ["kind"] = "multi_head_attention", ["query"] = "x", ["heads"] = 4, ["key_cache"] = "keys", ["value_cache"] = "values", ["position"] = "position", ["next_keys"] = "keys_next", ["next_values"] = "values_next", ["output"] = "y" };
        object[] cache = [1, Steps, 16];
        using var model = Convert(attention, new { x = new { shape = new object[] { 1, 1, 16 } }, position = new { type = "int64", shape = new object[] { 1 } } }, [layer], new() { ["y"] = "y" }, new { keys = new { shape = cache, update = "keys_next" }, values = new { shape = cache, update = "values_next" } });
        using var session = model.CreateSession();
        var all = x.data<float>().ToArray();
        for (var step = 0; step < Steps; step++)
        {
            all.AsSpan(step * 16, 16).CopyTo(session.Input<float>("x"));
            session.Input<long>("position")[0] = step;
            session.Run();
            var y = session.Output<float>("y");
            for (var i = 0; i < 16; i++) Assert.Equal(expected[step * 16 + i], y[i], 1e-5f);
        }
    }

    internal static SeqModel Convert(nn.Module module, object inputs, IEnumerable<object> layers, Dictionary<string, string> outputs, object? states = null, ConversionOptions? options = null)
    {
        using var folder = new TemporaryFolder();
        Safetensors.Write(folder["weights.safetensors"], [.. module.state_dict().Select(p => (p.Key, p.Value.shape, p.Value.data<float>().ToArray()))]);
        var path = folder.Write("model.json", JsonSerializer.Serialize(new { weights = "weights.safetensors", graphs = new { main = new { inputs, states = states ?? new { }, layers, outputs } } }));
        return SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options ?? new ConversionOptions()).File);
    }

    private static void Equal(Tensor expected, ReadOnlySpan<float> actual)
    {
        var values = expected.contiguous().data<float>().ToArray();
        Assert.Equal(values.Length, actual.Length);
        for (var i = 0; i < values.Length; i++) Assert.Equal(values[i], actual[i], 1e-5f);
    }
}
