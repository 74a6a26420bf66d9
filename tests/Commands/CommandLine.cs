using System.Text.Json;
using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Tests.Commands;

/// <summary>Runs seqconvert in this process and keeps its output. Each instance has its own folder.</summary>
public sealed class CommandLine : IDisposable
{
    public CommandLine()
    {
        Folder = Path.Combine(Path.GetTempPath(), "seqconvert-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Folder);
    }

    public string Folder { get; }

    public string Out { get; private set; } = "";

    public string Error { get; private set; } = "";

    /// <summary>Names of the files in the folder.</summary>
    public IEnumerable<string> Files => Directory.EnumerateFileSystemEntries(Folder).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal);

    /// <summary>A path in the folder.</summary>
    public string this[string name] => Path.Combine(Folder, name);

    public int Run(params string[] args)
    {
        using var stdout = new StringWriter();
        using var stderr = new StringWriter();
        var code = SeqConvert.Invoke(args, stdout, stderr);
        (Out, Error) = (stdout.ToString(), stderr.ToString());
        return code;
    }

    /// <summary>Runs a command that must succeed, and returns the one JSON document on standard output.</summary>
    public JsonElement Json(params string[] args)
    {
        Good(args);
        return JsonDocument.Parse(Out).RootElement;
    }

    /// <summary>Runs a command that must succeed and write nothing to standard error.</summary>
    public void Good(params string[] args)
    {
        var code = Run(args);
        Assert.True(code == 0 && Error.Length == 0, $"exit code {code}: {Error}");
    }

    /// <summary>Runs a command that must fail with this exit code, nothing on standard output, and one line on standard error that contains these parts.</summary>
    public void Fails(int code, string[] args, params string[] parts)
    {
        Assert.Equal(code, Run(args));
        Assert.Equal("", Out);
        Assert.Equal(1, Error.Count(c => c == '\n'));
        Assert.StartsWith("seqconvert: ", Error, StringComparison.Ordinal);
        foreach (var part in parts) Assert.Contains(part, Error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
