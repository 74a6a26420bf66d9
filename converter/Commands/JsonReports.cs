using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace SeqRuntime.Converter.Commands;

/// <summary>The documents that --json prints, serialised without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(InfoReport))]
[JsonSerializable(typeof(ConvertReport))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(ScaffoldReport))]
[JsonSerializable(typeof(UpgradeReport))]
[JsonSerializable(typeof(VerifyReport))]
[JsonSerializable(typeof(InspectReport))]
[JsonSerializable(typeof(DiffReport))]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(DecodeReport))]
[JsonSerializable(typeof(FrameReport))]
internal sealed partial class JsonReports : JsonSerializerContext
{
    /// <summary>Writes exactly one document and a line end.</summary>
    public static void Write<T>(TextWriter output, T report, JsonTypeInfo<T> type) => output.WriteLine(JsonSerializer.Serialize(report, type));
}
