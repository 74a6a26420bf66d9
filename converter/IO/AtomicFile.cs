namespace SeqRuntime.Converter.IO;

/// <summary>
/// Writes a file completely or not at all: to a temporary file in the same folder, flushed to the device, then renamed over the target. If
/// the target is a symbolic link, the file behind it is replaced. Pipes and devices are written directly. An existing file keeps its mode.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>. If that fails, an existing file stays unchanged.</summary>
    /// <exception cref="ConversionException">The file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => Write([(path, write)]);

    /// <summary>Writes several files. If one fails, all stay unchanged.</summary>
    /// <exception cref="ConversionException">A file cannot be written.</exception>
    public static void Write(IReadOnlyCollection<(string Path, Action<Stream> Write)> files)
    {
        var done = new List<(string Beside, string Target)>();
        try
        {
            foreach (var (path, write) in files)
            {
                var (target, isSpecial) = Target(path);
                if (isSpecial)
                {
                    Guarded(path, target, () =>
                    {
                        using var stream = new FileStream(target, FileMode.Open, FileAccess.Write);
                        write(stream);
                    });
                    continue;
                }

                Refuse(path, target);
                var beside = Beside(target);
                Guarded(path, beside, () =>
                {
                    using var stream = Create(beside, target);
                    done.Add((beside, target));
                    write(stream);
                    stream.Flush(flushToDisk: true);
                });
            }

            foreach (var (beside, target) in done) Guarded(target, beside, () => File.Move(beside, target, overwrite: true));
        }
        catch
        {
            foreach (var (beside, _) in done) File.Delete(beside);
            throw;
        }
    }

    /// <summary>Refuses a path that cannot be written, before any other work.</summary>
    /// <param name="path">The path.</param>
    /// <param name="sources">Files that are read; the path must not be one of them.</param>
    /// <exception cref="ConversionException">The folder is missing or does not allow new files, the file is read-only, or the path is a folder or a source.</exception>
    public static void Check(string path, params IEnumerable<string> sources)
    {
        var (target, isSpecial) = Target(path);
        if (Directory.Exists(target)) throw new ConversionException($"{path}: this is a directory; give a file");
        foreach (var source in sources)
        {
            if (RealPath.Of(source).Equals(target, RealPath.Comparison)) throw new ConversionException($"-o {path}: this would overwrite '{source}', which the command reads; write to another file");
        }

        if (isSpecial) return;
        Refuse(path, target);
        var beside = Beside(target);
        Guarded(path, beside, () => Create(beside, target).Dispose());
        File.Delete(beside);
    }

    /// <summary>The target of a path, and whether it is a pipe or a device.</summary>
    private static (string Path, bool IsSpecial) Target(string path)
    {
        var real = RealPath.Of(path);
        // A descriptor of this process, such as /dev/stdout, has no path.
        if (real.StartsWith("/proc/", StringComparison.Ordinal) && !File.Exists(real) && !Directory.Exists(real)) return (path, true);
        return (real, SpecialFile.Is(real));
    }

    private static void Refuse(string path, string target)
    {
        if (!File.Exists(target)) return;
        const UnixFileMode write = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        if (OperatingSystem.IsWindows() ? new FileInfo(target).IsReadOnly : (File.GetUnixFileMode(target) & write) == 0)
            throw ReadOnly(path);
        // Write permission on the folder allows replacing a file that is itself read-only.
        Guarded(path, target, () =>
        {
            try
            {
                new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
            }
            catch (UnauthorizedAccessException)
            {
                throw ReadOnly(path);
            }
        });
    }

    private static ConversionException ReadOnly(string path) => new($"{path}: the file is read-only; allow writing, or write to another file");

    private static string Beside(string path) => $"{path}.{Path.GetRandomFileName()}.tmp";

    private static FileStream Create(string beside, string target)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (OperatingSystem.IsWindows() || !File.Exists(target)) return new FileStream(beside, options);
        var mode = File.GetUnixFileMode(target);
        options.UnixCreateMode = mode;
        var stream = new FileStream(beside, options);
        // The process' umask may have removed bits.
        File.SetUnixFileMode(stream.SafeFileHandle, mode);
        return stream;
    }

    private static void Guarded(string path, string beside, Action write)
    {
        try
        {
            write();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(beside));
            var why = fault switch
            {
                DirectoryNotFoundException => $"there is no directory '{folder}'; create it first",
                UnauthorizedAccessException => $"directory '{folder}' does not allow new files; write to another",
                _ => fault.Message.Replace(beside, path, StringComparison.Ordinal),
            };
            throw new ConversionException($"{path}: it cannot be written: {why}", fault);
        }
    }
}
