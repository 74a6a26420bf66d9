namespace SeqRuntime.Converter.Pipeline;

/// <summary>Hashes of the files that a model was converted from, in its metadata: by the graph's name, or by the file's name if it belongs to no graph.</summary>
internal static class SourceHashes
{
    public const string Prefix = "source-sha256:";

    /// <summary>The files of a prepared model that are not those of the metadata, each with both hashes.</summary>
    public static List<(string Path, string Recorded, string Found)> Different(PreparedModel prepared, IReadOnlyDictionary<string, string> metadata)
    {
        var named = prepared.Graphs.Select(g => (Key: g.Graph.Name, File: prepared.Files.Of(g.Path)));
        var others = prepared.Files.Read.Where(f => f.IsModel && !prepared.Sources.Any(s => prepared.Files.Of(s.Path) == f)).Select(f => (Key: Path.GetFileName(f.Path), File: f));
        return [.. named.Concat(others).Where(f => metadata.TryGetValue(Prefix + f.Key, out var recorded) && recorded != f.File.Sha256).Select(f => (f.File.Path, metadata[Prefix + f.Key], f.File.Sha256)).Distinct()];
    }
}
