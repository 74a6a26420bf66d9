namespace SeqRuntime.Tests;

/// <summary>A folder that is deleted when the test ends.</summary>
internal sealed partial class TemporaryFolder : IDisposable
{
    // The real path, because on some systems the temporary folder is a link.
    public string Path { get; } = SeqRuntime.Converter.IO.RealPath.Of(Directory.CreateTempSubdirectory("seqruntime-").FullName);

    /// <summary>The path of a file in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public IEnumerable<string> Files => Directory.EnumerateFileSystemEntries(Path).Select(p => System.IO.Path.GetFileName(p)).Order(StringComparer.Ordinal);

    /// <summary>Writes a file, and returns its path.</summary>
    public string Write(string name, params byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    /// <summary>Writes a text, and returns its path.</summary>
    public string Write(string name, string content) => Write(name, System.Text.Encoding.UTF8.GetBytes(content));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
