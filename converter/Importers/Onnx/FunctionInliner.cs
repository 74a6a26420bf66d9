

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Replaces calls of a model's own functions by their bodies, with values renamed so that no two calls meet.</summary>
internal static class FunctionInliner
{
    private const int MaxDepth = 64;
    private const int MaxNodes = 200_000;

    public static GraphProto Inline(ModelProto model)
    {
        var functions = new Dictionary<(string Domain, string Name, string Overload), FunctionProto>();
        foreach (var function in model.Functions) functions[(function.Domain, function.Name, function.Overload)] = function;
        var count = 0;
        return InlineGraph(model.Graph, functions, 0, ref count);
    }

    private static GraphProto InlineGraph(GraphProto graph, Dictionary<(string Domain, string Name, string Overload), FunctionProto> functions, int depth, ref int count)
    {
        var result = graph.Clone();
        result.Node.Clear();
        foreach (var node in graph.Node) Add(result.Node, node, functions, depth, ref count);
        return result;
    }

    private static void Add(ICollection<NodeProto> target, NodeProto node, Dictionary<(string Domain, string Name, string Overload), FunctionProto> functions, int depth, ref int count)
    {
        if (++count > MaxNodes || depth > MaxDepth) throw new ConversionException($"Node '{node.Name}' ({node.OpType}): the model's functions call each other too deeply.");
        if (!functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function))
        {
            if (node.Attribute.Any(a => a.G is not null)) node = node.Clone();
            foreach (var inner in node.Attribute.Where(a => a.G is not null)) inner.G = InlineGraph(inner.G, functions, depth + 1, ref count);
            target.Add(node);
            return;
        }

        var prefix = $"{(node.Name.Length > 0 ? node.Name : node.OpType)}#{count}/";
        var names = new Dictionary<string, string> { [""] = "" };
        for (var i = 0; i < function.Input.Count; i++) names[function.Input[i]] = i < node.Input.Count ? node.Input[i] : "";
        for (var i = 0; i < function.Output.Count; i++) names[function.Output[i]] = i < node.Output.Count && node.Output[i].Length > 0 ? node.Output[i] : prefix + function.Output[i];
        foreach (var body in function.Node)
        {
            var copy = body.Clone();
            Bind(copy);
            Add(target, copy, functions, depth + 1, ref count);
        }

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

        string Rename(string name) => names.TryGetValue(name, out var known) ? known : names[name] = prefix + name;
    }
}
