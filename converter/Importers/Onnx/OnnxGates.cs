using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Resolving;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Brings the weights of recurrent layers from ONNX's gate order to the runtime's. Constants of the file are reordered directly. Weights that
/// nodes compute from constants are computed here once. Other weights get nodes that reorder them.
/// </summary>
/// <param name="whole">The graph of the file.</param>
internal sealed class OnnxGates(IrGraph whole)
{
    /// <summary>Limit of the nodes between constants of the file and a weight. Exporters write such nodes to reach ONNX's order.</summary>
    private const int MostNodes = 64;

    /// <summary>The axis of the gates in a layer's weights.</summary>
    private const int Axis = 1;

    private readonly List<Weight> _weights = [];

    /// <summary>Values that are read in more than one order, or not only as such weights.</summary>
    private readonly HashSet<(IrGraph Graph, string Value)> _others = [];

    private readonly Dictionary<(IrGraph Graph, string Value), GateOrder> _orders = [];

    public static void Apply(IrGraph graph)
    {
        var gates = new OnnxGates(graph);
        gates.Find(graph, null);
        if (gates._weights.Count > 0) gates.Reorder();
    }

    /// <summary>Finds the weights of recurrent layers in a graph and its inner graphs.</summary>
    private void Find(IrGraph graph, Scope? outer)
    {
        var scope = new Scope(graph, graph.Producers(), outer);
        foreach (var node in graph.Nodes)
        {
            foreach (var (i, value) in node.Inputs.Index())
            {
                if (value.Length == 0 || scope.Of(value) is not { } owner) continue;
                if (GateOrder.OfOnnx(node.Recurrent, i) is { } order) Add(new Weight(node, i, owner, value, order));
                else _others.Add((owner.Graph, value));
            }

            foreach (var inner in node.Attributes.Values.OfType<IrGraph>()) Find(inner, scope);
        }

        foreach (var output in graph.Outputs)
        {
            if (scope.Of(output.Value) is { } owner) _others.Add((owner.Graph, output.Value));
        }
    }

    private void Add(Weight weight)
    {
        var key = (weight.Owner.Graph, weight.Value);
        if (!_orders.TryAdd(key, weight.Order) && _orders[key] != weight.Order) _others.Add(key);
        _weights.Add(weight);
    }

    private void Reorder()
    {
        var done = new Dictionary<(IrGraph, string, GateOrder), string>();
        foreach (var weight in _weights)
        {
            var (graph, value) = (weight.Owner.Graph, weight.Value);
            if (!done.TryGetValue((graph, value, weight.Order), out var name)) done[(graph, value, weight.Order)] = name = Reordered(weight);
            weight.Node.Inputs[weight.Input] = name;
        }
    }

    /// <summary>The name of a weight's value in the new order. It keeps its name if nothing else reads it.</summary>
    private string Reordered(Weight weight)
    {
        var (graph, value, producer) = (weight.Owner.Graph, weight.Value, weight.Owner.Producers.GetValueOrDefault(weight.Value));
        var held = producer is { Op: "Constant" } ? producer.Attributes.GetValueOrDefault("value") as IrTensor : graph.ConstantOf(value);
        if (held is null) return Folded(weight) ?? Computed(weight, producer);
        var tensor = weight.Order.Undo(held, Axis);
        if (_others.Contains((graph, value))) return graph.Constant(value, tensor);
        if (producer is null) graph.Constants[value] = tensor;
        else producer.Attributes["value"] = tensor;
        return value;
    }

    /// <summary>The name of a weight that depends on constants only, computed and reordered. Null for another weight.</summary>
    private string? Folded(Weight weight)
    {
        var graph = new IrGraph(whole.Name) { Budget = whole.Budget };
        graph.Outputs.Add(new IrPort(weight.Value, weight.Value, ElementType.Float32, []));
        if (!Collect(weight, graph)) return null;
        try
        {
            graph.Order();
            ResolvePass.Run(graph, [Sizes.None]);
        }
        catch (ConversionException)
        {
            return null; // Resolving the whole graph reports it.
        }

        var value = graph.Outputs[0].Value;
        if (graph.ConstantOf(value) is not { } tensor) return null;
        var name = whole.Constant(weight.Value, weight.Order.Undo(tensor, Axis));
        whole.Sources[name] = [.. WeightNames.Of(graph, value)];
        return name;
    }

    /// <summary>Adds the nodes and constants that a weight depends on. False if there are too many or some are missing.</summary>
    private static bool Collect(Weight weight, IrGraph graph)
    {
        var owners = new Dictionary<string, Scope>();
        var nodes = new HashSet<IrNode>();
        var waiting = new Stack<(string Value, Scope Scope)>([(weight.Value, weight.Owner)]);
        while (waiting.TryPop(out var next))
        {
            if (next.Value.Length == 0) continue;
            if (next.Scope.Of(next.Value) is not { } owner) return false;
            if (!owners.TryAdd(next.Value, owner))
            {
                // An inner graph may have a value of the same name.
                if (owners[next.Value] != owner) return false;
                continue;
            }

            if (owner.Graph.ConstantOf(next.Value) is { } constant)
            {
                graph.Constants[next.Value] = constant;
                continue;
            }

            if (!owner.Producers.TryGetValue(next.Value, out var node) || node.Attributes.Values.Any(a => a is IrGraph) || nodes.Count == MostNodes) return false;
            if (!nodes.Add(node)) continue;
            graph.Nodes.Add(node.With(node.Inputs, node.Outputs));
            foreach (var input in node.Inputs) waiting.Push((input, owner));
        }

        return true;
    }

    /// <summary>Adds nodes that take the parts one by one, for any size.</summary>
    private static string Computed(Weight weight, IrNode? producer)
    {
        var (graph, value, order) = (weight.Owner.Graph, weight.Value, weight.Order);
        var x = new Expansion(weight.Node, graph);
        var parts = x.Add("Reshape", [value, x.Vector(0, order.Places.Count, -1)]);
        var ordered = x.Add("Gather", [parts, x.Vector([.. order.Places.Select(place => (long)place)])], ("axis", (long)Axis));
        var result = x.Into(graph.Fresh(value), "Reshape", [ordered, x.Add("Shape", [value])]);
        graph.Nodes.InsertRange(producer is null ? 0 : graph.Nodes.IndexOf(producer) + 1, x.Nodes);
        return result;
    }

    /// <summary>A weight that a layer reads.</summary>
    private sealed record Weight(IrNode Node, int Input, Scope Owner, string Value, GateOrder Order);

    /// <summary>A graph and its outer graphs, whose values it sees.</summary>
    private sealed record Scope(IrGraph Graph, Dictionary<string, IrNode> Producers, Scope? Outer)
    {
        /// <summary>The innermost graph that defines a value.</summary>
        public Scope? Of(string value) =>
            Graph.Constants.ContainsKey(value) || Producers.ContainsKey(value) || Graph.Inputs.Exists(i => i.Value == value) ? this : Outer?.Of(value);
    }
}
