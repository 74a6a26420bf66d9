namespace SeqRuntime.Perf.Comparing;

/// <summary>Tables of figures in the repository's documents. Each is between two lines that name the command which writes it.</summary>
internal static class Tables
{
    public const string Readme = "README.md";
    public const string Performance = "docs/performance.md";

    /// <summary>Replaces a table of a document.</summary>
    /// <exception cref="InvalidDataException">The document does not have the two lines.</exception>
    public static void Write(string document, string table, string text)
    {
        var path = Places.Find(document);
        File.WriteAllText(path, Replace(File.ReadAllText(path), document, table, text));
    }

    /// <summary>The content of a document with <paramref name="text"/> between the two lines.</summary>
    /// <exception cref="InvalidDataException">The document does not have the two lines.</exception>
    public static string Replace(string content, string document, string table, string text)
    {
        var (begin, end) = ($"<!-- perf {table}: begin -->\n", $"<!-- perf {table}: end -->");
        var from = content.IndexOf(begin, StringComparison.Ordinal);
        var to = from < 0 ? -1 : content.IndexOf(end, from, StringComparison.Ordinal);
        if (to < 0) throw new InvalidDataException($"{document} does not have the lines '{begin.TrimEnd()}' and '{end}'");
        return $"{content.AsSpan(0, from + begin.Length)}\n{text.TrimEnd('\n')}\n\n{content.AsSpan(to)}";
    }
}
