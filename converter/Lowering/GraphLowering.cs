using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Quantization;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Lowering;

/// <summary>Converts a resolved graph to a graph of the <c>.seq</c> model.</summary>
internal sealed class GraphLowering
{
    /// <summary>Operators whose second input holds indices of either integer type.</summary>
    private static readonly HashSet<string> s_lookups = ["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"];

    private readonly IrGraph _graph;
    private readonly GraphDefinition _target;
    private readonly WeightStore _weights;
    private readonly Dictionary<string, int> _values = [];
    private readonly Dictionary<int, int> _tensors = [];

    private GraphLowering(IrGraph graph, SeqModelBuilder model, WeightStore weights)
    {
        _graph = graph;
        _target = model.AddGraph(graph.Name);
        _weights = weights;
    }

    public IrGraph Source => _graph;

    public GraphDefinition Target => _target;

    public WeightStore Weights => _weights;

    /// <summary>Lowers all graphs to a model and lists the stored tensors.</summary>
    public static (SeqModelBuilder Model, List<ConvertedTensor> Tensors) Lower(IReadOnlyList<IrGraph> graphs, WeightChoice choice, SharedTensors shared)
    {
        var model = new SeqModelBuilder();
        return (model, Lower(graphs, model, choice, shared, packs: true).Report);
    }

    /// <summary>As <see cref="Lower(IReadOnlyList{IrGraph}, WeightChoice, SharedTensors)"/>, but the model's matrices have no bytes: only their formats and errors are known.</summary>
    public static (SeqModelBuilder Model, List<ConvertedTensor> Tensors) Plan(IReadOnlyList<IrGraph> graphs, WeightChoice choice, SharedTensors shared)
    {
        var model = new SeqModelBuilder();
        return (model, Lower(graphs, model, choice, shared, packs: false).Report);
    }

    /// <summary>Collects the constants of the graphs and their names, without storing them.</summary>
    public static SharedTensors Survey(IReadOnlyList<IrGraph> graphs, WeightChoice choice) => Lower(graphs, new SeqModelBuilder(), choice, null, packs: false).Shared;

    private static WeightStore Lower(IReadOnlyList<IrGraph> graphs, SeqModelBuilder model, WeightChoice choice, SharedTensors? shared, bool packs)
    {
        var store = new WeightStore(model, choice, shared, packs);
        foreach (var graph in graphs)
        {
            store.Graph = graph.Name;
            try
            {
                new GraphLowering(graph, model, store).Lower();
            }
            catch (ConversionException fault)
            {
                throw new ConversionException($"graph '{graph.Name}', {fault.Message}", fault);
            }
        }

        return store;
    }

    /// <summary>The target value of a source value. -1 for an omitted value. Constants are added at their first use.</summary>
    /// <param name="name">The source value.</param>
    /// <param name="finer">Why a constant is not stored in fewer bits.</param>
    /// <param name="isTokenTable">Whether a constant holds a layer's products with all tokens.</param>
    public int Value(string name, string? finer = null, bool isTokenTable = false)
    {
        if (name.Length == 0) return -1;
        if (_values.TryGetValue(name, out var value)) return value;
        if (_graph.ConstantOf(name) is not { } constant) throw new ConversionException($"'{name}' is never computed; the model is damaged.");
        return _values[name] = Constant(_weights.Dense(WeightNames.Of(_graph, name), constant, finer, isTokenTable: isTokenTable));
    }

    /// <summary>The value of a stored tensor. All readers share it.</summary>
    public int Constant(int tensor) => _tensors.TryGetValue(tensor, out var value) ? value : _tensors[tensor] = _target.Constant(tensor);

    /// <summary>Adds a node with the outputs of a source node, in their order.</summary>
    public void Add(IrNode node, OpKind kind, int[] inputs, Attributes attributes)
    {
        var outputs = _target.NodeMany(kind, inputs, node.Outputs.Count, attributes, node.Name);
        for (var i = 0; i < outputs.Length; i++) Bind(node, i, outputs);
    }

    /// <summary>Names a target value as a source node's output, or leaves it unnamed if nothing reads it.</summary>
    public void Bind(IrNode node, int output, int[] outputs)
    {
        var name = node.Output(output);
        if (name.Length > 0) _values[name] = outputs[output];
        else _target.Nodes[^1].Outputs[output] = -1;
    }

    public void Bind(string name, int value)
    {
        if (name.Length > 0) _values[name] = value;
    }

    private void Lower()
    {
        var positions = PositionTables.Find(_graph);
        NarrowIndices();
        foreach (var port in _graph.Inputs) _values[port.Value] = _target.Input(port.Name, port.Type, Dimensions(port.Shape));
        foreach (var state in _graph.States) _values[state.Value] = _target.State(state.Name, state.Type, Dimensions(state.Shape), state.Initial is { } initial ? _weights.Dense([state.Name], initial) : -1);
        foreach (var (symbol, most) in _graph.Largest) _target.Largest[symbol] = most;
        foreach (var node in _graph.Nodes)
        {
            if (WeightLowering.TryLower(node, this, positions)) continue;
            var (kind, attributes) = OperatorMap.Map(node);
            Add(node, kind, [.. node.Inputs.Select(input => Value(input))], attributes);
        }

        foreach (var state in _graph.States) _target.UpdateState(_values[state.Value], Value(state.Update));
        var computed = new HashSet<int>(_target.Nodes.SelectMany(n => n.Outputs));
        foreach (var port in _graph.Outputs)
        {
            var value = Value(port.Value);
            // A graph output must be a computed value with its own name.
            if (!computed.Contains(value) || _target.Outputs.Contains(value)) value = _target.Node(OpKind.Identity, [value]);
            _target.Output(port.Name, value);
        }
    }

    /// <summary>Stores index tables as int32, which takes half the bytes. All lookups and scatters accept both types.</summary>
    private void NarrowIndices()
    {
        var others = new HashSet<string>(_graph.Outputs.Select(o => o.Value).Concat(_graph.States.Select(s => s.Update)));
        var indices = new HashSet<string>();
        foreach (var node in _graph.Nodes)
        {
            for (var i = 0; i < node.Inputs.Count; i++) (i == 1 && s_lookups.Contains(node.Op) ? indices : others).Add(node.Inputs[i]);
        }

        foreach (var name in indices.Except(others))
        {
            if (_graph.ConstantOf(name) is not { Type: ElementType.Int64 } table) continue;
            var values = table.Integers();
            if (Array.TrueForAll(values, v => v == (int)v)) _graph.Constants[name] = IrTensor.Of(table.Shape, Array.ConvertAll(values, v => (int)v).AsSpan());
        }
    }

    private static object[] Dimensions(IrDim[] shape) => Array.ConvertAll(shape, d => d.Symbol ?? (object)d.Size);
}
