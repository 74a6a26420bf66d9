using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Tells the version, layers and weights of a Keras file.</summary>
internal static class KerasFacts
{
    private const string Unnamed = "a layer without a class";

    /// <summary>A file in HDF5: a whole model, or weights alone.</summary>
    /// <exception cref="ConversionException">The file is damaged.</exception>
    public static SourceFacts OfHdf(string path, byte[] content)
    {
        var file = HdfFile.Read(content, path);
        var (version, weights) = (MadeBy(file.Attributes.GetValueOrDefault("keras_version"), file.Attributes.GetValueOrDefault("backend")), WeightFacts.Of(KerasNames.Read(file, path)));
        return file.Attributes.TryGetValue("model_config", out var config)
            ? Of(version, Parse(Encoding.UTF8.GetBytes(config), $"{path}: model_config"), weights)
            : new SourceFacts([version], [], weights, IsComplete: false);
    }

    /// <summary>A <c>.keras</c> archive.</summary>
    /// <exception cref="ConversionException">The archive or one of its entries is damaged or missing.</exception>
    public static SourceFacts OfArchive(string path, byte[] content)
    {
        var archive = new KerasArchive(path, content);
        JsonElement? metadata = archive.Metadata is { } said ? Parse(said, $"{path}: metadata.json") : null;
        var date = Json.TextOf(Json.Optional(metadata, "date_saved"));
        var made = MadeBy(Json.TextOf(Json.Optional(metadata, "keras_version")), null);
        return Of(date is null ? made : made with { Value = $"{made.Value}, saved {date}" }, Parse(archive.Architecture, $"{path}: config.json"), WeightFacts.Of(WeightFile.Read(path, content)));
    }

    /// <summary>An architecture in JSON. Its weights are in another file.</summary>
    /// <exception cref="ConversionException">The file is damaged.</exception>
    public static SourceFacts OfArchitecture(string path, byte[] content)
    {
        var model = Parse(content, path);
        return Of(MadeBy(Json.TextOf(Json.Optional(model, "keras_version")), Json.TextOf(Json.Optional(model, "backend"))), model, null);
    }

    private static SourceFacts Of(SourceFact made, JsonElement model, SourceWeights? weights)
    {
        List<SourceFact> facts = [made];
        if (Json.TextOf(Json.Optional(model, "class_name")) is { } kind) facts.Add(new("model", kind));
        return new SourceFacts(facts, [.. Layers(model)], weights) { PartsName = "layers" };
    }

    private static SourceFact MadeBy(string? version, string? backend) =>
        new("made by", version is null ? "the file does not say" : backend is null ? $"Keras {version}" : $"Keras {version}, backend {backend}");

    private static JsonElement Parse(byte[] content, string where)
    {
        using var document = JsonText.Parse(content, where);
        return document.RootElement.Clone();
    }

    /// <summary>The classes of the layers, also of inner models. The depth is that of the JSON, which is bounded.</summary>
    private static IEnumerable<string> Layers(JsonElement model)
    {
        var config = Json.Optional(model, "config");
        foreach (var layer in Json.Elements(config is { ValueKind: JsonValueKind.Array } ? config : Json.Optional(config, "layers")))
        {
            var kind = Json.TextOf(Json.Optional(layer, "class_name")) ?? Unnamed;
            var inner = Json.TextOf(Json.Optional(Json.Optional(Json.Optional(layer, "config"), "layer"), "class_name"));
            yield return inner is null ? kind : $"{kind}({inner})";
            foreach (var name in Layers(layer)) yield return name;
        }
    }
}
