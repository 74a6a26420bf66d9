using System.Numerics;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.RealModels;

/// <summary>DTLN and Silero, converted from their own files without manual settings, compared with ONNX Runtime over more than a thousand stateful frames of real sound.</summary>
public class AgreementTests(ITestOutputHelper output)
{
    private const double Fp32OfRange = 1e-4;
    private const double Int8RelativeRms = 0.03;

    [Fact]
    public void Dtln_agrees_with_ONNX_runtime_over_real_noisy_speech()
    {
        var (mask, refine) = (Models.Need("dtln/model_1.onnx"), Models.Need("dtln/model_2.onnx"));
        var samples = Audio.Read(Models.Need("audio/noisy-speech-16k.wav"));
        var fp32 = Load(WeightKind.Float32, sets: null, ("mask", mask), ("refine", refine));
        var int8 = Load(WeightKind.Int8, sets: null, ("mask", mask), ("refine", refine));
        SeqSession[] masks = [fp32.CreateSession("mask"), int8.CreateSession("mask")];
        SeqSession[] refines = [fp32.CreateSession("refine"), int8.CreateSession("refine")];
        using var ortMask = OrtStream.DtlnMask(mask);
        using var ortRefine = OrtStream.DtlnRefine(refine);
        Agreement[] maskAgreement = [new(), new()];
        Agreement[] refineAgreement = [new(), new()];
        for (var start = 0; start + 512 <= samples.Length; start += 128)
        {
            var spectrum = Audio.Transform([.. samples.AsSpan(start, 512).ToArray().Select(s => new Complex(s, 0))]);
            var magnitude = Array.ConvertAll(spectrum[..257], c => (float)c.Magnitude);
            var gains = ortMask.Step(magnitude);
            for (var i = 0; i < 512; i++) spectrum[i] *= gains[i <= 256 ? i : 512 - i];
            var block = Array.ConvertAll(Audio.Transform(spectrum, 1), c => (float)(c.Real / 512));
            var clean = ortRefine.Step(block);
            for (var i = 0; i < 2; i++)
            {
                Step(masks[i], magnitude, gains, maskAgreement[i]);
                Step(refines[i], block, clean, refineAgreement[i]);
            }
        }

        Check("DTLN mask", maskAgreement, 1000);
        Check("DTLN refine", refineAgreement, 1000);
        Report("DTLN", int8, mask, refine);
    }

    [Theory]
    [InlineData("silero-vad/silero_vad_16k_op15.onnx")]
    [InlineData("silero-vad/silero_vad.onnx")]
    [InlineData("silero-vad/silero_vad_op18_ifless.onnx")]
    public void Silero_agrees_with_ONNX_runtime_over_a_minute_of_speech(string file)
    {
        var path = Models.Need(file);
        var samples = Audio.Read(Models.Need("audio/silero-test.wav"));
        var sets = new Dictionary<string, string> { ["sr"] = "16000" };
        var int8 = Load(WeightKind.Int8, sets, ("main", path));
        SeqSession[] sessions = [Session(Load(WeightKind.Float32, sets, ("main", path))), Session(int8)];
        using var ort = OrtStream.Silero(path);
        Agreement[] agreement = [new(), new()];
        var frame = new float[576];
        for (var start = 0; start + 512 <= samples.Length; start += 512)
        {
            frame.AsSpan(512).ToArray().CopyTo(frame, 0);
            samples.AsSpan(start, 512).CopyTo(frame.AsSpan(64));
            var expected = ort.Step(frame);
            for (var i = 0; i < 2; i++) Step(sessions[i], frame, expected, agreement[i]);
        }

        Check(Path.GetFileName(file), agreement, 1000);
        Report(Path.GetFileName(file), int8, path);

        static SeqSession Session(SeqModel model) => model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = model.Graphs[0].Inputs[0].Dimensions!.Where(d => d.Symbol is not null).ToDictionary(d => d.Symbol!, d => d == model.Graphs[0].Inputs[0].Dimensions![^1] ? 576 : 1) });
    }

    private static SeqModel Load(WeightKind weights, Dictionary<string, string>? sets, params (string, string)[] sources) =>
        SeqModel.Load(SeqWriter.ToArray(Conversion.Convert(sources, new ConversionOptions { Weights = weights, Sets = sets ?? [] }).Model));

    private static void Step(SeqSession session, float[] frame, float[] expected, Agreement agreement)
    {
        frame.CopyTo(session.Input<float>(0));
        session.Run();
        agreement.Add(expected, session.Output<float>(0));
    }

    private void Check(string name, Agreement[] agreement, int frames)
    {
        var (fp32, int8) = (agreement[0], agreement[1]);
        output.WriteLine($"{name}: {fp32.Frames} frames; fp32 worst {fp32.WorstOfRange:E2} of the range, relative RMS {fp32.RelativeRms:E2}; int8 relative RMS {int8.RelativeRms:P2}, worst {int8.WorstOfRange:P2} of the range, last third to first {int8.Drift:F2}");
        Assert.True(fp32.Frames >= frames);
        Assert.True(fp32.WorstOfRange <= Fp32OfRange, $"{name}: fp32 differs by {fp32.WorstOfRange:E2} of the range");
        Assert.True(int8.RelativeRms <= Int8RelativeRms, $"{name}: int8 differs by {int8.RelativeRms:P2} relative RMS");
        Assert.True(int8.Drift <= 2, $"{name}: int8's error grows by {int8.Drift:F2}");
    }

    private void Report(string name, SeqModel int8, params string[] sources)
    {
        var before = sources.Sum(s => new FileInfo(s).Length);
        output.WriteLine($"{name}: {before:N0} bytes of ONNX become {int8.FileBytes:N0} bytes of int8 .seq, {(double)int8.FileBytes / before:P1}");
    }
}
