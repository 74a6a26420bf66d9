using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.IO;

/// <summary>Describes what is wrong with a JSON document by its lines and members, instead of .NET's terms.</summary>
internal static partial class JsonFaults
{
    /// <summary>A parser's error in terms of the document.</summary>
    public static string Tell(Exception fault)
    {
        var text = fault.Message;
        var where = Where(fault);
        if (Twice().Match(text) is { Success: true } twice) return $"{where}the member '{twice.Groups[1].Value}' occurs twice in one object";
        if (text.Contains("maximum configured depth", StringComparison.Ordinal)) return $"{where}lists and objects are nested too deeply";
        if (text.Contains("does not contain any JSON tokens", StringComparison.Ordinal)) return "the document is empty";
        return where + (Place().Match(text) is { Success: true } place ? text[..place.Index].TrimEnd() : text).TrimEnd('.');
    }

    /// <summary>The line and the member of an error, as the beginning of a message. Empty if there is none.</summary>
    public static string Where(Exception fault)
    {
        if (fault is JsonException { LineNumber: { } line, Path: var path }) return Where(line, path);
        return Place().Match(fault.Message) is { Success: true } place ? Where(long.Parse(place.Groups["line"].ValueSpan, CultureInfo.InvariantCulture), place.Groups["path"].Value) : "";
    }

    private static string Where(long line, string? path) => $"line {line + 1}{(path is { Length: > 1 } ? $", {path[1..].TrimStart('.')}" : "")}: ";

    [GeneratedRegex(@"(?:Path: (?<path>[^|]*?) \| )?LineNumber: (?<line>\d+)")]
    private static partial Regex Place();

    [GeneratedRegex("^Duplicate property '(.*?)'")]
    private static partial Regex Twice();
}
