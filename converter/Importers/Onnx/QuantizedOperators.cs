using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Replaces quantized operators that are one node (ONNX's QLinear… and those of ONNX Runtime's quantizers) by their meaning:
/// <c>DequantizeLinear</c>, the plain operator, <c>QuantizeLinear</c>. <see cref="Dequantization"/> handles only these.
/// </summary>
internal sealed class QuantizedOperators
{
    private const string Own = "com.microsoft.";

    /// <summary>The operators' names with their domain.</summary>
    public static HashSet<string> Names { get; } =
    [
        "QLinearMatMul", "QLinearConv", .. new[]
        {
            "QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearConcat", "QLinearGlobalAveragePool",
            "QLinearAveragePool", "QLinearWhere", "QGemm", "QAttention", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits",
        }.Select(name => Own + name),
    ];

    private readonly IrNode _node;
    private readonly Func<string, IrTensor?> _constantOf;
    private readonly IrGraph _graph;
    private readonly Expansion _x;

    private QuantizedOperators(IrNode node, IrGraph graph, Func<string, IrTensor?> constantOf)
    {
        (_node, _graph, _constantOf, _x) = (node, graph, constantOf, new Expansion(node, graph));
    }

    /// <summary>The nodes that replace this one. Null for other operators.</summary>
    public static List<IrNode>? Apply(IrNode node, IrGraph graph, Func<string, IrTensor?> constantOf)
    {
        if (!Names.Contains(node.Op)) return null;
        return new QuantizedOperators(node, graph, constantOf).Nodes(node.Op.Split('.')[^1]);
    }

    private List<IrNode> Nodes(string op)
    {
        switch (op)
        {
            case "QuantizeLinear" or "DequantizeLinear":
                // The operator became ONNX's own in opset 10; the domain's form remains for 16 bits and older files.
                _node.Op = op;
                return [_node];
            case "QLinearMatMul": return Quantized(6, _x.Add("MatMul", [Real(0, axis: -2), Real(3, axis: -1)]));
            case "QLinearConv": return Convolution();
            case "QLinearAdd" or "QLinearMul": return Quantized(6, _x.Add(op[7..], [Real(0), Real(3)]));
            case "QLinearSigmoid" or "QLinearLeakyRelu" or "QLinearAveragePool": return Unary(op[7..]);
            case "QLinearSoftmax": return Softmax();
            case "QLinearGlobalAveragePool": return Unary("GlobalAveragePool");
            case "QLinearConcat": return Quantized(0, _x.Add("Concat", [.. Enumerable.Range(0, Math.Max(0, _node.Inputs.Count - 2) / 3).Select(i => Real(2 + 3 * i))], ("axis", _node.Int("axis", 0))));
            case "QLinearWhere": return Quantized(7, _x.Add("Where", [Need(0), Real(1), Real(4)]));
            case "QGemm": return Gemm();
            case "QAttention": return Attention();
            case "DynamicQuantizeLSTM": return Lstm();
            case "DynamicQuantizeMatMul": return WithBias(_x.Add("MatMul", [Need(0), Weights(Need(1), Need(2), _node.Input(3), -1)]), 4);
            case "MatMulIntegerToFloat": return WithBias(_x.Add("MatMul", [Real(Need(0), Need(2), _node.Input(4), 0), Weights(Need(1), Need(3), _node.Input(5), -1)]), 6);
            default: return PackedProduct();
        }
    }

    /// <summary>The real value of three consecutive inputs: integers, scale, zero point.</summary>
    private string Real(int input, int axis = 1) => Real(Need(input), Need(input + 1), _node.Input(input + 2), axis);

    private string Real(string integers, string scale, string zero, int axis) => _x.Add("DequantizeLinear", [integers, scale, zero], ("axis", (long)axis));

    /// <summary>The same for weights. The value keeps the integers' name, so that reports and options can use it.</summary>
    private string Weights(string integers, string scale, string zero, int axis) =>
        _x.Into(_graph.Fresh(integers), "DequantizeLinear", [integers, scale, zero], ("axis", (long)axis));

    private List<IrNode> Quantized(int scale, string value)
    {
        _x.Into(_node.Output(0), "QuantizeLinear", [value, Need(scale), _node.Input(scale + 1)]);
        return _x.Nodes;
    }

    private List<IrNode> Unary(string op)
    {
        if (_node.Int("channels_last", 0) != 0) throw Fault("channels in the last dimension are not supported");
        return Quantized(3, _x.Add(op, [Real(0)], [.. _node.Attributes.Where(a => a.Key != "channels_last").Select(a => (a.Key, a.Value))]));
    }

    private List<IrNode> WithBias(string product, int bias) => _x.Finish(_node.Input(bias).Length == 0 ? product : _x.Add("Add", [product, _node.Input(bias)]));

    private List<IrNode> Softmax()
    {
        var soft = new List<(string, object)> { ("axis", _node.Int("axis", -1)) };
        if (_node.Int("opset", 13) < 13) soft.Add(("coerce_to_2d", 1L));
        return Quantized(3, _x.Add("Softmax", [Real(0)], [.. soft]));
    }

    private List<IrNode> Convolution()
    {
        var bias = _node.Input(8).Length == 0 ? "" : Real(_node.Input(8), _x.Add("Mul", [Need(1), Need(4)]), "", 0);
        return Quantized(6, _x.Add("Conv", [Real(0), Weights(Need(3), Need(4), _node.Input(5), 0), bias], [.. _node.Attributes.Select(a => (a.Key, a.Value))]));
    }

    private List<IrNode> Gemm()
    {
        var isTransposed = _node.Int("transB", 0) != 0;
        var c = _node.Input(6).Length == 0 ? "" : Real(_node.Input(6), _x.Add("Mul", [Need(1), Need(4)]), "", 0);
        // The scale of the integers C is the product of both scales and alpha.
        var product = _x.Add("Gemm", [Real(0), Weights(Need(3), Need(4), _node.Input(5), isTransposed ? 0 : 1)], [.. _node.Attributes.Select(a => (a.Key, a.Value))]);
        if (c.Length > 0) product = _x.Add("Add", [product, _node.Float("alpha", 1) == 1 ? c : _x.Add("Mul", [c, _x.Scalar(_node.Float("alpha", 1))])]);
        return _node.Input(7).Length == 0 ? _x.Finish(product) : Quantized(7, product);
    }

    private List<IrNode> Attention()
    {
        var plain = new IrNode(_node.Name, Own + "Attention", [Real(Need(0), Need(3), _node.Input(6), 0), Weights(Need(1), Need(4), _node.Input(7), -1), _node.Input(2), _node.Input(5), _node.Input(8)], _node.Outputs);
        foreach (var (key, value) in _node.Attributes) plain.Attributes[key] = value;
        _x.Nodes.Add(plain);
        return _x.Nodes;
    }

    /// <summary>W [directions, input, 4·hidden] and R [directions, hidden, 4·hidden] are the transposes of ONNX's, with a scale for each direction or each row.</summary>
    private List<IrNode> Lstm()
    {
        var inputs = _node.Inputs.Take(8).ToList();
        while (inputs.Count < 3) inputs.Add("");
        inputs[1] = Recurrent(1, 8, 9);
        inputs[2] = Recurrent(2, 10, 11);
        var plain = new IrNode(_node.Name, RecurrentOp.Lstm.Name, inputs, _node.Outputs);
        foreach (var (key, value) in _node.Attributes) plain.Attributes[key] = value;
        _x.Nodes.Add(plain);
        return _x.Nodes;
    }

    private string Recurrent(int input, int scale, int zero)
    {
        string Along(string value) => Constant(value).Shape.Length switch
        {
            1 => _x.Add("Unsqueeze", [value, _x.Vector(1, 2)]),
            2 => _x.Add("Unsqueeze", [value, _x.Vector(1)]),
            _ => throw Fault($"'{value}' has shape [{string.Join(", ", Constant(value).Shape)}]; it must have one value for each direction, or for each row of each direction"),
        };
        var scales = Need(scale);
        if (Constant(Need(input)).Shape.Length != 3) throw Fault($"'{_node.Input(input)}' has shape [{string.Join(", ", Constant(_node.Input(input)).Shape)}]; it must have three dimensions");
        var integers = _x.Cast(_node.Input(input), ElementType.Float32);
        if (_node.Input(zero).Length > 0) integers = _x.Add("Sub", [integers, _x.Cast(Along(_node.Input(zero)), ElementType.Float32)]);
        return _x.Into(_graph.Fresh(_node.Input(input)), "Transpose", [_x.Add("Mul", [integers, Along(scales)])], ("perm", new long[] { 0, 2, 1 }));
    }

    /// <summary>Weights of few bits in blocks: [N, blocks, bytes], the lowest bits of a byte first.</summary>
    private List<IrNode> PackedProduct()
    {
        var (k, n, bits, block) = (Size("K"), Size("N"), _node.Int("bits", 4), Size("block_size"));
        if (_node.Input(4).Length > 0) throw Fault("an order of groups (g_idx) is not supported");
        if (bits is not (2 or 4 or 8)) throw Fault($"weights of {bits} bits are not supported");
        var blocks = (k + block - 1) / block;
        var packed = Constant(Need(1)).Data.ToArray();
        var scales = Constant(Need(2)).ToFloats();
        var perByte = 8 / (int)bits;
        if (packed.Length != (long)n * blocks * (block / perByte) || block % perByte != 0 || scales.Length != (long)n * blocks) throw Fault($"{packed.Length} bytes of weights and {scales.Length} scales do not make {n} × {k} weights in blocks of {block}");
        var zero = ZeroPoints(n, blocks, (int)bits);
        if ((long)n * k > int.MaxValue) throw Fault($"{n} × {k} weights are more than a tensor can have");
        var weights = new float[n * k];
        for (var i = 0; i < weights.Length; i++)
        {
            var (row, column) = (i / k, i % k);
            var at = (long)row * blocks * block + column;
            var b = row * blocks + column / block;
            weights[i] = (Packed(packed, at, (int)bits) - zero(row, column / block)) * scales[b];
        }

        var matrix = _x.Into(_graph.Fresh(_node.Input(1)), "Constant", [], ("value", IrTensor.Of([n, k], weights.AsSpan())));
        return WithBias(_x.Add("MatMul", [Need(0), _x.Into(_graph.Fresh(_node.Input(1)), "Transpose", [matrix], ("perm", new long[] { 1, 0 }))]), 5);
    }

    private Func<int, int, float> ZeroPoints(int rows, int blocks, int bits)
    {
        if (_node.Input(3).Length == 0) return (_, _) => 1 << (bits - 1);
        var zero = Constant(_node.Input(3));
        if (zero.Type is ElementType.Float32 or ElementType.Float64)
        {
            var values = zero.ToFloats();
            return values.Length == (long)rows * blocks ? (row, block) => values[row * blocks + block] : throw Fault($"it has {values.Length} zero points, but {rows} × {blocks} blocks");
        }

        var bytes = (blocks * bits + 7) / 8;
        if (zero.Data.Length != (long)rows * bytes) throw Fault($"it has {zero.Data.Length} bytes of zero points; {rows} × {blocks} blocks need {(long)rows * bytes}");
        var points = zero.Data.ToArray();
        return (row, block) => Packed(points, (long)row * bytes * 8 / bits + block, bits);
    }

    private static int Packed(byte[] data, long index, int bits) => data[index * bits / 8] >> (int)(index * bits % 8) & ((1 << bits) - 1);

    private int Size(string attribute)
    {
        var size = _node.Int(attribute, 0);
        return size is >= 1 and <= 1 << 24 ? (int)size : throw Fault($"{attribute} is {size}; it must be from 1 to {1 << 24}");
    }

    private IrTensor Constant(string value) => _constantOf(value) ?? throw Fault($"'{value}' must be a constant");

    private string Need(int input) => _node.Input(input) is { Length: > 0 } value ? value : throw Fault($"input {input} is missing");

    private ConversionException Fault(string what) => new($"Node {_node}: {what}.");
}
