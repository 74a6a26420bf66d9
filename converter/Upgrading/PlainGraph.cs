using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>A graph of 1.0 and 1.1: each value has its name, and indices are stored as they are.</summary>
internal static class PlainGraph
{
    public static StoredGraph Read(ref SectionReader reader, StoredTensor[] tensors)
    {
        var name = reader.String();
        var symbols = new string[reader.Count(sizeof(int))];
        for (var i = 0; i < symbols.Length; i++) symbols[i] = reader.String();
        var values = new StoredValue[GraphReader.ObjectCount(ref reader, 5)];
        for (var i = 0; i < values.Length; i++) values[i] = Value(ref reader, symbols.Length, tensors.Length);
        var (inputs, outputs) = (reader.Indices(values.Length, "value"), reader.Indices(values.Length, "value"));
        var states = new StoredState[reader.Count(16)];
        for (var i = 0; i < states.Length; i++)
            states[i] = new StoredState(reader.String(), reader.Index(values.Length, "value"), reader.Index(values.Length, "value"), reader.Index(tensors.Length, "tensor", orNone: true));
        var nodes = new StoredNode[GraphReader.ObjectCount(ref reader, 18)];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = Node(ref reader, values.Length);
        return new StoredGraph(name, symbols, values, inputs, outputs, states, nodes);
    }

    private static StoredValue Value(ref SectionReader reader, int symbols, int tensors)
    {
        var name = reader.String();
        var kind = (ValueKind)reader.Byte();
        return kind switch
        {
            ValueKind.Computed => new StoredValue(name, kind, 0, [], -1),
            ValueKind.Shaped => new StoredValue(name, kind, reader.Type(), reader.Sizes(symbols), -1),
            ValueKind.Constant => new StoredValue(name, kind, 0, [], reader.Index(tensors, "tensor")),
            _ => throw reader.Fault($"value '{name}' has unknown kind {(byte)kind}"),
        };
    }

    private static StoredNode Node(ref SectionReader reader, int values)
    {
        var name = reader.String();
        var kind = (OpKind)reader.UInt16();
        var (inputs, outputs) = (Indices(ref reader, values), Indices(ref reader, values));
        return new StoredNode(name, kind, inputs, outputs, GraphReader.ReadAttributes(ref reader, name));
    }

    /// <summary>Indices of values, -1 for no value.</summary>
    private static int[] Indices(ref SectionReader reader, int values)
    {
        var indices = new int[reader.Count(sizeof(int))];
        for (var i = 0; i < indices.Length; i++) indices[i] = reader.Index(values, "value", orNone: true);
        return indices;
    }
}
