using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>ONNX's Attention as matrix products: for each head Y = softmax(mask(cap(scale·Q·Kᵀ)))·V. K and V are appended to the cache.</summary>
/// <remarks>
/// <para>With fewer heads of K and V than of Q (grouped queries), the queries of a group become rows of one product. This is a view of
/// Q; repeating K and V would copy them. Ainslie et al. 2023, arXiv:2305.13245.</para>
/// <para>The operator follows its errata. The cap comes before the mask. qk_matmul_output is the product (mode 0), capped (1),
/// masked (2) or after the softmax (3). A causal query i attends to key j ≤ i + offset. The offset is the length of the past; if
/// valid lengths are given, it is that length less the number of queries. A query that attends to no key gives zeros.</para>
/// </remarks>
internal sealed class DecomposeAttention
{
    private readonly IrNode _node;
    private readonly Evaluator _evaluator;
    private readonly Expansion _x;
    private readonly IrShape _shape;
    private readonly int _heads;
    private readonly int _groups;

    private DecomposeAttention(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        (_node, _evaluator, _x) = (node, evaluator, new Expansion(node, graph));
        foreach (var attribute in node.Attributes.Keys)
        {
            // softmax_precision requests at least 16 bits; the runtime always computes in 32.
            if (attribute is not ("is_causal" or "kv_num_heads" or "q_num_heads" or "qk_matmul_output_mode" or "scale" or "softcap" or "softmax_precision"))
                throw new UnsupportedException($"the attribute {attribute} is not supported");
        }

        _shape = evaluator.ShapeOf(node.Input(0));
        if (_shape.Rank is not (3 or 4)) throw new ShapeFault($"Q has shape {_shape}; three or four dimensions are needed.");
        for (var i = 0; i < 3; i++)
        {
            var shape = evaluator.ShapeOf(node.Input(i));
            if (shape.Type != ElementType.Float32) throw new UnsupportedException($"attention in {shape.Type.Name()} is not supported; it must be in float32");
            if (shape.Rank != _shape.Rank) throw new ShapeFault($"Q has shape {_shape} and {(i == 1 ? 'K' : 'V')} has shape {shape}; they need the same number of dimensions.");
        }

        _heads = HeadCount("q_num_heads", 0);
        _groups = HeadCount("kv_num_heads", 1);
        if (_heads % _groups != 0) throw new ShapeFault($"{_heads} heads of queries cannot share {_groups} heads of keys.");
    }

    /// <summary>The keys of previous calls.</summary>
    private string Past => _node.Input(4);

    /// <summary>The number of valid keys of each batch.</summary>
    private string Valid => _node.Input(6);

    private bool IsPacked => _shape.Rank == 3;

    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator) => new DecomposeAttention(node, graph, evaluator).Nodes();

    private List<IrNode> Nodes()
    {
        var query = ByHead(Scaled(_node.Input(0)), 0, _heads);
        var key = Cached(ByHead(_node.Input(1), 1, _groups), Past, 1);
        var value = Cached(ByHead(_node.Input(2), 2, _groups), _node.Input(5), 2);
        var mode = _node.Int("qk_matmul_output_mode", 0);
        if (mode is < 0 or > 3) throw new ShapeFault($"qk_matmul_output_mode is {mode}; it must be from 0 to 3.");

        var scores = Regrouped(_x.Add("MatMul", [Regrouped(query, _groups), _x.Add("Transpose", [key], ("perm", new long[] { 0, 1, 3, 2 }))]), _heads);
        var capped = Capped(scores);
        var bias = Bias(key);
        var visible = Visible(query, key);
        var masked = bias.Length == 0 ? capped : _x.Add("Add", [capped, bias]);
        if (visible.Length > 0) masked = _x.Add("Where", [visible, masked, _x.Scalar(float.NegativeInfinity)]);
        var weights = Seen(_x.Add("Softmax", [masked], ("axis", -1L)), bias, visible);

        if (_node.Output(3).Length > 0) _x.Into(_node.Output(3), "Identity", [mode switch { 0 => scores, 1 => capped, 2 => masked, _ => weights }]);
        var result = Regrouped(_x.Add("MatMul", [Regrouped(weights, _groups), value]), _heads);
        if (!IsPacked) return _x.Finish(result);
        return _x.Finish(_x.Add("Reshape", [_x.Add("Transpose", [result], ("perm", new long[] { 0, 2, 1, 3 })), _x.Vector(0, 0, -1)]));
    }

    private int HeadCount(string attribute, int input)
    {
        var count = IsPacked ? -1 : _evaluator.ShapeOf(_node.Input(input)).Sizes[1];
        if (count < 0) count = _node.Int32(attribute, -1);
        if (count >= 1) return count;
        throw IsPacked ? new ShapeFault($"{attribute} must be given where Q has three dimensions.") : new UnsupportedException("the number of heads must be fixed");
    }

    /// <summary>Multiplies Q by the scale: Q is smaller than the scores when a step attends to a long past.</summary>
    private string Scaled(string query)
    {
        var size = _shape.Sizes[^1];
        if (IsPacked && size % _heads != 0 && size >= 0) throw new ShapeFault($"Q of shape {_shape} cannot be divided into {_heads} heads of equal size.");
        if (!_node.Has("scale") && size < 0) throw new UnsupportedException("the size of the heads must be fixed");
        var scale = _node.Float("scale", 1 / MathF.Sqrt(IsPacked ? size / _heads : size));
        return _x.Add("Mul", [query, _x.Scalar(scale)]);
    }

    private string Capped(string scores)
    {
        var cap = _node.Float("softcap", 0);
        return !(cap > 0) ? scores : _x.Add("Mul", [_x.Add("Tanh", [_x.Add("Mul", [scores, _x.Scalar(1 / cap)])]), _x.Scalar(cap)]);
    }

    /// <summary>An input of either layout as [batch, heads, steps, size].</summary>
    private string ByHead(string value, int input, int heads)
    {
        if (!IsPacked) return value;
        var size = _evaluator.ShapeOf(_node.Input(input)).Sizes[2];
        if (size >= 0 && size % heads != 0) throw new ShapeFault($"{size} features of input {input} cannot be divided into {heads} heads of equal size.");
        return _x.Add("Transpose", [_x.Add("Reshape", [value, _x.Vector(0, 0, heads, size < 0 ? -1 : size / heads)])], ("perm", new long[] { 0, 2, 1, 3 }));
    }

    /// <summary>K or V appended to its past. The result is also the output that the next call gets as its past.</summary>
    private string Cached(string value, string past, int output)
    {
        if (past.Length > 0) value = _x.Add("Concat", [past, value], ("axis", 2L));
        if (_node.Output(output).Length > 0) _x.Into(_node.Output(output), "Identity", [value]);
        return value;
    }

    /// <summary>A view of [batch, heads, rows, columns] with this number of heads. Fewer heads give more rows.</summary>
    private string Regrouped(string value, int heads) => _heads == _groups ? value : _x.Add("Reshape", [value, _x.Vector(0, heads, -1, 0)]);

    /// <summary>The mask, padded to the length of the keys, if it holds numbers; otherwise empty.</summary>
    private string Bias(string key)
    {
        if (_node.Input(3).Length == 0 || _evaluator.ShapeOf(_node.Input(3)).Type == ElementType.Bool) return "";
        var mask = _evaluator.ShapeOf(_node.Input(3)).Type == ElementType.Float32 ? _node.Input(3) : _x.Cast(_node.Input(3), ElementType.Float32);
        return AsLongAs(key, mask, IrTensor.Of([], float.NegativeInfinity));
    }

    /// <summary>Which keys a query attends to: by a mask of bools, the valid lengths, and the causal order. Empty if it attends to all.</summary>
    private string Visible(string query, string key)
    {
        var (queries, keys) = (Steps(0), Steps(1));
        var isCausal = _node.Int("is_causal", 0) != 0;
        var isStep = Array.TrueForAll(queries, q => q == 1);
        var visible = "";
        if (_node.Input(3).Length > 0 && _evaluator.ShapeOf(_node.Input(3)).Type == ElementType.Bool) visible = AsLongAs(key, _node.Input(3), IrTensor.Of([], false));
        // The last query attends to all valid keys, and to all of the past and itself.
        if (Valid.Length > 0 && (!isCausal || isStep || Past.Length > 0)) visible = Both(visible, _x.Add("Less", [Count(key), _x.Add("Reshape", [Valid, _x.Vector(-1, 1, 1, 1)])]));
        var isLast = isStep && (Past.Length > 0 ? Array.TrueForAll(keys, k => k == 1) : Valid.Length > 0);
        return isCausal && !isLast ? Both(visible, Causal(query, key)) : visible;
    }

    /// <summary>j ≤ i + offset as [queries, keys], or for each batch as [batch, 1, queries, keys].</summary>
    private string Causal(string query, string key)
    {
        var last = _x.Add("Reshape", [Count(query), _x.Vector(-1, 1)]);
        if (Past.Length > 0) last = _x.Add("Add", [last, Length(Past)]);
        else if (Valid.Length > 0) last = _x.Add("Add", [last, _x.Add("Sub", [_x.Add("Reshape", [Valid, _x.Vector(-1, 1, 1, 1)]), Length(query)])]);
        return _x.Add("LessOrEqual", [Count(key), last]);
    }

    /// <summary>The weights, with zeros where the mask forbids every key and the softmax is NaN.</summary>
    private string Seen(string weights, string bias, string visible)
    {
        if (bias.Length > 0) visible = Both(visible, _x.Add("Greater", [bias, _x.Scalar(float.NegativeInfinity)]));
        // With the causal order alone, a query attends at least to the first key.
        return _node.Input(3).Length == 0 && Valid.Length == 0 ? weights : _x.Add("Where", [visible, weights, _x.Scalar(0)]);
    }

    /// <summary>The mask, padded where it may be shorter than the keys.</summary>
    private string AsLongAs(string key, string mask, IrTensor fill)
    {
        var rank = _evaluator.ShapeOf(_node.Input(3)).Rank;
        var given = _evaluator.SizesOf(_node.Input(3), rank - 1);
        var needed = Past.Length == 0 ? Steps(1) : [.. Steps(1).Zip(_evaluator.SizesOf(Past, 2), (now, past) => now + past)];
        if (given.AsSpan().SequenceEqual(needed)) return mask;
        var missing = _x.Add("Sub", [Length(key), _x.Add("Shape", [mask], ("start", -1L))]);
        var pads = _x.Add("Concat", [_x.Vector(0), _x.Add("Max", [missing, _x.Vector(0)])], ("axis", 0L));
        return _x.Add("Pad", [mask, pads, _x.Constant(fill), _x.Vector(-1)]);
    }

    /// <summary>The number of steps of an input at each probe.</summary>
    private int[] Steps(int input) => _evaluator.SizesOf(_node.Input(input), IsPacked ? 1 : 2);

    /// <summary>The number of steps of a value that is split into heads.</summary>
    private string Length(string value) => _x.Add("Shape", [value], ("start", 2L), ("end", 3L));

    private string Count(string value) => _x.Add("Range", [_x.Vector(0), Length(value), _x.Vector(1)]);

    private string Both(string a, string b) => a.Length == 0 ? b : _x.Add("And", [a, b]);
}
