using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Graph;

/// <summary>What a user calls a weight: its name in the source file, whatever the graph's passes made of it.</summary>
internal static partial class WeightNames
{
    /// <summary>Most names that a constant may be known by: what is made of more has its own.</summary>
    private const int Most = 8;

    /// <summary>A value's name without the numbers that tell values of one name apart.</summary>
    public static string Stem(string name) => name.Contains('~', StringComparison.Ordinal) ? Numbers().Replace(name, "") : name;

    /// <summary>A constant's names in the source file: its own, or those of the constants that it was computed from.</summary>
    public static IReadOnlyList<string> Of(IrGraph graph, string value)
    {
        if (graph.Sources.TryGetValue(value, out var sources) || graph.Sources.TryGetValue(Stem(value), out sources)) return sources;
        // Values of a branch or of a loop's round have its name before their own.
        var own = Stem(Copies().Replace(value, ""));
        return [own.Length > 0 ? own : value];
    }

    /// <summary>The same of one direction's part of a recurrent layer's constant: its own name where the file keeps the directions apart.</summary>
    public static IReadOnlyList<string> OfDirection(IrGraph graph, string value, int direction, int directions)
    {
        var names = Of(graph, value);
        if (directions == 1) return names;
        return names.Count == directions ? [names[direction]] : [.. names.Select(name => $"{name}.{(direction == 0 ? "forward" : "reverse")}")];
    }

    /// <summary>Notes which constants a computed one was made from: those that make most of it, as far as they have names of their own.</summary>
    public static void Trace(IrGraph graph, IrNode node, string output)
    {
        var parts = node.Inputs.Where(i => graph.ConstantOf(i) is { Type: not (ElementType.Int64 or ElementType.Int32 or ElementType.Bool), Count: > 1 }).Distinct().ToList();
        if (parts.Count == 0) return;
        var largest = parts.Max(p => graph.ConstantOf(p)!.Count);
        var names = parts.Where(p => graph.ConstantOf(p)!.Count >= largest / 2).SelectMany(p => Of(graph, p)).Distinct().ToArray();
        if (names.Length <= Most) graph.Sources[output] = names;
    }

    /// <summary>
    /// Whether a pattern names a weight. <c>*</c> stands for any text; without one a name stands also for what begins with it, up to a dot, a slash
    /// or a number: that of a layer for all of its weights.
    /// </summary>
    public static bool Matches(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name)
        || (name.Length > pattern.Length && name[pattern.Length] is '.' or '/' or '#' or ':' && name.StartsWith(pattern, StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex(@"~\d+(?=$|\.)")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"^.*~\d+/")]
    private static partial Regex Copies();
}
