using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Scaffolding;

/// <summary>A language model of two blocks with random weights, under the names and in the layouts of a family, and its plain computation.</summary>
internal sealed class PlainBlocks
{
    private const int Tokens = 11, Width = 8, Heads = 4, Inside = 12, Blocks = 2, Longest = 16;

    private readonly string _family;
    private readonly Dictionary<string, (int[] Shape, float[] Values)> _tensors = [];
    private readonly Dictionary<string, string> _names;
    private readonly bool _isTurned;

    public PlainBlocks(string family)
    {
        _family = family.Split('-')[0];
        _isTurned = _family == "gpt2";
        _names = _family switch
        {
            "llama" => Names("model.embed_tokens model.layers.#. input_layernorm self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj post_attention_layernorm mlp.gate_proj mlp.up_proj mlp.down_proj model.norm lm_head"),
            "meta" => Names("tok_embeddings layers.#. attention_norm attention.wq attention.wk attention.wv attention.wo ffn_norm feed_forward.w1 feed_forward.w3 feed_forward.w2 norm output"),
            "gpt2" or "nanogpt" => Names("transformer.wte transformer.h.#. ln_1 attn.c_attn attn.c_attn attn.c_attn attn.c_proj ln_2 - mlp.c_fc mlp.c_proj transformer.ln_f lm_head"),
            "own" => Names("net.token_emb net.stack.#. norm_1 mha.W_q mha.W_k mha.W_v mha.W_o norm_2 - feed_fwd.linear1 feed_fwd.linear2 net.final_norm net.scores"),
            "opt" => Names("model.decoder.embed_tokens model.decoder.layers.#. self_attn_layer_norm self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.out_proj final_layer_norm - fc1 fc2 model.decoder.final_layer_norm lm_head"),
            "biogpt" => Names("biogpt.embed_tokens biogpt.layers.#. self_attn_layer_norm self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.out_proj final_layer_norm - fc1 fc2 biogpt.layer_norm output_projection"),
            "mingpt" => Names("tok_emb blocks.#. ln1 attn.query attn.key attn.value attn.proj ln2 - mlp.0 mlp.2 ln_f head"),
            _ => Names("token_embedding_table blocks.#. ln1 sa.heads.@.query sa.heads.@.key sa.heads.@.value sa.proj ln2 - ffwd.net.0 ffwd.net.2 ln_f lm_head"),
        };
        IsRotary = _family is "llama" or "meta";
        var hasBiases = IsOfFairseq || _family is "gpt2" or "mingpt" or "heads" or "own";
        var keyed = IsRotary ? Width / 2 : Width;
        Add(_names["embedding"] + ".weight", Tokens, Width);
        if (_family is "mingpt" or "own") Add(Places, _family == "own" ? [Longest, 1, Width] : [1, Longest, Width]);
        else if (!IsRotary) Add(Places, Longest + Before, Width);
        for (var block = 0; block < Blocks; block++)
        {
            Norm(Name(block, "norm1"), hasBiases);
            if (_family is "gpt2" or "nanogpt")
            {
                Linear(Name(block, "query"), 3 * Width, Width, hasBiases);
                Add(Name(block, "query")[..^"c_attn".Length] + "bias", 1, 1, Longest, Longest);
            }
            else if (_family == "heads")
            {
                for (var head = 0; head < Heads; head++)
                {
                    foreach (var part in (string[])["query", "key", "value"]) Linear(Name(block, part).Replace("@", $"{head}"), Width / Heads, Width, false);
                }
            }
            else
            {
                foreach (var (part, rows) in (ReadOnlySpan<(string, int)>)[("query", Width), ("key", keyed), ("value", keyed)]) Linear(Name(block, part), rows, Width, hasBiases);
            }

            Linear(Name(block, "out"), Width, Width, hasBiases);
            Norm(Name(block, "norm2"), hasBiases);
            if (IsRotary) Linear(Name(block, "gate"), Inside, Width, false);
            Linear(Name(block, "up"), Inside, Width, hasBiases);
            Linear(Name(block, "down"), Width, Inside, hasBiases);
        }

        Norm(_names["norm"], hasBiases);
        IsTied = family is "llama" or "gpt2";
        if (!IsTied) Add(_names["head"] + ".weight", Tokens, Width);
    }

    /// <summary>Whether the first position has row 2 of its table.</summary>
    private bool IsOfFairseq => _family is "opt" or "biogpt";

    private int Before => IsOfFairseq ? 2 : 0;

    private string Places => _family switch { "opt" => "model.decoder.embed_positions.weight", "biogpt" => "biogpt.embed_positions.weight", "mingpt" => "pos_emb", "own" => "net.pos_enc.pe", "heads" => "position_embedding_table.weight", _ => "transformer.wpe.weight" };

    private bool IsRotary { get; }

    private bool IsTied { get; }

    /// <summary>What the weights do not tell.</summary>
    public Dictionary<string, string> Answers => _family switch
    {
        "heads" => new() { ["function"] = "\"relu\"" },
        "nanogpt" or "mingpt" or "own" or "opt" or "biogpt" => new() { ["heads"] = "4", ["function"] = "\"relu\"" },
        "gpt2" => new() { ["heads"] = "4" },
        _ => new() { ["heads"] = "4", ["epsilon"] = "1e-5" },
    };

    /// <summary>What stands in config.json.</summary>
    public Settings Settings
    {
        get
        {
            var settings = new Settings();
            if (IsOfFairseq) settings.Add("config.json", [("model_type", $"\"{_family}\""), ("max_position_embeddings", $"{Longest}"), ("scale_embedding", _family == "biogpt" ? "true" : "false")]);
            return settings;
        }
    }

    /// <summary>The tensors that are no weights, as a report names them.</summary>
    public IEnumerable<string> Buffers => _tensors.Where(tensor => tensor.Key.EndsWith("attn.bias", StringComparison.Ordinal)).Select(tensor => $"{tensor.Key} [{string.Join(", ", tensor.Value.Shape)}]");

    public void Add(string name, params int[] shape) => _tensors[name] = (shape, Numbers.Random(_tensors.Count, Numbers.Count(shape), 0.7f));

    public TorchDict Weights(TorchCheckpoint checkpoint) => new([.. _tensors.Select(tensor => ((object)tensor.Key, (object?)checkpoint.Store(tensor.Value.Values, tensor.Value.Shape)))]);

    /// <summary>The logits after each token.</summary>
    public double[][] Run(int[] tokens)
    {
        var x = tokens.Select((token, t) => Row(_names["embedding"] + ".weight", token)).ToArray();
        if (_family == "biogpt") x = [.. x.Select(row => row.Select(v => v * Math.Sqrt(Width)).ToArray())];
        if (!IsRotary) x = [.. x.Select((row, t) => Sum(row, Row(Places, t + Before)))];
        for (var block = 0; block < Blocks; block++)
        {
            var b = block;
            var attended = Attend(b, [.. x.Select(row => Normed(Name(b, "norm1"), row))]);
            x = [.. x.Zip(attended, Sum)];
            x = [.. x.Select(row => Sum(row, Inner(b, Normed(Name(b, "norm2"), row))))];
        }

        return [.. x.Select(row => Product(IsTied ? _names["embedding"] : _names["head"], Normed(_names["norm"], row), 0, Tokens, isTurned: false))];
    }

    private double[] Inner(int block, double[] x)
    {
        var up = Product(Name(block, "up"), x, 0, Inside, _isTurned);
        double[] bent = IsRotary ? [.. Product(Name(block, "gate"), x, 0, Inside, false).Zip(up, (g, u) => g * Numbers.Sigmoid(g) * u)]
            : _isTurned ? [.. up.Select(v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))))]
            : [.. up.Select(v => Math.Max(0, v))];
        return Product(Name(block, "down"), bent, 0, Width, _isTurned);
    }

    private double[][] Attend(int block, double[][] x)
    {
        const int size = Width / Heads;
        var group = IsRotary ? 2 : 1;
        var all = x.Select(_ => new List<double>()).ToArray();
        for (var head = 0; head < Heads; head++)
        {
            double[] Part(string part, double[] row, int of, int among) => _family switch
            {
                "heads" => Product(Name(block, part).Replace("@", $"{head}"), row, 0, size, false),
                "gpt2" or "nanogpt" => Product(Name(block, part), row, among * Width + of * size, size, _isTurned),
                _ => Product(Name(block, part), row, of * size, size, false),
            };
            var queries = x.Select((row, t) => Turned(Part("query", row, head, 0), t)).ToArray();
            var keys = x.Select((row, t) => Turned(Part("key", row, head / group, 1), t)).ToArray();
            var values = x.Select(row => Part("value", row, head / group, 2)).ToArray();
            for (var t = 0; t < x.Length; t++)
            {
                double[] weights = [.. keys[..(t + 1)].Select(key => Math.Exp(key.Zip(queries[t], (a, b) => a * b).Sum() / Math.Sqrt(size)))];
                for (var i = 0; i < size; i++) all[t].Add(weights.Select((weight, s) => weight * values[s][i]).Sum() / weights.Sum());
            }
        }

        return [.. all.Select(row => Product(Name(block, "out"), [.. row], 0, Width, _isTurned))];
    }

    /// <summary>Rotary positions: Llama's pairs are halves, Meta's are neighbours.</summary>
    private double[] Turned(double[] x, int place)
    {
        if (!IsRotary) return x;
        var y = new double[x.Length];
        for (var i = 0; i < x.Length / 2; i++)
        {
            var (a, b) = _family == "llama" ? (i, i + x.Length / 2) : (2 * i, 2 * i + 1);
            var angle = place * Math.Pow(10000, -2.0 * i / x.Length);
            (y[a], y[b]) = (x[a] * Math.Cos(angle) - x[b] * Math.Sin(angle), x[b] * Math.Cos(angle) + x[a] * Math.Sin(angle));
        }

        return y;
    }

    private double[] Normed(string name, double[] x)
    {
        var mean = IsRotary ? 0 : x.Average();
        var root = Math.Sqrt(x.Sum(v => (v - mean) * (v - mean)) / x.Length + 1e-5);
        return [.. x.Select((v, i) => (v - mean) / root * _tensors[name + ".weight"].Values[i] + (_tensors.TryGetValue(name + ".bias", out var bias) ? bias.Values[i] : 0))];
    }

    /// <summary>Some rows of a product, with the bias.</summary>
    private double[] Product(string name, double[] x, int from, int count, bool isTurned)
    {
        var (shape, weight) = _tensors[name + ".weight"];
        return [.. Enumerable.Range(from, count).Select(row => x.Select((v, i) => v * weight[isTurned ? i * shape[1] + row : row * shape[1] + i]).Sum() + (_tensors.TryGetValue(name + ".bias", out var bias) ? bias.Values[row] : 0))];
    }

    private double[] Row(string name, int row) => Numbers.Doubles(_tensors[name].Values[(row * Width)..((row + 1) * Width)]);

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private void Norm(string name, bool hasBias)
    {
        Add(name + ".weight", Width);
        if (hasBias) Add(name + ".bias", Width);
    }

    private void Linear(string name, int rows, int columns, bool hasBias)
    {
        Add(name + ".weight", _isTurned ? [columns, rows] : [rows, columns]);
        if (hasBias) Add(name + ".bias", rows);
    }

    private string Name(int block, string part) => _names["list"].Replace("#", $"{block}") + _names[part];

    private static Dictionary<string, string> Names(string all) =>
        all.Split(' ').Zip((string[])["embedding", "list", "norm1", "query", "key", "value", "out", "norm2", "gate", "up", "down", "norm", "head"]).ToDictionary(pair => pair.Second, pair => pair.First);
}
