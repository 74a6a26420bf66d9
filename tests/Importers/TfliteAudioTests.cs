using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;

namespace SeqRuntime.Tests.Importers;

/// <summary>TensorFlow's custom operators of keyword spotters have the formulas of their kernels.</summary>
public class TfliteAudioTests
{
    private const TfliteType F = TfliteType.Float32;
    private const int Samples = 60, Window = 12, Stride = 5, Size = 16, Bins = 9, Windows = 1 + (Samples - Window) / Stride, Rate = 8000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_spectrogram_has_its_formula(bool isSquared)
    {
        var model = new TfliteBuilder();
        var g = model.Main;
        g.Output(Spectrogram(g, g.Input("sound", [Samples, 1]), isSquared));
        var sound = Numbers.Random(1, Samples);
        var expected = Powers(sound).Select(p => isSquared ? p : Math.Sqrt(p));
        Numbers.Near(expected, model.Run(sound)[0], 1e-5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_cepstrum_has_its_formula(bool isRateKnown)
    {
        const int channels = 5, coefficients = 4;
        const double low = 300, high = 3500;
        var model = new TfliteBuilder();
        var g = model.Main;
        var sound = g.Input("sound", [Samples, 1]);
        var rate = isRateKnown ? g.Ints(Rate) : g.Op("CAST", [g.Input("rate", [1])], [1], TfliteType.Int32);
        g.Output(g.Custom("Mfcc", [Spectrogram(g, sound, true), rate], [1, Windows, coefficients], TfliteBuilder.Flex(("dct_coefficient_count", coefficients), ("filterbank_channel_count", channels), ("lower_frequency_limit", low), ("upper_frequency_limit", high))));
        var values = Numbers.Random(1, Samples);
        var y = isRateKnown ? model.Run(values)[0] : model.Run(values, [Rate])[0];

        static double Mel(double f) => 1127 * Math.Log(1 + f / 700);
        var (powers, hertz) = (Powers(values), 0.5 * Rate / (Bins - 1));
        double[] centres = [.. Enumerable.Range(0, channels + 2).Select(i => Mel(low) + i * (Mel(high) - Mel(low)) / (channels + 1))];
        var expected = new List<double>();
        for (var t = 0; t < Windows; t++)
        {
            var bands = new double[channels];
            for (var k = (int)(1.5 + low / hertz); k <= (int)(high / hertz); k++)
            {
                for (var c = 0; c < channels; c++)
                {
                    var mel = Mel(k * hertz);
                    var weight = mel <= centres[c + 1] ? (mel - centres[c]) / (centres[c + 1] - centres[c]) : (centres[c + 2] - mel) / (centres[c + 2] - centres[c + 1]);
                    bands[c] += Math.Max(0, weight) * Math.Sqrt(powers[t * Bins + k]);
                }
            }

            expected.AddRange(Enumerable.Range(0, coefficients).Select(i => bands.Select((b, c) => Math.Sqrt(2.0 / channels) * Math.Cos(i * Math.PI / channels * (c + 0.5)) * Math.Log(Math.Max(b, 1e-12))).Sum()));
        }

        Numbers.Near(expected, y, 2e-4);
    }

    /// <summary>Older converters leave the shapes of values open.</summary>
    [Fact]
    public void A_network_over_a_cepstrum_needs_no_shapes()
    {
        const int channels = 5, coefficients = 4;
        float[] Run(bool hasShapes)
        {
            var model = new TfliteBuilder();
            var g = model.Main;
            int[] Shape(params int[] sizes) => hasShapes ? sizes : [];
            var options = TfliteBuilder.Flex(("magnitude_squared", 1), ("stride", Stride), ("window_size", Window));
            var spectra = g.Custom("AudioSpectrogram", [g.Input("sound", [Samples, 1])], Shape(1, Windows, Bins), options);
            var cepstra = g.Custom("Mfcc", [spectra, g.Ints(Rate)], Shape(1, Windows, coefficients), TfliteBuilder.Flex(("dct_coefficient_count", coefficients), ("filterbank_channel_count", channels), ("lower_frequency_limit", 300), ("upper_frequency_limit", 3500)));
            var image = g.Op("RESHAPE", [cepstra, g.Ints(-1, Windows, coefficients, 1)], Shape(1, Windows, coefficients, 1), F);
            var deep = g.Op("DEPTHWISE_CONV_2D", [image, g.Constant("a", [1, 2, 2, 3], Numbers.Random(2, 12)), g.Constant("b", [3], 1f, 2, 3)], Shape(1, Windows, coefficients, 3), F, (0, (byte)0), (1, 1), (2, 1), (3, 3), (4, (byte)1), (5, 1), (6, 1));
            var wide = g.Op("CONV_2D", [deep, g.Constant("c", [2, 2, 2, 3], Numbers.Random(3, 24)), -1], Shape(1, Windows, coefficients, 2), F, (0, (byte)0), (1, 1), (2, 1), (3, (byte)1), (4, 1), (5, 1));
            g.Output(g.Op("FULLY_CONNECTED", [wide, g.Constant("d", [2, Windows * coefficients * 2], Numbers.Random(4, Windows * coefficients * 4)), -1], Shape(1, 2), F));
            return model.Run(Numbers.Random(1, Samples))[0];
        }

        Assert.Equal(Run(hasShapes: true), Run(hasShapes: false));
    }

    [Fact]
    public void Options_that_are_damaged_are_refused()
    {
        var options = TfliteBuilder.Flex(("magnitude_squared", 1), ("stride", Stride), ("window_size", Window));
        for (var length = 0; length < options.Length; length++)
        {
            var model = new TfliteBuilder();
            model.Main.Output(model.Main.Custom("AudioSpectrogram", [model.Main.Input("sound", [Samples, 1])], [1, Windows, Bins], options[..length]));
            Assert.Contains("AudioSpectrogram", Assert.Throws<ConversionException>(() => model.Convert()).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Names of options may share bytes: without limits, a small file would describe gigabytes of them.</summary>
    [Theory]
    [InlineData(1, 65, "the name of one of its options is longer than 64 bytes")]
    [InlineData(254, 3, "it has 257 options; at most 256 are read")]
    [InlineData(253, 64, null)]
    public void Options_have_limits(int more, int letters, string? fault)
    {
        var options = TfliteBuilder.Flex([("magnitude_squared", 1), ("stride", Stride), ("window_size", Window), .. Enumerable.Range(0, more).Select(i => ($"{i}".PadLeft(letters, '_'), 1.0))]);
        var model = new TfliteBuilder();
        model.Main.Output(model.Main.Custom("AudioSpectrogram", [model.Main.Input("sound", [Samples, 1])], [1, Windows, Bins], options));
        if (fault is null) model.Convert();
        else Assert.Contains(fault, Assert.Throws<ConversionException>(() => model.Convert()).Message, StringComparison.Ordinal);
    }

    private static int Spectrogram(TfliteBuilder.Graph g, int sound, bool isSquared) =>
        g.Custom("AudioSpectrogram", [sound], [1, Windows, Bins], TfliteBuilder.Flex(("magnitude_squared", isSquared ? 1 : 0), ("stride", Stride), ("window_size", Window)));

    private static double[] Powers(float[] sound)
    {
        var powers = new double[Windows * Bins];
        for (var i = 0; i < powers.Length; i++)
        {
            var (re, im) = (0.0, 0.0);
            for (var n = 0; n < Window; n++)
            {
                var value = sound[i / Bins * Stride + n] * (0.5 - 0.5 * Math.Cos(2 * Math.PI * n / Window));
                re += value * Math.Cos(2 * Math.PI * (i % Bins) * n / Size);
                im += value * Math.Sin(2 * Math.PI * (i % Bins) * n / Size);
            }

            powers[i] = re * re + im * im;
        }

        return powers;
    }
}
