using NativeAotSample;
using NativeAotSample.Audio;

namespace SeqRuntime.Tests.Sample;

/// <summary>The sample's commands on files, in process.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(16_000, 1, 16, false)]
    [InlineData(48_000, 2, 24, false)]
    [InlineData(44_100, 3, 32, true)]
    [InlineData(8_000, 2, 32, true)]
    public void Denoise_keeps_rate_channels_format_and_with_an_idle_model_the_sound(int rate, int channels, int bits, bool isFloat)
    {
        var format = new WaveFormat(isFloat, bits, channels, rate);
        var sound = new float[channels][];
        for (var c = 0; c < channels; c++) sound[c] = ResamplerTests.Tone(300 + 200 * c, rate, count: rate);
        var (model, noisy, clean) = (_folder["dtln.seq"], _folder["noisy.wav"], _folder["clean.wav"]);
        File.WriteAllBytes(model, SampleModels.PassThrough());
        WaveWriter.Write(noisy, new WaveFile(format, sound));
        DenoiseCommand.Run(new Arguments(["denoise", "--model", model, noisy, clean, "--align"]), new StartClock());

        var result = WaveReader.Read(clean);
        Assert.Equal(format, result.Format with { ValidBits = 0 });
        Assert.Equal(sound[0].Length, result.Frames);
        for (var c = 0; c < channels; c++)
        {
            for (var i = rate / 10; i < result.Frames - rate / 10; i++) Assert.Equal(sound[c][i], result.Channels[c][i], 5e-4);
        }
    }

    [Fact]
    public void A_file_that_is_too_short_is_a_fault_and_nothing_is_written()
    {
        var (model, noisy, clean) = (_folder["dtln.seq"], _folder["noisy.wav"], _folder["clean.wav"]);
        File.WriteAllBytes(model, SampleModels.PassThrough());
        WaveWriter.Write(noisy, new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [new float[300]]));
        var fault = Assert.Throws<WaveException>(() => DenoiseCommand.Run(new Arguments(["denoise", "--model", model, noisy, clean]), new StartClock()));
        Assert.Contains("too short", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(clean));
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_a_fault_before_anything_is_read()
    {
        foreach (var (clean, why) in new[] { (_folder["nowhere/clean.wav"], "there is no folder"), (_folder.Path, "is a folder"), (_folder[new string('x', 250)], "no file can be created") })
        {
            var fault = Assert.Throws<WaveException>(() => DenoiseCommand.Run(new Arguments(["denoise", "--model", _folder["missing.seq"], _folder["missing.wav"], clean]), new StartClock()));
            Assert.StartsWith(clean, fault.Message, StringComparison.Ordinal);
            Assert.Contains(why, fault.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("denoise", "a.wav", "b.wav")]
    [InlineData("denoise", "--model")]
    [InlineData("denoise", "--model", "m.seq", "a.wav")]
    [InlineData("vad", "--model", "m.seq", "a.wav", "--threshold", "2")]
    [InlineData("vad", "--model", "m.seq", "--fast", "a.wav")]
    public void Wrong_usage_is_a_usage_fault(params string[] arguments) =>
        Assert.Throws<UsageException>(() =>
        {
            var parsed = new Arguments(arguments is [""] ? [] : arguments);
            _ = parsed.RequiredModel;
            _ = parsed.Command == "vad" ? parsed.Files("a .wav") : parsed.Files("in", "out");
        });

}
