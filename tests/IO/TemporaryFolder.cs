using System.Diagnostics;

namespace SeqRuntime.Tests.IO;

/// <summary>A folder that is deleted when the test ends. It can have links and pipes if the system supports them.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    // The real path, because on some systems the temporary folder is a link.
    public string Path { get; } = SeqRuntime.Converter.IO.RealPath.Of(Directory.CreateTempSubdirectory("seq-io-").FullName);

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public IEnumerable<string> Files => Directory.EnumerateFileSystemEntries(Path).Select(p => System.IO.Path.GetFileName(p)).Order(StringComparer.Ordinal);

    public string Write(string name, params byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public string Link(string name, string target)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "symbolic links need a special permission on Windows");
        File.CreateSymbolicLink(this[name], target);
        return this[name];
    }

    public string Pipe(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "named pipes are not files on Windows");
        using var process = Process.Start("mkfifo", this[name]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
