using System.Globalization;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>What a file's metadata say about the sizes of its symbolic dimensions: an entry for each at which not every size fits.</summary>
internal static partial class SizeNotes
{
    private const string Prefix = "sizes";

    /// <summary>Notes the ranges of a graph.</summary>
    public static void Add(IDictionary<string, string> metadata, IrGraph graph)
    {
        foreach (var range in graph.Ranges) metadata[Key(graph.Name, range.Symbol)] = range.ToString();
    }

    /// <summary>The smallest size that is noted of a dimension; 1 where nothing is.</summary>
    public static int Least(IReadOnlyDictionary<string, string> metadata, string graph, string symbol) =>
        metadata.TryGetValue(Key(graph, symbol), out var text) && int.TryParse(FirstNumber().Match(text).Value, NumberStyles.None, CultureInfo.InvariantCulture, out var least) ? least : 1;

    private static string Key(string graph, string symbol) => $"{Prefix}:{graph}:{symbol}";

    [GeneratedRegex("[0-9]+")]
    private static partial Regex FirstNumber();
}
