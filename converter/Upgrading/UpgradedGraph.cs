using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>
/// A graph of the upgraded file: the same values and nodes. Recurrent layers read their weights in the order of today. Where such an input is
/// computed by other nodes, a <c>Gather</c> brings it into that order.
/// </summary>
internal sealed class UpgradedGraph
{
    private readonly OlderModel _model;
    private readonly StoredGraph _graph;
    private readonly UpgradedTensors _tensors;
    private readonly OlderLayer?[] _layers;

    /// <summary>For each use of a constant its value in the upgraded graph: the old index for the first use, new values for the others.</summary>
    private readonly Dictionary<(int Value, TensorUse Use), int> _values = [];
    private readonly List<(int Tensor, TensorUse Use)> _added = [];
    private readonly TensorUse?[] _first;

    /// <summary>Collects the uses of tensors.</summary>
    public UpgradedGraph(OlderModel model, StoredGraph graph, UpgradedTensors tensors)
    {
        (_model, _graph, _tensors, _first) = (model, graph, tensors, new TensorUse?[graph.Values.Length]);
        _layers = Array.ConvertAll(graph.Nodes, LayerOf);
        foreach (var output in graph.Outputs) Use(output, NamedUse(output));
        foreach (var (node, layer) in graph.Nodes.Zip(_layers))
        {
            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] >= 0) Use(node.Inputs[i], UseOf(node, layer, i));
            }
        }

        foreach (var state in graph.States)
        {
            Use(state.Update, TensorUse.Plain);
            if (state.Initial >= 0) tensors.Add(state.Initial, TensorUse.Plain);
        }

        for (var i = 0; i < _first.Length; i++)
        {
            if (_first[i] is null) Use(i, TensorUse.Plain);
        }
    }

    /// <summary>Adds the graph to the model, after its tensors were stored.</summary>
    public void AddTo(SeqModelBuilder target)
    {
        var graph = target.AddGraph(_graph.Name);
        graph.Symbols.AddRange(_graph.Symbols);
        for (var i = 0; i < _graph.Values.Length; i++)
        {
            var value = _graph.Values[i];
            if (value.Kind == ValueKind.Constant) AddConstant(graph, target, _tensors.IndexOf(value.Tensor, _first[i]!.Value));
            else graph.AddValue(new ValueDefinition(value.Name, value.Type, value.Kind == ValueKind.Shaped ? value.Sizes : null, -1));
        }

        foreach (var (tensor, use) in _added) AddConstant(graph, target, _tensors.IndexOf(tensor, use));
        graph.Inputs.AddRange(_graph.Inputs);
        graph.Outputs.AddRange(_graph.Outputs.Select(output => Value(output, NamedUse(output))));
        foreach (var state in _graph.States)
            graph.States.Add(new StateDefinition(state.Name, state.Value, Value(state.Update, TensorUse.Plain), state.Initial < 0 ? -1 : _tensors.IndexOf(state.Initial, TensorUse.Plain)));
        for (var symbol = 0; symbol < _graph.Largest.Length; symbol++)
        {
            if (_graph.Largest[symbol] > 0) graph.Largest[_graph.Symbols[symbol]] = _graph.Largest[symbol];
        }

        foreach (var (node, layer) in _graph.Nodes.Zip(_layers)) AddNode(graph, target, node, layer);
    }

    private void AddNode(GraphDefinition graph, SeqModelBuilder target, StoredNode node, OlderLayer? layer)
    {
        var inputs = new int[node.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = node.Inputs[i] < 0 ? -1 : Value(node.Inputs[i], UseOf(node, layer, i));
        for (var i = 0; layer is { Rows.IsSame: false } && i < inputs.Length; i++)
        {
            var isProducts = i == 0 && layer.TakesProducts;
            if (inputs[i] < 0 || !(isProducts || (layer.IsInOrder(i) && !IsConstant(node.Inputs[i])))) continue;
            var order = AddConstant(graph, target, _tensors.OrderOf(layer.Rows, isProducts ? layer.Directions : 1));
            inputs[i] = graph.Node(OpKind.Gather, [inputs[i], order], new Attributes().Set(AttributeKey.Axis, -1L), $"{node.Name}/order");
        }

        graph.Nodes.Add(new NodeDefinition(node.Name, node.Kind, inputs, node.Outputs, node.Attributes));
    }

    private static int AddConstant(GraphDefinition graph, SeqModelBuilder target, int tensor) => graph.AddValue(new ValueDefinition(target.Tensors[tensor].Name, 0, null, tensor));

    private OlderLayer? LayerOf(StoredNode node)
    {
        try
        {
            if (OlderLayer.Of(node) is not { } layer) return null;
            for (var d = 0; d < layer.Directions; d++)
            {
                var r = layer.RecurrenceOf(d);
                // Whatever is made for the layer's rows is then in proportion to the bytes of R.
                if (r >= node.Inputs.Length || node.Inputs[r] < 0 || !IsConstant(node.Inputs[r]) || TensorOf(node.Inputs[r]).Tiles is null) throw new SeqFormatException("it has no matrix R");
            }

            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (layer.IsInOrder(i) && node.Inputs[i] >= 0 && IsConstant(node.Inputs[i])) CheckRows(TensorOf(node.Inputs[i]).Stored, layer.Rows);
            }

            return layer;
        }
        catch (SeqFormatException fault)
        {
            throw SeqReader.Fault(_model.File, $"graph '{_graph.Name}', node '{node.Name}' ({node.Kind}): {fault.Message.TrimEnd('.')}");
        }
    }

    private static void CheckRows(StoredTensor tensor, LayerRows layer)
    {
        var rows = tensor.Shape.Rank == 0 ? 1 : tensor.Format == TensorFormat.Dense ? tensor.Shape[tensor.Shape.Rank - 1] : tensor.Shape[0];
        if (rows != layer.Before) throw new SeqFormatException($"'{tensor.Name}' has {rows} rows; {layer.Units} units take {layer.Before}");
    }

    private TensorUse UseOf(StoredNode node, OlderLayer? layer, int input)
    {
        if (layer is null || !layer.IsInOrder(input) || !IsConstant(node.Inputs[input])) return TensorUse.Plain;
        var isStep = layer.Rows.IsStep && TensorOf(node.Inputs[input]).Stored.Format == TensorFormat.PackedFloat32;
        return layer.Rows.IsSame && !isStep ? TensorUse.Plain : new TensorUse(layer.Rows);
    }

    /// <summary>The use as an output. Its name is the value's, which the file of today takes from the tensor.</summary>
    private TensorUse NamedUse(int value)
    {
        var name = _graph.Values[value].Name;
        return IsConstant(value) && TensorOf(value).Stored.Name != name ? new TensorUse(null, name) : TensorUse.Plain;
    }

    private void Use(int value, TensorUse use)
    {
        if (!IsConstant(value) || _values.ContainsKey((value, use))) return;
        var tensor = _graph.Values[value].Tensor;
        _tensors.Add(tensor, use);
        if (_first[value] is null)
        {
            _first[value] = use;
            _values[(value, use)] = value;
            return;
        }

        _values[(value, use)] = _graph.Values.Length + _added.Count;
        _added.Add((tensor, use));
    }

    private int Value(int value, TensorUse use) => IsConstant(value) ? _values[(value, use)] : value;

    private OlderTensor TensorOf(int constant) => _model.Tensors[_graph.Values[constant].Tensor];

    private bool IsConstant(int value) => _graph.Values[value].Kind == ValueKind.Constant;
}
