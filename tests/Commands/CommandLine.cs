using System.Text.Json;
using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Tests.Commands;

/// <summary>Runs seqconvert in this process and keeps its output. Each instance has its own folder.</summary>
public sealed class CommandLine : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Folder => _folder.Path;

    public string Out { get; private set; } = "";

    public string Error { get; private set; } = "";

    /// <summary>Names of the files in the folder.</summary>
    public IEnumerable<string> Files => _folder.Files;

    /// <summary>A path in the folder.</summary>
    public string this[string name] => _folder[name];

    public int Run(params string[] args)
    {
        (var code, Out, Error) = Printed.By((output, error) => SeqConvert.Invoke(args, output, error));
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

    public void Dispose() => _folder.Dispose();
}
