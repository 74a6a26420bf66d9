using NativeAotSample.Audio;

namespace SeqRuntime.Tests.Sample;

public class RealFftTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(512)]
    [InlineData(2048)]
    public void Matches_the_definition(int size)
    {
        var samples = Noise(size);
        var fft = new RealFft(size);
        var re = new float[fft.Bins];
        var im = new float[fft.Bins];
        fft.Forward(samples, re, im);
        for (var k = 0; k < fft.Bins; k++)
        {
            double expectedRe = 0, expectedIm = 0;
            for (var n = 0; n < size; n++)
            {
                expectedRe += samples[n] * Math.Cos(2 * Math.PI * k * n / size);
                expectedIm -= samples[n] * Math.Sin(2 * Math.PI * k * n / size);
            }

            Assert.Equal(expectedRe, re[k], 1e-6 * size);
            Assert.Equal(expectedIm, im[k], 1e-6 * size);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(512)]
    public void The_inverse_brings_the_samples_back(int size)
    {
        var samples = Noise(size);
        var fft = new RealFft(size);
        var re = new float[fft.Bins];
        var im = new float[fft.Bins];
        var back = new float[size];
        fft.Forward(samples, re, im);
        fft.Inverse(re, im, back);
        for (var n = 0; n < size; n++) Assert.Equal(samples[n], back[n], 1e-6);
    }

    [Fact]
    public void Allocates_nothing()
    {
        var fft = new RealFft(512);
        var samples = Noise(512);
        var re = new float[257];
        var im = new float[257];
        Allocation.None(() =>
        {
            fft.Forward(samples, re, im);
            fft.Inverse(re, im, samples);
        });
    }

    [Fact]
    public void Sine_and_cosine_are_those_of_math_within_the_rounding_of_its_argument()
    {
        for (var x = -9.0; x < 9; x += 0.0137)
        {
            Assert.Equal(Math.Sin(Math.PI * x), ExactTrigonometry.SinPi(x), 2e-14);
            Assert.Equal(Math.Cos(Math.PI * x), ExactTrigonometry.CosPi(x), 2e-14);
        }
    }

    private static float[] Noise(int count) => Numbers.Random(seed: count, count);
}
