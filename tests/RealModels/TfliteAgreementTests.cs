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
    private const double QuantizedRms = 0.02;

    [Theory]
    [InlineData("dtln/model_1.tflite", false)]
    [InlineData("dtln/model_quant_1.tflite", true)]
    [InlineData("dtln/model_2.tflite", false)]
    [InlineData("dtln/model_quant_2.tflite", true)]
    public void Dtln_agrees_with_its_onnx_files(string file, bool isQuantized)
    {
        var isMask = file.Contains("_1", StringComparison.Ordinal);
        using var model = SeqModel.Load(Conversion.Convert([("main", Models.Need(file))], new ConversionOptions()).File);
        using var session = model.CreateSession();
        Assert.Single(session.States);
        using var mask = OrtStream.DtlnMask(Models.Need("dtln/model_1.onnx"));
        using var refine = OrtStream.DtlnRefine(Models.Need("dtln/model_2.onnx"));
        var samples = Audio.Read(Models.Need("audio/noisy-speech-16k.wav"));
        var agreement = new Agreement();
        for (var start = 0; start + 512 <= samples.Length; start += 128)
        {
            var spectrum = Audio.Transform([.. samples.AsSpan(start, 512).ToArray().Select(s => new Complex(s, 0))]);
            var magnitude = Array.ConvertAll(spectrum[..257], c => (float)c.Magnitude);
            var gains = mask.Step(magnitude);
            if (isMask)
            {
                Step(session, magnitude, gains, agreement);
                continue;
            }

            for (var i = 0; i < 512; i++) spectrum[i] *= gains[i <= 256 ? i : 512 - i];
            var block = Array.ConvertAll(Audio.Transform(spectrum, 1), c => (float)(c.Real / 512));
            Step(session, block, refine.Step(block), agreement);
        }

        output.WriteLine($"{file}: {agreement.Frames} frames; worst {agreement.WorstOfRange:E2} of the range, relative RMS {agreement.RelativeRms:E2}, drift {agreement.Drift:F2}");
        Assert.True(agreement.Frames >= 1000);
        if (isQuantized) Assert.True(agreement.RelativeRms <= QuantizedRms, $"differs by {agreement.RelativeRms:P2} relative RMS");
        else Assert.True(agreement.WorstOfRange <= Fp32OfRange, $"differs by {agreement.WorstOfRange:E2} of the range");
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

    private static void Step(SeqSession session, float[] frame, float[] expected, Agreement agreement)
    {
        frame.CopyTo(session.Input<float>(0));
        session.Run();
        agreement.Add(expected, session.Output<float>(0));
    }
}
