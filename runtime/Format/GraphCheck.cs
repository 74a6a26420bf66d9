namespace SeqRuntime.Format;

/// <summary>Checks that each value of a graph is defined once, before it is used, by what its kind says. Indices were checked when they were read.</summary>
internal static class GraphCheck
{
    public static void Run(ref SectionReader reader, StoredGraph graph, StoredTensor[] tensors)
    {
        var values = graph.Values;
        var defined = new bool[values.Length];
        for (var i = 0; i < values.Length; i++) defined[i] = values[i].Kind == ValueKind.Constant;
        foreach (var input in graph.Inputs) Define(ref reader, values, defined, input, ValueKind.Shaped);
        foreach (var state in graph.States) Define(ref reader, values, defined, state.Value, ValueKind.Shaped);
        foreach (var node in graph.Nodes)
        {
            foreach (var input in node.Inputs)
            {
                if (input >= 0 && !defined[input]) throw reader.Fault($"node '{node.Name}' uses value '{values[input].Name}' before it is computed");
            }

            foreach (var output in node.Outputs)
            {
                if (output >= 0) Define(ref reader, values, defined, output, ValueKind.Computed);
            }
        }

        foreach (var output in graph.Outputs)
        {
            NeedDefined(ref reader, values, defined, output);
            if (values[output].Tensor is >= 0 and var tensor && tensors[tensor].Format != TensorFormat.Dense) throw reader.Fault($"output '{values[output].Name}' is a packed weight, which no caller can read");
        }

        foreach (var state in graph.States) NeedDefined(ref reader, values, defined, state.Update);
    }

    private static void Define(ref SectionReader reader, StoredValue[] values, bool[] defined, int value, ValueKind kind)
    {
        if (values[value].Kind != kind) throw reader.Fault($"value '{values[value].Name}' is {values[value].Kind}, not {kind}");
        if (defined[value]) throw reader.Fault($"value '{values[value].Name}' is defined twice");
        defined[value] = true;
    }

    private static void NeedDefined(ref SectionReader reader, StoredValue[] values, bool[] defined, int value)
    {
        if (!defined[value]) throw reader.Fault($"value '{values[value].Name}' is never computed");
    }
}
