namespace SeqRuntime.Converter.IO;

/// <summary>Resolves all symbolic links of a path.</summary>
internal static class RealPath
{
    private const int MostLinks = 64;

    private static readonly char[] s_separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    public static StringComparison Comparison { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>The real path. Parts that do not exist keep their names.</summary>
    /// <exception cref="ConversionException">The links are circular.</exception>
    public static string Of(string path)
    {
        var whole = Path.Combine(Environment.CurrentDirectory, path);
        var real = Path.GetPathRoot(whole)!;
        var waiting = new Stack<string>();
        Push(whole[real.Length..]);
        var links = 0;
        while (waiting.TryPop(out var name))
        {
            if (name == ".") continue;
            if (name == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }

            var next = Path.Combine(real, name);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks) throw new ConversionException($"{path}: its symbolic links are circular; give the file itself");
            if (Path.IsPathRooted(target)) (real, target) = (Path.GetPathRoot(target)!, target[Path.GetPathRoot(target)!.Length..]);
            Push(target);
        }

        return real;

        void Push(string names)
        {
            var parts = names.Split(s_separators, StringSplitOptions.RemoveEmptyEntries);
            for (var i = parts.Length - 1; i >= 0; i--) waiting.Push(parts[i]);
        }
    }

    /// <summary>Whether two paths lead to the same file or folder.</summary>
    public static bool AreSame(string a, string b) => Of(a).Equals(Of(b), Comparison);

    /// <summary>Whether a real path lies in a folder, which is a real path too.</summary>
    public static bool IsIn(string path, string folder) => path.StartsWith(Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar, Comparison);
}
