using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Writes a chain of modules as the layers of a graph.</summary>
internal sealed partial class ChainDraft
{
    private const string Functions = "relu, tanh, sigmoid, elu, gelu, silu …";

    private readonly DraftGraph _graph;
    private readonly DraftOptions _options;
    private Form _form;
    private string _value = "";
    private int _width;
    private bool _isShortened, _hasBlocks;
    private Module? _before;
    private Module? _unbent;

    private ChainDraft(DraftGraph graph, DraftOptions options) => (_graph, _options) = (graph, options);

    /// <summary>How a value lies.</summary>
    private enum Form
    {
        Tokens,

        /// <summary>[N, T, features].</summary>
        Steps,

        /// <summary>[N, channels, T].</summary>
        Channels,

        /// <summary>[N, features].</summary>
        Row,

        /// <summary>[N, channels, H, W].</summary>
        Image,
    }

    /// <summary>A graph with one input and one output.</summary>
    public static DraftGraph Write(string name, List<Module> chain, DraftOptions options)
    {
        var graph = new DraftGraph(name, options);
        var draft = new ChainDraft(graph, options);
        draft.Begin(chain);
        foreach (var module in chain) draft.Add(module);
        draft.End();
        return graph;
    }

    private static string J(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Q(string text) => DraftGraph.Quoted(text);

    private void Begin(List<Module> chain)
    {
        var first = chain.Find(module => module.Kind != ModuleKind.Other) ?? chain[0];
        var hasSteps = chain.Exists(module => module.Kind is ModuleKind.Recurrent or ModuleKind.Conv1d or ModuleKind.ConvTranspose1d or ModuleKind.Attention or ModuleKind.TransformerEncoder);
        _form = first.Kind == ModuleKind.Embedding ? Form.Tokens : chain.Find(module => module.Kind is not (ModuleKind.Other or ModuleKind.BatchNorm or ModuleKind.Prelu))?.Kind == ModuleKind.Conv2d ? Form.Image : first.Kind is ModuleKind.Conv1d or ModuleKind.ConvTranspose1d && !_options.IsKeras ? Form.Channels : hasSteps ? Form.Steps : Form.Row;
        _width = first.In;
        (_value, var shape) = _form switch
        {
            Form.Tokens => ("tokens", "{ \"type\": \"int64\", \"shape\": [1, \"T\"] }"),
            Form.Image => ("x", $"{{ \"shape\": [1, {first.In}, {_graph.Ask("the input", "the height of the image, a number", null, "height")}, \"W\"] }}"),
            Form.Channels => ("x", $"{{ \"shape\": [1, {first.In}, \"T\"] }}"),
            Form.Steps => ("x", $"{{ \"shape\": [1, \"T\", {first.In}] }}"),
            _ => ("x", $"{{ \"shape\": [1, {first.In}] }}"),
        };
        _graph.Input(_value, shape);
    }

    private void Add(Module module)
    {
        if (module.Kind is ModuleKind.Linear or ModuleKind.Conv1d or ModuleKind.Conv2d or ModuleKind.ConvTranspose1d or ModuleKind.Recurrent or ModuleKind.Attention or ModuleKind.TransformerEncoder) Bend(module);
        _graph.Comment($"{module.What}: {(module.Why.Length == 0 ? "not told" : module.Why)}");
        if (module.Doubt is { } doubt) _graph.Guess($"{module}: {doubt}");
        switch (module.Kind)
        {
            case ModuleKind.Embedding: Embed(module); break;
            case ModuleKind.Linear: Linear(module); break;
            case ModuleKind.Recurrent: Recurrent(module); break;
            case ModuleKind.Conv1d or ModuleKind.ConvTranspose1d: Convolve(module); break;
            case ModuleKind.Conv2d: ConvolveImage(module); break;
            case ModuleKind.AttentionPool: Pool(module); break;
            case ModuleKind.Positions:
                To(Form.Steps);
                _value = PlaceRows.Add(_graph, _value, null, module.Tensors[0], _options.Settings);
                break;
            case ModuleKind.Prelu:
                if (module.Shape("weight") is not [1]) To(Form.Channels);
                Put("prelu", module);
                _unbent = null;
                break;
            case ModuleKind.RmsNorm:
                To(Form.Steps);
                Put("rms_norm", module, ("epsilon", Told(module, "eps") ?? _graph.Ask($"{module}", "epsilon", "1e-6", "epsilon")));
                break;
            case ModuleKind.GroupNorm:
                To(Form.Channels);
                Put("group_norm", module, ("groups", Told(module, "num_groups") ?? _graph.Ask($"{module}", "the number of groups", null, "groups")), ("epsilon", Epsilon(module)));
                break;
            case ModuleKind.LayerNorm:
                if (_form is Form.Channels or Form.Image && module.Whole?.Class is null && !_options.IsKeras) _graph.Guess($"{module}: after a convolution it may also be a GroupNorm, or a BatchNorm without statistics");
                To(Form.Steps);
                if (_options.IsKeras) _graph.Guess($"{module}: epsilon is Keras' default, 0.001");
                Put("layer_norm", module, ("epsilon", Epsilon(module)));
                break;
            case ModuleKind.BatchNorm:
                if (_options.IsKeras) _graph.Guess($"{module}: epsilon is Keras' default, 0.001");
                Put("batch_norm", module, ("epsilon", Epsilon(module)), ("channels_last", _form == Form.Steps ? "true" : null));
                break;
            case ModuleKind.Attention:
                To(Form.Steps);
                Put("multi_head_attention", module, "query", ("heads", Heads(module)));
                break;
            case ModuleKind.TransformerEncoder:
                To(Form.Steps);
                _hasBlocks = true;
                module = WithNorms(module);
                Put(
                    "transformer_encoder_layer",
                    module,
                    ("heads", Heads(module)),
                    ("activation", module.Whole?.Text("activation") is "relu" or "gelu" ? Q(module.Whole.Text("activation")!) : _graph.Ask($"{module}", "the activation between linear1 and linear2: relu or gelu", "\"relu\"", "activation")),
                    ("norm_first", Told(module, "norm_first") ?? _graph.Ask($"{module}", "norm_first, whether the norms come before attention and linear layers: true or false", "false", "norm_first")));
                break;
            default:
                _value = _graph.Layer(Ask(module), _graph.Fresh(Stem(module)), ("input", Q(_value)));
                _unbent = null;
                break;
        }

        if (module.Out > 0) _width = module.Out;
        _before = module;
    }

    private string Ask(Module module)
    {
        var tensors = string.Join(", ", module.Tensors.Take(4).Select(tensor => $"{tensor.Tensor.Name} [{string.Join(", ", tensor.Shape)}]"));
        _graph.Questions.Add(DraftGraph.OneLine($"{module}: no layer of a description is told by {tensors}"));
        return DraftGraph.OneLine($"? a layer that takes {tensors}; without one, export the model as ONNX");
    }

    private string Heads(Module module) => Told(module, "num_heads") ?? module.Whole?.Inner("self_attn")?["num_heads"] ?? AttentionHeads.Of(_graph, _options, $"{module}", module.In, module.In).Heads;

    private void Embed(Module module)
    {
        if (_form == Form.Tokens)
        {
            _form = Form.Steps;
            Put("embedding", module);
            _value = PlaceRows.Scale(_graph, _value, module.Out, _options.Settings);
            return;
        }

        if (module.Tensors is [var table] && PlaceRows.First(table, _options.Settings) > 0)
        {
            _value = PlaceRows.Add(_graph, _value, null, table, _options.Settings);
            return;
        }

        PlaceRows.Doubt(_graph, module.Path, _options.Settings);
        var places = _graph.Layer("positions", _graph.Fresh("positions"), ("like", Q(_value)));
        var rows = _graph.Layer("embedding", _graph.Fresh(Stem(module)), ("input", Q(places)), Weights(module));
        _value = _graph.Layer("add", _graph.Fresh("placed"), ("inputs", $"[{Q(_value)}, {Q(rows)}]"));
    }

    /// <summary>A block whose norms are in the order that the user gives, if their names do not tell it.</summary>
    private Module WithNorms(Module module)
    {
        if (module.UntoldNorms is not { } two || _graph.Choose($"{module}", "attention_norm", "norm of the attention", two, ref _value)[0] == two[0]) return module;
        string Other(string role) => role.StartsWith("norm1.", StringComparison.Ordinal) ? "norm2." + role[6..] : role.StartsWith("norm2.", StringComparison.Ordinal) ? "norm1." + role[6..] : role;
        return module with { Tensors = [.. module.Tensors.Select(tensor => tensor with { Role = Other(tensor.Role) })] };
    }

    private void Linear(Module module)
    {
        if (_form == Form.Image) Flatten(module);
        else if (_form is Form.Steps or Form.Channels && module.In > _width && _width > 0 && module.In % _width == 0) FlattenSteps(module);
        To(Form.Steps);
        if (_form == Form.Steps && (_before?.Kind == ModuleKind.TransformerEncoder || (_before?.Kind == ModuleKind.LayerNorm && _hasBlocks)))
            _graph.Guess($"{module} takes every step of '{_value}'; if the model takes their mean, as classifiers do, put {{ \"kind\": \"mean\", \"input\": {Q(_value)}, \"axis\": 1, \"output\": \"pooled\" }} before it, and let it take \"pooled\"; for the first step {{ \"kind\": \"slice\", \"input\": {Q(_value)}, \"axis\": 1, \"start\": 0, \"end\": 1, \"drop\": true, \"output\": \"pooled\" }}");
        if (_form == Form.Steps && _before?.Kind == ModuleKind.Recurrent)
            _graph.Guess($"{module} takes every step of '{_value}'; if the model takes the last one only, as classifiers do, put {{ \"kind\": \"slice\", \"input\": {Q(_value)}, \"axis\": 1, \"start\": -1, \"drop\": true, \"output\": \"last\" }} before it, and let it take \"last\"; if a function such as relu stands between them, add it too");
        Put("linear", module);
        _unbent = module;
    }

    /// <summary>The sum of the steps, weighted by a softmax of their scores.</summary>
    private void Pool(Module module)
    {
        To(Form.Steps);
        _graph.Guess($"{module} scores the steps of '{_value}': their softmax weighs the sum of the steps. Where the model bends the steps or the scores first, such as by tanh, add that");
        var scores = _graph.Layer("linear", _graph.Fresh("scores"), ("input", Q(_value)), Weights(module));
        var weights = _graph.Layer("activation", _graph.Fresh("attention"), ("function", "\"softmax\""), ("axis", "1"), ("input", Q(scores)));
        var weighted = _graph.Layer("multiply", _graph.Fresh("weighted"), ("inputs", $"[{Q(_value)}, {Q(weights)}]"));
        _value = _graph.Layer("sum", _graph.Fresh("context"), ("input", Q(weighted)), ("axis", "1"));
        (_form, _unbent) = (Form.Row, null);
    }

    private void Recurrent(Module module)
    {
        if (_form == Form.Image) Lines(module);
        To(Form.Steps);
        if (Told(module, "batch_first") == "false") _graph.Guess($"{module}: in the model it takes [T, N, features] (its batch_first is false); sequences are [N, T, features] here");
        // A cell's weights, run over all steps.
        var tensors = Weights(module);
        if (module.Shape("weight_ih_l0") is null)
        {
            _graph.Guess($"{module}: a cell, which the model calls in a loop; here it runs over all steps of a sequence");
            tensors = ("tensors", $"{{ {string.Join(", ", module.Tensors.Select(tensor => $"{Q(tensor.Role + "_l0")}: {Q(tensor.Tensor.Name)}"))} }}");
        }

        var nonlinearity = module.Cell == "rnn" ? (module.Whole?.Text("nonlinearity") ?? module.Whole?.Text("mode")) is { } told ? Q(told.Contains("relu", StringComparison.OrdinalIgnoreCase) ? "relu" : "tanh") : _graph.Ask($"{module}", "the nonlinearity: tanh or relu", "\"tanh\"", "nonlinearity") : null;
        var isKept = _options.IsStateful && !module.IsBidirectional;
        if (_options.IsStateful && module.IsBidirectional) _graph.Guess($"{module}: a bidirectional layer needs the whole sequence; it keeps no state");
        string? initial = null, final = null, initialCell = null, finalCell = null;
        if (isKept)
        {
            (initial, final) = State(module, "hidden", module.State);
            if (module.Cell == "lstm") (initialCell, finalCell) = State(module, "cell", module.Units);
        }

        var output = _graph.Fresh(Stem(module));
        _graph.Layer(
            module.Cell,
            output,
            ("input", Q(_value)),
            tensors,
            ("bidirectional", module.IsBidirectional ? "true" : null),
            ("nonlinearity", nonlinearity),
            ("initial", initial),
            ("initial_cell", initialCell),
            ("final", final),
            ("final_cell", finalCell));
        _value = output;
        _unbent = null;
    }

    private (string Initial, string Final) State(Module module, string what, int size)
    {
        var (name, next) = (_graph.Fresh($"{Stem(module)}_{what}"), _graph.Fresh($"{Stem(module)}_next_{what}"));
        _graph.States.Add((name, $"{{ \"shape\": [{module.Layers}, 1, {size}], \"update\": {Q(next)} }}"));
        return (Q(name), Q(next));
    }

    /// <summary>A setting of a whole module.</summary>
    private static string? Told(Module module, string name) => module.Whole?[name];

    private string? Epsilon(Module module) => _options.IsKeras ? "0.001" : Told(module, "eps");

    /// <summary>Asks for the function between two modules with weights, unless their numbers show that nothing stands there.</summary>
    private void Bend(Module module)
    {
        if (_unbent is not { } last) return;
        _unbent = null;
        if (_before?.Place is { } a && module.Place is { } b && a.Parent == b.Parent && b.Number == a.Number + 1) return;
        var output = _graph.Fresh("activation");
        _graph.Layer("activation", output, ("function", _graph.Ask($"between {last} and {module}", $"the function here: {Functions}; remove this layer if there is none", null, "function")), ("input", Q(_value)));
        _value = output;
    }

    private void End()
    {
        if (_unbent is { } last) _graph.Guess($"no function after {last}, such as softmax or sigmoid: it has no weights; add it here if the model has one");
        if (_options.IsKeras) To(Form.Steps);
        _graph.Outputs.Add(("output", Q(_value)));
    }

    /// <summary>Turns a value where layers take the steps along another axis.</summary>
    private void To(Form form)
    {
        if (_form is not (Form.Steps or Form.Channels) || _form == form) return;
        _value = _graph.Layer("transpose", _graph.Fresh(form == Form.Channels ? "channels" : "steps"), ("input", Q(_value)), ("order", "[0, 2, 1]"));
        _form = form;
    }

    private void Put(string kind, Module module, params (string Key, string? Json)[] members) => Put(kind, module, "input", members);

    private void Put(string kind, Module module, string input, params (string Key, string? Json)[] members) =>
        _value = _graph.Layer(kind, _graph.Fresh(Stem(module)), [(input, Q(_value)), Weights(module), .. members]);

    /// <summary>The module's name, or the names of its tensors if they are not those of PyTorch.</summary>
    public static (string Key, string? Json) Weights(Module module) =>
        module.Tensors.All(tensor => tensor.IsPlain || !tensor.Module.Equals(module.Path, StringComparison.Ordinal))
            ? ("weights", module.Path.Length == 0 ? null : Q(module.Path))
            : ("tensors", $"{{ {string.Join(", ", module.Tensors.DistinctBy(tensor => tensor.Role).Select(tensor => $"{Q(tensor.Role)}: {Q(tensor.Tensor.Name)}"))} }}");

    /// <summary>A value's name after the module: its last part, or the last two if that is a number.</summary>
    private static string Stem(Module module)
    {
        var parts = module.Path.Split('.', '/');
        return DraftGraph.OneLine(module.Path.Length == 0 ? module.Kind.ToString().ToLowerInvariant() : parts.Length > 1 && module.Place is not null ? $"{parts[^2]}_{parts[^1]}" : parts[^1]);
    }
}
