using NativeAotSample.Audio;

namespace SeqRuntime.Tests.Sample;

public class ResamplerTests
{
    [Theory]
    [InlineData(8_000, 16_000)]
    [InlineData(11_025, 16_000)]
    [InlineData(22_050, 16_000)]
    [InlineData(44_100, 16_000)]
    [InlineData(48_000, 16_000)]
    [InlineData(192_000, 16_000)]
    [InlineData(16_000, 44_100)]
    [InlineData(16_000, 8_000)]
    [InlineData(12_347, 16_000)]
    public void A_tone_passes_in_place_and_at_full_height(int from, int to)
    {
        var pass = 0.44 * Math.Min(from, to);
        foreach (var frequency in (double[])[50, pass / 2, pass])
        {
            var resampler = new Resampler(from, to);
            var input = Tone(frequency, from, from / 2);
            var output = resampler.Process(input, (int)resampler.OutputLength(input.Length));
            var expected = Tone(frequency, to, output.Length);
            var margin = output.Length / 5;
            for (var i = margin; i < output.Length - margin; i++) Assert.Equal(expected[i], output[i], 2e-4);
        }
    }

    [Theory]
    [InlineData(48_000, 9_000)]
    [InlineData(48_000, 20_000)]
    [InlineData(44_100, 8_100)]
    public void A_tone_above_the_new_band_is_removed(int from, double frequency)
    {
        var resampler = new Resampler(from, 16_000);
        var output = resampler.Process(Tone(frequency, from, from / 2), 8_000);
        for (var i = 1_600; i < 6_400; i++) Assert.InRange(output[i], -3e-5, 3e-5);
    }

    [Fact]
    public void There_and_back_keeps_speech_band_and_length()
    {
        var there = new Resampler(44_100, 16_000);
        var back = new Resampler(16_000, 44_100);
        var input = Tone(frequency: 1_000, rate: 44_100, count: 44_100);
        var output = back.Process(there.Process(input, (int)there.OutputLength(input.Length)), input.Length);
        Assert.Equal(input.Length, output.Length);
        for (var i = 4_000; i < 40_000; i++) Assert.Equal(input[i], output[i], 2e-4);
    }

    [Fact]
    public void Rates_with_too_little_in_common_give_a_clear_fault()
    {
        var fault = Assert.Throws<WaveException>(() => new Resampler(16_000, 767_957));
        Assert.Contains("767957 Hz", fault.Message, StringComparison.Ordinal);
    }

    internal static float[] Tone(double frequency, int rate, int count)
    {
        var samples = new float[count];
        for (var i = 0; i < count; i++) samples[i] = (float)(0.8 * Math.Sin(2 * Math.PI * frequency * i / rate));
        return samples;
    }
}
