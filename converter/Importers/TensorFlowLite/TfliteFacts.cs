using System.Text;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Tells versions, producer, signatures, operators and weights of a TensorFlow Lite file.</summary>
internal static class TfliteFacts
{
    private const int MostNamed = 5, LongestText = 80;

    /// <exception cref="ConversionException">The file is damaged, or of another version.</exception>
    public static SourceFacts Of(string path, byte[] content)
    {
        var model = TfliteFile.Read(content, path);
        var root = new FlatFile(content, path).Root;
        var said = Plain(root.Text(3));
        List<SourceFact> facts = [new("version", $"schema {root.Int(0)}{(Runtime(root) is { Length: > 0 } runtime ? $", needs TensorFlow {runtime} or newer" : "")}"), new("made by", said.Length > 0 ? $"TensorFlow Lite's converter: \"{said}\"" : "the file does not say")];
        var weights = model.Subgraphs.SelectMany(graph => graph.Tensors).Where(t => t is { IsConstant: true, IsReal: true, Rank: > 0 }).ToList();
        if (weights.Count > 0) facts.Add(new("types", string.Join(", ", weights.GroupBy(w => w.Type).OrderByDescending(g => g.Sum(w => (long)w.Data.Length)).Select(g => $"{TfliteConstants.NameOf(g.Key)} in {g.Count()}"))));
        if (weights.Count(w => w.Steps is not null) is > 0 and var quantized) facts.Add(new("quantized", $"{quantized} of {weights.Count} constants"));
        if (model.Signatures.Count > 0) facts.Add(new("signatures", string.Join(", ", model.Signatures.Take(MostNamed).Select(s => Plain(s.Key))) + (model.Signatures.Count > MostNamed ? " …" : "")));
        if (model.Subgraphs.Count > 1) facts.Add(new("subgraphs", $"{model.Subgraphs.Count}"));
        return new SourceFacts(facts, [.. model.Subgraphs.SelectMany(graph => graph.Operators).Select(op => op.Name)], new SourceWeights(weights.Count, weights.Sum(w => w.Count), weights.Sum(w => (long)w.Data.Length)));
    }

    /// <summary>The version of TensorFlow that the converter noted as the oldest that can run the file. Empty if there is none.</summary>
    private static string Runtime(FlatTable root) => Plain(Encoding.UTF8.GetString(TfliteMetadata.Buffer(root, "min_runtime_version").Span));

    /// <summary>A text of the file in one short line.</summary>
    private static string Plain(string text)
    {
        var line = new string([.. text.TakeWhile(c => c != '\0').Where(c => !char.IsControl(c))]).Trim();
        return line.Length > LongestText ? line[..LongestText] + "…" : line;
    }
}
