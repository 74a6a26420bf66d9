using System.Globalization;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Metadata entries about the sizes of symbolic dimensions, one for each that does not accept every size.</summary>
internal static partial class SizeNotes
{
    private const string Prefix = "sizes";

    /// <summary>Adds the size ranges of a graph.</summary>
    public static void Add(IDictionary<string, string> metadata, IrGraph graph)
    {
        foreach (var range in graph.Ranges) metadata[Key(graph.Name, range.Symbol)] = range.ToString();
    }

    /// <summary>The smallest size of a dimension in the metadata. 1 if there is no entry.</summary>
    public static int Least(IReadOnlyDictionary<string, string> metadata, string graph, string symbol) =>
        metadata.TryGetValue(Key(graph, symbol), out var text) && int.TryParse(FirstNumber().Match(text).Value, NumberStyles.None, CultureInfo.InvariantCulture, out var least) ? least : 1;

    private static string Key(string graph, string symbol) => $"{Prefix}:{graph}:{symbol}";

    [GeneratedRegex("[0-9]+")]
    private static partial Regex FirstNumber();
}
