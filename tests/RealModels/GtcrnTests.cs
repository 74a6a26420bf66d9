using System.Numerics;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.RealModels;

/// <summary>GTCRN cleans a recording frame by frame, as its authors' program does.</summary>
public sealed class GtcrnTests(ITestOutputHelper output)
{
    private const int Window = 512, Hop = 256;

    /// <summary>The authors' result is stored in steps of 16 bits, each sample rounded down. Half a step on both sides of the middle, and a little for the order of sums.</summary>
    private const double MostSteps = 0.6;

    private const int StepsOfOne = 32768;

    /// <summary>Frames are taken by the square root of Hann's window of this length ...</summary>
    private static readonly double[] s_window = Hann(Window);

    /// <summary>
    /// ... and put together by that of NumPy's <c>hanning</c>, whose last place is 0 again: so the authors' program put ONNX Runtime's frames together when it
    /// wrote this file. With the first window on both sides a sample would differ by 21 steps, as the authors' own enh.wav does, which PyTorch wrote so.
    /// </summary>
    private static readonly double[] s_inverse = Hann(Window - 1);

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
                sum[start + i] += block[i].Real / Window * s_inverse[i];
                weight[start + i] += s_inverse[i] * s_inverse[i];
            }
        }

        var largest = expected.Select((value, i) => Math.Abs(StepsOfOne * (value - sum[i + Hop] / weight[i + Hop]) + 0.5)).Max();
        output.WriteLine($"{file}: {expected.Length} samples differ by at most {largest:F2} steps of 16 bits");
        Assert.Equal(samples.Length / Hop * Hop, expected.Length);
        Assert.True(largest <= MostSteps, $"differs by {largest:F2} steps of 16 bits");
    }

    private static double[] Hann(int period) => [.. Enumerable.Range(0, Window).Select(i => Math.Sqrt(0.5 - 0.5 * Math.Cos(2 * Math.PI * i / period)))];
}
