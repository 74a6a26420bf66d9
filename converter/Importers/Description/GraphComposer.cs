using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Puts a graph together from layers: ONNX's operators over values known by name, weights from a file.</summary>
internal sealed class GraphComposer(string name, IReadOnlyDictionary<string, IrTensor> weights, string where)
{
    private readonly HashSet<string> _values = [];
    private LayerDescription? _layer;

    public IrGraph Graph { get; } = new(name);

    /// <summary>A value that layers may read.</summary>
    public void Declare(string value)
    {
        if (value.Length == 0) throw Fault("a value has an empty name");
        if (!_values.Add(value)) throw Fault($"the value '{value}' is made twice");
    }

    /// <summary>Adds a layer's nodes and declares what it makes.</summary>
    public void Add(LayerDescription layer)
    {
        _layer = layer;
        layer.Emit(this);
        Declare(layer.Output);
        _layer = null;
    }

    /// <summary>Checks that a value was made before it is read.</summary>
    public string Read(string value) => _values.Contains(value) ? value : throw Fault($"there is no value '{value}' at this point; there are {string.Join(", ", _values.Select(v => $"'{v}'"))}");

    /// <summary>Adds a node with one output; a null input is one left out.</summary>
    public string Op(string op, string?[] inputs, params (string Name, object Value)[] attributes) => Op(op, inputs, Graph.Fresh(_layer?.Output ?? op), attributes);

    /// <summary>Adds a node whose output has a given name.</summary>
    public string Op(string op, string?[] inputs, string output, params (string Name, object Value)[] attributes)
    {
        Ops(op, inputs, [output], attributes);
        return output;
    }

    /// <summary>Adds a node with several outputs.</summary>
    public void Ops(string op, string?[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        var node = new IrNode($"{_layer?.Output}/{op}", op, inputs.Select(i => i ?? ""), outputs);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        Graph.Nodes.Add(node);
    }

    public string Unsqueeze(string value, int axis) => Op("Unsqueeze", [value, Axes(axis)]);

    public string Squeeze(string value, int axis) => Op("Squeeze", [value, Axes(axis)]);

    public string Transpose(string value, params long[] order) => Op("Transpose", [value], ("perm", order));

    public string Axes(params long[] values) => Graph.Constant("axes", IrTensor.Vector(values));

    /// <summary>0, 1 … as int64, as many as a value is long along an axis.</summary>
    public string Places(string value, int axis)
    {
        var count = Squeeze(Op("Shape", [value], ("start", (long)axis), ("end", axis + 1L)), 0);
        return Op("Range", [Constant("zero", IrTensor.Of<long>([], 0)), count, Constant("one", IrTensor.Of<long>([], 1))]);
    }

    public string Constant(string stem, IrTensor tensor) => Graph.Constant(stem, tensor);

    /// <summary>x · Wᵀ of a row-major weight [outputs, inputs], as PyTorch's Linear has it; a vector counts as one output.</summary>
    public string Product(string value, IrTensor weight, string name)
    {
        if (weight.Shape.Length == 1) weight = weight.Reshaped(1, weight.Shape[0]);
        if (weight.Shape.Length != 2) throw Fault($"the weight '{name}' of shape [{string.Join(", ", weight.Shape)}] is no matrix");
        return Op("MatMul", [value, Constant(name, Transposed(weight))]);
    }

    /// <summary>Full name of the layer's weight: its prefix and its own name, or what the layer's map says.</summary>
    public string NameOf(string weight)
    {
        if (_layer!.Tensors.TryGetValue(weight, out var named)) return named;
        return _layer.Weights is { Length: > 0 } prefix ? $"{prefix}.{weight}" : weight;
    }

    /// <summary>A weight of the current layer as float32, or null where it is not there.</summary>
    public IrTensor? Optional(string weight)
    {
        if (Find(NameOf(weight)) is not { } tensor) return _layer!.Tensors.ContainsKey(weight) ? throw Missing(weight) : null;
        return tensor.Type == ElementType.Float32 ? tensor : IrTensor.Of<float>(tensor.Shape, tensor.ToFloats());
    }

    /// <summary>A weight of the current layer, with the rank it must have.</summary>
    public IrTensor Need(string weight, int rank)
    {
        var tensor = Optional(weight) ?? throw Missing(weight);
        return tensor.Shape.Length == rank ? tensor : throw Fault($"the tensor '{NameOf(weight)}' has shape [{string.Join(", ", tensor.Shape)}]; {rank} dimensions are needed");
    }

    public ConversionException Fault(string what) => new($"{where}: graph '{name}'{(_layer is null ? "" : $", layer '{_layer.Output}'")}: {what}.");

    public static IrTensor Transposed(IrTensor matrix)
    {
        var (rows, columns) = (matrix.Shape[0], matrix.Shape[1]);
        var from = matrix.Floats;
        var to = new float[from.Length];
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
        }

        return IrTensor.Of<float>([columns, rows], to);
    }

    private IrTensor? Find(string tensor)
    {
        if (weights.TryGetValue(tensor, out var whole)) return whole;
        var (of, ranges) = TensorSlice.Split(tensor);
        if (ranges is null || !weights.TryGetValue(of, out whole)) return null;
        try
        {
            return TensorSlice.Take(whole, ranges);
        }
        catch (FormatException fault)
        {
            throw Fault($"the tensor '{tensor}': {fault.Message}");
        }
    }

    private ConversionException Missing(string weight)
    {
        var wanted = NameOf(weight);
        var near = weights.Keys.Where(k => _layer!.Weights is { Length: > 0 } prefix && k.StartsWith(prefix, StringComparison.Ordinal)).Take(12).ToList();
        var those = near.Count > 0 ? near : weights.Keys.Take(12).ToList();
        return Fault($"there is no tensor '{wanted}' in the weight file; it has {string.Join(", ", those.Select(k => $"'{k}'"))}{(weights.Count > those.Count ? " …" : "")}");
    }
}
