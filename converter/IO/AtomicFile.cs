namespace SeqRuntime.Converter.IO;

/// <summary>
/// Writes files whole or not at all: beside the target, flushed to the device, then renamed over it. A target that is a symbolic link
/// stays one, and the file that it leads to is replaced; a pipe or a device is written to; the mode bits of an older file stay.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; where that fails, an older file stays as it was.</summary>
    /// <exception cref="ConversionException">It cannot be written; the message says why.</exception>
    public static void Write(string path, Action<Stream> write) => Write([(path, write)]);

    /// <summary>Writes several files: where one fails, all stay as they were.</summary>
    /// <exception cref="ConversionException">One cannot be written; the message says which and why.</exception>
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

    /// <summary>Refuses a path that cannot be written, before any work is done for it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="sources">Files that are read, which the path must not name.</param>
    /// <exception cref="ConversionException">There is no such folder, it permits no new file, the file is read-only, or the path is a folder's or a source's.</exception>
    public static void Check(string path, params IEnumerable<string> sources)
    {
        var (target, isSpecial) = Target(path);
        if (Directory.Exists(target)) throw new ConversionException($"{path}: this is a directory; give a file");
        foreach (var source in sources)
        {
            if (RealPath.Of(source).Equals(target, RealPath.Comparison)) throw new ConversionException($"-o {path}: this would overwrite '{source}', which is read; write to another file");
        }

        if (isSpecial) return;
        Refuse(path, target);
        var beside = Beside(target);
        Guarded(path, beside, () => Create(beside, target).Dispose());
        File.Delete(beside);
    }

    /// <summary>Where a path leads, and whether that is a pipe or a device.</summary>
    private static (string Path, bool IsSpecial) Target(string path)
    {
        var real = RealPath.Of(path);
        // A descriptor of this process, such as /dev/stdout, leads to no name.
        if (real.StartsWith("/proc/", StringComparison.Ordinal) && !File.Exists(real) && !Directory.Exists(real)) return (path, true);
        return (real, SpecialFile.Is(real));
    }

    private static void Refuse(string path, string target)
    {
        if (!File.Exists(target)) return;
        const UnixFileMode write = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        if (OperatingSystem.IsWindows() ? new FileInfo(target).IsReadOnly : (File.GetUnixFileMode(target) & write) == 0)
            throw ReadOnly(path);
        // Whoever may put files into the folder may replace there what he may not write.
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

    private static ConversionException ReadOnly(string path) => new($"{path}: the file is read-only; permit writing, or write to another");

    private static string Beside(string path) => $"{path}.{Path.GetRandomFileName()}.tmp";

    private static FileStream Create(string beside, string target)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (OperatingSystem.IsWindows() || !File.Exists(target)) return new FileStream(beside, options);
        var mode = File.GetUnixFileMode(target);
        options.UnixCreateMode = mode;
        var stream = new FileStream(beside, options);
        // The process' mask may have taken bits away.
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
                UnauthorizedAccessException => $"directory '{folder}' permits no new file; write to another",
                _ => fault.Message.Replace(beside, path, StringComparison.Ordinal),
            };
            throw new ConversionException($"{path}: it cannot be written: {why}", fault);
        }
    }
}
