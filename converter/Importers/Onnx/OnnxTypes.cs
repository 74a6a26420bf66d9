using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Checks each node against its operator in the file's opset: numbers of inputs and outputs, attributes and their kinds, and the
/// types of values where they are known. The graph has no functions any more.
/// </summary>
internal sealed class OnnxTypes(string file, int opset)
{
    private const int Float = 1, Int64 = 7;

    /// <summary>Names of ONNX's numbers for kinds of attributes. 0, in old files, has none.</summary>
    private static readonly string[] s_kinds = ["", "f", "i", "s", "t", "g", "fs", "is", "ss", "ts", "gs", "p", "ps", "y", "ys"];

    private static readonly Dictionary<string, string> s_kindNames = new()
    {
        ["f"] = "a number",
        ["i"] = "a whole number",
        ["s"] = "a string",
        ["t"] = "a tensor",
        ["g"] = "a graph",
        ["fs"] = "a list of numbers",
        ["is"] = "a list of whole numbers",
        ["ss"] = "a list of strings",
        ["ts"] = "a list of tensors",
        ["gs"] = "a list of graphs",
        ["p"] = "a sparse tensor",
        ["ps"] = "a list of sparse tensors",
        ["y"] = "a type",
        ["ys"] = "a list of types",
    };

    /// <exception cref="ConversionException">A node breaks a rule of ONNX; the message says which and why.</exception>
    public void Check(GraphProto graph) => Graph(graph, null, []);

    /// <summary>Types of a graph's outputs. Null where unknown.</summary>
    private List<string?> Graph(GraphProto graph, Scope? outer, List<string?> given)
    {
        var scope = new Scope(outer);
        var constants = new Dictionary<string, TensorProto>();
        foreach (var constant in graph.Initializer)
        {
            constants[constant.Name] = constant;
            scope.Types[constant.Name] = OnnxNumbers.TypeCode(constant.DataType);
        }

        foreach (var (index, input) in graph.Input.Index())
        {
            var type = Of(input.Type);
            if (constants.TryGetValue(input.Name, out var constant)) Default(input, type, constant);
            else scope.Types[input.Name] = type ?? (index < given.Count ? given[index] : null);
        }

        foreach (var (index, node) in graph.Node.Index()) Node(node, index, scope);
        var types = new List<string?>();
        foreach (var output in graph.Output)
        {
            var (declared, made) = (Of(output.Type), scope.Of(output.Name));
            if (declared is not null && made is not null && declared != made) throw Fault($"output '{output.Name}' of graph '{graph.Name}' is declared as {Long(declared)}, but is {Long(made)}");
            types.Add(made ?? declared);
        }

        return types;
    }

    /// <summary>Checks that an input and the constant that is its default have the same type and shape.</summary>
    private void Default(ValueInfoProto input, string? type, TensorProto constant)
    {
        if (type is not null && type != OnnxNumbers.TypeCode(constant.DataType)) throw Fault($"input '{input.Name}' is declared as {Long(type)}, but its default is {OnnxNumbers.NameOf(constant.DataType)}");
        if (input.Type?.TensorType?.Shape is not { } shape) return;
        if (shape.Dim.Count != constant.Dims.Count || shape.Dim.Index().Any(d => d.Item is { HasDimValue: true, DimValue: >= 0 } && d.Item.DimValue != constant.Dims[d.Index]))
            throw Fault($"input '{input.Name}' is declared as [{string.Join(", ", shape.Dim.Select(d => d.HasDimValue ? $"{d.DimValue}" : d.DimParam))}], but its default has shape [{string.Join(", ", constant.Dims)}]");
    }

    private void Node(NodeProto node, int index, Scope scope)
    {
        var name = $"{(node.Name.Length > 0 ? node.Name : $"{node.OpType}_{index}")} ({node.OpType})";
        var op = node.Domain is "" or "ai.onnx" ? OnnxOperators.Of(node.OpType, opset) : null;
        if (op is not null) Attributes(node, op, name);
        var inputs = node.Input.Select(input => input.Length > 0 ? scope.Of(input) : null).ToList();
        var variables = new Dictionary<string, (string Type, int Input)>();
        if (op is not null) Inputs(node, op, name, inputs, variables);
        if (op is not null && node.OpType == "Mod" && inputs[0]?.StartsWith('i') == false && inputs[0]?.StartsWith('u') == false && node.Attribute.All(a => a.Name != "fmod" || a.I == 0)) throw Fault($"node {name}: it takes the remainder of {Long(inputs[0]!)} with fmod = 0, which is for integers; export the model again");
        var made = Within(node, name, scope, inputs);
        if (op is not null) Outputs(node, op, name, made);
        foreach (var (i, output) in node.Output.Index())
        {
            if (output.Length == 0) continue;
            var type = made is not null && i < made.Count ? made[i] : op is null ? null : Output(node, op, i, variables);
            scope.Types[output] = type;
        }
    }

    private void Attributes(NodeProto node, OnnxOperator op, string name)
    {
        foreach (var attribute in node.Attribute)
        {
            if (attribute.RefAttrName.Length > 0) throw Fault($"node {name}: its attribute '{attribute.Name}' refers to attribute '{attribute.RefAttrName}' of a function, but the node is not in a function");
            if (!op.Attributes.TryGetValue(attribute.Name, out var known))
            {
                // An attribute of no opset becomes a note.
                if (OnnxOperators.HasEver(node.OpType, attribute.Name)) throw Fault($"node {name} has the attribute '{attribute.Name}', which {node.OpType} does not have in opset {opset} of the file; export the model again");
                continue;
            }

            var kind = attribute.Type is > 0 and < 15 ? s_kinds[attribute.Type] : Held(attribute) ?? known.Kind;
            var held = Held(attribute);
            if (kind != known.Kind || (held is not null && held != kind)) throw Fault($"node {name}: its attribute '{attribute.Name}' is {s_kindNames[held ?? kind]}{(held is not null && held != kind ? $" declared as {s_kindNames[kind]}" : "")}; it must be {s_kindNames[known.Kind]}");
        }

        foreach (var (attribute, (_, isRequired)) in op.Attributes)
        {
            if (isRequired && node.Attribute.All(a => a.Name != attribute)) throw Fault($"node {name} has no attribute '{attribute}', which {node.OpType} needs; export the model again");
        }

        if (node.OpType == "Constant" && node.Attribute.Count(a => op.Attributes.ContainsKey(a.Name)) != 1) throw Fault($"node {name} holds {node.Attribute.Count(a => op.Attributes.ContainsKey(a.Name))} values; a constant must have one");
    }

    /// <summary>The kind of an attribute's content. Null if it has none.</summary>
    private static string? Held(AttributeProto attribute) => attribute switch
    {
        { T: not null } => "t",
        { G: not null } => "g",
        { HasF: true } => "f",
        { HasI: true } => "i",
        { HasS: true } => "s",
        { Floats.Count: > 0 } => "fs",
        { Ints.Count: > 0 } => "is",
        { Strings.Count: > 0 } => "ss",
        { Tensors.Count: > 0 } => "ts",
        { Graphs.Count: > 0 } => "gs",
        _ => null,
    };

    private void Inputs(NodeProto node, OnnxOperator op, string name, List<string?> types, Dictionary<string, (string Type, int Input)> variables)
    {
        var count = node.Input.Reverse().SkipWhile(i => i.Length == 0).Count();
        if (count > op.Most) throw Fault($"node {name} has {count} inputs; {node.OpType} has at most {op.Most}{(OnnxOperators.Of(node.OpType, int.MaxValue)?.Most > op.Most ? $" in opset {opset} of the file" : "")}");
        if (count < op.Least) throw Fault($"node {name} has {count} inputs; {node.OpType} needs {op.Least}{(op.Most > op.Least ? " or more" : "")}");
        for (var i = 0; i < count; i++)
        {
            var parameter = op.Inputs[Math.Min(i, op.Inputs.Length - 1)];
            if (node.Input[i].Length == 0)
            {
                if (!parameter.IsOptional && !parameter.IsVariadic) throw Fault($"node {name}: its input {i} is missing, but {node.OpType} needs it");
                continue;
            }

            if (types[i] is not { } type) continue;
            var allowed = op.Variables.GetValueOrDefault(parameter.Type);
            if (allowed is null ? type != parameter.Type : Array.IndexOf(allowed, type) < 0 && !OnnxOperators.TakesLater(node.OpType, opset, i, type))
                throw Fault($"node {name}: its input {i}, '{node.Input[i]}', is {Long(type)}; {node.OpType} of opset {opset} takes {(allowed is null ? Long(parameter.Type) : string.Join(", ", allowed.Select(Long)))}");
            if (allowed is null || parameter.IsMixed) continue;
            if (!variables.TryAdd(parameter.Type, (type, i)) && variables[parameter.Type] is var (before, at) && before != type)
                throw Fault($"node {name}: its input {i}, '{node.Input[i]}', is {Long(type)}, but its input {at}, '{node.Input[at]}', is {Long(before)}; {node.OpType} needs the same type for both");
        }
    }

    /// <summary>Checks a node's inner graphs. Returns the types of their results, or null if the node has none.</summary>
    private List<string?>? Within(NodeProto node, string name, Scope scope, List<string?> inputs)
    {
        List<string?>? made = null;
        var isOwn = node.Domain is "" or "ai.onnx";
        foreach (var attribute in node.Attribute)
        {
            foreach (var graph in attribute.Graphs) Graph(graph, scope, []);
            if (attribute.G is not { } inner) continue;
            var types = Graph(inner, scope, isOwn && node.OpType == "Loop" ? inputs : []);
            if (!isOwn) continue;
            switch (node.OpType)
            {
                case "If":
                    if (inner.Input.Count > 0) throw Fault($"node {name}: one of its branches has inputs; branches must have none");
                    if (made is not null && made.Count != types.Count) throw Fault($"node {name}: one of its branches has {made.Count} outputs, the other {types.Count}");
                    for (var i = 0; i < made?.Count; i++)
                    {
                        if (made[i] is { } one && types[i] is { } other && one != other) throw Fault($"node {name}: its output {i} is {Long(one)} in one branch, {Long(other)} in the other");
                    }

                    made = types;
                    break;
                case "Loop" or "Scan":
                    made = [.. types.Skip(node.OpType == "Loop" ? 1 : 0)];
                    break;
            }
        }

        return made;
    }

    private void Outputs(NodeProto node, OnnxOperator op, string name, List<string?>? made)
    {
        var count = node.Output.Reverse().SkipWhile(o => o.Length == 0).Count();
        var most = made?.Count ?? (op.Outputs is [.., { IsVariadic: true }] ? int.MaxValue : op.Outputs.Length);
        if (count > most) throw Fault($"node {name} has {count} outputs; {(made is null ? $"{node.OpType} has at most {most}" : $"{(node.OpType == "If" ? "its branches give" : "its body gives")} {most}")}");
    }

    private static string? Output(NodeProto node, OnnxOperator op, int index, Dictionary<string, (string Type, int Input)> variables)
    {
        var parameter = op.Outputs[Math.Min(index, op.Outputs.Length - 1)];
        int Number(string attribute, int otherwise) => node.Attribute.FirstOrDefault(a => a.Name == attribute) is { HasI: true } found ? (int)long.Clamp(found.I, 0, int.MaxValue) : otherwise;
        switch (node.OpType)
        {
            case "Cast":
                return OnnxNumbers.TypeCode(Number("to", 0));
            case "Constant" when node.Attribute.FirstOrDefault(a => op.Attributes.ContainsKey(a.Name)) is { } value:
                return value.Name switch
                {
                    "value" => value.T is null ? null : OnnxNumbers.TypeCode(value.T.DataType),
                    "value_float" or "value_floats" => "f32",
                    "value_int" or "value_ints" => "i64",
                    _ => null,
                };
            case "ConstantOfShape":
                return node.Attribute.FirstOrDefault(a => a.Name == "value")?.T is { } fill ? OnnxNumbers.TypeCode(fill.DataType) : OnnxNumbers.TypeCode(Float);
            case "BlackmanWindow" or "HammingWindow" or "HannWindow" or "MelWeightMatrix":
                return OnnxNumbers.TypeCode(Number("output_datatype", Float));
            case "EyeLike" or "RandomNormalLike" or "RandomUniformLike" when node.Attribute.Any(a => a.Name == "dtype"):
                return OnnxNumbers.TypeCode(Number("dtype", Float));
            case "EyeLike" or "RandomNormalLike" or "RandomUniformLike":
                return variables.TryGetValue("T1", out var like) ? like.Type : null;
            case "ArgMax" or "ArgMin":
                return OnnxNumbers.TypeCode(Int64);
        }

        if (!op.Variables.TryGetValue(parameter.Type, out var allowed)) return parameter.Type;
        if (parameter.IsMixed) return null;
        return variables.TryGetValue(parameter.Type, out var bound) ? bound.Type : allowed.Length == 1 ? allowed[0] : null;
    }

    private static string? Of(TypeProto? type) => type switch
    {
        { TensorType: { } tensor } => OnnxNumbers.TypeCode(tensor.ElemType),
        { SequenceType.ElemType: { } element } => Of(element) is { } inner ? $"seq({inner})" : null,
        _ => null,
    };

    private static string Long(string type) => type.EndsWith(')') ? $"a sequence of {Long(type[(type.IndexOf('(', StringComparison.Ordinal) + 1)..^1])}" : OnnxNumbers.LongName(type);

    private ConversionException Fault(string what) => new($"{file}: {what}.");

    /// <summary>Types of the values of a graph and its outer graphs.</summary>
    private sealed class Scope(Scope? outer)
    {
        public Dictionary<string, string?> Types { get; } = [];

        public string? Of(string value) => Types.TryGetValue(value, out var type) ? type : outer?.Of(value);
    }
}
