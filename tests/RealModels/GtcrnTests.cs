using System.Numerics;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.RealModels;

/// <summary>GTCRN cleans a recording frame by frame, as its authors' program does.</summary>
public sealed class GtcrnTests(ITestOutputHelper output)
{
    private const int Window = 512, Hop = 256;

    /// <summary>The authors stored their result in 16 bits. It was made by another program than ONNX Runtime, which <see cref="OneCommandTests"/> compares frame by frame.</summary>
    private const double Step = 1 / 32768.0;

    /// <summary>A thousandth of the full scale.</summary>
    private const int MostSteps = 32;

    private static readonly double[] s_window = [.. Enumerable.Range(0, Window).Select(i => Math.Sqrt(0.5 - 0.5 * Math.Cos(2 * Math.PI * i / Window)))];

    [Theory]
    [InlineData("gtcrn/gtcrn.onnx")]
    [InlineData("gtcrn/gtcrn_simple.onnx")]
    public void A_recording_is_cleaned_as_by_its_authors(string file)
    {
        using var model = SeqModel.Load(Conversion.Convert([("main", Models.Need(file))], new ConversionOptions()).File);
        using var session = model.CreateSession();
        var (samples, expected) = (Audio.Read(Models.Need("audio/noisy-speech-16k.wav")), Audio.Read(Models.Need("gtcrn/enh_stream.wav")));
        // Frames are centred: the recording is mirrored at both ends.
        float Sample(int at) => samples[at < 0 ? -at : at >= samples.Length ? 2 * samples.Length - 2 - at : at];
        var (sum, weight) = (new double[samples.Length + Window], new double[samples.Length + Window]);
        for (var start = 0; start <= samples.Length; start += Hop)
        {
            var spectrum = Audio.Transform([.. s_window.Select((w, i) => new Complex(w * Sample(start + i - Hop), 0))]);
            for (var i = 0; i <= Window / 2; i++) (session.Input<float>(0)[2 * i], session.Input<float>(0)[2 * i + 1]) = ((float)spectrum[i].Real, (float)spectrum[i].Imaginary);
            session.Run();
            var clean = session.Output<float>(0).ToArray();
            Complex At(int i) => new(clean[2 * i], clean[2 * i + 1]);
            var block = Audio.Transform([.. Enumerable.Range(0, Window).Select(i => i <= Window / 2 ? At(i) : Complex.Conjugate(At(Window - i)))], 1);
            for (var i = 0; i < Window; i++)
            {
                sum[start + i] += block[i].Real / Window * s_window[i];
                weight[start + i] += s_window[i] * s_window[i];
            }
        }

        var largest = expected.Select((value, i) => Math.Abs(value - sum[i + Hop] / weight[i + Hop])).Max();
        output.WriteLine($"{file}: {expected.Length} samples differ by at most {largest / Step:F2} steps of 16 bits");
        Assert.Equal(samples.Length / Hop * Hop, expected.Length);
        Assert.True(largest <= MostSteps * Step, $"differs by {largest / Step:F2} steps of 16 bits");
    }
}
