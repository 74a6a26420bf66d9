using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace SeqRuntime.Tests.RealModels;

/// <summary>
/// The errors of real models with weights in fp16, int8 and int4, compared with ONNX Runtime, or with the same model in fp32. They are printed, and
/// limited to a little more than was measured. "int4 everywhere" is without the matrices that the converter leaves in int8.
/// </summary>
public sealed class FewerBitsTests(ITestOutputHelper output)
{
    private const string Everywhere = "int4 everywhere";

    [Theory]
    [InlineData("fp16", 0.0006, 0.0006)]
    [InlineData("int8", 0.03, 0.02)]
    [InlineData("int4", 0.05, 0.08)]
    [InlineData(Everywhere, 0.24, 0.6)]
    public void Dtln_over_noisy_speech(string weights, double maskError, double refineError)
    {
        using var rounded = SeqModel.Load(Conversion.Convert([("mask", Models.Need("dtln/model_1.onnx")), ("refine", Models.Need("dtln/model_2.onnx"))], Options(weights)).File);
        using SeqSession mask = rounded.CreateSession("mask"), refine = rounded.CreateSession("refine");
        var (masks, blocks) = (Run(mask, References.Of("dtln mask")), Run(refine, References.Of("dtln refine")));
        output.WriteLine($"DTLN, {masks.Frames} frames, {weights}: {rounded.FileBytes:N0} bytes; relative RMS error of the mask {masks.RelativeRms:P2}, of the refined block {blocks.RelativeRms:P2}; last third to first {masks.Drift:F2}, {blocks.Drift:F2}");
        Assert.InRange(masks.RelativeRms, maskError / 20, maskError);
        Assert.InRange(blocks.RelativeRms, refineError / 20, refineError);
        Assert.True(masks.Drift <= 2 && blocks.Drift <= 2, "the error grows");
    }

    [Theory]
    [InlineData("silero_vad_16k_op15.onnx", "fp16", 0.0002, 0)]
    [InlineData("silero_vad_16k_op15.onnx", "int8", 0.013, 8)]
    [InlineData("silero_vad.onnx", "int8", 0.013, 8)]
    [InlineData("silero_vad_op18_ifless.onnx", "int8", 0.013, 8)]
    [InlineData("silero_vad_16k_op15.onnx", "int4", 0.031, 10)]
    [InlineData("silero_vad_16k_op15.onnx", Everywhere, 0.09, 40)]
    public void Silero_over_a_minute_of_speech(string file, string weights, double error, int changed)
    {
        using var rounded = SeqModel.Load(Conversion.Convert([("main", Models.Need($"silero-vad/{file}"))], Options(weights, ("sr", "16000"))).File);
        var dimensions = rounded.Graphs[0].Inputs[0].Dimensions!;
        using var session = rounded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = dimensions.Where(d => d.Symbol is not null).ToDictionary(d => d.Symbol!, d => d == dimensions[^1] ? 576 : 1) });
        var decisions = 0;
        var agreement = Run(session, References.Of($"silero {file}"), (expected, given) =>
        {
            if (expected > 0.5f != given > 0.5f) decisions++;
        });
        output.WriteLine($"{file}, {agreement.Frames} frames, {weights}: {rounded.FileBytes:N0} bytes; relative RMS error of the probability {agreement.RelativeRms:P2}; {decisions} frames on the other side of 0.5; last third to first {agreement.Drift:F2}");
        Assert.InRange(agreement.RelativeRms, error / 20, error);
        Assert.InRange(decisions, 0, changed);
        Assert.True(agreement.Drift <= 2, "the error grows");
    }

    [Theory]
    [InlineData("g2p", "fp16", 0, 0)]
    [InlineData("g2p", "int8", 4, 0.01)]
    [InlineData("g2p", "int4", 20, 0.02)]
    [InlineData("g2p_en", "fp16", 1, 0.002)]
    [InlineData("g2p_en", "int8", 8, 0.01)]
    [InlineData("g2p_en", "int4", 40, 0.05)]
    public void Pronunciation_of_two_hundred_words(string model, string weights, int changedWords, double phonemes)
    {
        var words = RealDecodingTests.Lines("g2p_en/expected-greedy.tsv").Select(line => line[0]).ToArray();
        var exact = Pronounce(model, "fp32", words, out var exactBytes);
        var rounded = Pronounce(model, weights, words, out var bytes);
        var changed = exact.Zip(rounded).Count(pair => !pair.First.SequenceEqual(pair.Second));
        var rate = exact.Zip(rounded).Sum(pair => Distance(pair.First, pair.Second)) / (double)exact.Sum(word => word.Length);
        output.WriteLine($"{model}, {words.Length} words, {weights}: {bytes:N0} of {exactBytes:N0} bytes; {changed} words differ from fp32, {rate:P2} of the phonemes");
        Assert.InRange(changed, 0, changedWords);
        Assert.InRange(rate, 0, phonemes);
    }

    private static string[][] Pronounce(string model, string weights, string[] words, out long bytes)
    {
        var file = model == "g2p_en" ? RealDecodingTests.English(Options(weights)) : Conversion.Convert([("main", Repository.Find("training/g2p.json"))], Options(weights)).File;
        bytes = file.Length;
        using var loaded = SeqModel.Load(file);
        using var decoder = loaded.CreateDecoder();
        return Array.ConvertAll(words, word =>
        {
            decoder.Decode(word);
            return decoder.Results[0].Text.Split(' ');
        });
    }

    private static ConversionOptions Options(string weights, params (string Name, string Value)[] sets) => new()
    {
        Weights = WeightKinds.Parse(weights) ?? WeightKind.Int4,
        WeightsOf = weights == Everywhere ? [new WeightOverride("*", WeightKind.Int4)] : [],
        Sets = sets.ToDictionary(s => s.Name, s => s.Value),
    };

    /// <summary>Runs a session over all frames of a reference.</summary>
    private static Agreement Run(SeqSession session, IEnumerable<(float[] Input, float[] Output)> frames, Action<float, float>? first = null)
    {
        var agreement = new Agreement();
        foreach (var (input, expected) in frames)
        {
            input.CopyTo(session.Input<float>(0));
            session.Run();
            agreement.Add(expected, session.Output<float>(0));
            first?.Invoke(expected[0], session.Output<float>(0)[0]);
        }

        return agreement;
    }

    /// <summary>The smallest number of insertions, deletions and substitutions (Levenshtein 1966).</summary>
    private static int Distance(string[] left, string[] right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[^1];
    }
}
