using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Tells the version, layers and weights of a Keras file.</summary>
internal static class KerasFacts
{
    private const string Unnamed = "a layer without a class";

    /// <exception cref="ConversionException">The file is damaged.</exception>
    public static SourceFacts Of(string path, byte[] content)
    {
        var file = HdfFile.Read(content, path);
        var facts = new List<SourceFact> { new("made by", MadeBy(file.Attributes)) };
        var weights = WeightFacts.Of(KerasNames.Read(file, path));
        if (!file.Attributes.TryGetValue("model_config", out var config)) return new SourceFacts(facts, [], weights, IsComplete: false);
        using var document = JsonText.Parse(Encoding.UTF8.GetBytes(config), $"{path}: model_config");
        if (Json.TextOf(Member(document.RootElement, "class_name")) is { } kind) facts.Add(new("model", kind));
        return new SourceFacts(facts, [.. Layers(document.RootElement)], weights) { PartsName = "layers" };
    }

    private static string MadeBy(Dictionary<string, string> attributes)
    {
        var version = attributes.GetValueOrDefault("keras_version");
        if (version is null) return "the file does not say";
        return attributes.TryGetValue("backend", out var backend) ? $"Keras {version}, backend {backend}" : $"Keras {version}";
    }

    /// <summary>The classes of the layers, also of inner models. The depth is that of the JSON, which is bounded.</summary>
    private static IEnumerable<string> Layers(JsonElement model)
    {
        var config = Member(model, "config");
        var layers = config is { ValueKind: JsonValueKind.Array } list ? list : Member(config, "layers");
        if (layers is not { ValueKind: JsonValueKind.Array } all) yield break;
        foreach (var layer in all.EnumerateArray())
        {
            var kind = Json.TextOf(Member(layer, "class_name")) ?? Unnamed;
            var inner = Json.TextOf(Member(Member(Member(layer, "config"), "layer"), "class_name"));
            yield return inner is null ? kind : $"{kind}({inner})";
            foreach (var name in Layers(layer)) yield return name;
        }
    }

    private static JsonElement? Member(JsonElement? owner, string name) => owner is { ValueKind: JsonValueKind.Object } value && value.TryGetProperty(name, out var member) ? member : null;
}
