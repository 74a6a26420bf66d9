using System.Text.RegularExpressions;

namespace SeqRuntime.Tests.Commands;

public sealed partial class HelpTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("convert", 20)]
    [InlineData("doctor", 16)]
    [InlineData("scaffold", 5)]
    [InlineData("upgrade", 3)]
    [InlineData("verify", 17)]
    [InlineData("graph", 14)]
    [InlineData("inspect", 5)]
    [InlineData("run", 10)]
    [InlineData("decode", 16)]
    [InlineData("", 3)]
    public void Help_shows_every_option_in_an_example(string command, int options)
    {
        _cli.Good(command.Length == 0 ? ["--help"] : [command, "--help"]);
        var parts = _cli.Out.Split("Examples:");
        Assert.Equal(2, parts.Length);
        var names = OptionLine().Matches(parts[0][parts[0].IndexOf("Options:", StringComparison.Ordinal)..]).Select(m => m.Value).Distinct().Except(["--help"]).ToList();
        Assert.Equal(options, names.Count);
        foreach (var name in names)
        {
            var shortName = name == "--out" ? "-o" : name;
            Assert.Matches($@"{Regex.Escape(shortName)}\b", parts[1]);
        }

        Assert.Contains("Exit codes: 0 success, 1 wrong input, 2 wrong usage", parts[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("convert")]
    [InlineData("doctor")]
    [InlineData("scaffold")]
    [InlineData("upgrade")]
    [InlineData("verify")]
    [InlineData("graph")]
    [InlineData("inspect")]
    [InlineData("run")]
    [InlineData("decode")]
    public void Every_example_is_a_command_line_that_parses(string command)
    {
        _cli.Good(command, "--help");
        var examples = _cli.Out.Split("Examples:")[1].Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("seqconvert ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(examples);
        foreach (var example in examples)
        {
            var code = _cli.Run([.. example.Split(' ')[1..].Select(w => w.Trim('\''))]);
            Assert.True(code != 2, $"{example}: {_cli.Error}");
            Assert.Contains("there is no such file", _cli.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Help_names_every_kind_of_source()
    {
        _cli.Good("--help");
        foreach (var kind in (string[])["ONNX", "Keras", "PyTorch", "docs/converting.md"]) Assert.Contains(kind, _cli.Out, StringComparison.Ordinal);
        _cli.Good("convert", "--help");
        foreach (var kind in (string[])["ONNX", ".keras", ".h5", "TensorFlow Lite", "TorchScript", "RTNeural", "GuitarML", ".nam", ".rnnn", "JSON description"]) Assert.Contains(kind, _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_help_lists_the_commands()
    {
        _cli.Good("--help");
        foreach (var command in (string[])["convert", "doctor", "scaffold", "upgrade", "verify", "inspect", "graph", "run", "decode"]) Assert.Matches($@"(?m)^  {command}\b", _cli.Out);
    }

    [Fact]
    public void Version_is_one_line_without_a_commit()
    {
        _cli.Good("--version");
        Assert.Matches(@"^\d+\.\d+\.\d+[^+\s]*\r?\n$", _cli.Out);
    }

    [Fact]
    public void Info_tells_kernels_built_runnable_and_chosen()
    {
        _cli.Good("--info");
        Assert.Contains("kernels built    ", _cli.Out, StringComparison.Ordinal);
        var kernels = _cli.Json("--info", "--json").GetProperty("kernels");
        var runnable = kernels.GetProperty("runnable").EnumerateArray().Select(k => k.GetString()).ToList();
        Assert.Contains(kernels.GetProperty("chosen").GetString(), runnable);
        Assert.Equal("portable", runnable[^1]);
        Assert.Subset(kernels.GetProperty("built").EnumerateArray().Select(k => k.GetString()).ToHashSet(), runnable.ToHashSet());
    }

    [GeneratedRegex(@"(?<=^  |, )--[a-z-]+", RegexOptions.Multiline)]
    private static partial Regex OptionLine();
}
