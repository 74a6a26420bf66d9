using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Perf.Boards;
using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Gate;
using SeqRuntime.Perf.LongRuns;

namespace SeqRuntime.Perf.Commands;

/// <summary>The options of a command that writes its report to files, as JSON and as tables.</summary>
/// <param name="kind">The name of its files in perf/results.</param>
internal sealed class ReportFiles(string kind)
{
    private readonly Option<FileInfo> _json = new("--json") { Description = "Write all measurements to this file.", HelpName = "FILE" };
    private readonly Option<FileInfo> _markdown = new("--markdown") { Description = "Write the tables to this file.", HelpName = "FILE" };
    private readonly Option<bool> _record = new("--record") { Description = "Write JSON and tables to perf/results/<processor>/ under today's date." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _json, _markdown, _record }) command.Options.Add(option);
    }

    /// <summary>Writes the files that the command line names.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="machine">The machine that was measured.</param>
    /// <param name="report">All measurements.</param>
    /// <param name="type">Their form in JSON.</param>
    /// <param name="tables">The tables.</param>
    /// <param name="other">A name in perf/results in the place of the command's usual one.</param>
    /// <returns>The folder of --record. Null without it.</returns>
    public string? Write<T>(ParseResult result, Machine machine, T report, JsonTypeInfo<T> type, string tables, string? other = null)
    {
        var text = JsonReports.Text(report, type);
        if (result.GetValue(_json) is { } json) File.WriteAllText(json.FullName, text);
        if (result.GetValue(_markdown) is { } markdown) File.WriteAllText(markdown.FullName, tables);
        if (!result.GetValue(_record)) return null;
        File.WriteAllText(Results.Name(machine, other ?? kind, ".json"), text);
        File.WriteAllText(Results.Name(machine, other ?? kind, ".md"), tables);
        return Results.Folder(machine);
    }
}

/// <summary>The JSON documents that perf reads and writes.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(CompareReport))]
[JsonSerializable(typeof(RealtimeReport))]
[JsonSerializable(typeof(RecipeReport))]
[JsonSerializable(typeof(RecipeTimes))]
[JsonSerializable(typeof(Baseline))]
[JsonSerializable(typeof(SortedDictionary<string, SortedDictionary<string, double>>), TypeInfoPropertyName = "RatioTable")]
[JsonSerializable(typeof(ProbeReport))]
[JsonSerializable(typeof(ArmEstimate))]
[JsonSerializable(typeof(ArmCount[]))]
[JsonSerializable(typeof(ProfileReport))]
internal sealed partial class JsonReports : JsonSerializerContext
{
    /// <summary>One document with a line end. Letters outside ASCII are not escaped.</summary>
    public static string Text<T>(T report, JsonTypeInfo<T> type) => JsonSerializer.Serialize(report, typeof(T), new JsonReports(new JsonSerializerOptions(type.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) + "\n";
}
