namespace SeqRuntime.Perf.Comparing;

/// <summary>The README's tables of figures, between marks that name the command which writes them.</summary>
internal static class Readme
{
    /// <summary>Replaces what stands between the marks of a table in the repository's README.</summary>
    /// <exception cref="InvalidDataException">There are no such marks.</exception>
    public static void Write(string table, string text)
    {
        var path = Places.Find("README.md");
        File.WriteAllText(path, Replace(File.ReadAllText(path), table, text));
    }

    /// <summary>The document with <paramref name="text"/> between the marks.</summary>
    /// <exception cref="InvalidDataException">There are no such marks.</exception>
    public static string Replace(string document, string table, string text)
    {
        var (begin, end) = ($"<!-- perf {table}: begin -->\n", $"<!-- perf {table}: end -->");
        var from = document.IndexOf(begin, StringComparison.Ordinal);
        var to = from < 0 ? -1 : document.IndexOf(end, from, StringComparison.Ordinal);
        if (to < 0) throw new InvalidDataException($"README.md has no lines '{begin.TrimEnd()}' and '{end}'");
        return $"{document.AsSpan(0, from + begin.Length)}\n{text.TrimEnd('\n')}\n\n{document.AsSpan(to)}";
    }
}
