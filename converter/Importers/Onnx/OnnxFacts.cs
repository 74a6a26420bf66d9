using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Tells versions, producer, operators and weights of an ONNX file.</summary>
internal static class OnnxFacts
{
    /// <summary>A tensor of more elements is damaged; the reader refuses it.</summary>
    private const long MostNumbers = int.MaxValue;

    private const int MostNamed = 5;

    /// <exception cref="ConversionException">The file is no ONNX model, or truncated.</exception>
    public static SourceFacts Of(string path, byte[] content)
    {
        var model = Library.Call(() => ModelProto.Parser.ParseFrom(content), what => new ConversionException($"{path}: this is not an ONNX model, or it is truncated: {what}."));
        var nodes = (model.Graph is null ? [] : Deep(model.Graph.Node)).Concat(model.Functions.SelectMany(f => Deep(f.Node))).ToList();
        var parts = nodes.ConvertAll(n => n.Domain is "" or "ai.onnx" ? n.OpType : $"{n.Domain}.{n.OpType}");
        var tensors = (model.Graph is null ? [] : Constants(model.Graph)).Concat(nodes.SelectMany(n => n.Attribute).Where(a => a.T is not null).Select(a => a.T)).ToList();
        var weights = tensors.FindAll(IsWeight);
        var facts = new List<SourceFact>
        {
            new("version", $"{(model.HasIrVersion ? $"IR version {model.IrVersion}" : "no IR version")}, {(model.OpsetImport.Count == 0 ? "no opset" : string.Join(", ", model.OpsetImport.Select(o => $"opset {o.Version}{(o.Domain is "" or "ai.onnx" ? "" : $" of {o.Domain}")}")))}"),
            new("made by", model.ProducerName.Length > 0 ? $"{model.ProducerName} {model.ProducerVersion}".Trim() : "the file does not say"),
        };
        if (weights.Count > 0) facts.Add(new("types", string.Join(", ", weights.GroupBy(w => w.DataType).OrderByDescending(g => g.Sum(Bytes)).Select(g => $"{OnnxNumbers.NameOf(g.Key)} in {g.Count()}"))));
        if (parts.Where(IsQuantized).ToList() is { Count: > 0 } quantized) facts.Add(new("quantized", Counted(quantized)));
        if (model.Functions.Count > 0) facts.Add(new("functions", Some(model.Functions.Select(f => f.Name).ToList())));
        var external = tensors.Where(t => t.DataLocation == TensorProto.Types.DataLocation.External).SelectMany(t => t.ExternalData).Where(e => e.Key == "location").Select(e => e.Value).Distinct().ToList();
        if (external.Count > 0) facts.Add(new("external data", Some(external)));
        return new SourceFacts(facts, parts, new SourceWeights(weights.Count, weights.Sum(Numbers), weights.Sum(Bytes)));
    }

    /// <summary>Operators that compute with integers of few bits, or turn them into floats.</summary>
    private static bool IsQuantized(string op) => ((string[])["Quant", "Integer", "QLinear", "QAttention", "QGemm", "NBits"]).Any(word => op.Contains(word, StringComparison.Ordinal));

    /// <summary>Floats of any width, and the small integers of quantized files. Other integers are shapes and indices.</summary>
    private static bool IsWeight(TensorProto tensor) => (OnnxType)tensor.DataType is OnnxType.Float or OnnxType.Double or OnnxType.Float16 or OnnxType.BFloat16 or OnnxType.Int8 or OnnxType.UInt8 or OnnxType.Int4 or OnnxType.UInt4;

    private static long Numbers(TensorProto tensor)
    {
        var count = 1L;
        foreach (var size in tensor.Dims)
        {
            if (size is < 0 or > MostNumbers || (count *= size) > MostNumbers) return 0;
        }

        return count;
    }

    private static long Bytes(TensorProto tensor) => (OnnxType)tensor.DataType switch
    {
        OnnxType.Double => 8 * Numbers(tensor),
        OnnxType.Float => 4 * Numbers(tensor),
        OnnxType.Float16 or OnnxType.BFloat16 => 2 * Numbers(tensor),
        OnnxType.Int4 or OnnxType.UInt4 => (Numbers(tensor) + 1) / 2,
        _ => Numbers(tensor),
    };

    private static IEnumerable<TensorProto> Constants(GraphProto graph) => graph.Initializer.Concat(Deep(graph.Node).SelectMany(n => n.Attribute).SelectMany(Graphs).SelectMany(g => g.Initializer));

    private static IEnumerable<NodeProto> Deep(IEnumerable<NodeProto> nodes) => nodes.SelectMany(n => Deep(n.Attribute.SelectMany(Graphs).SelectMany(g => g.Node)).Prepend(n));

    private static IEnumerable<GraphProto> Graphs(AttributeProto attribute) => attribute.G is { } graph ? attribute.Graphs.Prepend(graph) : attribute.Graphs;

    private static string Counted(IEnumerable<string> names) => Some([.. names.GroupBy(name => name).OrderByDescending(g => g.Count()).Select(g => $"{g.Key} {g.Count()}")]);

    private static string Some(List<string> names) => string.Join(", ", names.Take(MostNamed)) + (names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "");
}
