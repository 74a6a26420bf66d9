namespace SeqRuntime.Converter.Scaffolding;

/// <summary>
/// Writes an encoder and the step of its decoder as two graphs: embedding, recurrent layer and maybe attention, then scores of the tokens. The parts are
/// told by the words encoder and decoder in their names.
/// </summary>
internal sealed class PairDraft
{
    private static readonly string[] s_encoder = ["enc", "encoder"], s_decoder = ["dec", "decoder"], s_attention = ["attn", "attention", "att"];

    private readonly Module _embedding, _encoder, _target, _cell, _scores;
    private readonly Module? _bridge;
    private readonly List<Module> _attention;
    private readonly DraftGraph _first, _step;

    private PairDraft(Module embedding, Module encoder, Module? bridge, Module target, Module cell, List<Module> attention, Module scores, DraftOptions options)
    {
        (_embedding, _encoder, _bridge, _target, _cell, _attention, _scores) = (embedding, encoder, bridge, target, cell, attention, scores);
        (_first, _step) = (new DraftGraph("encoder", options), new DraftGraph("step", options));
    }

    /// <summary>The graphs, the document's decoding, and the modules that they hold. Null if the modules are no such pair.</summary>
    public static (List<DraftGraph> Graphs, string Decoding, HashSet<Module> Used)? Write(IReadOnlyList<Module> modules, DraftOptions options)
    {
        var attention = modules.Where(module => module.IsNamed(s_attention) && (module.Kind is ModuleKind.Linear or ModuleKind.LayerNorm or ModuleKind.Embedding || IsVector(module))).ToList();
        var encoder = modules.Where(module => module.Kind != ModuleKind.Other && module.IsNamed(s_encoder) && !attention.Contains(module)).ToList();
        var decoder = modules.Where(module => module.Kind != ModuleKind.Other && module.IsNamed(s_decoder) && !attention.Contains(module)).ToList();
        var others = modules.Where(module => module.Kind != ModuleKind.Other && !encoder.Contains(module) && !decoder.Contains(module) && !attention.Contains(module)).ToList();
        static Module? Single(IEnumerable<Module> of, ModuleKind kind) => of.Where(module => module.Kind == kind).ToList() is [var one] ? one : null;
        if (Single(encoder, ModuleKind.Recurrent) is not { } source || Single(decoder, ModuleKind.Recurrent) is not { } cell || cell.IsBidirectional || cell.Layers != 1 || cell.Cell is not ("gru" or "lstm")) return null;
        var shared = Single(others, ModuleKind.Embedding);
        if ((Single(encoder, ModuleKind.Embedding) ?? shared) is not { } embedding || embedding.Out != source.In || (Single(decoder, ModuleKind.Embedding) ?? shared) is not { } target) return null;
        if (decoder.Concat(others).LastOrDefault(module => module.Kind == ModuleKind.Linear) is not { } scores) return null;
        var bridge = Single(encoder, ModuleKind.Linear);
        if (bridge is not null && (bridge.In != source.Out || bridge.Out != cell.State)) return null;
        HashSet<Module> used = [embedding, source, target, cell, scores, .. attention];
        if (bridge is not null) used.Add(bridge);
        if (modules.Any(module => module.Kind != ModuleKind.Other && !used.Contains(module))) return null;
        var draft = new PairDraft(embedding, source, bridge, target, cell, attention, scores, options);
        var decoding = draft.Write();
        return ([draft._first, draft._step], decoding, used);
    }

    private static string Q(string text) => DraftGraph.Quoted(text);

    private string Write()
    {
        _first.Input("tokens", "{ \"type\": \"int64\", \"shape\": [1, \"T\"] }");
        _step.Input("previous", "{ \"type\": \"int64\", \"shape\": [\"N\"] }");
        Comment(_first, _embedding);
        _first.Layer("embedding", "embedded", ("input", Q("tokens")), ChainDraft.Weights(_embedding));
        Comment(_first, _encoder);
        var isLstm = _encoder.Cell == "lstm";
        _first.Layer(_encoder.Cell, "memory", ("input", Q("embedded")), Layers(_encoder), ("bidirectional", _encoder.IsBidirectional ? "true" : null), ("final", Q("final")), ("final_cell", isLstm ? Q("final_cell") : null));
        var links = new List<string>();
        Link("final", "last", "hidden", links);
        if (isLstm && _cell.Cell == "lstm") Link("final_cell", "last_cell", "cell", links);
        var hasContext = _attention.Count > 0;
        var width = _encoder.Out;
        if (hasContext)
        {
            _first.Outputs.Add(("memory", Q("memory")));
            _step.Input("memory", $"{{ \"shape\": [1, \"T\", {width}] }}");
            links.Add($"{Q("memory")}: {Q("memory")}");
        }

        var isFed = _cell.In == _target.Out + width;
        if (!hasContext && isFed)
        {
            _step.Input("context", $"{{ \"shape\": [1, {width}] }}");
            links.Add($"{Q("context")}: {Q("last")}");
        }

        _step.States.Add(("hidden", $"{{ \"shape\": [\"N\", {_cell.State}], \"update\": \"next_hidden\" }}"));
        if (_cell.Cell == "lstm") _step.States.Add(("cell", $"{{ \"shape\": [\"N\", {_cell.Units}], \"update\": \"next_cell\" }}"));
        Comment(_step, _target);
        _step.Layer("embedding", "embedded", ("input", Q("previous")), ChainDraft.Weights(_target));
        if (hasContext && isFed) Attend("hidden", links);
        var taken = "embedded";
        if (isFed) taken = Join("joined", "embedded", "context");
        else if (_cell.In != _target.Out) taken = _step.Ask($"{_cell}", $"the value of {_cell.In} features that it takes; the embedding has {_target.Out}");
        Comment(_step, _cell);
        _step.Layer(_cell.Cell + "_cell", "next_hidden", ("input", taken[0] == '"' ? taken : Q(taken)), ("hidden", Q("hidden")), ("cell", _cell.Cell == "lstm" ? Q("cell") : null), ("cell_output", _cell.Cell == "lstm" ? Q("next_cell") : null), CellWeights(_cell));
        if (hasContext && !isFed) Attend("next_hidden", links);
        var scored = Q("next_hidden");
        if (_scores.In == _cell.State + width && (hasContext || isFed)) scored = Q(Join("features", "next_hidden", "context"));
        else if (_scores.In != _cell.State) scored = _step.Ask($"{_scores}", $"the value of {_scores.In} features that it takes; the state has {_cell.State}");
        Comment(_step, _scores);
        _step.Layer("linear", "logits", ("input", scored), ChainDraft.Weights(_scores));
        _step.Outputs.Add(("logits", Q("logits")));
        _first.Guess("no token is put around the source; if the model was trained with one, name it as source_begin or source_end in 'decoding'");
        string[] members =
        [
            "\"kind\": \"encoder-decoder\"", "\"encoder\": \"encoder\"", "\"step\": \"step\"", "\"source\": \"tokens\"", "\"token\": \"previous\"", "\"logits\": \"logits\"",
            $"\"links\": {{ {string.Join(", ", links)} }}",
            $"\"begin\": {_step.Ask("decoding", "the token before the first, as its number", null, "begin")}",
            $"\"end\": {_step.Ask("decoding", "the token that ends a result, as its number", null, "end")}",
            "\"max\": 100",
        ];
        return $"{{ {string.Join(", ", members)} }}";
    }

    /// <summary>Puts the encoder's last state into the decoder's first.</summary>
    private void Link(string final, string last, string state, List<string> links)
    {
        var size = _encoder.Out;
        var value = final;
        if (_encoder.Layers > 1)
        {
            var directions = _encoder.IsBidirectional ? 2 : 1;
            value = _first.Layer("slice", _first.Fresh("top"), ("input", Q(value)), ("axis", "0"), ("start", $"{(_encoder.Layers - 1) * directions}"));
        }

        value = _first.Layer("reshape", last, ("input", Q(value)), ("shape", "[1, -1]"));
        if (_bridge is not null && state == "hidden")
        {
            Comment(_first, _bridge);
            value = _first.Layer("linear", _first.Fresh("bridged"), ("input", Q(value)), ChainDraft.Weights(_bridge));
            value = _first.Layer("activation", _first.Fresh("bent"), ("input", Q(value)), ("function", _first.Ask($"after {_bridge}", "the function here: tanh, relu …; remove this layer if there is none", null, "function")));
            size = _bridge.Out;
        }

        _first.Outputs.Add((last, Q(value)));
        if (size == _cell.State) links.Add($"{Q(state)}: {Q(last)}");
        else if (_bridge is null) _first.Guess($"the encoder's last state has {size} features and the decoder's {_cell.State}: the decoder's begins at zero");
    }

    private string Join(string name, string first, string second)
    {
        _step.Guess($"'{first}' before '{second}' in the features of '{name}'; the weights do not tell the order");
        return _step.Layer("concat", name, ("inputs", $"[{Q(first)}, {Q(second)}]"));
    }

    /// <summary>The attention by its matrices: one is general, one over both is concat, two and a vector are additive.</summary>
    private void Attend(string query, List<string> links)
    {
        var (state, width) = (_cell.State, _encoder.Out);
        var vector = _attention.Find(module => IsVector(module) || module.Shape("weight") is [1, _]);
        var matrices = _attention.Where(module => module != vector && module.Kind == ModuleKind.Linear).ToList();
        foreach (var module in _attention) Comment(_step, module);
        string? keys = null, score = null, tensors = null;
        if (matrices is [var one] && vector is null && one.In == width && one.Out == state)
        {
            (score, keys) = ("general", Keys(one, "keys", null));
        }
        else if (matrices is [var both] && vector is not null && both.In == state + width)
        {
            _step.Guess($"{both}: the columns for the query come before those for the memory");
            (score, keys) = ("concat", Keys(both, "keys", $"[:, {state}:]"));
            tensors = $"{{ \"query.weight\": {Q($"{Name(both)}[:, :{state}]")}, \"score.weight\": {Q(Name(vector))} }}";
        }
        else if (matrices is [var a, var b] && vector is not null)
        {
            var isFirst = a.In == state && (a.In != b.In || !(a.IsNamed("key", "keys", "memory", "enc", "U", "W2") || b.IsNamed("query", "W1")));
            var (asked, kept) = isFirst ? (a, b) : (b, a);
            if (a.In == b.In) _step.Guess($"{asked} is for the query and {kept} for the memory; their sizes are the same");
            (score, keys) = ("additive", Keys(kept, "keys", null));
            tensors = $"{{ \"query.weight\": {Q(Name(asked))}, {(asked.Shape("bias") is null ? "" : $"\"query.bias\": {Q(Name(asked, "bias"))}, ")}\"score.weight\": {Q(Name(vector))} }}";
        }

        if (keys is not null)
        {
            _step.Input("keys", $"{{ \"shape\": [1, \"T\", {(score == "general" ? state : matrices[^1].Out)}] }}");
            links.Add($"{Q("keys")}: {Q("keys")}");
        }

        _step.Layer("attention", "context", ("score", score is null ? _step.Ask("attention", "the score: additive, concat, dot, general or scaled_dot", null, "score") : Q(score)), ("query", Q(query)), ("memory", Q("memory")), ("keys", keys is null ? null : Q(keys)), ("tensors", tensors));
    }

    private string Keys(Module module, string name, string? columns)
    {
        _first.Layer("linear", name, ("input", Q("memory")), ("tensors", $"{{ \"weight\": {Q(Name(module) + columns)}{(module.Shape("bias") is null ? "" : $", \"bias\": {Q(Name(module, "bias"))}")} }}"));
        _first.Outputs.Add((name, Q(name)));
        return name;
    }

    /// <summary>Whether a module is one vector, such as the v of an additive score.</summary>
    private static bool IsVector(Module module) => module is { Kind: ModuleKind.Other or ModuleKind.LayerNorm, Tensors: [{ Shape: [_] }] };

    private static string Name(Module module, string role = "weight") => (module.Tensors.FirstOrDefault(tensor => tensor.Role == role) ?? module.Tensors[0]).Tensor.Name;

    private static void Comment(DraftGraph graph, Module module) => graph.Comment($"{module.What}: {module.Why}");

    /// <summary>The names of a layer's tensors, of which a cell's have no number.</summary>
    private static (string, string?) Layers(Module module) => Weights(module, "_l0");

    private static (string, string?) CellWeights(Module module) => Weights(module, module.Shape("weight_ih_l0") is null ? "" : "_l0");

    private static (string, string?) Weights(Module module, string suffix)
    {
        if (module.Shape("weight_ih" + suffix) is not null) return ChainDraft.Weights(module);
        return ("tensors", $"{{ {string.Join(", ", module.Tensors.Select(tensor => $"{Q(tensor.Role + suffix)}: {Q(tensor.Tensor.Name)}"))} }}");
    }
}
