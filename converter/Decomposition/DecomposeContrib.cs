using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>Replaces the fused operators of ONNX Runtime's optimizer (com.microsoft) by ONNX's own.</summary>
internal sealed class DecomposeContrib
{
    private const string Prefix = "com.microsoft.";

    /// <summary>The operators' names with their domain. SimplifiedLayerNormalization has none.</summary>
    public static HashSet<string> Names { get; } =
    [
        "SimplifiedLayerNormalization", .. new[]
        {
            "FusedMatMul", "FusedConv", "FusedGemm", "Gelu", "FastGelu", "BiasGelu", "QuickGelu", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization",
            "EmbedLayerNormalization", "Attention", "MultiHeadAttention", "ExpandDims",
        }.Select(name => Prefix + name),
    ];

    private readonly IrNode _node;
    private readonly Evaluator _evaluator;
    private readonly Expansion _x;

    private DecomposeContrib(IrNode node, IrGraph graph, Evaluator evaluator) => (_node, _evaluator, _x) = (node, evaluator, new Expansion(node, graph));

    private string X => Need(0);

    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator) => new DecomposeContrib(node, graph, evaluator).Nodes();

    private List<IrNode> Nodes()
    {
        switch (_node.Op.Split('.')[^1])
        {
            case "FusedMatMul": return FusedMatMul();
            case "FusedConv":
                var convolved = _x.Add("Conv", [X, Need(1), _node.Input(2)], Others("activation", "activation_params"));
                return _x.Finish(Activated(Plus(convolved, 3), _node.Attributes.GetValueOrDefault("activation_params") as float[] ?? []));
            case "FusedGemm":
                var product = _x.Add("Gemm", [X, Need(1), _node.Input(2)], Others("activation", "activation_alpha", "activation_beta", "activation_gamma"));
                return _x.Finish(Activated(product, [.. new[] { "activation_alpha", "activation_beta" }.Where(_node.Has).Select(key => _node.Float(key, 0))]));
            case "Gelu": return _x.Finish(_x.Add("Gelu", [X]));
            case "BiasGelu": return _x.Finish(_x.Add("Gelu", [Plus(X, 1)]));
            case "FastGelu": return _x.Finish(_x.Add("Gelu", [Plus(X, 1)], ("approximate", "tanh")));
            case "QuickGelu": return _x.Finish(_x.Add("Swish", [X], ("alpha", _node.Float("alpha", 1.702f))));
            case "SimplifiedLayerNormalization": return _x.Finish(_x.Add("RMSNormalization", [X, Need(1)], ("axis", _node.Int("axis", -1)), ("epsilon", _node.Float("epsilon", 1e-5f))));
            case "SkipLayerNormalization": return SkipNormalization("LayerNormalization", bias: 4, shift: 3);
            case "SkipSimplifiedLayerNormalization": return SkipNormalization("RMSNormalization", bias: 3, shift: -1);
            case "EmbedLayerNormalization": return Embedded();
            case "ExpandDims": return _x.Finish(_x.Add("Unsqueeze", [X, _x.Add("Reshape", [Need(1), _x.Vector(-1)])]));
            case "Attention": return Attention();
            default: return MultiHeadAttention();
        }
    }

    private string Need(int input) => _node.Input(input) is { Length: > 0 } value ? value : throw new ShapeFault($"input {input} is missing.");

    private (string, object)[] Others(params string[] but) => [.. _node.Attributes.Where(a => !but.Contains(a.Key)).Select(a => (a.Key, a.Value))];

    private string Plus(string value, int input) => _node.Input(input).Length == 0 ? value : _x.Add("Add", [value, _node.Input(input)]);

    private string Activated(string value, float[] parameters)
    {
        var name = _node.String("activation", "");
        (string, object)[] Named(params string[] keys) => [.. keys.Zip(parameters, (key, parameter) => (key, (object)parameter))];
        return name switch
        {
            "" => value,
            "Relu" or "Tanh" or "Sigmoid" or "Softplus" or "Softsign" => _x.Add(name, [value]),
            "LeakyRelu" or "Elu" or "ThresholdedRelu" => _x.Add(name, [value], Named("alpha")),
            "HardSigmoid" => _x.Add(name, [value], Named("alpha", "beta")),
            "Clip" when parameters.Length == 2 => _x.Add(name, [value, _x.Scalar(parameters[0]), _x.Scalar(parameters[1])]),
            "HardSwish" => _x.Add(name, [value]),
            _ => throw new UnsupportedException($"the activation {name} is not supported"),
        };
    }

    private List<IrNode> FusedMatMul()
    {
        if (_node.Int("transBatchA", 0) + _node.Int("transBatchB", 0) != 0) throw new UnsupportedException("transposed batches are not supported");
        string Side(int input, string attribute)
        {
            var rank = _evaluator.ShapeOf(Need(input)).Rank;
            return _node.Int(attribute, 0) == 0 || rank < 2 ? Need(input) : _x.Add("Transpose", [Need(input)], ("perm", (long[])[.. Enumerable.Range(0, rank - 2).Select(d => (long)d), rank - 1, rank - 2]));
        }

        var product = _x.Add("MatMul", [Side(0, "transA"), Side(1, "transB")]);
        return _x.Finish(_node.Float("alpha", 1) is var alpha && alpha == 1 ? product : _x.Add("Mul", [product, _x.Scalar(alpha)]));
    }

    private List<IrNode> SkipNormalization(string op, int bias, int shift)
    {
        if (_node.Output(1).Length + _node.Output(2).Length > 0) throw new UnsupportedException("mean and deviation as outputs are not supported");
        var sum = Plus(_x.Add("Add", [X, Need(1)]), bias);
        if (_node.Output(3).Length > 0) _x.Into(_node.Output(3), "Identity", [sum]);
        return _x.Finish(_x.Add(op, shift < 0 ? [sum, Need(2)] : [sum, Need(2), _node.Input(shift)], ("axis", -1L), ("epsilon", _node.Float("epsilon", 1e-12f))));
    }

    /// <summary>Looks up words, positions and segments, adds and normalizes them.</summary>
    private List<IrNode> Embedded()
    {
        if (_node.Output(1).Length > 0 && _node.Input(7).Length > 0) _x.Into(_node.Output(1), "ReduceSum", [_node.Input(7), _x.Vector(1)], ("keepdims", 0L));
        else if (_node.Output(1).Length > 0) _x.Into(_node.Output(1), "ReduceSum", [_x.Add("Mul", [X, _x.Cast(_x.Scalar(0), _evaluator.ShapeOf(X).Type)]), _x.Vector(1)], ("keepdims", 0L));
        var places = _node.Input(8);
        if (places.Length == 0) places = _x.Add("Range", [_x.Constant(IrTensor.Of([], 0L)), _x.Add("Squeeze", [_x.Add("Shape", [X], ("start", 1L), ("end", 2L))]), _x.Constant(IrTensor.Of([], 1L))]);
        var sum = _x.Add("Add", [_x.Add("Gather", [Need(2), X]), _x.Add("Gather", [Need(3), places])]);
        if (_node.Input(4).Length > 0) sum = _x.Add("Add", [sum, _x.Add("Gather", [_node.Input(4), Need(1)])]);
        if (_node.Output(2).Length > 0) _x.Into(_node.Output(2), "Identity", [sum]);
        return _x.Finish(_x.Add("LayerNormalization", [sum, Need(5), Need(6)], ("axis", -1L), ("epsilon", _node.Float("epsilon", 1e-12f))));
    }

    /// <summary>Computes Q, K and V by one product, followed by ONNX's Attention.</summary>
    private List<IrNode> Attention()
    {
        if (_node.Int("do_rotary", 0) != 0 || _node.Input(6).Length > 0) throw new UnsupportedException("rotary embeddings and shared caches are not supported");
        var packed = Plus(_x.Add("MatMul", [X, Need(1)]), 2);
        if (_evaluator.ShapeOf(Need(1)) is not { Rank: 2, Sizes: [_, var total] }) throw new ShapeFault($"its weights have shape {_evaluator.ShapeOf(Need(1))}; two dimensions are needed.");
        long[] sizes = _node.Ints("qkv_hidden_sizes") is { Length: 3 } given ? given : [total / 3, total / 3, total / 3];
        var parts = Parts(packed, -1, sizes);
        var heads = _node.Int("num_heads", 1);
        string pastKey = "", pastValue = "";
        if (_node.Input(4).Length > 0)
        {
            var past = Parts(_node.Input(4), 0, 1, 1);
            (pastKey, pastValue) = (_x.Add("Squeeze", [past[0], _x.Vector(0)]), _x.Add("Squeeze", [past[1], _x.Vector(0)]));
        }

        var (key, value) = _node.Output(1).Length == 0 ? ("", "") : (_x.Fresh(), _x.Fresh());
        Attend(parts[0], parts[1], parts[2], heads, Mask(_node.Input(3), _node.Input(5), pastKey), pastKey, pastValue, key, value);
        if (key.Length > 0) _x.Into(_node.Output(1), "Concat", [_x.Add("Unsqueeze", [key, _x.Vector(0)]), _x.Add("Unsqueeze", [value, _x.Vector(0)])], ("axis", 0L));
        return _x.Nodes;
    }

    private List<IrNode> MultiHeadAttention()
    {
        if (Enumerable.Range(0, 3).Any(i => _evaluator.ShapeOf(Need(i)).Rank != 3)) throw new UnsupportedException("packed queries, keys and values are not supported");
        if (_node.Inputs.Skip(8).Any(i => i.Length > 0)) throw new UnsupportedException("shared caches are not supported");
        string[] qkv = [X, Need(1), Need(2)];
        if (_node.Input(3).Length > 0)
        {
            var biases = Parts(_node.Input(3), 0, [.. qkv.Select(v => (long)_evaluator.ShapeOf(v).Sizes[2])]);
            for (var i = 0; i < 3; i++) qkv[i] = _x.Add("Add", [qkv[i], biases[i]]);
        }

        Attend(qkv[0], qkv[1], qkv[2], _node.Int("num_heads", 1), Mask(_node.Input(4), _node.Input(5), _node.Input(6)), _node.Input(6), _node.Input(7), _node.Output(1), _node.Output(2));
        return _x.Nodes;
    }

    private string[] Parts(string value, int axis, params long[] sizes)
    {
        if (Array.Exists(sizes, s => s < 0)) throw new UnsupportedException("the hidden size must be fixed");
        var names = Array.ConvertAll(sizes, _ => _x.Fresh());
        _x.Nodes.Add(new IrNode(_node.Name, "Split", [value, _x.Vector(sizes)], names) { Attributes = { ["axis"] = (long)axis } });
        return names;
    }

    private void Attend(string query, string key, string value, long heads, (string Mask, string Valid) seen, string pastKey, string pastValue, string presentKey, string presentValue)
    {
        var attention = new IrNode(_node.Name, "Attention", [query, key, value, seen.Mask, pastKey, pastValue, seen.Valid], [_node.Output(0), presentKey, presentValue])
        {
            Attributes = { ["q_num_heads"] = heads, ["kv_num_heads"] = heads, ["is_causal"] = _node.Int("unidirectional", 0) },
        };
        if (_node.Float("scale", 0) is var scale && scale != 0) attention.Attributes["scale"] = scale;
        _x.Nodes.Add(attention);
    }

    /// <summary>Which keys are attended to (0 or 1 for each key, or a count for each batch), and what is added to the scores.</summary>
    private (string Mask, string Valid) Mask(string keys, string bias, string past)
    {
        if (keys.Length == 0) return (bias, "");
        var shape = _evaluator.ShapeOf(keys);
        if (shape.Rank == 1)
        {
            if (_evaluator.ShapeOf(X).Rank == 0 || shape.Sizes[0] != _evaluator.ShapeOf(X).Sizes[0] || past.Length > 0) throw new UnsupportedException($"a mask of shape {shape} is not supported; give a mask that holds 0 or 1 for each key");
            return (bias, _x.Cast(keys, ElementType.Int64));
        }

        if (shape.Rank != 2) throw new UnsupportedException($"a mask of shape {shape} is not supported; give a mask that holds 0 or 1 for each key");
        var visible = _x.Add("Unsqueeze", [_x.Cast(keys, ElementType.Bool), _x.Vector(1, 2)]);
        if (bias.Length == 0) return (visible, "");
        return (_x.Add("Add", [bias, _x.Add("Where", [visible, _x.Scalar(0), _x.Scalar(_node.Float("mask_filter_value", -10000))])]), "");
    }
}
