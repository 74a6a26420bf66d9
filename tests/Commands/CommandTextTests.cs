using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Tests.Commands;

/// <summary>Printed commands mean what they were made from.</summary>
public class CommandTextTests
{
    [Fact]
    public void A_command_has_every_option_and_reads_back()
    {
        var options = new ConversionOptions
        {
            Weights = WeightKind.Int4,
            WeightsOf = [new WeightOverride("output*", WeightKind.Int8)],
            Dimensions = new Dictionary<string, int> { ["T"] = 5 },
            Sets = new Dictionary<string, string> { ["sr"] = "16000" },
            States = new Dictionary<string, string> { ["h in"] = "h_out" },
            AutoStates = false,
            Stateful = true,
            CacheSteps = 7,
            DropOutputs = ["it's"],
            OnlyOutputs = ["$y", "z"],
            Keep = ["dense*"],
            Decoding = "words.json",
            AllowedFolders = ["../more weights"],
        };
        Assert.Equal(
            "seqconvert convert encoder=a.onnx 'step=b c.onnx' -o model.seq --weights int4 --weights-of 'output*=int8' --dim T=5 --set sr=16000 --no-auto-state --state 'h in=h_out' --stateful --cache 7 "
            + "--drop-output 'it'\\''s' --only-output '$y' --only-output z --keep 'dense*' --decoding words.json --allow-folder '../more weights'",
            CommandText.Convert([("encoder", "a.onnx"), ("step", "b c.onnx")], options));

        // The converter reads every word back, up to the first file, which is not there.
        using var cli = new CommandLine();
        cli.Fails(1, [.. CommandText.ConvertWords([("encoder", "a.onnx"), ("step", "b c.onnx")], options)], "a.onnx: there is no such file");
    }

    [Theory]
    [InlineData("speech/model.v2.onnx", "model.v2.seq")]
    [InlineData("model.onnx.gz", "model.seq")]
    [InlineData("weights", "weights.seq")]
    [InlineData("-x.onnx", "model.seq")]
    public void The_file_to_write_is_named_after_the_source(string source, string target) => Assert.Contains($" -o {target}", CommandText.Convert([("main", source)], new ConversionOptions()), StringComparison.Ordinal);

    /// <summary>The start of a path that would be read as a graph's name or as an option.</summary>
    [Theory]
    [InlineData("x=1.onnx")]
    [InlineData("-x.onnx")]
    public void A_path_that_looks_like_something_else_is_read_back(string path) =>
        Assert.Equal(("main", path), Assert.Single(Arguments.Sources([CommandText.ConvertWords([("main", path)], new ConversionOptions())[1]])));

    [Fact]
    public void Added_options_are_told_apart()
    {
        var before = new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 5, ["N"] = 1 } };
        Assert.Equal("--dim T=8", CommandText.Added(before, before with { Dimensions = new Dictionary<string, int> { ["T"] = 8, ["N"] = 1 } }));
        Assert.Equal("no --dim T=5", CommandText.Added(before, before with { Dimensions = new Dictionary<string, int> { ["N"] = 1 } }));
        Assert.Equal("--no-auto-state", CommandText.Added(before, before with { AutoStates = false }));
    }
}
