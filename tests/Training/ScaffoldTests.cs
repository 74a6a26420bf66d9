using System.Text.RegularExpressions;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Training.Export;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Tests;

/// <summary>Drafts of weights of PyTorch's own layers, converted as they are or with their questions answered, give PyTorch's numbers.</summary>
[Collection(Native.Alone)]
public sealed class ScaffoldTests
{
    private const int Steps = 9;

    [Fact]
    public void LSTM_and_linear()
    {
        var (rnn, head) = (nn.LSTM(7, 12, 2, batchFirst: true), nn.Linear(12, 5));
        Agree([("rnn", rnn), ("head", head)], randn(1, Steps, 7), x => head.call(rnn.call(x).Item1));
    }

    [Fact]
    public void Bidirectional_GRU_of_two_layers()
    {
        var rnn = nn.GRU(7, 12, 2, batchFirst: true, bidirectional: true);
        Agree([("encoder", rnn)], randn(1, Steps, 7), x => rnn.call(x).Item1);
    }

    [Fact]
    public void Embedding_LSTM_and_linear()
    {
        var (table, rnn, head) = (nn.Embedding(30, 8), nn.LSTM(8, 12, batchFirst: true), nn.Linear(12, 30));
        Agree([("emb", table), ("lstm", rnn), ("fc", head)], randint(0, 30, [1, Steps]), x => head.call(rnn.call(table.call(x)).Item1));
    }

    /// <summary>The same in alphabetical order, as safetensors has it: the sizes tell the order.</summary>
    [Fact]
    public void Modules_in_alphabetical_order()
    {
        var (table, rnn, head) = (nn.Embedding(30, 8), nn.LSTM(8, 12, batchFirst: true), nn.Linear(12, 21));
        Agree([("fc", head), ("lstm", rnn), ("words", table)], randint(0, 30, [1, Steps]), x => head.call(rnn.call(table.call(x)).Item1));
    }

    [Fact]
    public void Convolutions_LSTM_and_linear()
    {
        var (a, b, rnn, head) = (nn.Conv1d(7, 16, 3), nn.Conv1d(16, 10, 1), nn.LSTM(10, 12, batchFirst: true), nn.Linear(12, 5));
        Agree([("conv.0", a), ("conv.2", b), ("rnn", rnn), ("head", head)], randn(1, 7, Steps), x => head.call(rnn.call(nn.functional.relu(b.call(nn.functional.relu(a.call(x)))).transpose(1, 2)).Item1), ("function", "\"relu\""), ("stride", "1"), ("padding", "0"), ("dilation", "1"));
    }

    [Fact]
    public void Batch_normalization()
    {
        var (a, norm, b) = (nn.Conv1d(7, 16, 1), nn.BatchNorm1d(16), nn.Conv1d(16, 10, 1));
        using (no_grad())
        {
            norm.running_mean!.copy_(randn(16));
            norm.running_var!.copy_(rand(16) + 0.5);
        }

        norm.eval();
        Agree([("c1", a), ("bn", norm), ("c2", b)], randn(1, 7, Steps), x => b.call(nn.functional.gelu(norm.call(a.call(x)))), ("function", "\"gelu\""));
    }

    [Fact]
    public void Linear_layers_and_layer_norm()
    {
        var (a, norm, b) = (nn.Linear(7, 16), nn.LayerNorm(16), nn.Linear(16, 5));
        using (no_grad()) norm.weight!.copy_(randn(16));
        Agree([("net.0", a), ("net.1", norm), ("net.3", b)], randn(1, 7), x => b.call(nn.functional.tanh(norm.call(a.call(x)))), ("function", "\"tanh\""));
        // Numbers without a gap show that no function stands between.
        Agree([("net.0", a), ("net.1", norm), ("net.2", b)], randn(1, 7), x => b.call(norm.call(a.call(x))));
    }

    [Fact]
    public void Multi_head_attention()
    {
        var attention = nn.MultiheadAttention(16, 4);
        Agree([("attention", attention)], randn(1, Steps, 16), x => attention.call(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1), null, true, null).Item1.transpose(0, 1), ("heads", "4"));
    }

    [Fact]
    public void Transformer_encoder_layers()
    {
        var (a, b) = (nn.TransformerEncoderLayer(16, 4, 32, 0), nn.TransformerEncoderLayer(16, 4, 32, 0));
        a.eval();
        b.eval();
        Agree([("layers.0", a), ("layers.1", b)], randn(1, Steps, 16), x => b.call(a.call(x.transpose(0, 1), null!, null!), null!, null!).transpose(0, 1), ("heads", "4"), ("activation", "\"relu\""), ("norm_first", "false"));
    }

    [Theory]
    [InlineData("tanh")]
    [InlineData("relu")]
    public void RNN(string nonlinearity)
    {
        var rnn = nn.RNN(7, 12, 1, nonlinearity == "tanh" ? nn.NonLinearities.Tanh : nn.NonLinearities.ReLU, batchFirst: true);
        Agree([("rnn", rnn)], randn(1, Steps, 7), x => rnn.call(x).Item1, ("nonlinearity", $"\"{nonlinearity}\""));
    }

    /// <param name="modules">The modules by name.</param>
    /// <param name="x">The input.</param>
    /// <param name="run">PyTorch's computation.</param>
    /// <param name="answers">The members of the draft that must be questions, and their answers.</param>
    private static void Agree((string Name, nn.Module Module)[] modules, Tensor x, Func<Tensor, Tensor> run, params (string Member, string Answer)[] answers)
    {
        using var folder = new TemporaryFolder();
        var path = folder["weights.safetensors"];
        Safetensors.Write(path, [.. modules.SelectMany(m => m.Module.state_dict().Where(p => p.Value.dtype == ScalarType.Float32).Select(p => ($"{m.Name}.{p.Key}", p.Value.shape, p.Value.contiguous().data<float>().ToArray())))]);
        var (draft, _) = ScaffoldCommand.DraftOf(path, File.ReadAllBytes(path), "weights.safetensors", new DraftOptions());
        var text = draft.Text;
        foreach (var (member, answer) in answers)
        {
            Assert.Matches($"\"{member}\": \"\\? ", text);
            text = Regex.Replace(text, $"\"{member}\": \"\\? [^\"]*\"", $"\"{member}\": {answer}");
        }

        if (answers.Length == 0) Assert.Empty(draft.Questions);
        using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder.Write("model.json", text))], new()).File);
        var sizes = new SeqSessionOptions();
        if (model.Graphs[0].Symbols.Count > 0) sizes.MaxSizes["T"] = Steps;
        using var session = model.CreateSession(graph: null, sizes);
        if (x.dtype == ScalarType.Int64) x.data<long>().ToArray().CopyTo(session.Input<long>(0));
        else x.data<float>().ToArray().CopyTo(session.Input<float>(0));
        session.Run();
        var expected = run(x).contiguous().data<float>().ToArray();
        var actual = session.Output<float>(0);
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f);
    }
}
