using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>Tells versions, layers and weights of models that audio plugins load.</summary>
internal static class AudioFacts
{
    private const int MostLayers = 4096;

    /// <summary>What a file says about itself. Null if it is of another kind.</summary>
    /// <exception cref="ConversionException">The file is damaged.</exception>
    public static SourceFacts? Of(FileKind kind, string path, byte[] content)
    {
        if (kind == FileKind.RnNoise) return new SourceFacts([new("version", Version(content))], ["Dense", RecurrentOp.Gru.Name, RecurrentOp.Gru.Name, RecurrentOp.Gru.Name, "Dense", "Dense"], null) { PartsName = "layers" };
        if (kind != FileKind.RtNeural && kind != FileKind.GuitarMl && kind != FileKind.Nam && kind != FileKind.StateDict) return null;
        using var document = JsonText.Parse(content, path);
        var root = document.RootElement;
        if (kind == FileKind.Nam) return Nam(root);
        if (kind == FileKind.RtNeural)
        {
            var layers = Json.Elements(Json.Optional(root, "layers")).ToList();
            return Layers(Said(root, Json.Optional(root, "metadata")), layers.Select(layer => Json.TextOf(Json.Optional(layer, "type")) ?? "a layer without a type"), new SourceWeights(layers.Sum(layer => Json.Elements(Json.Optional(layer, "weights")).Count()), layers.Sum(layer => Numbers(Json.Optional(layer, "weights"))), null));
        }

        var weights = WeightFacts.Of(WeightFile.Read(path, content));
        return kind == FileKind.StateDict ? new SourceFacts(Said(root, Json.Optional(root, "metadata")), [], weights) : GuitarMl(root, weights);
    }

    /// <summary>An architecture and its sizes, and who made it.</summary>
    private static SourceFacts Nam(JsonElement root)
    {
        var facts = new List<SourceFact>();
        if (Json.TextOf(Json.Optional(root, "version")) is { } version) facts.Add(new("version", version));
        facts.AddRange(Said(root, Json.Optional(root, "metadata")));
        var models = Json.Elements(Json.Optional(Json.Optional(root, "config"), "submodels")).Select(model => Json.Optional(model, "model") ?? model).DefaultIfEmpty(root).ToList();
        return Layers(facts, models.Select(model => Json.TextOf(Json.Optional(model, "architecture")) ?? "a model without an architecture"), new SourceWeights(models.Count, models.Sum(model => Numbers(Json.Optional(model, "weights"))), null)) with { PartsName = "architecture" };
    }

    /// <summary>Recurrent layers of one kind, and a linear one.</summary>
    private static SourceFacts GuitarMl(JsonElement root, SourceWeights weights)
    {
        var data = Json.Optional(root, "model_data");
        var count = Json.Optional(data, "num_layers") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var layers) ? Math.Clamp(layers, 1, MostLayers) : 1;
        return Layers(Said(root, data), [.. Enumerable.Repeat(Json.TextOf(Json.Optional(data, "unit_type")) ?? "a layer without a type", count), "linear"], weights);
    }

    /// <summary>Who or what made the file, and the sample rate of its sound, if it says so.</summary>
    private static List<SourceFact> Said(JsonElement root, JsonElement? metadata)
    {
        string? Find(params string[] names) => names.Select(name => Json.Optional(root, name) ?? Json.Optional(metadata, name)).Where(value => value is not null).Select(value => Members.Plain(value!.Value)).FirstOrDefault(text => text is { Length: > 0 });
        var facts = new List<SourceFact> { new("made by", Find("modeled_by", "author", "author_name", "made_by") ?? "the file does not say") };
        if (Find("name", "model_name") is { } name) facts.Add(new("name", name));
        if (Find("sample_rate", "samplerate", "sampleRate") is { } rate) facts.Add(new("sample rate", $"{rate} Hz"));
        return facts;
    }

    private static SourceFacts Layers(List<SourceFact> facts, IEnumerable<string> layers, SourceWeights weights) => new(facts, [.. layers], weights) { PartsName = "layers" };

    private static string Version(byte[] content) => Encoding.UTF8.GetString(content.AsSpan(0, Math.Min(content.Length, 64))).Trim().Split('\n')[0].Split(' ')[^1].Trim();

    /// <summary>The numbers of nested lists. The depth is that of the JSON, which is bounded.</summary>
    private static long Numbers(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.Number } => 1,
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Sum(element => Numbers(element)),
        _ => 0,
    };
}
