namespace SeqRuntime.Converter.IO;

/// <summary>Writes a file whole or not at all: beside the target, flushed to the device, then renamed over it.</summary>
internal static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; where that fails, an older file stays as it was.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var beside = Beside(path);
        try
        {
            using (var stream = Create(path, beside))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        catch
        {
            if (File.Exists(beside)) File.Delete(beside);
            throw;
        }
    }

    /// <summary>Refuses a path that cannot be written, before any work is done for it.</summary>
    /// <exception cref="ConversionException">There is no such folder, it permits no new file, or the path is a folder's.</exception>
    public static void Check(string path)
    {
        if (Directory.Exists(path)) throw new ConversionException($"{path}: this is a directory; give a file");
        var beside = Beside(path);
        Create(path, beside).Dispose();
        File.Delete(beside);
    }

    private static string Beside(string path) => $"{path}.{Environment.ProcessId}.tmp";

    private static FileStream Create(string path, string beside)
    {
        try
        {
            return new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path));
            var why = fault switch
            {
                DirectoryNotFoundException => $"there is no directory '{folder}'; create it first",
                UnauthorizedAccessException => $"directory '{folder}' permits no new file; write to another",
                _ => fault.Message.Replace(Path.GetFullPath(beside), path, StringComparison.Ordinal),
            };
            throw new ConversionException($"{path}: it cannot be written: {why}", fault);
        }
    }
}
