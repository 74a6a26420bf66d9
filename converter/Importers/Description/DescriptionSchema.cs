using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>JSON schemas of the documents that users write, generated from the types that read them: docs/*.schema.json.</summary>
internal static class DescriptionSchema
{
    private static readonly JsonSerializerOptions s_print = new() { WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The schema of a model's description.</summary>
    public static string Model => Print(DescriptionJson.Default.ModelDescription, "SeqRuntime: description of a model");

    /// <summary>The schema of a document for <c>--decoding</c>.</summary>
    public static string Decoding => Print(DescriptionJson.Default.DecodingDocument, "SeqRuntime: how a model is decoded");

    private static string Print(JsonTypeInfo type, string title)
    {
        var options = new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true };
        var schema = type.GetJsonSchemaAsNode(options).AsObject();
        var document = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = title };
        foreach (var (name, value) in schema) document[name] = value?.DeepClone();
        return document.ToJsonString(s_print) + "\n";
    }
}
