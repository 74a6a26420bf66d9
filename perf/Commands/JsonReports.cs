using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Gate;
using SeqRuntime.Perf.Realtime;

namespace SeqRuntime.Perf.Commands;

/// <summary>The JSON documents that perf reads and writes.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(CompareReport))]
[JsonSerializable(typeof(RealtimeReport))]
[JsonSerializable(typeof(Baseline))]
[JsonSerializable(typeof(SortedDictionary<string, SortedDictionary<string, double>>), TypeInfoPropertyName = "RatioTable")]
[JsonSerializable(typeof(ProbeReport))]
internal sealed partial class JsonReports : JsonSerializerContext
{
    /// <summary>One document with a line end. Letters outside ASCII are not escaped.</summary>
    public static string Text<T>(T report, JsonTypeInfo<T> type) => JsonSerializer.Serialize(report, typeof(T), new JsonReports(new JsonSerializerOptions(type.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) + "\n";
}
