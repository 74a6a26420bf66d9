using System.Numerics;
using Google.FlatBuffers;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.RealModels;

/// <summary>DTLN's TensorFlow Lite files, converted without settings, agree with its ONNX files over a thousand stateful frames of real sound.</summary>
public class TfliteAgreementTests(ITestOutputHelper output)
{
    private const double Fp32OfRange = 1e-4;

    [Theory]
    [InlineData("dtln/model_1.tflite")]
    [InlineData("dtln/model_2.tflite")]
    public void Dtln_agrees_with_its_onnx_files(string file)
    {
        var isMask = file.Contains("_1", StringComparison.Ordinal);
        using var model = SeqModel.Load(Conversion.Convert([("main", Models.Need(file))], new ConversionOptions()).File);
        using var session = model.CreateSession();
        Assert.Single(session.States);
        using var mask = OrtStream.DtlnMask(Models.Need("dtln/model_1.onnx"));
        using var refine = OrtStream.DtlnRefine(Models.Need("dtln/model_2.onnx"));
        using var again = OrtStream.DtlnMask(Models.Need("dtln/model_1.onnx"));
        var agreement = new Agreement();
        foreach (var (magnitude, block) in Frames(mask, int.MaxValue)) Step(session, isMask ? magnitude : block, isMask ? again.Step(magnitude) : refine.Step(block), agreement);
        output.WriteLine($"{file}: {agreement.Frames} frames; worst {agreement.WorstOfRange:E2} of the range, relative RMS {agreement.RelativeRms:E2}, drift {agreement.Drift:F2}");
        Assert.True(agreement.Frames >= 1000);
        Assert.True(agreement.WorstOfRange <= Fp32OfRange, $"differs by {agreement.WorstOfRange:E2} of the range");
    }

    /// <summary>The quantized files agree with their operators, computed one by one with the weights that the integers stand for.</summary>
    [Theory]
    [InlineData("dtln/model_quant_1.tflite")]
    [InlineData("dtln/model_quant_2.tflite")]
    public void Quantized_dtln_agrees_with_its_operators(string file)
    {
        var isMask = file.Contains("_1", StringComparison.Ordinal);
        var path = Models.Need(file);
        using var model = SeqModel.Load(Conversion.Convert([("main", path)], new ConversionOptions()).File);
        using var session = model.CreateSession();
        using var mask = OrtStream.DtlnMask(Models.Need("dtln/model_1.onnx"));
        var read = TfliteFile.Read(File.ReadAllBytes(path), path);
        var plain = new PlainTflite(read);
        var state = new double[512];
        var agreement = new Agreement();
        foreach (var (magnitude, block) in Frames(mask, 1000))
        {
            var input = isMask ? magnitude : block;
            input.CopyTo(session.Input<float>(0));
            session.Run();
            var results = plain.Run(Numbers.Doubles(input), state);
            state = results[1];
            agreement.Add(Array.ConvertAll(results[0], v => (float)v), session.Output<float>(0));
        }

        output.WriteLine($"{file}: {agreement.Frames} frames; worst {agreement.WorstOfRange:E2} of the range, relative RMS {agreement.RelativeRms:E2}");
        Assert.Equal(1000, agreement.Frames);
        Assert.True(agreement.WorstOfRange <= Fp32OfRange, $"differs by {agreement.WorstOfRange:E2} of the range");
    }

    /// <summary>With --weights int8 the file's steps and scales are kept.</summary>
    [Theory]
    [InlineData("dtln/model_quant_1.tflite")]
    [InlineData("dtln/model_quant_2.tflite")]
    public void Quantized_weights_keep_their_steps_in_int8(string file)
    {
        var converted = Conversion.Convert([("main", Models.Need(file))], new ConversionOptions { Weights = WeightKind.Int8 });
        var weights = converted.Tensors.Where(t => t.Weights == WeightKind.Int8).ToList();
        Assert.True(weights.Count >= 5);
        Assert.All(weights, t => Assert.True(t.Error < 1e-7, $"{t.Name}: {t.Error}"));
        output.WriteLine($"{file}: {new FileInfo(Models.Need(file)).Length:N0} bytes become {converted.File.Length:N0}");
    }

    /// <summary>The quantized weights are scale · q, read here from the file by the places of the schema.</summary>
    [Theory]
    [InlineData("dtln/model_quant_1.tflite", 5)]
    [InlineData("dtln/model_quant_2.tflite", 7)]
    public void Dtlns_quantized_weights_are_what_the_file_says(string file, int matrices)
    {
        var path = Models.Need(file);
        var content = File.ReadAllBytes(path);
        var graph = TfliteReader.Read(path, content, "main", []).Graphs[0];
        var b = new ByteBuffer(content);
        int At(int table, int field)
        {
            var places = table - b.GetInt(table);
            return 4 + 2 * field < b.GetUshort(places) && b.GetUshort(places + 4 + 2 * field) is > 0 and var offset ? table + offset : 0;
        }

        int Follow(int place) => place + b.GetInt(place);
        int Element(int vector, int i) => Follow(vector + 4 + 4 * i);
        var root = Follow(0);
        var (subgraph, buffers) = (Element(Follow(At(root, 2)), 0), Follow(At(root, 4)));
        var tensors = Follow(At(subgraph, 0));
        var found = 0;
        for (var i = 0; i < b.GetInt(tensors); i++)
        {
            var tensor = Element(tensors, i);
            const byte int8 = 9;
            if (At(tensor, 1) is 0 || b.Get(At(tensor, 1)) != int8) continue;
            var scale = b.GetFloat(Follow(At(Follow(At(tensor, 4)), 2)) + 4);
            var data = Follow(At(Element(buffers, b.GetInt(At(tensor, 2))), 0));
            float[] expected = [.. Enumerable.Range(0, b.GetInt(data)).Select(k => scale * b.GetSbyte(data + 4 + k)).Order()];
            // A matrix may be turned; its numbers stay.
            Assert.Contains(graph.Constants.Values.Where(c => c.Type == ElementType.Float32 && c.Count == expected.Length), c => c.ToFloats().Order().SequenceEqual(expected));
            found++;
        }

        Assert.Equal(matrices, found);
    }

    /// <summary>Magnitudes for the first model, and blocks for the second.</summary>
    private static IEnumerable<(float[] Magnitude, float[] Block)> Frames(OrtStream mask, int most)
    {
        var samples = Audio.Read(Models.Need("audio/noisy-speech-16k.wav"));
        for (var start = 0; start + 512 <= samples.Length && most-- > 0; start += 128)
        {
            var spectrum = Audio.Transform([.. samples.AsSpan(start, 512).ToArray().Select(s => new Complex(s, 0))]);
            var magnitude = Array.ConvertAll(spectrum[..257], c => (float)c.Magnitude);
            var gains = mask.Step(magnitude);
            for (var i = 0; i < 512; i++) spectrum[i] *= gains[i <= 256 ? i : 512 - i];
            yield return (magnitude, Array.ConvertAll(Audio.Transform(spectrum, 1), c => (float)(c.Real / 512)));
        }
    }

    private static void Step(SeqSession session, float[] frame, float[] expected, Agreement agreement)
    {
        frame.CopyTo(session.Input<float>(0));
        session.Run();
        agreement.Add(expected, session.Output<float>(0));
    }
}
