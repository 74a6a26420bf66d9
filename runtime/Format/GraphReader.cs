namespace SeqRuntime.Format;

/// <summary>Reads the graphs of a <c>.seq</c> file, and the limits of their growing states. Their counterpart is <see cref="SeqWriter"/>, field by field.</summary>
internal static class GraphReader
{
    /// <summary>Limit of the letters of nodes' names, counted for each output: a node's name is stored once for all its outputs.</summary>
    private const long MaxNamed = 1 << 26;

    /// <summary>Reads one graph. What it reads is checked behind it. Outputs of nodes may have no name; they then get one.</summary>
    public delegate StoredGraph Form(ref SectionReader reader, StoredTensor[] tensors);

    public static StoredGraph[] Read(SectionReader reader, StoredTensor[] tensors) => Read(reader, tensors, ReadGraph);

    /// <summary>Reads all graphs, each by a method that knows their form, and checks them.</summary>
    public static StoredGraph[] Read(SectionReader reader, StoredTensor[] tensors, Form form)
    {
        var graphs = new StoredGraph[reader.Count(8)];
        var (objects, letters) = (0L, 0L);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < graphs.Length; i++)
        {
            graphs[i] = form(ref reader, tensors);
            NameOutputs(ref reader, graphs[i], ref letters);
            GraphCheck.Run(ref reader, graphs[i], tensors);
            objects += graphs[i].Values.Length + graphs[i].Nodes.Length;
            CheckObjects(ref reader, objects);
            if (!names.Add(graphs[i].Name)) throw reader.Fault($"graph '{graphs[i].Name}' occurs twice");
        }

        reader.End();
        return graphs;
    }

    /// <summary>Reads the limits of growing states into their graphs.</summary>
    public static void ReadCaches(SectionReader reader, StoredGraph[] graphs)
    {
        var count = reader.Count(4);
        for (var i = 0; i < count; i++)
        {
            if (reader.Count(1) != 3) throw reader.Fault("a cache must have three numbers");
            var at = reader.Index(graphs.Length, "graph");
            var symbol = reader.Index(graphs[at].Symbols.Length, "symbolic dimension");
            var most = reader.Int32();
            if (most < 1) throw reader.Fault($"the limit of a cache is {most} steps; it must be at least 1");
            if (graphs[at].Largest.Length == 0) graphs[at] = graphs[at] with { Largest = new int[graphs[at].Symbols.Length] };
            if (graphs[at].Largest[symbol] != 0) throw reader.Fault($"the limit of '{graphs[at].Symbols[symbol]}' occurs twice");
            graphs[at].Largest[symbol] = most;
        }

        reader.End();
    }

    private static StoredGraph ReadGraph(ref SectionReader reader, StoredTensor[] tensors)
    {
        var name = reader.String();
        var symbols = new string[reader.Count(2)];
        for (var i = 0; i < symbols.Length; i++) symbols[i] = reader.String();
        var values = new StoredValue[ObjectCount(ref reader, 1)];
        var expected = 0;
        for (var i = 0; i < values.Length; i++) values[i] = ReadValue(ref reader, symbols.Length, tensors, ref expected);

        var inputs = reader.Indices(values.Length, "value");
        var outputs = reader.Indices(values.Length, "value");
        var states = new StoredState[reader.Count(5)];
        for (var i = 0; i < states.Length; i++)
            states[i] = new StoredState(reader.String(), reader.Index(values.Length, "value"), reader.Index(values.Length, "value"), reader.Index(tensors.Length, "tensor", orNone: true));

        var nodes = new StoredNode[ObjectCount(ref reader, 6)];
        var next = 0;
        for (var i = 0; i < nodes.Length; i++)
        {
            nodes[i] = ReadNode(ref reader, values.Length, next);
            next = After(nodes[i].Outputs, next);
        }

        return new StoredGraph(name, symbols, values, inputs, outputs, states, nodes);
    }

    /// <summary>Names the outputs of nodes that have no name of their own.</summary>
    private static void NameOutputs(ref SectionReader reader, StoredGraph graph, ref long letters)
    {
        foreach (var node in graph.Nodes)
        {
            // Whoever handles the graph may make the name of every output, also of one that is left out or has a name.
            letters += (long)node.Name.Length * node.Outputs.Length;
            if (letters > MaxNamed) throw reader.Fault($"the names of values are longer than {MaxNamed} letters");
            foreach (var (o, output) in node.Outputs.Index())
            {
                if (output >= 0 && graph.Values[output].Name.Length == 0) graph.Values[output] = graph.Values[output] with { Name = OutputName(node.Name, node.Outputs.Length, o) };
            }
        }
    }

    /// <summary>The name of an output that has no name of its own.</summary>
    public static string OutputName(string node, int outputs, int output) => outputs == 1 ? node : $"{node}:{output}";

    /// <summary>The likely first output of the next node: the value after the last of these outputs.</summary>
    public static int After(int[] outputs, int before) => outputs.Length > 0 && outputs[^1] >= 0 ? outputs[^1] + 1 : before;

    /// <summary>A number of values or nodes.</summary>
    public static int ObjectCount(ref SectionReader reader, int bytes)
    {
        var count = reader.Count(bytes);
        CheckObjects(ref reader, count);
        return count;
    }

    private static void CheckObjects(ref SectionReader reader, long count)
    {
        if (count > SeqLayout.MaxObjects) throw reader.Fault($"{count} values and nodes; the limit is {SeqLayout.MaxObjects}");
    }

    private static StoredValue ReadValue(ref SectionReader reader, int symbols, StoredTensor[] tensors, ref int expectedTensor)
    {
        var kind = (ValueKind)reader.Byte();
        switch (kind)
        {
            case ValueKind.Computed:
                return new StoredValue("", kind, 0, [], -1);
            case ValueKind.Named:
                return new StoredValue(reader.String(), ValueKind.Computed, 0, [], -1);
            case ValueKind.Shaped:
                return new StoredValue(reader.String(), kind, reader.Type(), reader.Sizes(symbols), -1);
            case ValueKind.Constant:
                var tensor = reader.IndexFrom(expectedTensor, tensors.Length, "tensor", out expectedTensor);
                return new StoredValue(tensors[tensor].Name, kind, 0, [], tensor);
            default:
                throw reader.Fault($"a value has unknown kind {(byte)kind}");
        }
    }

    private static StoredNode ReadNode(ref SectionReader reader, int valueCount, int next)
    {
        var name = reader.String();
        var kind = (OpKind)reader.UInt16();
        var inputs = reader.IndicesNear(next, valueCount, "value");
        var outputs = reader.IndicesNear(next, valueCount, "value");
        return new StoredNode(name, kind, inputs, outputs, ReadAttributes(ref reader, name));
    }

    /// <summary>The attributes of a node.</summary>
    public static Attributes ReadAttributes(ref SectionReader reader, string node)
    {
        var attributes = new Attributes();
        var count = reader.Count(3);
        for (var i = 0; i < count; i++)
        {
            var key = (AttributeKey)reader.Byte();
            if (!Enum.IsDefined(key)) throw reader.Fault($"node '{node}' has the unknown attribute {(byte)key}; a newer runtime may read it");
            attributes.Set(key, ReadAttribute(ref reader));
        }

        return attributes;
    }

    private static object ReadAttribute(ref SectionReader reader)
    {
        var type = (AttributeType)reader.Byte();
        switch (type)
        {
            case AttributeType.Int:
                return reader.Int64();
            case AttributeType.Float:
                return reader.Float();
            case AttributeType.Ints:
                var ints = new long[reader.Count(1)];
                for (var i = 0; i < ints.Length; i++) ints[i] = reader.Int64();
                return ints;
            case AttributeType.Floats:
                var floats = new float[reader.Count(sizeof(float))];
                for (var i = 0; i < floats.Length; i++) floats[i] = reader.Float();
                return floats;
            case AttributeType.String:
                return reader.String();
            default:
                throw reader.Fault($"an attribute has unknown type {(byte)type}");
        }
    }
}
