using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using SeqRuntime.Perf.Comparing;

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
    /// <returns>The folder of --record. Null without it.</returns>
    public string? Write<T>(ParseResult result, Machine machine, T report, JsonTypeInfo<T> type, string tables)
    {
        var text = JsonReports.Text(report, type);
        if (result.GetValue(_json) is { } json) File.WriteAllText(json.FullName, text);
        if (result.GetValue(_markdown) is { } markdown) File.WriteAllText(markdown.FullName, tables);
        if (!result.GetValue(_record)) return null;
        File.WriteAllText(Results.Name(machine, kind, ".json"), text);
        File.WriteAllText(Results.Name(machine, kind, ".md"), tables);
        return Results.Folder(machine);
    }
}
