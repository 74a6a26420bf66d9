using Google.FlatBuffers;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.TensorFlowLite;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.RealModels;

/// <summary>The weights of DTLN's quantized TensorFlow Lite files. <see cref="OneCommandTests"/> compares what they compute.</summary>
public class QuantizedTfliteTests(ITestOutputHelper output)
{
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
}
