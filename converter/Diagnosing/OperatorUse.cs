using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Diagnosing;

/// <summary>What becomes of an operator or layer of a source.</summary>
/// <param name="Name">Its name in the source.</param>
/// <param name="Count">How often it occurs.</param>
/// <param name="Status">One of the constants of this type.</param>
/// <param name="Why">Why it is not supported, and which nodes, if the conversion met them. Null if it is.</param>
internal sealed record OperatorUse(string Name, int Count, string Status, string? Why = null)
{
    /// <summary>It is supported, or part of a layer that is.</summary>
    public const string Supported = "supported";

    /// <summary>The file is refused before its operators or layers are looked at one by one; the refusal names those that are not supported.</summary>
    public const string NotChecked = "not checked";

    /// <summary>None of them is left in the file: they are computed at conversion, merged into other nodes, or needed by no output that is kept.</summary>
    public const string Folded = "folded";

    /// <summary>It cannot be converted.</summary>
    public const string NotSupported = "not supported";

    /// <summary>It could not be converted, but no output that is kept needs it.</summary>
    public const string NotNeeded = "not needed";

    /// <summary>The operators or layers of a source, most frequent first.</summary>
    /// <param name="source">The source.</param>
    /// <param name="unsupported">The nodes that cannot be converted.</param>
    /// <param name="kept">Names of the nodes of the converted graphs. Null if the source does not convert.</param>
    public static IReadOnlyList<OperatorUse> Of(SourceDiagnosis source, IEnumerable<Unsupported> unsupported, IEnumerable<string>? kept)
    {
        const int mostNamed = 3;
        var refused = unsupported.DistinctBy(u => u.Node.Name).GroupBy(u => u.Node.Op).ToDictionary(g => g.Key, g => $"{string.Join(", ", g.Take(mostNamed).Select(u => $"'{u.Node.Name}'"))}{(g.Count() > mostNamed ? " …" : "")}: {g.First().Why.Message}");
        var unknown = source.Unsupported.ToHashSet();
        var names = kept?.SelectMany(Stems).ToHashSet();
        var left = source.Nodes.GroupBy(n => n.Op).ToDictionary(g => g.Key, g => g.Any(n => names?.Contains(n.Name) != false));
        return [.. source.Parts.GroupBy(part => part).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Select(g => Of(g.Key, g.Count()))];

        OperatorUse Of(string name, int count)
        {
            if (refused.TryGetValue(name, out var why)) return new OperatorUse(name, count, names is null ? NotSupported : NotNeeded, why);
            if (unknown.Contains(name)) return new OperatorUse(name, count, names is null ? NotSupported : NotNeeded, Decompose.Refusal(name));
            if (source.Graphs.Count == 0) return new OperatorUse(name, count, NotChecked);
            return new OperatorUse(name, count, left.GetValueOrDefault(name, true) ? Supported : Folded);
        }
    }

    /// <summary>A node's name, and the names of the nodes that it may have been made from: the conversion appends to them.</summary>
    private static IEnumerable<string> Stems(string name)
    {
        yield return name;
        var stem = WeightNames.Stem(name);
        yield return stem;
        if (stem.LastIndexOf('.') is > 0 and var dot) yield return stem[..dot];
    }
}
