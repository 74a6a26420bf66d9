using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>
/// Writes a language model of equal blocks, each a causal attention and inner layers after a norm of their own, that are added to what they take: the
/// families of Llama and GPT-2. The graph reads all tokens, or with caches one after another.
/// </summary>
internal sealed class TransformerDraft
{
    /// <summary>The tokens that caches hold if nobody says how many: they take memory for all of them at once.</summary>
    private const int MostCached = 2048;

    private readonly BlockTensors _blocks;
    private readonly DraftOptions _options;
    private readonly Settings _settings;
    private readonly DraftGraph _graph;
    private readonly TensorRole _embedding;
    private readonly TensorRole? _places, _head, _norm;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private BlockNames _names;
    private string _value = "";
    private string? _most;
    private int? _size, _rows;

    private TransformerDraft(BlockTensors blocks, TensorRole embedding, TensorRole? places, TensorRole? norm, TensorRole? head, DraftOptions options)
    {
        (_blocks, _names, _options, _settings, _embedding, _places, _norm, _head) = (blocks, blocks.Names, options, options.Settings, embedding, places, norm, head);
        _graph = new DraftGraph("main", options);
    }

    private bool IsTurned => _names.IsTurned;

    /// <summary>The graph, the document's decoding, and the names of the tensors that it uses. Null if the tensors are no such model.</summary>
    public static (DraftGraph Graph, string Decoding, HashSet<string> Used)? Write(IReadOnlyList<TensorRole> tensors, DraftOptions options)
    {
        if (BlockTensors.Of(tensors).ToList() is not [var blocks]) return null;
        var weights = blocks.Around.Where(tensor => tensor.Role == "weight").ToList();
        var places = blocks.Around.Where(tensor => PlaceRows.IsNamed(tensor) && PlaceRows.Count(tensor, blocks.Width) is not null).ToList();
        var tables = weights.FindAll(tensor => tensor.Shape is [_, var width] && width == blocks.Width && !places.Contains(tensor));
        if (tables.Find(table => IsNamed(table, "emb", "wte", "token")) is not { } embedding || places.Count > 1) return null;
        var heads = tables.FindAll(table => table != embedding);
        if (heads.Count > 1 || (heads is [var given] && given.Shape[0] != embedding.Shape[0])) return null;
        var norms = weights.FindAll(tensor => tensor.Shape is [var width] && width == blocks.Width);
        // A norm of the embedding stands before the blocks, and this draft has none there.
        if (norms.Exists(norm => IsNamed(norm, "emb"))) return null;
        if (norms.Count > 1 || weights.Count > 1 + heads.Count + norms.Count + places.Count(weights.Contains)) return null;
        // A model without scores for each token of its table is none of language, unless its names are those of one that shares the table.
        if (heads.Count == 0 && !(places.Count == 1 && IsNamed(places[0], "wpe")) && !blocks.Names.IsGated) return null;
        var draft = new TransformerDraft(blocks, embedding, places.FirstOrDefault(), norms.FirstOrDefault(), heads.FirstOrDefault(), options);
        // The frequencies of rotary positions, one for each pair of a head's elements, are a buffer of some files.
        if (tensors.FirstOrDefault(tensor => tensor.Tensor.Name.EndsWith("inv_freq", StringComparison.Ordinal)) is { Shape: [> 0 and < ushort.MaxValue and var pairs] }) draft._size = 2 * pairs;
        draft.Write();
        return (draft._graph, draft.Decoding(), draft._used);
    }

    private static string Q(string text) => DraftGraph.Quoted(text);

    private static string J(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool IsNamed(TensorRole tensor, params string[] parts) => Array.Exists(parts, part => tensor.Module.Contains(part, StringComparison.OrdinalIgnoreCase));

    private void Write()
    {
        _graph.Guess($"a language model of {_blocks.Count} {(_blocks.Count == 1 ? "block" : "blocks")} '{_blocks.List}': norm, causal attention, sum, norm, {(_names.IsGated ? "gated " : "")}inner layers, sum");
        _graph.Input("tokens", $"{{ \"type\": \"int64\", \"shape\": [\"N\", {(_options.IsStateful ? "1" : "\"T\"")}] }}");
        if (_options.IsStateful) _graph.Input("position", "{ \"type\": \"int64\", \"shape\": [1] }");
        else _graph.Guess("it reads all tokens in each run; scaffold --stateful drafts one token at a time with caches, which generates text faster");
        _value = _graph.Layer("embedding", _graph.Fresh("embedded"), ("input", Q("tokens")), Tensors(("weight", Use(_embedding))));
        _value = PlaceRows.Scale(_graph, _value, _blocks.Width, _settings);
        Place();
        foreach (var blocker in Family.Blockers(_graph, _options, _blocks.Width, _places is null)) Refuse(blocker);
        if (Family.Window(_graph, _settings) is { } window) Limit(window);
        if (!_names.AreNormsTold) _names = _names with { Norms = _graph.Choose("the blocks", "attention_norm", "norm of the attention", _names.Norms, ref _value) };
        if (!_names.IsGateTold) _names = _names with { Inner = [.. _graph.Choose("the blocks", "gate", "gate of the inner layers", _names.Inner[..2], ref _value), _names.Inner[2]] };
        if (_blocks.Others() is { Count: > 0 } others) Refuse($"the blocks also have {string.Join(", ", others.Take(3).Select(tensor => tensor.Tensor.Name))}{(others.Count > 3 ? " …" : "")}, which no place is known for");
        for (var block = 0; block < _blocks.Count; block++) Add(block);
        if (_norm is not null) _value = Norm(_norm, Bias(_norm), "normed");
        if (_head is not null)
        {
            _value = _graph.Layer("linear", "logits", ("input", Q(_value)), Tensors(("weight", Use(_head)), ("bias", Use(Bias(_head)))));
        }
        else
        {
            _graph.Guess($"the file has no scores of its own: the logits are products with the features of the tokens, '{_embedding.Tensor.Name}'");
            _value = _graph.Layer("linear", "logits", ("input", Q(_value)), Tensors(("weight", _embedding.Tensor.Name)));
        }

        _graph.Outputs.Add(("logits", Q(_value)));
    }

    /// <summary>Adds the features of the positions, if they are not rotary.</summary>
    private void Place()
    {
        if (_places is null) return;
        _rows = PlaceRows.Count(_places, _blocks.Width)!.Value - PlaceRows.First(_places, _settings);
        Use(_places);
        _value = PlaceRows.Add(_graph, _value, _options.IsStateful ? "position" : null, _places, _settings);
    }

    /// <summary>Says what an attention that sees the last steps only means: nothing for caches that hold no more, otherwise there is no layer for it.</summary>
    private void Limit(int window)
    {
        if (!_options.IsStateful) Refuse($"each attention sees the last {window} tokens only (sliding_window); with --stateful, caches of at most that many tokens give the same");
        else if (int.TryParse(Most(), NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most <= window) _graph.Guess($"each attention sees the last {window} tokens only (sliding_window), and the caches hold no more");
        else Refuse($"each attention sees the last {window} tokens only (sliding_window), and the caches hold more; scaffold again with --set context={Math.Min(window, MostCached)}");
    }

    private void Add(int block)
    {
        _graph.Comment($"block {block} of {_blocks.Count}");
        var isFirst = IsNormedFirst();
        var taken = _value;
        string Own(int which, string name, string input) => Norm(_blocks[block, _names.Norms[which]]!, _blocks[block, _names.Norms[which], "bias"], $"{name}_{block}", input);
        var normed = isFirst ? Own(0, "normed", taken) : taken;
        var attended = _names.IsApart ? Heads(block, normed) : Attend(block, normed);
        var sum = _graph.Layer("add", _graph.Fresh($"sum_{block}"), ("inputs", $"[{Q(taken)}, {Q(attended)}]"));
        if (!isFirst) sum = Own(0, "normed", sum);
        var inner = isFirst ? Own(1, "inner", sum) : sum;
        var wide = Linear(block, _names.Inner[0], inner, "wide");
        var bent = _graph.Layer("activation", _graph.Fresh($"bent_{block}"), ("function", Function()), ("input", Q(wide)));
        if (_names.IsGated) bent = _graph.Layer("multiply", _graph.Fresh($"gated_{block}"), ("inputs", $"[{Q(bent)}, {Q(Linear(block, _names.Inner[1], inner, "up"))}]"));
        var narrow = Linear(block, _names.Inner[^1], bent, "narrow");
        _value = _graph.Layer("add", _graph.Fresh($"block_{block}"), ("inputs", $"[{Q(sum)}, {Q(narrow)}]"));
        if (!isFirst) _value = Own(1, "inner", _value);
    }

    /// <summary>Whether the norms come before attention and inner layers: a norm after all blocks is there for that.</summary>
    private bool IsNormedFirst()
    {
        if (_norm is not null) return true;
        if (_graph.Answer("norm_first") is { } answer) return answer == "true";
        const string asked = "the model: whether the norms come before attention and inner layers, or after their sums; scaffold again with --set norm_first=true or --set norm_first=false";
        if (_graph.Questions.Contains(asked)) return true;
        _options.Asked.Add("norm_first");
        _graph.Questions.Add(asked);
        _value = _graph.Layer("? the order of norms: scaffold again with --set norm_first=true or --set norm_first=false", _graph.Fresh("unknown"), ("input", Q(_value)));
        return true;
    }

    private string Attend(int block, string input)
    {
        var rows = _names.IsFused ? _blocks.Width : _blocks[block, _names.Projections[0]]!.Shape[0];
        var keys = _names.IsFused ? _blocks.Width : _blocks[block, _names.Projections[1]]!.Shape[0];
        var counts = AttentionHeads.Of(_graph, _options, "the attention", rows, keys, _size);
        if (_names.IsFused && block == 0) _graph.Guess($"'{_names.Projections[0]}' has the rows of queries, then keys, then values");
        string[] roles = _names.IsFused ? ["in_proj_"] : ["q_proj.", "k_proj.", "v_proj."];
        var own = _names.Projections.Zip(roles).Append((_names.Out, "out_proj."))
            .SelectMany(pair => ((string, string?)[])[(pair.Item2 + "weight", Turned(Use(_blocks[block, pair.Item1]))), (pair.Item2 + "bias", Use(_blocks[block, pair.Item1, "bias"]))]);
        return _graph.Layer(
            "multi_head_attention",
            _graph.Fresh($"attended_{block}"),
            [("query", Q(input)), ("heads", counts.Heads), ("key_heads", counts.Keys), .. Rotary(), ("causal", _options.IsStateful ? null : "true"), .. Cache(block, "", keys), Tensors([.. own])]);
    }

    /// <summary>Each head as an attention of its own: the file has their projections apart.</summary>
    private string Heads(int block, string input)
    {
        var results = new List<string>();
        var count = _blocks.HeadsApart(block);
        for (var head = 0; head < count; head++)
        {
            string Of(int projection) => _names.Projections[projection].Replace("*", J(head), StringComparison.Ordinal);
            (string, string?)[] tensors = [.. ((string[])["q_proj", "k_proj", "v_proj"]).SelectMany((role, i) => ((string, string?)[])[($"{role}.weight", Use(_blocks[block, Of(i)])), ($"{role}.bias", Use(_blocks[block, Of(i), "bias"]))])];
            results.Add(_graph.Layer(
                "multi_head_attention",
                _graph.Fresh($"head_{block}_{head}"),
                [("query", Q(input)), ("heads", "1"), ("out_projection", "false"), .. Rotary(), ("causal", _options.IsStateful ? null : "true"), .. Cache(block, $"_{head}", _blocks[block, Of(1)]!.Shape[0]), Tensors(tensors)]));
        }

        if (block == 0) _graph.Guess($"the scores of a head are divided by the root of its size, {_blocks[0, _names.Projections[0].Replace('*', '0')]!.Shape[0]}; some lessons divide by the root of {_blocks.Width}");
        var all = results.Count == 1 ? results[0] : _graph.Layer("concat", _graph.Fresh($"heads_{block}"), ("inputs", $"[{string.Join(", ", results.Select(Q))}]"), ("axis", "-1"));
        return Linear(block, _names.Out, all, "attended");
    }

    private IEnumerable<(string Key, string? Json)> Rotary()
    {
        if (_places is not null) return [];
        // Meta's names have neighbours as pairs, Hugging Face's have halves.
        var isMeta = _names.Projections[0].EndsWith("wq", StringComparison.Ordinal);
        if (!isMeta && !(_names.Projections[0].EndsWith("q_proj", StringComparison.Ordinal) && Family.Of(_graph, _settings) is not null))
        {
            const string guess = "the pairs of rotary positions are halves of a head; where they are neighbours, add \"rotary_interleaved\": true to each attention";
            if (!_graph.Guesses.Contains(guess)) _graph.Guess(guess);
        }

        var turn = _graph.Answer("rotary") ?? _settings.Number("rope_theta", "rotary_emb_base", "rope_base")?.ToString("R", CultureInfo.InvariantCulture) ?? _graph.Ask("the attention", "the base of the rotary positions (rope_theta); remove it where the model has none", "10000", "rotary");
        return [("rotary", turn), ("rotary_interleaved", isMeta ? "true" : null)];
    }

    /// <summary>The members of an attention that keeps keys and values, whose states are added.</summary>
    private IEnumerable<(string Key, string? Json)> Cache(int block, string head, int width)
    {
        if (!_options.IsStateful) return [];
        var most = Most();
        string State(string what)
        {
            var name = _graph.Fresh($"{what}_{block}{head}");
            _graph.States.Add((name, $"{{ \"shape\": [\"N\", {most}, {width}], \"update\": {Q("next_" + name)} }}"));
            return name;
        }

        var (keys, values) = (State("keys"), State("values"));
        return [("key_cache", Q(keys)), ("value_cache", Q(values)), ("position", Q("position")), ("next_keys", Q("next_" + keys)), ("next_values", Q("next_" + values))];
    }

    /// <summary>The most tokens that caches hold, as JSON.</summary>
    private string Most()
    {
        if (_most is not null) return _most;
        if (_graph.Answer("context") is { } answer)
        {
            if (_rows is { } last && int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > last) throw new ConversionException($"--set context={answer}: '{_places!.Tensor.Name}' has features of {last} positions; give at most that many");
            return _most = answer;
        }

        if ((_rows ?? _settings.Whole("max_position_embeddings", "n_positions", "max_seq_len", "block_size")) is not { } most) return _most = _graph.Ask("the caches", "the most tokens that the caches hold, prompt and result together", "256", "context");
        if (most > MostCached) _graph.Guess($"the caches hold {MostCached} tokens, prompt and result together, though the model takes {most}, which need more memory; --set context=N changes it");
        return _most = J(Math.Min(most, MostCached));
    }

    private string Norm(TensorRole weight, TensorRole? bias, string name, string? input = null)
    {
        var isRms = bias is null && (_places is null || _names.IsGated || weight.Module.Contains("rms", StringComparison.OrdinalIgnoreCase));
        if (bias is null && !isRms)
        {
            const string guess = "the norms have no bias: they are taken as LayerNorm, and may also be RMSNorm (\"rms_norm\")";
            if (!_graph.Guesses.Contains(guess)) _graph.Guess(guess);
        }

        if (isRms && Family.Of(_graph, _settings) is null && !weight.Module.Contains("rms", StringComparison.OrdinalIgnoreCase))
        {
            const string guess = "the norms have no bias: they are taken as RMSNorm, and may also be LayerNorm (\"layer_norm\")";
            if (!_graph.Guesses.Contains(guess)) _graph.Guess(guess);
        }

        var epsilon = _graph.Answer("epsilon") ?? _settings.Number("rms_norm_eps", "norm_eps", "layer_norm_epsilon", "layer_norm_eps")?.ToString("R", CultureInfo.InvariantCulture) ?? (isRms ? _graph.Ask("the norms", "epsilon of the norms", "1e-5", "epsilon") : null);
        return _graph.Layer(isRms ? "rms_norm" : "layer_norm", _graph.Fresh(name), ("input", Q(input ?? _value)), ("epsilon", epsilon), Tensors(("weight", Use(weight)), ("bias", Use(bias))));
    }

    private string Linear(int block, string module, string input, string name) =>
        _graph.Layer("linear", _graph.Fresh($"{name}_{block}"), ("input", Q(input)), Tensors(("weight", Turned(Use(_blocks[block, module]))), ("bias", Use(_blocks[block, module, "bias"]))));

    /// <summary>The function between the inner layers as JSON.</summary>
    private string Function()
    {
        if (_graph.Answer("function") is { } answer) return answer;
        var told = _settings.Text("hidden_act", "hidden_activation", "activation_function");
        var known = told switch
        {
            "silu" or "swish" => "silu",
            "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" => "gelu_tanh",
            "gelu" or "relu" => told,
            _ => null,
        };
        if (known is not null) return Q(known);
        const string asked = "the function between the inner layers: gelu, gelu_tanh, relu, silu …";
        if (told is not null) return _graph.Ask("the inner layers", $"{asked} ({told} is not one of them)", null, "function");
        if (!_names.IsGated && !IsTurned) return _graph.Ask("the inner layers", asked, Q(_names.IsApart ? "relu" : "gelu"), "function");
        var usual = _names.IsGated ? "silu" : "gelu_tanh";
        var said = $"the function between the inner layers is {usual}, as this family has it";
        if (!_graph.Guesses.Contains(said)) _graph.Guess(said);
        return Q(usual);
    }

    /// <summary>Puts a question in the place of something that no layer does.</summary>
    private void Refuse(string why)
    {
        _graph.Questions.Add(DraftGraph.OneLine($"the model: {why}; no layer does that: export it as ONNX"));
        _value = _graph.Layer(DraftGraph.OneLine($"? {why}; no layer does that: export the model as ONNX (optimum-cli export onnx --model FOLDER onnx/)"), _graph.Fresh("unknown"), ("input", Q(_value)));
    }

    private string Decoding()
    {
        var members = new List<string> { "\"kind\": \"language-model\"", "\"token\": \"tokens\"" };
        if (_options.IsStateful) members.Add("\"position\": \"position\"");
        members.Add("\"logits\": \"logits\"");
        if (_settings["eos_token_id"] is { } end && int.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var token)) members.Add($"\"end\": {token}");
        else _graph.Guess("no token ends a text; if the model has one, add its number: \"end\" in 'decoding', and \"begin\" for one that is put before each prompt");
        return $"{{ {string.Join(", ", members)} }}";
    }

    private string? Turned(string? name) => name is not null && IsTurned ? name + ".T" : name;

    /// <summary>The bias beside a weight around the blocks.</summary>
    private TensorRole? Bias(TensorRole weight) => _blocks.Around.FirstOrDefault(tensor => tensor.Role == "bias" && tensor.Module == weight.Module);

    /// <summary>Marks a tensor as used, and gives its name.</summary>
    private string? Use(TensorRole? tensor)
    {
        if (tensor is not null) _used.Add(tensor.Tensor.Name);
        return tensor?.Tensor.Name;
    }

    private static (string Key, string? Json) Tensors(params (string Role, string? Name)[] tensors) =>
        ("tensors", $"{{ {string.Join(", ", tensors.Where(tensor => tensor.Name is not null).Select(tensor => $"{Q(tensor.Role)}: {Q(tensor.Name!)}"))} }}");
}
