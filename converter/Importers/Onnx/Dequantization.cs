using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Turns a quantized model into a plain one: removes the rounding of activations and replaces integer weights by the numbers that they
/// represent. The converter then stores them as requested. Integers that are never dequantized stay unchanged.
/// </summary>
/// <remarks>
/// A value that is quantized and dequantized with the same constants is only clipped to its integers' range, which may stand for a Relu that
/// the quantizer removed. A product of dynamically quantized activations becomes the product of the activations.
/// </remarks>
internal sealed class Dequantization
{
    /// <summary>The largest depth of a chain of nodes.</summary>
    private const int Depth = 16;

    /// <summary>Operators that move their first input's elements unchanged to their output.</summary>
    private static readonly HashSet<string> s_moves = ["Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Gather", "Expand", "Tile"];

    private readonly IrGraph _graph;
    private readonly Dequantization? _outer;
    private readonly Counts _counts;
    private readonly Dictionary<string, string> _clipped = [];
    private readonly List<IrNode> _nodes = [];
    private Dictionary<string, IrNode> _producers;

    private Dequantization(IrGraph graph, Dequantization? outer, Counts counts)
    {
        (_graph, _outer, _counts) = (graph, outer, counts);
        _producers = graph.Producers();
        var nodes = graph.Nodes.SelectMany(n => QuantizedOperators.Apply(n, graph, ConstantOf) ?? [n]).ToList();
        graph.Nodes.Clear();
        graph.Nodes.AddRange(nodes);
        _producers = graph.Producers();
    }

    public static void Apply(IrGraph graph, List<string> notes)
    {
        var counts = new Counts();
        new Dequantization(graph, null, counts).Run();
        if (counts.Pairs > 0) notes.Add($"{graph.Name}: {counts.Pairs} values that the file rounds to 8 bits and back are only clipped to the 8-bit range; full precision costs nothing here");
        if (counts.Products > 0) notes.Add($"{graph.Name}: {counts.Products} products quantize their activations dynamically in the file; here they use the activations as they are. --weights chooses the storage of the weights");
    }

    private void Run()
    {
        foreach (var node in _graph.Nodes)
        {
            foreach (var inner in node.Attributes.Values.OfType<IrGraph>()) new Dequantization(inner, this, _counts).Run();
            var replaced = node.Op switch
            {
                "DequantizeLinear" => Pair(node),
                "Mul" => Product(node),
                _ => false,
            };
            if (!replaced) _nodes.Add(node);
        }

        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(_nodes);
    }

    private bool Pair(IrNode node)
    {
        if (node.Int("block_size", 0) != 0 || ConstantOf(node.Input(0)) is not null || RealOf(node.Input(0), node, 0) is not { } real) return false;
        _nodes.Add(new IrNode(node.Name, "Identity", [real], [node.Output(0)]));
        return true;
    }

    /// <summary>The real value from which integers were quantized. Null if there is none.</summary>
    private string? RealOf(string integers, IrNode by, int depth)
    {
        if (ConstantOf(integers) is not null) return IsScalar(by.Input(1)) ? Added(_graph.Fresh(integers), "DequantizeLinear", [integers, by.Input(1), by.Input(2)]) : null;
        if (depth > Depth || Producer(integers) is not { } maker) return null;
        if (maker.Op == "QuantizeLinear") return Clipped(maker, by);
        if (maker.Op == "DynamicQuantizeLinear")
        {
            if (integers != maker.Output(0) || by.Input(1) != maker.Output(1) || by.Input(2) != maker.Output(2)) return null;
            _counts.Products++;
            return maker.Input(0);
        }

        if (!s_moves.Contains(maker.Op) || !IsSameEverywhere(by) || RealOf(maker.Input(0), by, depth + 1) is not { } moved) return null;
        var clone = maker.With([moved, .. maker.Inputs.Skip(1)], [_graph.Fresh(maker.Name)]);
        _nodes.Add(clone);
        return clone.Output(0);
    }

    private string? Clipped(IrNode quantize, IrNode by)
    {
        // Constants are rounded at conversion, as the file says.
        if (ConstantOf(quantize.Input(0)) is not null) return null;
        if (!AreEqual(quantize.Input(1), by.Input(1)) || ConstantOf(quantize.Input(1)) is not { Count: 1 } scale) return null;
        if (quantize.Input(2).Length + by.Input(2).Length > 0 && !AreEqual(quantize.Input(2), by.Input(2))) return null;
        var zero = quantize.Input(2).Length == 0 ? IrTensor.Of([], (byte)0) : ConstantOf(quantize.Input(2))!;
        if (zero.Type is not (ElementType.UInt8 or ElementType.Int8) || zero.Count != 1 || quantize.Int("output_dtype", 0) is not (0 or 2 or 3)) return null;
        if (quantize.Input(2).Length == 0 && quantize.Int("output_dtype", 2) == 3) zero = IrTensor.Of([], (sbyte)0);
        if (_clipped.TryGetValue(quantize.Output(0), out var clipped)) return clipped;
        var (least, most) = zero.Type == ElementType.UInt8 ? (0, 255) : (-128, 127);
        float Limit(int integer) => (integer - zero.Integers()[0]) * scale.ToFloats()[0];
        _counts.Pairs++;
        return _clipped[quantize.Output(0)] = Added(_graph.Fresh(quantize.Name), "Clip", [quantize.Input(0), _graph.Constant(quantize.Name, IrTensor.Of([], Limit(least))), _graph.Constant(quantize.Name, IrTensor.Of([], Limit(most)))]);
    }

    /// <summary>Replaces Cast(MatMulInteger(quantized, …))·(scale·…) by the product of the real values and the remaining factors.</summary>
    private bool Product(IrNode mul)
    {
        var factors = new List<string>();
        if (!Factors(mul, factors, 0)) return false;
        for (var i = 0; i < factors.Count; i++)
        {
            if (Producer(factors[i]) is not { Op: "Cast" } cast || cast.Int("to", 0) != 1 || Producer(cast.Input(0)) is not { Op: "MatMulInteger" or "ConvInteger" } product) continue;
            var rest = factors.Where((_, at) => at != i).ToList();
            if (Side(product, 0, rest) is not { } a || Side(product, 1, rest) is not { } b || rest.Count == factors.Count - 1) continue;
            var op = product.Op == "ConvInteger" ? "Conv" : "MatMul";
            var (left, right) = (a(), b());
            var last = rest.Count == 0 ? mul.Output(0) : _graph.Fresh(mul.Name);
            var real = new IrNode(product.Name, op, [left, right], [last]);
            if (op == "Conv") foreach (var (key, value) in product.Attributes) real.Attributes[key] = value;
            _nodes.Add(real);
            for (var at = 0; at < rest.Count; at++)
            {
                var output = at == rest.Count - 1 ? mul.Output(0) : _graph.Fresh(mul.Name);
                _nodes.Add(new IrNode(mul.Name, "Mul", [last, rest[at]], [output]));
                last = output;
            }

            _counts.Products++;
            return true;
        }

        return false;
    }

    /// <summary>All factors of a product, at most <see cref="Depth"/>.</summary>
    private bool Factors(IrNode mul, List<string> factors, int depth)
    {
        foreach (var input in mul.Inputs)
        {
            if (depth < Depth && Producer(input) is { Op: "Mul" } inner)
            {
                if (!Factors(inner, factors, depth + 1)) return false;
            }
            else
            {
                factors.Add(input);
            }
        }

        return factors.Count <= Depth;
    }

    /// <summary>One operand in real numbers, made on demand. For a dynamically quantized operand its scale must be among the factors and is removed from them; integers are reduced by their zero point.</summary>
    private Func<string>? Side(IrNode product, int side, List<string> factors)
    {
        var (value, zero) = (product.Input(side), product.Input(side + 2));
        if (Producer(value) is { Op: "DynamicQuantizeLinear" } dynamic && value == dynamic.Output(0))
            return zero == dynamic.Output(2) && factors.Remove(dynamic.Output(1)) ? () => dynamic.Input(0) : null;
        if (ConstantOf(value) is not { } integers) return null;
        if (zero.Length > 0 && ConstantOf(zero) is not { Shape.Length: <= 1 }) return null;
        var isVector = zero.Length > 0 && ConstantOf(zero)!.Count != 1;
        if (isVector && side == 0) return null;
        // Zero points for each column of a matrix or each output channel of a convolution; DequantizeLinear with scale 1 supports both.
        return () => Added(
            _graph.Fresh(value),
            "DequantizeLinear",
            [value, _graph.Constant(product.Name, isVector ? IrTensor.Of([ConstantOf(zero)!.Count], [.. Enumerable.Repeat(1f, ConstantOf(zero)!.Count)]) : IrTensor.Of([], 1f)), zero],
            ("axis", product.Op == "ConvInteger" ? 0L : integers.Shape.Length - 1L));
    }

    private string Added(string output, string op, string[] inputs, params (string Key, object Value)[] attributes)
    {
        var node = new IrNode(output, op, inputs, [output]);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        _nodes.Add(node);
        return output;
    }

    private IrNode? Producer(string value) => _producers.TryGetValue(value, out var node) ? node : _outer?.Producer(value);

    private IrTensor? ConstantOf(string value)
    {
        if (value.Length == 0) return null;
        if (_graph.ConstantOf(value) is { } constant) return constant;
        return Producer(value) is { Op: "Constant" } node ? node.Attributes.GetValueOrDefault("value") as IrTensor : _outer?.ConstantOf(value);
    }

    private bool IsScalar(string value) => ConstantOf(value) is { Count: 1 };

    /// <summary>Whether all elements have the same scale and zero point, so that they may be moved before.</summary>
    private bool IsSameEverywhere(IrNode dequantize) => IsScalar(dequantize.Input(1)) || Producer(dequantize.Input(1)) is { Op: "DynamicQuantizeLinear" };

    private bool AreEqual(string a, string b) =>
        a == b || (ConstantOf(a) is { } first && ConstantOf(b) is { } second && first.Type == second.Type && first.Count == second.Count && first.Data.SequenceEqual(second.Data));

    private sealed class Counts
    {
        public int Pairs { get; set; }

        public int Products { get; set; }
    }
}
