using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Commands;

/// <summary>What differs between two <c>.seq</c> files. Values of the first file are named A, those of the second B; null is what a file does not have.</summary>
internal sealed record DiffReport(bool Same, DiffFile A, DiffFile B, IReadOnlyList<DiffEntry> Metadata, IReadOnlyList<DiffEntry> Sections, IReadOnlyList<DiffEntry> Tables, IReadOnlyList<GraphDiff> Graphs, TensorsDiff Tensors)
{
    /// <summary>Most tensors, and most nodes of a graph, that are printed.</summary>
    private const int Shown = 40;

    public static DiffReport Of((string Path, SeqModel Model) a, (string Path, SeqModel Model) b)
    {
        var (first, second) = (Inspection.Of(a.Path, a.Model, [], tensors: true, nodes: true), Inspection.Of(b.Path, b.Model, [], tensors: true, nodes: true));
        var metadata = Entries(first.Metadata.Select(m => (m.Key, m.Value)), second.Metadata.Select(m => (m.Key, m.Value)));
        var sections = Entries(a.Model.Loaded.Sections.Select(SectionOf), b.Model.Loaded.Sections.Select(SectionOf));
        var tables = Entries(a.Model.Tables.Select(TableOf), b.Model.Tables.Select(TableOf));
        var graphs = Names(first.Graphs.Select(g => g.Name), second.Graphs.Select(g => g.Name)).Select(name => GraphDiff.Of(name, first.Graphs.FirstOrDefault(g => g.Name == name), second.Graphs.FirstOrDefault(g => g.Name == name))).ToList();
        var tensors = TensorsDiff.Of((first.Tensors!, a.Model.Loaded.Tensors), (second.Tensors!, b.Model.Loaded.Tensors));
        var same = metadata.Count + sections.Count + tables.Count + tensors.Different.Count == 0 && graphs.TrueForAll(g => g.IsSame) && first.FormatVersion == second.FormatVersion;
        return new DiffReport(same, new DiffFile(a.Path, first.FileBytes, first.FormatVersion), new DiffFile(b.Path, second.FileBytes, second.FormatVersion), metadata, sections, tables, graphs, tensors);
    }

    public void Print(TextWriter output)
    {
        output.WriteLine($"A {A}");
        output.WriteLine($"B {B}, {Text.Percent((double)B.FileBytes / A.FileBytes)} of A");
        if (Same) output.WriteLine("they hold the same");
        Print(output, "metadata", Metadata);
        Print(output, "sections", Sections);
        Print(output, "tables", Tables);
        foreach (var graph in Graphs.Where(g => !g.IsSame)) graph.Print(output, Shown);
        output.WriteLine($"tensors: {Tensors.CountA} in A, {Tensors.CountB} in B, {Tensors.Different.Count} differ");
        Text.Table(output, "  ", [.. Tensors.Different.Take(Shown).Select(t => t.Cells())]);
        if (Tensors.Different.Count > Shown) output.WriteLine($"  and {Tensors.Different.Count - Shown} more: --json lists all");
    }

    /// <summary>The entries that differ, by name.</summary>
    public static List<DiffEntry> Entries(IEnumerable<(string Name, string Value)> a, IEnumerable<(string Name, string Value)> b)
    {
        var (first, second) = (Numbered(a), Numbered(b));
        return [.. Names(first.Keys, second.Keys).Select(name => new DiffEntry(name, first.GetValueOrDefault(name), second.GetValueOrDefault(name))).Where(e => e.A != e.B)];
    }

    /// <summary>Values by name. A name that occurs again gets a number.</summary>
    public static Dictionary<string, T> Numbered<T>(IEnumerable<(string Name, T Value)> entries)
    {
        var all = new Dictionary<string, T>();
        foreach (var group in entries.GroupBy(e => e.Name))
        {
            foreach (var (index, entry) in group.Index()) all[index == 0 ? entry.Name : $"{entry.Name} #{index + 1}"] = entry.Value;
        }

        return all;
    }

    /// <summary>All names, those of the first list in its order.</summary>
    public static IEnumerable<string> Names(IEnumerable<string> a, IEnumerable<string> b) => a.Union(b);

    /// <summary>A section with its checksum: two files hold the same only if these are equal.</summary>
    private static (string Name, string Value) SectionOf(SectionEntry section) => (section.Name, $"{Text.Bytes(section.Length)}, CRC-32C {section.Checksum:x8}");

    private static (string Name, string Value) TableOf(KeyValuePair<string, IReadOnlyList<string>> table) =>
        (table.Key, $"{Text.Count(table.Value.Count, "entry").Replace("entrys", "entries", StringComparison.Ordinal)}, hash {Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\0', table.Value))))[..8]}");

    private static void Print(TextWriter output, string heading, IReadOnlyList<DiffEntry> entries)
    {
        if (entries.Count == 0) return;
        output.WriteLine(heading);
        Text.Table(output, "  ", [.. entries.SelectMany(e => e.Rows())]);
    }
}

/// <summary>One of the files.</summary>
internal sealed record DiffFile(string File, long FileBytes, string FormatVersion)
{
    public override string ToString() => $"{File}: {Text.Bytes(FileBytes)}, format {FormatVersion}";
}

/// <summary>Something with a name that differs. Null is what a file does not have.</summary>
internal sealed record DiffEntry(string Name, string? A, string? B)
{
    private const int Widest = 100;

    public IEnumerable<string[]> Rows() => new[] { ("A", A), ("B", B) }.Select((side, i) => (string[])[i == 0 ? Name : "", side.Item1, side.Item2 is { } value ? Short(value) : "–"]);

    private static string Short(string value)
    {
        var line = value.ReplaceLineEndings(" ");
        return line.Length <= Widest ? line : line[..Widest] + " …";
    }
}

/// <summary>What differs in a graph: inputs, outputs and states, and nodes. A node is named by its first output.</summary>
internal sealed record GraphDiff(string Name, int? NodesA, int? NodesB, IReadOnlyList<DiffEntry> Values, IReadOnlyList<DiffEntry> Nodes)
{
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsSame => NodesA == NodesB && Values.Count + Nodes.Count == 0;

    public static GraphDiff Of(string name, GraphReport? a, GraphReport? b) => new(
        name,
        a?.NodeCount,
        b?.NodeCount,
        a is null || b is null ? [] : DiffReport.Entries(ValuesOf(a), ValuesOf(b)),
        a is null || b is null ? [] : DiffReport.Entries(NodesOf(a), NodesOf(b)));

    public void Print(TextWriter output, int shown)
    {
        output.WriteLine($"graph {Name}: {(NodesA is { } a ? Text.Count(a, "node") : "not")} in A, {(NodesB is { } b ? Text.Count(b, "node") : "not")} in B");
        Text.Table(output, "  ", [.. Values.Concat(Nodes.Take(shown)).SelectMany(e => e.Rows())]);
        if (Nodes.Count > shown) output.WriteLine($"  and {Nodes.Count - shown} more: --json lists all");
    }

    private static IEnumerable<(string Name, string Value)> ValuesOf(GraphReport graph) => new[] { ("input", graph.Inputs), ("output", graph.Outputs), ("state", graph.States) }
        .SelectMany(kind => kind.Item2, (kind, value) => ($"{kind.Item1} {value.Name}", $"{value.Type} {(value.Shape is null ? "" : Text.Shape(value.Shape))}".TrimEnd()));

    private static IEnumerable<(string Name, string Value)> NodesOf(GraphReport graph) => graph.Nodes!.Select(n => ($"node {n.Name}", string.Join(' ', n.Cells().Where((_, i) => i != 1)).TrimEnd()));
}

/// <summary>The tensors that differ, with the largest difference of values first, then those that only one file has.</summary>
internal sealed record TensorsDiff(int CountA, int CountB, IReadOnlyList<TensorDiff> Different)
{
    public static TensorsDiff Of((IReadOnlyList<TensorReport> Reports, Tensor[] Tensors) a, (IReadOnlyList<TensorReport> Reports, Tensor[] Tensors) b)
    {
        var (first, second) = (DiffReport.Numbered(a.Reports.Zip(a.Tensors).Select(t => (t.First.Name, t))), DiffReport.Numbered(b.Reports.Zip(b.Tensors).Select(t => (t.First.Name, t))));
        var all = DiffReport.Names(first.Keys, second.Keys).Select(name => TensorDiff.Of(name, first.TryGetValue(name, out var x) ? x : null, second.TryGetValue(name, out var y) ? y : null));
        return new TensorsDiff(a.Tensors.Length, b.Tensors.Length, [.. all.Where(t => !t.IsSame).OrderByDescending(t => t.RelativeDifference ?? double.MaxValue)]);
    }
}

/// <summary>A tensor in both files: its storage, and the relative difference of its values, ‖B − A‖ / ‖A‖, which is null where shapes or kinds differ.</summary>
internal sealed record TensorDiff(string Name, TensorReport? A, TensorReport? B, double? RelativeDifference)
{
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsSame => RelativeDifference == 0 && A!.Format == B!.Format && A.Bytes == B.Bytes;

    public static TensorDiff Of(string name, (TensorReport Report, Tensor Tensor)? a, (TensorReport Report, Tensor Tensor)? b) =>
        new(name, a?.Report, b?.Report, a is { } x && b is { } y ? TensorDifference.Of(x.Tensor, y.Tensor) : null);

    public string[] Cells() => [Name, "A", Storage(A), "B", Storage(B), RelativeDifference is { } difference ? $"differs by {Text.Percent(difference)}" : A is null ? "only in B" : B is null ? "only in A" : "other elements"];

    private static string Storage(TensorReport? report) => report is null ? "–" : $"{report.Format} {Text.Shape(report.Shape)} {Text.Bytes(report.Bytes)}";
}
