namespace SeqRuntime.Perf.Comparing;

/// <summary>Where figures of a machine are kept: <c>perf/results/&lt;processor&gt;/&lt;date&gt;-&lt;kind&gt;.md</c> and <c>.json</c>.</summary>
internal static class Results
{
    /// <summary>A file name; its folder is there afterwards.</summary>
    /// <exception cref="DirectoryNotFoundException">This does not run in the repository.</exception>
    public static string Name(Machine machine, string kind, string extension) => Path.Combine(Folder(machine), $"{machine.Date}-{kind}{extension}");

    /// <summary>The folder of a machine, made where it is not there.</summary>
    public static string Folder(Machine machine)
    {
        var root = Places.Root ?? throw new DirectoryNotFoundException("--record writes to perf/results of the repository; run this from there");
        return Directory.CreateDirectory(Path.Combine(root, "perf", "results", Slug($"{machine.Processor} {machine.Family.Split(' ')[^1]}"))).FullName;
    }

    /// <summary>Small letters, digits and single dashes.</summary>
    public static string Slug(string text)
    {
        var letters = text.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-').ToArray();
        return string.Join('-', new string(letters).Split('-', StringSplitOptions.RemoveEmptyEntries));
    }
}
