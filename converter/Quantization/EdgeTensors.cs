using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// The matrices at a model's edges: those that multiply a graph input, those that compute a graph output, and lookup tables. Operators
/// without weights may lie between. No other layer averages out the errors of these matrices.
/// </summary>
internal static class EdgeTensors
{
    private const string AtEdge = "at the graph's edge";

    /// <summary>The names of the matrices, and what each one is.</summary>
    public static Dictionary<string, string> Find(SeqModelBuilder model)
    {
        var edges = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var graph in model.Graphs)
        {
            First(model, graph, edges);
            Last(model, graph, edges);
        }

        return edges;
    }

    private static void First(SeqModelBuilder model, GraphDefinition graph, Dictionary<string, string> edges)
    {
        var fromInput = graph.Inputs.Where(v => graph.Values[v].Type == ElementType.Float32).ToHashSet();
        foreach (var node in graph.Nodes)
        {
            var weights = Weights(model, graph, node);
            if (weights.Count == 0)
            {
                if (node.Inputs.Any(fromInput.Contains)) fromInput.UnionWith(node.Outputs);
            }
            else
            {
                foreach (var (use, name) in weights)
                {
                    if (use == WeightUse.Table) edges.TryAdd(name, "a table that is looked up");
                    // Of a recurrent layer only W: R multiplies the layer's own output.
                    else if (use == WeightUse.Product && fromInput.Contains(node.Inputs[0])) edges[name] = AtEdge;
                }
            }
        }
    }

    private static void Last(SeqModelBuilder model, GraphDefinition graph, Dictionary<string, string> edges)
    {
        var toOutput = graph.Outputs.ToHashSet();
        foreach (var node in graph.Nodes.AsEnumerable().Reverse().Where(node => node.Outputs.Any(toOutput.Contains)))
        {
            var weights = Weights(model, graph, node);
            if (weights.Count == 0) toOutput.UnionWith(node.Inputs.Where(v => v >= 0));
            else if (weights.TrueForAll(w => w.Use == WeightUse.Product)) edges[weights[0].Name] = AtEdge;
        }
    }

    private static List<(WeightUse Use, string Name)> Weights(SeqModelBuilder model, GraphDefinition graph, NodeDefinition node)
    {
        var op = OperatorTable.Create(node.Kind, node.Attributes);
        return [.. node.Inputs.Index().Where(i => i.Item >= 0 && graph.Values[i.Item].Tensor >= 0 && model.Tensors[graph.Values[i.Item].Tensor].Format != TensorFormat.Dense)
            .Select(i => (op.UseOf(i.Index), model.Tensors[graph.Values[i.Item].Tensor].Name))];
    }
}
