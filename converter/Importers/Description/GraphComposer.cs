using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Builds a graph from layers: ONNX's operators over named values, with weights from a file.</summary>
internal sealed class GraphComposer(string name, WeightSet weights, Budget budget, string where)
{
    private readonly HashSet<string> _values = [];
    private readonly Dictionary<string, string> _shared = [];
    private readonly HashSet<string> _asked = [];
    private LayerDescription? _layer;
    private long _bytes;

    public IrGraph Graph { get; } = new(name) { Budget = budget };

    /// <summary>The name of the current layer. New nodes are named after it.</summary>
    public string Scope { get; set; } = "";

    /// <summary>The factor for integers of the weight file, unless the layer gives another.</summary>
    public float? Scale { get; init; }

    /// <summary>Notes for the user.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Integer tensors that were used unchanged.</summary>
    public HashSet<string> Unscaled { get; } = [];

    /// <summary>Whether an integer tensor was multiplied by a scale.</summary>
    public bool HasScaled { get; private set; }

    /// <summary>Whether the weights come from a Keras file.</summary>
    public bool IsKeras => weights.IsKeras;

    /// <summary>Declares a value that layers may read.</summary>
    public void Declare(string value)
    {
        if (value.Length == 0) throw Fault("a value has an empty name");
        if (!_values.Add(value)) throw Fault($"the value '{value}' is defined twice");
    }

    /// <summary>Whether a value was declared.</summary>
    public bool Knows(string value) => _values.Contains(value);

    /// <summary>Adds a layer's nodes and declares its output.</summary>
    public void Add(LayerDescription layer)
    {
        (_layer, Scope) = (layer, layer.Output);
        _asked.Clear();
        layer.Emit(this);
        if (layer.Tensors.Keys.FirstOrDefault(t => !_asked.Contains(t)) is { } unknown)
            throw Fault($"'tensors' names '{unknown}', but {(_asked.Count == 0 ? "the layer has no tensors" : $"the layer has no such tensor; it has {string.Join(", ", _asked.Select(t => $"'{t}'"))}")}");
        Declare(layer.Output);
        (_layer, Scope) = (null, "");
    }

    /// <summary>Checks that a value exists before it is read.</summary>
    public string Read(string value) => _values.Contains(value) ? value : throw Fault($"value '{value}' does not exist at this point; {(_values.Count == 0 ? "there are no values yet" : $"the values are {string.Join(", ", _values.Select(v => $"'{v}'"))}")}");

    /// <summary>Adds a node with one output. A null input is omitted.</summary>
    public string Op(string op, string?[] inputs, params (string Name, object Value)[] attributes) => Op(op, inputs, Graph.Fresh(Scope.Length > 0 ? Scope : op), attributes);

    /// <summary>Adds a node whose output has a given name.</summary>
    public string Op(string op, string?[] inputs, string output, params (string Name, object Value)[] attributes)
    {
        Ops(op, inputs, [output], attributes);
        return output;
    }

    /// <summary>Adds a node whose output must have the shape of one of its inputs.</summary>
    /// <param name="kept">The number of that input.</param>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Its inputs.</param>
    public string OpInShape(int kept, string op, params string[] inputs)
    {
        var output = Op(op, inputs);
        Graph.Nodes[^1].Marks = new IrMarks { KeepsShapeOf = kept };
        return output;
    }

    /// <summary>Adds a node with several outputs.</summary>
    public void Ops(string op, string?[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        var node = new IrNode(Scope.Length > 0 ? $"{Scope}/{op}" : op, op, inputs.Select(i => i ?? ""), outputs);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        Graph.Nodes.Add(node);
    }

    public string Unsqueeze(string value, int axis) => Op("Unsqueeze", [value, Axes(axis)]);

    public string Squeeze(string value, int axis) => Op("Squeeze", [value, Axes(axis)]);

    public string Transpose(string value, params long[] order) => Op("Transpose", [value], ("perm", order));

    public string Axes(params long[] values) => Shared("axes", IrTensor.Vector(values));

    /// <summary>An int64 constant.</summary>
    public string Number(long value) => Shared("number", IrTensor.Of<long>([], value));

    /// <summary>int64 indices of which the negative ones become <paramref name="size"/>, beyond the last: TensorFlow's one-hot rows have no 1 for them, where ONNX counts from the end.</summary>
    public string BeyondIfNegative(string indices, string size) => Op("Where", [Op("Less", [indices, Number(0)]), size, indices]);

    /// <summary>A float constant.</summary>
    public string Scalar(float value) => Shared("scalar", IrTensor.Of<float>([], value));

    /// <summary>A value's size along an axis as int64.</summary>
    public string Size(string value, int axis) => Squeeze(Op("Shape", [value], ("start", (long)axis), ("end", axis + 1L)), 0);

    /// <summary>0, 1, … as int64, one for each place along an axis of a value.</summary>
    public string Places(string value, int axis) => Op("Range", [Number(0), Size(value, axis), Number(1)]);

    /// <summary>A vector in the shape in which it lies along an axis of a value of any rank: [1, count, 1] for axis 1 of three.</summary>
    public string Along(string value, int axis, string vector, int count) => Op("Reshape", [vector, OnlyAlong(value, axis, Number(count))]);

    /// <summary>A shape of as many axes as a value: the size along an axis, and 1 along the others.</summary>
    public string OnlyAlong(string value, int axis, string size)
    {
        var rank = Squeeze(Op("Shape", [Op("Shape", [value])]), 0);
        var place = axis < 0 ? Op("Add", [rank, Number(axis)]) : Number(axis);
        var isAxis = Op("Equal", [Op("Range", [Number(0), rank, Number(1)]), place]);
        return Op("Where", [isAxis, size, Number(1)]);
    }

    /// <summary>The elements along these axes in reverse order.</summary>
    public string Reversed(string value, params long[] axes) => Reversed(value, Graph.Fresh(Scope.Length > 0 ? Scope : "Slice"), axes);

    /// <summary>The same as a value with a given name.</summary>
    public string Reversed(string value, string output, long[] axes) => Op("Slice", Reversal.Inputs(value, axes, numbers => Shared("axes", numbers)), output);

    /// <summary>The two halves of an axis.</summary>
    public (string First, string Second) Halves(string value, long axis)
    {
        string[] halves = [Graph.Fresh(Scope), Graph.Fresh(Scope)];
        Ops("Split", [value], halves, ("axis", axis), ("num_outputs", 2L));
        return (halves[0], halves[1]);
    }

    public string Constant(string stem, IrTensor tensor)
    {
        if ((_bytes += tensor.Data.Length) > budget.MostBytes) throw Fault($"its layers take more than {budget.MostBytes >> 20} MiB of weights, many times the file's size");
        return Graph.Constant(stem, tensor);
    }

    /// <summary>x · Wᵀ of a row-major weight [outputs, inputs], like PyTorch's Linear. A vector counts as one output.</summary>
    public string Product(string value, IrTensor weight, string name)
    {
        if (weight.Shape.Length == 1) weight = weight.Reshaped(1, weight.Shape[0]);
        if (weight.Shape.Length != 2) throw Fault($"the weight '{name}' of shape [{string.Join(", ", weight.Shape)}] is not a matrix");
        return Op("MatMul", [value, Constant(name, weight.Transposed())]);
    }

    /// <summary>Full name of the layer's weight: its prefix and its name, or the entry in the layer's map.</summary>
    public string NameOf(string weight)
    {
        _asked.Add(weight);
        if (_layer!.Tensors.TryGetValue(weight, out var named)) return named;
        return _layer.Weights is { Length: > 0 } prefix ? $"{prefix}.{weight}" : weight;
    }

    /// <summary>A weight of the current layer as float32. Null if it does not exist.</summary>
    public IrTensor? Optional(string weight)
    {
        if (Find(NameOf(weight)) is { } tensor) return tensor;
        return _layer!.Tensors.ContainsKey(weight) ? throw Missing(NameOf(weight)) : null;
    }

    /// <summary>A tensor by its name in the file, or a part of one, as float32.</summary>
    public IrTensor Tensor(string tensor) => Find(tensor) ?? throw Missing(tensor);

    /// <summary>Whether the file has a weight of the current layer. This does not mark it as read.</summary>
    public bool Has(string weight) => HasTensor(NameOf(weight));

    /// <summary>A bias of this many elements. Null if it does not exist.</summary>
    public IrTensor? Bias(string weight, int size) =>
        Optional(weight) is not { } bias ? null
        : bias.Shape is [var length] && length == size ? bias
        : throw Fault($"the tensor '{NameOf(weight)}' has shape [{string.Join(", ", bias.Shape)}]; it must be [{size}]");

    /// <summary>A weight of the current layer with the required rank.</summary>
    public IrTensor Need(string weight, int rank)
    {
        var tensor = Optional(weight) ?? throw Missing(NameOf(weight));
        return tensor.Shape.Length == rank ? tensor : throw Fault($"the tensor '{NameOf(weight)}' has shape [{string.Join(", ", tensor.Shape)}]; it must have {rank} dimensions");
    }

    public ConversionException Fault(string what) => new($"{where}: graph '{name}'{(_layer is null ? "" : $", layer '{_layer.Output}'")}: {what}.");

    /// <summary>A constant that many nodes read. Equal constants are shared.</summary>
    private string Shared(string stem, IrTensor tensor)
    {
        var content = $"{stem} {tensor.Shape.Length} {Convert.ToHexString(tensor.Data)}";
        return _shared.TryGetValue(content, out var name) ? name : _shared[content] = Constant(stem, tensor);
    }

    private bool HasTensor(string tensor) =>
        weights.Has(tensor) || (TensorSlice.Turned(tensor) is { } turned && HasTensor(turned)) || (TensorSlice.Split(tensor) is (var of, not null) && weights.Has(of));

    private IrTensor? Find(string tensor)
    {
        try
        {
            if (weights.Read(tensor) is { } whole) return Scaled(tensor, whole);
            if (TensorSlice.Turned(tensor) is { } turned) return Find(turned) is { } straight ? TensorSlice.Turn(straight) : null;
            var (of, ranges) = TensorSlice.Split(tensor);
            return ranges is null || weights.Read(of) is not { } sliced ? null : TensorSlice.Take(Scaled(of, sliced), ranges);
        }
        catch (FormatException fault)
        {
            throw Fault($"the tensor '{tensor}': {fault.Message}");
        }
        catch (ConversionException fault)
        {
            throw Fault(fault.Message);
        }
    }

    /// <summary>A tensor as float32. Integers are multiplied by the scale, if one is given.</summary>
    private IrTensor Scaled(string tensor, IrTensor value)
    {
        if (weights.TypeOf(tensor) is var type && type == ElementType.Float32) return value;
        var floats = value.ToFloats();
        if ((_layer?.Scale ?? Scale) is not { } scale)
        {
            Unscaled.Add($"'{tensor}' ({type.Name()} [{string.Join(", ", value.Shape)}])");
            return IrTensor.Of<float>(value.Shape, floats);
        }

        HasScaled = true;
        return IrTensor.Of<float>(value.Shape, Array.ConvertAll(floats, v => v * scale));
    }

    private ConversionException Missing(string wanted)
    {
        var near = weights.Names.Where(k => _layer?.Weights is { Length: > 0 } prefix && k.StartsWith(prefix, StringComparison.Ordinal)).Take(12).ToList();
        var those = near.Count > 0 ? near : weights.Names.Take(12).ToList();
        return Fault($"the weight file has no tensor '{wanted}'; it has {(those.Count == 0 ? "none" : string.Join(", ", those.Select(k => $"'{k}'")))}{(weights.Names.Count > those.Count ? " …" : "")}");
    }
}
