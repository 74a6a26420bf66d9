using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Graph;

/// <summary>Finds the user's name of a weight: its name in the source file, after any changes by the graph's passes.</summary>
internal static partial class WeightNames
{
    /// <summary>Limit of the source names of one constant. A constant made of more keeps its own name.</summary>
    private const int Most = 8;

    /// <summary>A value's name without the numbers that distinguish values of one name.</summary>
    public static string Stem(string name) => name.Contains('~', StringComparison.Ordinal) ? Numbers().Replace(name, "") : name;

    /// <summary>A constant's names in the source file: its own, or those of the constants that it was computed from.</summary>
    public static IReadOnlyList<string> Of(IrGraph graph, string value)
    {
        if (graph.Sources.TryGetValue(value, out var sources) || graph.Sources.TryGetValue(Stem(value), out sources)) return sources;
        // Values of a branch or of a loop's round have its name as a prefix.
        var own = Stem(Copies().Replace(value, ""));
        return [own.Length > 0 ? own : value];
    }

    /// <summary>The names of one direction of a recurrent layer's constant: its own name if the file stores the directions separately.</summary>
    public static IReadOnlyList<string> OfDirection(IrGraph graph, string value, int direction, int directions)
    {
        var names = Of(graph, value);
        if (directions == 1) return names;
        return names.Count == directions ? [names[direction]] : [.. names.Select(name => $"{name}.{(direction == 0 ? "forward" : "reverse")}")];
    }

    /// <summary>Whether the source stores all of these weights in whole steps.</summary>
    public static bool AreStepped(IrGraph graph, IReadOnlyList<string> names) => names.Count > 0 && names.All(graph.Stepped.Contains);

    /// <summary>Records the named constants that make up most of a computed constant.</summary>
    public static void Trace(IrGraph graph, IrNode node, string output)
    {
        var parts = node.Inputs.Where(i => graph.ConstantOf(i) is { Type: not (ElementType.Int64 or ElementType.Int32 or ElementType.Bool), Count: > 1 }).Distinct().ToList();
        if (parts.Count == 0) return;
        var largest = parts.Max(p => graph.ConstantOf(p)!.Count);
        var names = parts.Where(p => graph.ConstantOf(p)!.Count >= largest / 2).SelectMany(p => Of(graph, p)).Distinct().ToArray();
        if (names.Length <= Most) graph.Sources[output] = names;
    }

    /// <summary>
    /// Whether a pattern matches a weight's name. <c>*</c> stands for any text. A pattern without <c>*</c> also matches names that continue after
    /// it with a dot, a slash or a number. So the name of a layer matches all of its weights.
    /// </summary>
    public static bool Matches(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name)
        || (name.Length > pattern.Length && name[pattern.Length] is '.' or '/' or '#' or ':' && name.StartsWith(pattern, StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex(@"~\d+(?=$|\.)")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"^.*~\d+/")]
    private static partial Regex Copies();
}
