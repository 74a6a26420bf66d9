namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Replaces calls of a model's own functions by their bodies, with unique names for each call's values.</summary>
internal sealed class FunctionInliner
{
    private const int MaxDepth = 64;
    private const int MaxNodes = 200_000;

    /// <summary>Limit of the bytes after inlining. A few functions that call each other often could expand to any size.</summary>
    private const long LeastBytes = 64 << 20;
    private const long BytesPerByte = 16;

    /// <summary>From this length on, a call's values are named by its number only, without the calls around it.</summary>
    private const int LongestPrefix = 256;

    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly HashSet<FunctionProto> _open = [];
    private int _count;
    private long _bytes;

    private FunctionInliner(ModelProto model)
    {
        foreach (var function in model.Functions) _functions[(function.Domain, function.Name, function.Overload)] = function;
        _bytes = LeastBytes + BytesPerByte * model.CalculateSize();
    }

    public static GraphProto Inline(ModelProto model) => new FunctionInliner(model).InlineGraph(model.Graph, 0);

    private GraphProto InlineGraph(GraphProto graph, int depth)
    {
        var nodes = new List<NodeProto>();
        foreach (var node in graph.Node) Add(nodes, node, depth);
        // The other fields are shared, not copied.
        var result = new GraphProto { Name = graph.Name };
        result.Node.AddRange(nodes);
        result.Initializer.AddRange(graph.Initializer);
        result.Input.AddRange(graph.Input);
        result.Output.AddRange(graph.Output);
        return result;
    }

    private void Add(List<NodeProto> target, NodeProto node, int depth)
    {
        if (++_count > MaxNodes || depth > MaxDepth) throw new ConversionException($"Node '{node.Name}' ({node.OpType}): the model's functions call each other too deeply.");
        if (!_functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function))
        {
            if (node.Attribute.Any(a => a.G is not null)) node = Copied(node);
            foreach (var inner in node.Attribute.Where(a => a.G is not null)) inner.G = InlineGraph(inner.G, depth + 1);
            target.Add(node);
            return;
        }

        if (!_open.Add(function)) throw new ConversionException($"Node '{node.Name}' ({node.OpType}): the model's functions call each other too deeply: '{function.Name}' calls itself.");
        if (node.Input.Count > function.Input.Count || node.Output.Count > function.Output.Count) throw new ConversionException($"Node '{node.Name}' ({node.OpType}) has {node.Input.Count} inputs and {node.Output.Count} outputs, but its function '{function.Name}' has {function.Input.Count} and {function.Output.Count}.");
        var prefix = $"{(node.Name.Length > 0 ? node.Name : node.OpType)}#{_count}/";
        if (prefix.Length > LongestPrefix) prefix = $"#{_count}/";
        var names = new Dictionary<string, string> { [""] = "" };
        for (var i = 0; i < function.Input.Count; i++) names[function.Input[i]] = i < node.Input.Count ? node.Input[i] : "";
        for (var i = 0; i < function.Output.Count; i++) names[function.Output[i]] = i < node.Output.Count && node.Output[i].Length > 0 ? node.Output[i] : prefix + function.Output[i];
        foreach (var body in function.Node)
        {
            var copy = Copied(body);
            Bind(copy);
            Add(target, copy, depth + 1);
        }

        _open.Remove(function);

        void Bind(NodeProto copy)
        {
            copy.Name = prefix + copy.Name;
            for (var i = 0; i < copy.Input.Count; i++) copy.Input[i] = Rename(copy.Input[i]);
            for (var i = 0; i < copy.Output.Count; i++) copy.Output[i] = Rename(copy.Output[i]);
            for (var i = copy.Attribute.Count - 1; i >= 0; i--)
            {
                if (copy.Attribute[i].G is { } inner) BindGraph(inner);
                if (copy.Attribute[i].RefAttrName is not { Length: > 0 } reference) continue;
                var value = node.Attribute.FirstOrDefault(a => a.Name == reference) ?? function.AttributeProto.FirstOrDefault(a => a.Name == reference);
                var name = copy.Attribute[i].Name;
                copy.Attribute.RemoveAt(i);
                if (value is null) continue;
                Spend(value.CalculateSize());
                var bound = value.Clone();
                bound.Name = name;
                copy.Attribute.Add(bound);
            }
        }

        // Branches and loop bodies read the function's values by name, and its attributes.
        void BindGraph(GraphProto graph)
        {
            foreach (var port in graph.Input.Concat(graph.Output)) port.Name = Rename(port.Name);
            foreach (var tensor in graph.Initializer) tensor.Name = Rename(tensor.Name);
            foreach (var inner in graph.Node) Bind(inner);
        }

        string Rename(string name)
        {
            if (names.TryGetValue(name, out var known)) return known;
            Spend(prefix.Length + name.Length);
            return names[name] = prefix + name;
        }
    }

    private NodeProto Copied(NodeProto node)
    {
        Spend(node.CalculateSize());
        return node.Clone();
    }

    private void Spend(long bytes)
    {
        if ((_bytes -= bytes) < 0) throw new ConversionException("the model's functions expand to many times the file's size; inline them when exporting (onnx.inliner), or remove repeated calls.");
    }
}
