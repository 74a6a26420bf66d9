using System.Text.Json;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Tells the weight file, the graphs and the layers of a description.</summary>
internal static class DescriptionFacts
{
    /// <exception cref="ConversionException">The document or its weight file is damaged.</exception>
    public static SourceFacts Of(string path, byte[] content, SourceFiles files)
    {
        using var document = JsonText.Parse(content, path);
        var (facts, parts) = (new List<SourceFact>(), new List<string>());
        var graphs = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("graphs", out var all) && all.ValueKind == JsonValueKind.Object ? all : default;
        foreach (var graph in graphs.ValueKind == JsonValueKind.Object ? graphs.EnumerateObject().Select(member => member.Value) : [])
        {
            if (graph.ValueKind != JsonValueKind.Object || !graph.TryGetProperty("layers", out var layers) || layers.ValueKind != JsonValueKind.Array) continue;
            parts.AddRange(layers.EnumerateArray().Select(layer => layer.ValueKind == JsonValueKind.Object && layer.TryGetProperty("kind", out var kind) ? Json.TextOf(kind) : null).OfType<string>());
        }

        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weights", out var named) || named.ValueKind is not (JsonValueKind.String or JsonValueKind.Object)) return new SourceFacts(facts, parts, null) { PartsName = "layers" };
        facts.Add(new("weights in", named.ValueKind == JsonValueKind.String ? named.GetString()! : string.Join(", ", named.EnumerateObject().Select(member => Json.TextOf(member.Value) ?? "?"))));
        return new SourceFacts(facts, parts, WeightFacts.Of(DescriptionWeights.Read(path, named, files).Weights)) { PartsName = "layers" };
    }
}
