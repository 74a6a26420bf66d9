using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Answers passes which node computes a value and which nodes read it. Changes made through it keep the answers up to date.</summary>
internal sealed class Rewriter
{
    private readonly Dictionary<string, IrNode> _producers;
    private readonly Dictionary<string, int> _readers = [];
    private readonly Dictionary<string, List<IrNode>> _nodes = [];

    public Rewriter(IrGraph graph)
    {
        Graph = graph;
        _producers = graph.Producers();
        foreach (var (value, readers) in graph.Readers())
        {
            _readers[value] = readers.Count;
            _nodes[value] = [.. readers.OfType<IrNode>()];
        }
    }

    public IrGraph Graph { get; }

    /// <summary>Whether a node was added, replaced or removed.</summary>
    public bool HasChanged { get; private set; }

    /// <summary>The node that computes <paramref name="value"/>, if its operator is <paramref name="op"/>. An empty operator accepts any.</summary>
    public IrNode? Producer(string value, string op = "") => _producers.TryGetValue(value, out var node) && (op.Length == 0 || node.Op == op) ? node : null;

    /// <summary>Like <see cref="Producer"/>, but only if the value has one reader.</summary>
    public IrNode? OnlyFor(string value, string op = "") => _readers.GetValueOrDefault(value) == 1 ? Producer(value, op) : null;

    /// <summary>The nodes that read a value.</summary>
    public IEnumerable<IrNode> NodesThatRead(string value) => _nodes.TryGetValue(value, out var nodes) ? nodes.Where(n => n.Inputs.Contains(value)).Distinct() : [];

    public IrTensor? Constant(string value) => Graph.ConstantOf(value);

    public float? Scalar(string value) => Constant(value)?.Uniform();

    public IrShape Shape(string value) => Graph.ShapeOf(value);

    public bool IsFloat(string value) => Shape(value).Type == ElementType.Float32;

    /// <summary>Whether the shapes are certainly equal: at most one dimension depends on a symbol.</summary>
    public bool SameShape(string a, string b)
    {
        IrShape x = Shape(a), y = Shape(b);
        return x.Type == y.Type && x.Sizes.AsSpan().SequenceEqual(y.Sizes) && x.Sizes.Count(s => s < 0) <= 1;
    }

    /// <summary>The operands of a commutative node, in both orders.</summary>
    public static IEnumerable<(string A, string B)> Operands(IrNode node) => [(node.Input(0), node.Input(1)), (node.Input(1), node.Input(0))];

    /// <summary>Makes all readers of a node's first output read another value.</summary>
    public void Bypass(IrNode node, string value)
    {
        HasChanged = true;
        var output = node.Output(0);
        foreach (var reader in NodesThatRead(output).ToList())
        {
            reader.Replace(output, value);
            AddReader(value, reader);
        }

        Graph.ReplacePorts(output, value);
        foreach (var input in node.Inputs)
        {
            if (_nodes.TryGetValue(input, out var nodes)) nodes.Remove(node);
        }

        _readers[value] = _readers.GetValueOrDefault(value) + _readers.GetValueOrDefault(output) - 1;
        _readers[output] = 0;
        _producers.Remove(output);
        Graph.Nodes.Remove(node);
    }

    /// <summary>Replaces a node by one that computes the same output.</summary>
    public void Replace(IrNode node, IrNode by)
    {
        HasChanged = true;
        Graph.Nodes[Graph.Nodes.IndexOf(node)] = by;
        foreach (var input in node.Inputs)
        {
            _readers[input] = _readers.GetValueOrDefault(input) - 1;
            if (_nodes.TryGetValue(input, out var nodes)) nodes.Remove(node);
        }

        foreach (var input in by.Inputs) Count(input, by);
        foreach (var output in by.Outputs) _producers[output] = by;
    }

    /// <summary>Adds a node before another. <paramref name="shape"/> is the shape of its output.</summary>
    public string Insert(IrNode before, string op, string[] inputs, IrShape shape, params (string Key, object Value)[] attributes)
    {
        HasChanged = true;
        var node = new IrNode($"{before.Name}.{op}", op, inputs, [Graph.Fresh(before.Name)]);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        Graph.Nodes.Insert(Graph.Nodes.IndexOf(before), node);
        foreach (var input in inputs) Count(input, node);
        _producers[node.Output(0)] = node;
        Graph.Shapes[node.Output(0)] = shape;
        return node.Output(0);
    }

    private void Count(string value, IrNode reader)
    {
        _readers[value] = _readers.GetValueOrDefault(value) + 1;
        AddReader(value, reader);
    }

    private void AddReader(string value, IrNode reader)
    {
        if (!_nodes.TryGetValue(value, out var nodes)) _nodes[value] = nodes = [];
        nodes.Add(reader);
    }
}
