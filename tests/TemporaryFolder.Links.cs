namespace SeqRuntime.Tests;

/// <summary>Links and pipes, if the system supports them.</summary>
internal sealed partial class TemporaryFolder
{
    public string Link(string name, string target)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "symbolic links need a special permission on Windows");
        File.CreateSymbolicLink(this[name], target);
        return this[name];
    }

    public string Pipe(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "named pipes are not files on Windows");
        Assert.Equal(0, Printed.By("mkfifo", this[name]).Code);
        return this[name];
    }
}
