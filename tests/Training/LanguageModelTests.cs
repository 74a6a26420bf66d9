using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Decoding;
using SeqRuntime.Training.Export;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Tests;

/// <summary>Small language models over characters, trained for seconds on the license of this repository: the runtime writes what TorchSharp writes, token by token.</summary>
[Collection(Native.Alone)]
public sealed class LanguageModelTests
{
    private const int Generated = 200;
    private const int Places = 256;
    private const int Width = 32;
    private const string Prompt = "The ";

    private readonly string _text = File.ReadAllText(License(new DirectoryInfo(AppContext.BaseDirectory)));
    private readonly string[] _characters;
    private readonly long[] _tokens;

    public LanguageModelTests()
    {
        _characters = [.. _text.Select(c => c.ToString()).Distinct().Order(StringComparer.Ordinal)];
        _tokens = Tokens(_text);
    }

    [Fact]
    public void A_GRU_writes_200_characters_as_TorchSharp_does()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = new Recurrent(_characters.Length);
        Train(model, rate: 5e-3, steps: 150);
        var expected = Greedy(model);
        object state = new { shape = new object[] { 1, "N", 2 * Width }, update = "h1" };
        using var sequence = Convert(model, new { x = new { type = "int64", shape = new object[] { "N", "T" } } }, new { h = state },
        [
            new() { ["kind"] = "embedding", ["input"] = "x", ["weights"] = "embedding", ["output"] = "e" },
            new() { ["kind"] = "gru", ["input"] = "e", ["weights"] = "rnn", ["initial"] = "h", ["final"] = "h1", ["output"] = "y" },
            new() { ["kind"] = "linear", ["input"] = "y", ["weights"] = "head", ["output"] = "logits" },
        ]);
        Written(expected, sequence);
        object cell = new { shape = new object[] { "N", 2 * Width }, update = "h1" };
        using var step = Convert(model, new { x = new { type = "int64", shape = new object[] { "N" } } }, new { h = cell },
        [
            new() { ["kind"] = "embedding", ["input"] = "x", ["weights"] = "embedding", ["output"] = "e" },
            new() { ["kind"] = "gru_cell", ["input"] = "e", ["hidden"] = "h", ["output"] = "h1", ["tensors"] = new Dictionary<string, string> { ["weight_ih"] = "rnn.weight_ih_l0", ["weight_hh"] = "rnn.weight_hh_l0", ["bias_ih"] = "rnn.bias_ih_l0", ["bias_hh"] = "rnn.bias_hh_l0" } },
            new() { ["kind"] = "linear", ["input"] = "h1", ["weights"] = "head", ["output"] = "logits" },
        ]);
        Written(expected, step);
    }

    [Fact]
    public void A_Transformer_of_two_layers_with_a_cache_writes_200_characters_as_TorchSharp_does()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        using var model = new Transformer(_characters.Length);
        Train(model, rate: 3e-3, steps: 200);
        var expected = Greedy(model);
        List<Dictionary<string, object>> layers =
        [
            new() { ["kind"] = "embedding", ["input"] = "x", ["weights"] = "embedding", ["output"] = "e" },
            new() { ["kind"] = "embedding", ["input"] = "p", ["weights"] = "positions", ["output"] = "at" },
            new() { ["kind"] = "add", ["inputs"] = new[] { "e", "at" }, ["output"] = "z0" },
        ];
        var states = new Dictionary<string, object>();
        for (var i = 0; i < 2; i++)
        {
            foreach (var kind in (string[])["keys", "values"]) states[$"{kind}{i}"] = new { shape = new object[] { "N", Places, Width }, update = $"{kind}{i}_next" };
            layers.AddRange(
            [
                new() { ["kind"] = "multi_head_attention", ["query"] = $"z{i}", ["heads"] = 4, ["weights"] = $"layers.{i}.self_attn", ["key_cache"] = $"keys{i}", ["value_cache"] = $"values{i}", ["position"] = "p", ["next_keys"] = $"keys{i}_next", ["next_values"] = $"values{i}_next", ["output"] = $"a{i}" },
                new() { ["kind"] = "add", ["inputs"] = new[] { $"z{i}", $"a{i}" }, ["output"] = $"b{i}" },
                new() { ["kind"] = "layer_norm", ["input"] = $"b{i}", ["weights"] = $"layers.{i}.norm1", ["output"] = $"c{i}" },
                new() { ["kind"] = "linear", ["input"] = $"c{i}", ["weights"] = $"layers.{i}.linear1", ["output"] = $"d{i}" },
                new() { ["kind"] = "activation", ["function"] = "relu", ["input"] = $"d{i}", ["output"] = $"f{i}" },
                new() { ["kind"] = "linear", ["input"] = $"f{i}", ["weights"] = $"layers.{i}.linear2", ["output"] = $"g{i}" },
                new() { ["kind"] = "add", ["inputs"] = new[] { $"c{i}", $"g{i}" }, ["output"] = $"o{i}" },
                new() { ["kind"] = "layer_norm", ["input"] = $"o{i}", ["weights"] = $"layers.{i}.norm2", ["output"] = $"z{i + 1}" },
            ]);
        }

        layers.Add(new() { ["kind"] = "linear", ["input"] = "z2", ["weights"] = "head", ["output"] = "logits" });
        using var step = Convert(model, new { x = new { type = "int64", shape = new object[] { "N", 1 } }, p = new { type = "int64", shape = new object[] { 1 } } }, states, layers, position: "p");
        Assert.Equal(Places, step.GetDecoding()!.ContextLength);
        Written(expected, step);
    }

    /// <summary>Predicts each character from those before it.</summary>
    private void Train(nn.Module<Tensor, Tensor> model, double rate, int steps)
    {
        const int Rows = 12, Length = 64;
        using var optimizer = optim.Adam(model.parameters(), rate);
        var data = tensor(_tokens);
        var places = new Random(3);
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var starts = Enumerable.Range(0, Rows).Select(_ => places.Next(_tokens.Length - Length - 1)).ToArray();
            var x = stack(starts.Select(s => data.narrow(0, s, Length)));
            var y = stack(starts.Select(s => data.narrow(0, s + 1, Length)));
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(model.call(x).reshape(-1, _characters.Length), y.reshape(-1));
            loss.backward();
            optimizer.step();
        }
    }

    /// <summary>The most likely characters after the prompt, computed by TorchSharp from the whole text in each step.</summary>
    private int[] Greedy(nn.Module<Tensor, Tensor> model)
    {
        using var no = no_grad();
        List<long> all = [.. Tokens(Prompt)];
        for (var i = 0; i < Generated; i++)
        {
            using var scope = NewDisposeScope();
            all.Add(model.call(tensor(all.ToArray()).unsqueeze(0))[0, -1].argmax().item<long>());
        }

        return [.. all.Skip(Prompt.Length).Select(token => (int)token)];
    }

    private void Written(int[] expected, SeqModel model)
    {
        using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxTokens = Generated });
        Assert.Equal(expected, generator.Generate(Prompt)[0].Tokens.ToArray());
        Assert.Equal(string.Concat(expected.Select(token => _characters[token])), generator.Results[0].Text);
        Assert.True(expected.Distinct().Count() > 5, "The model repeats itself and shows nothing.");

        // The beginning of the text generated in two parts is the same.
        generator.Generate(Prompt, new DecodeRequest { MaxTokens = 20 });
        Assert.Equal(expected[20..60], generator.Continue("", new DecodeRequest { MaxTokens = 40 })[0].Tokens.ToArray());
    }

    private static string License(DirectoryInfo folder) => File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln")) ? Path.Combine(folder.FullName, "LICENSE") : License(folder.Parent!);

    private long[] Tokens(string text) => [.. text.Select(c => (long)Array.IndexOf(_characters, c.ToString()))];

    private SeqModel Convert(nn.Module module, object inputs, object states, IEnumerable<Dictionary<string, object>> layers, string? position = null)
    {
        using var folder = new TemporaryFolder();
        Safetensors.Write(folder["weights.safetensors"], [.. module.state_dict().Select(p => (p.Key, p.Value.shape, p.Value.data<float>().ToArray()))]);
        var outputs = new { logits = "logits" };
        var decoding = new Dictionary<string, string> { ["kind"] = "language-model", ["token"] = "x", ["logits"] = "logits" };
        if (position is not null) decoding["position"] = position;
        var path = folder.Write("model.json", JsonSerializer.Serialize(new { weights = "weights.safetensors", decoding, tables = new { target = _characters }, graphs = new { main = new { inputs, states, layers, outputs } } }));
        return SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions()).File);
    }

    private sealed class Recurrent : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding _embedding;
        private readonly GRU _rnn;
        private readonly Linear _head;

        public Recurrent(int tokens)
            : base("recurrent")
        {
            (_embedding, _rnn, _head) = (nn.Embedding(tokens, Width), nn.GRU(Width, 2 * Width, batchFirst: true), nn.Linear(2 * Width, tokens));
            register_module("embedding", _embedding);
            register_module("rnn", _rnn);
            register_module("head", _head);
        }

        public override Tensor forward(Tensor x) => _head.call(_rnn.call(_embedding.call(x)).Item1);
    }

    private sealed class Transformer : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding _embedding;
        private readonly Embedding _positions;
        private readonly ModuleList<TransformerEncoderLayer> _layers;
        private readonly Linear _head;

        public Transformer(int tokens)
            : base("transformer")
        {
            (_embedding, _positions, _head) = (nn.Embedding(tokens, Width), nn.Embedding(Places, Width), nn.Linear(Width, tokens));
            _layers = nn.ModuleList(nn.TransformerEncoderLayer(Width, 4, 2 * Width, dropout: 0), nn.TransformerEncoderLayer(Width, 4, 2 * Width, dropout: 0));
            register_module("embedding", _embedding);
            register_module("positions", _positions);
            register_module("layers", _layers);
            register_module("head", _head);
        }

        public override Tensor forward(Tensor x)
        {
            var length = x.shape[1];
            var mask = zeros(length, length).masked_fill(ones(length, length).triu(1).to(ScalarType.Bool), float.NegativeInfinity);
            var z = (_embedding.call(x) + _positions.call(arange(length, dtype: ScalarType.Int64))).transpose(0, 1);
            foreach (var layer in _layers) z = layer.call(z, mask, null!);
            return _head.call(z.transpose(0, 1));
        }
    }
}
