namespace SeqRuntime.Perf.Comparing;

/// <summary>Finds the repository and the models.</summary>
internal static class Places
{
    /// <summary>The repository's root: around the current folder, or else around this program. Null outside of the repository.</summary>
    public static string? Root { get; } = Around(Environment.CurrentDirectory) ?? Around(AppContext.BaseDirectory);

    /// <summary>Folder of the real models: SEQRUNTIME_MODELS, or else ../shared/models beside the repository. Null if it does not exist.</summary>
    public static string? Models()
    {
        var folder = Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } named ? named : Path.Combine(Root ?? ".", "..", "shared", "models");
        return Directory.Exists(folder) ? folder : null;
    }

    /// <summary>A file of the repository.</summary>
    /// <exception cref="FileNotFoundException">It does not exist.</exception>
    public static string Find(string relative)
    {
        var path = Path.Combine(Root ?? ".", relative);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{relative} was not found; run this from the repository");
    }

    private static string? Around(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SeqRuntime.sln"))) return folder.FullName;
        }

        return null;
    }
}

/// <summary>Where a machine's figures are stored: <c>perf/results/&lt;processor&gt;/&lt;date&gt;-&lt;kind&gt;.md</c> and <c>.json</c>.</summary>
internal static class Results
{
    /// <summary>A file name. Its folder is created.</summary>
    /// <exception cref="DirectoryNotFoundException">The program does not run in the repository.</exception>
    public static string Name(Machine machine, string kind, string extension) => Path.Combine(Folder(machine), $"{machine.Date}-{kind}{extension}");

    /// <summary>The folder of a machine, created if it is missing.</summary>
    public static string Folder(Machine machine)
    {
        var root = Places.Root ?? throw new DirectoryNotFoundException("--record writes to perf/results of the repository; run this from there");
        return Directory.CreateDirectory(Path.Combine(root, "perf", "results", Slug($"{machine.Processor} {machine.Family.Split(' ')[^1]}"))).FullName;
    }

    /// <summary>Text in lower case with digits and single dashes.</summary>
    public static string Slug(string text)
    {
        var letters = text.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-').ToArray();
        return string.Join('-', new string(letters).Split('-', StringSplitOptions.RemoveEmptyEntries));
    }
}
