using SeqRuntime.Converter.Decomposition;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Checks ONNX's general rules before a file is read further: a known opset, each value computed once and before it is read, and valid
/// names. A file that passes has no cycles and no ambiguity.
/// </summary>
internal sealed class OnnxCheck(string file)
{
    private const int LongestName = 4096;

    /// <summary>The opset version of ONNX's own operators in the file.</summary>
    /// <exception cref="ConversionException">The file breaks a rule of ONNX; the message says where and why.</exception>
    public int Opset(ModelProto model)
    {
        if (!model.HasIrVersion || model.IrVersion < 1) throw Fault($"it {(model.HasIrVersion ? $"has version {model.IrVersion} of ONNX's file format (ir_version); the first is 1" : "does not give the version of ONNX's file format (ir_version is missing)")}; export the model again");
        const int firstWithOpsets = 3;
        var versions = new Dictionary<string, long>();
        foreach (var import in model.OpsetImport)
        {
            var domain = import.Domain is "ai.onnx" ? "" : import.Domain;
            if (import.Version < 1) throw Fault($"it has version {import.Version} of {Name(domain)}; the first is 1; export the model again");
            if (!versions.TryAdd(domain, import.Version) && versions[domain] != import.Version) throw Fault($"it has two versions of {Name(domain)}, {versions[domain]} and {import.Version}; export the model again");
        }

        // Files of that time have one version only.
        if (model.OpsetImport.Count == 0 && model.HasIrVersion && model.IrVersion is > 0 and < firstWithOpsets) versions[""] = 1;
        foreach (var function in model.Functions)
        {
            if (!versions.TryGetValue("", out var own)) break;
            if (function.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx") is { } import && import.Version != own)
                throw Fault($"its function '{function.Name}' has opset {import.Version}, but the model has {own}; inline the functions when exporting (onnx.inliner)");
        }

        foreach (var node in Nodes(model.Graph).Concat(model.Functions.SelectMany(f => f.Node.SelectMany(Deep))))
        {
            var domain = node.Domain is "ai.onnx" ? "" : node.Domain;
            if (versions.ContainsKey(domain)) continue;
            if (domain.Length > 0) throw Fault($"node '{(node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault())}' ({node.OpType}) belongs to '{domain}', but the file does not give its version (opset_import); export the model again");
            throw Nodes(model.Graph).FirstOrDefault(n => n.Domain.Length == 0 && !Decompose.Knows(n.OpType)) is { } unknown
                ? Fault($"the file does not give its opset (opset_import is missing), and it has operators that ONNX does not have ('{(unknown.Name.Length > 0 ? unknown.Name : unknown.Output.FirstOrDefault())}' is a {unknown.OpType}): it is not valid ONNX of any opset; export the model from the framework that trained it")
                : Fault("the file does not give its opset (opset_import is missing), so the meaning of its operators is unknown; export the model again");
        }

        return (int)Math.Min(versions.GetValueOrDefault(""), int.MaxValue);
    }

    /// <summary>Checks the model's graph and its functions.</summary>
    /// <exception cref="ConversionException">A value is computed twice or after it is read; the message says which.</exception>
    public void Values(ModelProto model)
    {
        var functions = new HashSet<(string, string, string)>();
        foreach (var function in model.Functions)
        {
            if (!functions.Add((function.Domain, function.Name, function.Overload))) throw Fault($"two functions are named '{function.Name}'");
            var scope = new Scope(null);
            foreach (var input in function.Input) Define(scope, input, "an input", $"function '{function.Name}'");
            Nodes(function.Node, scope, $"function '{function.Name}'");
        }

        Graph(model.Graph, null);
    }

    private void Graph(GraphProto graph, Scope? outer)
    {
        var scope = new Scope(outer);
        var where = $"graph '{graph.Name}'";
        if (graph.SparseInitializer.Count > 0) throw Fault($"{where} has sparse constants, which are not supported; export it with dense ones");
        var constants = new HashSet<string>();
        foreach (var constant in graph.Initializer)
        {
            if (constant.Name.Length == 0) throw Fault($"{where} has a constant without a name");
            if (!constants.Add(constant.Name)) throw Fault($"{where} has two constants named '{constant.Name}'");
            Define(scope, constant.Name, "a constant", where);
        }

        var inputs = new HashSet<string>();
        foreach (var input in graph.Input)
        {
            if (input.Name.Length == 0) throw Fault($"{where} has an input without a name");
            if (!inputs.Add(input.Name)) throw Fault($"{where} has two inputs named '{input.Name}'");
            // A constant of the same name is the input's default.
            if (!constants.Contains(input.Name)) Define(scope, input.Name, "an input", where);
        }

        Nodes(graph.Node, scope, where);
        var outputs = new HashSet<string>();
        foreach (var output in graph.Output)
        {
            if (!outputs.Add(output.Name)) throw Fault($"{where} has two outputs named '{output.Name}'");
            if (!scope.Has(output.Name)) throw Fault($"{where} has the output '{output.Name}', which nothing computes");
        }
    }

    private void Nodes(IReadOnlyList<NodeProto> nodes, Scope scope, string where)
    {
        foreach (var (index, node) in nodes.Index())
        {
            CheckName(node.Name, where);
            foreach (var input in node.Input)
            {
                if (input.Length > 0 && !scope.Has(input)) throw Missing(nodes, index, input, where);
            }

            var attributes = new HashSet<string>();
            foreach (var attribute in node.Attribute)
            {
                if (!attributes.Add(attribute.Name)) throw Fault($"{where}, node {Named(node, index)} has two attributes named '{attribute.Name}'");
                if (attribute.G is { } inner) Graph(inner, scope);
                foreach (var graph in attribute.Graphs) Graph(graph, scope);
            }

            foreach (var output in node.Output)
            {
                if (output.Length > 0) Define(scope, output, $"node {Named(node, index)}", where);
            }
        }
    }

    private ConversionException Missing(IReadOnlyList<NodeProto> nodes, int index, string input, string where)
    {
        var reader = $"{where}, node {Named(nodes[index], index)} reads '{input}', which";
        for (var later = index; later < nodes.Count; later++)
        {
            if (!nodes[later].Output.Contains(input)) continue;
            return Fault(later == index
                ? $"{reader} it computes itself"
                : $"{reader} node {Named(nodes[later], later)} computes later: the nodes are not in topological order, or have a cycle; export the model again");
        }

        return Fault($"{reader} nothing computes before it; the model is damaged");
    }

    private void Define(Scope scope, string value, string by, string where)
    {
        CheckName(value, where);
        if (scope.Add(value, by) is { } before) throw Fault($"{where}: '{value}' is computed twice, by {before} and by {by}");
    }

    private void CheckName(string name, string where)
    {
        if (name.Length > LongestName) throw Fault($"{where} has a name of {name.Length} characters; at most {LongestName} are supported");
    }

    private static string Named(NodeProto node, int index) => $"{(node.Name.Length > 0 ? node.Name : $"{node.OpType}_{index}")} ({node.OpType})";

    private static IEnumerable<NodeProto> Nodes(GraphProto graph) => graph.Node.SelectMany(Deep);

    private static IEnumerable<NodeProto> Deep(NodeProto node) => node.Attribute.Where(a => a.G is not null).SelectMany(a => Nodes(a.G)).Concat(node.Attribute.SelectMany(a => a.Graphs.SelectMany(Nodes))).Prepend(node);

    private static string Name(string domain) => domain.Length == 0 ? "ONNX's operators" : $"'{domain}'";

    private ConversionException Fault(string what) => new($"{file}: {what}.");

    /// <summary>Values that exist at a point of a graph, including those of outer graphs.</summary>
    private sealed class Scope(Scope? outer)
    {
        private readonly Dictionary<string, string> _values = [];

        /// <summary>Adds a value. If it exists, returns what defined it.</summary>
        public string? Add(string value, string by)
        {
            if (_values.TryAdd(value, by)) return null;
            return _values[value];
        }

        public bool Has(string value) => _values.ContainsKey(value) || outer?.Has(value) == true;
    }
}
