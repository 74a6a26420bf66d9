using NativeAotSample;
using NativeAotSample.Audio;
using SeqRuntime.Converter;
using SeqRuntime.Tests.RealModels;

namespace SeqRuntime.Tests.Sample;

/// <summary>The sample on the real models and sounds, compared with the authors' own programs run with ONNX Runtime.</summary>
public class RealModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(WeightKind.Float32, 1e-4)]
    [InlineData(WeightKind.Int8, 0.03)]
    public void Denoised_speech_equals_that_of_the_authors_program(WeightKind weights, double tolerance)
    {
        var (model1, model2, sound) = (Models.Need("dtln/model_1.onnx"), Models.Need("dtln/model_2.onnx"), Models.Need("audio/noisy-speech-16k.wav"));
        var noisy = WaveReader.Read(sound).Channels[0];
        using var authors = new AuthorsDtln(model1, model2);
        var expected = authors.Process(noisy);

        using var model = Convert(new ConversionOptions { Weights = weights }, ("mask", model1), ("refine", model2));
        using var dtln = new Dtln(model);
        var frames = DenoiseCommand.FrameCount(dtln, noisy.Length, align: false);
        Assert.True(frames >= 1000);
        var actual = Array.Empty<float>();
        Allocation.None(() =>
        {
            var statistics = new FrameStatistics(frames);
            actual = DenoiseCommand.Denoise(dtln, noisy, frames, align: false, statistics, () => { });
            return statistics.AllocatedBytes;
        });
        Report($"DTLN {weights}, {frames} frames", expected, actual, out var largest, out var rms);
        Assert.True((weights == WeightKind.Float32 ? largest : rms) <= tolerance);
    }

    [Theory]
    [InlineData(WeightKind.Float32, 1e-4)]
    [InlineData(WeightKind.Int8, 0.03)]
    public void Speech_is_found_where_the_authors_program_finds_it(WeightKind weights, double tolerance)
    {
        var (file, sound) = (Models.Need("silero-vad/silero_vad_16k_op15.onnx"), Models.Need("audio/silero-test.wav"));
        var samples = WaveReader.Read(sound).Channels[0];
        var chunks = samples.Length / 512;
        Assert.True(chunks >= 1000);
        using var model = Convert(new ConversionOptions { Weights = weights, Sets = new Dictionary<string, string> { ["sr"] = "16000" } }, ("main", file));
        using var vad = new Vad(model);
        using var authors = OrtStream.Silero(file);
        var (expected, actual) = (new float[chunks], new float[chunks]);
        var input = new float[576];
        var segments = new SpeechSegments(16_000, 512, 0.5f, chunks);
        for (var i = 0; i < chunks; i++)
        {
            var chunk = samples.AsSpan(i * 512, 512);
            input.AsSpan(512).CopyTo(input);
            chunk.CopyTo(input.AsSpan(64));
            expected[i] = authors.Step((float[])input.Clone())[0];
            actual[i] = vad.Process(chunk);
            segments.Add(actual[i]);
        }

        Report($"Silero {weights}, {chunks} chunks", expected, actual, out var largest, out var rms);
        Assert.True((weights == WeightKind.Float32 ? largest : rms) <= tolerance);
        var found = segments.Complete(chunks * 512L);
        var theirs = AuthorsSegments(expected, chunks * 512);
        output.WriteLine(string.Join(", ", found.Select(s => $"{s.Start / 16000.0:F2} to {s.End / 16000.0:F2} s")));
        Assert.True(found.Count > 5);
        if (weights == WeightKind.Float32) Assert.Equal(theirs, found.Select(s => (s.Start, s.End)));
    }

    /// <summary>Silero's <c>get_speech_timestamps</c> with its defaults and without a longest segment, line by line.</summary>
    private static List<(long Start, long End)> AuthorsSegments(float[] probabilities, long length)
    {
        const double Pad = 480, LeastSpeech = 4000, LeastSilence = 1600;
        var speeches = new List<(double Start, double End)>();
        var triggered = false;
        double start = 0, tempEnd = 0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            var p = probabilities[i];
            if (p >= 0.5 && tempEnd != 0) tempEnd = 0;
            if (p >= 0.5 && !triggered)
            {
                triggered = true;
                start = 512.0 * i;
                continue;
            }

            if (p >= 0.35 || !triggered) continue;
            if (tempEnd == 0) tempEnd = 512.0 * i;
            if (512.0 * i - tempEnd < LeastSilence) continue;
            if (tempEnd - start > LeastSpeech) speeches.Add((start, tempEnd));
            tempEnd = 0;
            triggered = false;
        }

        if (triggered && length - start > LeastSpeech) speeches.Add((start, length));
        for (var i = 0; i < speeches.Count; i++)
        {
            if (i == 0) speeches[i] = (Math.Max(0, speeches[i].Start - Pad), speeches[i].End);
            if (i == speeches.Count - 1)
            {
                speeches[i] = (speeches[i].Start, Math.Min(length, speeches[i].End + Pad));
                continue;
            }

            var silence = speeches[i + 1].Start - speeches[i].End;
            var pad = silence < 2 * Pad ? Math.Floor(silence / 2) : Pad;
            speeches[i] = (speeches[i].Start, speeches[i].End + pad);
            speeches[i + 1] = (Math.Max(0, speeches[i + 1].Start - pad), speeches[i + 1].End);
        }

        return [.. speeches.Select(s => ((long)s.Start, (long)s.End))];
    }

    private static SeqModel Convert(ConversionOptions options, params (string Graph, string Path)[] sources) =>
        SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert(sources, options).File);

    private void Report(string what, float[] expected, float[] actual, out double largest, out double rms)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = 0, power = 0, most = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = (double)actual[i] - expected[i];
            error += difference * difference;
            power += (double)expected[i] * expected[i];
            most = Math.Max(most, Math.Abs(difference));
        }

        largest = most / (expected.Max() - expected.Min());
        rms = Math.Sqrt(error / power);
        output.WriteLine($"{what}: largest difference {largest:E2} of the range, relative RMS {rms:P3}");
    }
}
