using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Reads an ONNX file into the IR graph. Names, nodes, constants and shapes stay; operators get their newest form.</summary>
internal sealed class OnnxReader
{
    private const int OldestOpset = 7;

    /// <summary>The newest ir_version.</summary>
    private const int NewestFormat = 13;

    /// <summary>How many items a note names.</summary>
    private const int MostNamed = 5;

    private readonly string _file;
    private readonly SourceFiles _files;
    private readonly OnnxTensors _tensors;
    private readonly List<string> _unknown = [];
    private readonly List<string> _resetBefore = [];
    private readonly List<string> _negative = [];
    private int _opset;

    private OnnxReader(string file, SourceFiles files)
    {
        _file = file;
        _files = files;
        _tensors = new OnnxTensors(file, files);
    }

    /// <exception cref="ConversionException">The file is not an ONNX model, is damaged, or has an opset outside 7 to 23.</exception>
    /// <param name="file">The file's name.</param>
    /// <param name="content">Its bytes. They are let go as soon as they are parsed, because the parsed model holds the weights once more.</param>
    /// <param name="graphName">Name of the graph.</param>
    /// <param name="notes">Receives notes for the user.</param>
    /// <param name="files">Reads external data.</param>
    public static IrGraph Read(string file, ref byte[] content, string graphName, List<string> notes, SourceFiles files) => new OnnxReader(file, files).ReadModel(ref content, graphName, notes);

    private IrGraph ReadModel(ref byte[] content, string graphName, List<string> notes)
    {
        var bytes = content.Length;
        var model = Parse(content);
        content = [];
        Garbage.Collect(bytes);
        if (model.Graph is null) throw new ConversionException($"{_file}: this is not an ONNX model: it has no graph.");
        var check = new OnnxCheck(_file);
        _opset = check.Opset(model);
        check.Values(model);
        if (_opset < OldestOpset && model.Graph.Node.FirstOrDefault(n => !OpsetUpgrade.IsAsOld(n.OpType)) is { } old)
            throw new ConversionException($"{_file}: opset {_opset} is older than {OldestOpset}, the oldest that can be read ('{old.Name}' is an old form of {old.OpType}); export the model again with opset 13 or newer.");
        if (_opset > IrNode.NewestOpset) notes.Add($"{graphName}: opset {_opset} is newer than {IrNode.NewestOpset}, the newest that this converter knows; operators are read as in opset {IrNode.NewestOpset}.");
        var inlined = Inline(model);
        new OnnxTypes(_file, _opset).Check(inlined);
        var graph = ReadGraph(inlined, graphName);
        new OnnxSettings(_file, _opset).Check(graph);
        if (model.IrVersion > NewestFormat) notes.Add($"{graphName}: the file has version {model.IrVersion} of ONNX's file format, newer than {NewestFormat}, the newest that this converter knows; newer parts are ignored");
        if (_negative.Count > 0) notes.Add($"sizes below 0 are treated as symbolic: {Some(_negative)} (choose with --dim)");
        if (_unknown.Count > 0) notes.Add($"unknown attributes are ignored: {Some(_unknown)}");
        if (_resetBefore.Count > 0 && model.ProducerName == "pytorch")
            notes.Add($"{Some(_resetBefore)}: linear_before_reset is 0 in the file, so the reset gate acts before the product. PyTorch's GRU always needs 1, which its newer exporter omits (pytorch#189225); if results differ from PyTorch's, export with dynamo=False");
        return graph;
    }

    private static string Some(List<string> names) => string.Join(", ", names.Take(MostNamed)) + (names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "");

    private ModelProto Parse(byte[] bytes)
    {
        return Library.Call(() => ModelProto.Parser.ParseFrom(bytes), what => new ConversionException(what.Contains("nesting", StringComparison.Ordinal)
            ? $"{_file}: inner graphs are nested too deeply."
            : $"{_file}: this is not an ONNX model, or it is truncated: {what}."));
    }

    private static GraphProto Inline(ModelProto model) => model.Functions.Count == 0 ? model.Graph : FunctionInliner.Inline(model);

    private IrGraph ReadGraph(GraphProto proto, string name)
    {
        var graph = new IrGraph(name);
        foreach (var initializer in proto.Initializer)
        {
            graph.Constants[initializer.Name] = _tensors.Read(initializer);
        }

        foreach (var input in proto.Input)
        {
            if (!graph.Constants.ContainsKey(input.Name)) graph.Inputs.Add(ReadPort(input));
        }

        foreach (var node in proto.Node) graph.Nodes.Add(OpsetUpgrade.Apply(ReadNode(node, graph.Nodes.Count), graph, _opset));
        foreach (var output in proto.Output) graph.Outputs.Add(ReadPort(output));
        return graph;
    }

    private IrPort ReadPort(ValueInfoProto info)
    {
        var tensor = info.Type?.TensorType;
        var dims = tensor?.Shape?.Dim.Select((d, i) => Dimension(d, info.Name, i)).ToArray();
        if (dims is { Length: > Format.Shape.MaxRank }) throw new ConversionException($"{_file}: '{info.Name}' has {dims.Length} dimensions; at most {Format.Shape.MaxRank} are supported.");
        return new IrPort(info.Name, info.Name, OnnxNumbers.TypeOf(tensor?.ElemType ?? 0), dims ?? []);
    }

    private IrDim Dimension(TensorShapeProto.Types.Dimension dimension, string value, int axis)
    {
        if (dimension.HasDimValue && dimension.DimValue >= 0)
            return dimension.DimValue <= int.MaxValue ? new IrDim((int)dimension.DimValue, null) : throw new ConversionException($"{_file}: '{value}' has a dimension of {dimension.DimValue}.");
        if (dimension.HasDimValue) _negative.Add($"{dimension.DimValue} of '{value}'");
        return new IrDim(-1, dimension.HasDimParam && dimension.DimParam.Length > 0 ? dimension.DimParam : $"{value}_{axis}");
    }

    private IrNode ReadNode(NodeProto proto, int index)
    {
        var name = proto.Name.Length > 0 ? proto.Name : $"{proto.OpType}_{index}";
        var op = proto.Domain is "" or "ai.onnx" ? proto.OpType : $"{proto.Domain}.{proto.OpType}";
        var node = new IrNode(name, op, proto.Input, proto.Output);
        foreach (var attribute in proto.Attribute)
        {
            node.Attributes[attribute.Name] = ReadAttribute(attribute, name);
            if (OnnxAttributes.IsUnknown(op, attribute.Name)) _unknown.Add($"'{attribute.Name}' of {node}");
        }

        if (node.Recurrent == RecurrentOp.Gru && node.Int("linear_before_reset", 0) == 0) _resetBefore.Add(node.ToString());
        return node;
    }

    private object ReadAttribute(AttributeProto proto, string node) => proto switch
    {
        { T: { } tensor } => _tensors.Read(tensor),
        { G: { } graph } => ReadGraph(graph, node + "." + proto.Name),
        { HasF: true } => proto.F,
        { HasI: true } => proto.I,
        { HasS: true } => proto.S.ToStringUtf8(),
        { Floats.Count: > 0 } => proto.Floats.ToArray(),
        { Ints.Count: > 0 } => proto.Ints.ToArray(),
        { Strings.Count: > 0 } => proto.Strings.Select(s => s.ToStringUtf8()).ToArray(),
        { Type: 1 } => 0f,
        { Type: 2 } => 0L,
        { Type: 3 } => "",
        { Type: 6 } => Array.Empty<float>(),
        { Type: 8 } => Array.Empty<string>(),
        _ => Array.Empty<long>(),
    };
}
