using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.RealModels;

/// <summary>Real Keras models in every kind of file: archives, and architectures in JSON with their weights beside them.</summary>
public sealed class KerasFilesTests
{
    private const int Steps = 20;

    [Fact]
    public void An_archive_gives_what_the_Onnx_file_of_the_same_weights_gives()
    {
        var input = Numbers.Random(17, 30 * 17);
        var expected = Run(Convert("aircraft-rul/lstm_model.onnx"), input);
        var given = Run(Convert("aircraft-rul/lstm_model.keras"), input);
        Numbers.Near(expected, given, tolerance: 1e-5 * Math.Max(1, Math.Abs(expected[0])));
    }

    [Fact]
    public void An_archive_gives_the_expected_probabilities()
    {
        var rows = File.ReadAllLines(Models.Need("quant-sentinel/expected-lstm.csv")).Where(l => char.IsAsciiDigit(l[0])).Select(l => l.Split(',').Select(v => double.Parse(v, CultureInfo.InvariantCulture)).ToArray());
        using var model = Convert("quant-sentinel/lstm.keras");
        foreach (var row in rows)
        {
            float[] input = [.. Enumerable.Range(0, 60 * 36).Select(i => (float)(row[0] * Math.Sin(0.13 * (i / 36 + 1) + 0.7 * (i % 36))))];
            Numbers.Near([row[2]], Run(model, input, keep: true), tolerance: 1e-5);
        }
    }

    /// <summary>Published outputs of lwtnn, printed with six digits.</summary>
    [Theory]
    [InlineData("gru-sequence/gru-seq-arch.json", "gru-sequence/gru-seq-targets.json", 4, 5, true)]
    [InlineData("lstm_functional/model.json", "lstm_functional/expected-out.json", 8, 4, false)]
    [InlineData("simplernn_functional/simplernn_functional.json", "simplernn_functional/expected-out.json", 8, 4, false)]
    public void An_architecture_and_the_weights_beside_it_give_the_published_outputs(string architecture, string outputs, int features, int units, bool isSequence)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Models.Need("lwtnn/" + outputs)));
        var values = document.RootElement.EnumerateObject().First().Value;
        List<double> Of(int unit) => values.GetProperty($"out_{unit}") is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(v => v.GetDouble())] : [values.GetProperty($"out_{unit}").GetDouble()];
        var expected = Enumerable.Range(0, isSequence ? Steps : 1).SelectMany(t => Enumerable.Range(0, units).Select(u => Of(u)[t]));
        float[] input = [.. Enumerable.Range(0, Steps * features).Select(i => (float)((-1 + 2.0 * (i % features) / (features - 1)) * (-1 + 2.0 * (i / features) / (Steps - 1))))];
        Numbers.Near(expected, Run(Convert("lwtnn/" + architecture), input), tolerance: 2e-6);
    }

    [Theory]
    [InlineData("stressrnn/model.json")]
    [InlineData("stressrnn/weights_96.hdf5")]
    public void Stress_of_words_is_as_expected_from_both_files(string file)
    {
        const string letters = "'-_абвгдежзийклмнопрстуфхцчшщъыьэюяё";
        using var model = Convert(file);
        foreach (var row in File.ReadAllLines(Models.Need("stressrnn/expected.csv")).Where(l => !l.StartsWith('#') && !l.StartsWith("word", StringComparison.Ordinal)).Select(l => l.Split(',')))
        {
            var input = new float[40 * 36];
            for (var i = 0; i < row[0].Length; i++) input[(40 - row[0].Length + i) * 36 + letters.IndexOf(row[0][i], StringComparison.Ordinal)] = 1;
            var given = Run(model, input, keep: true);
            Assert.Equal(int.Parse(row[1], CultureInfo.InvariantCulture), Array.IndexOf(given, given.Max()));
            Numbers.Near([double.Parse(row[2], CultureInfo.InvariantCulture)], [given.Max()], tolerance: 1e-5);
        }
    }

    [Theory]
    [InlineData("GRU.json")]
    [InlineData("GRU_weights.h5")]
    public void A_model_of_Keras_1_is_refused_by_name(string file)
    {
        var path = Models.Need("lwtnn/keras1-gru/" + file);
        var message = Assert.Throws<ConversionException>(() => Conversion.Convert([("main", path)], new ConversionOptions())).Message;
        Assert.Contains("this model was saved by Keras 1, which is not supported: its layers and the names of its weights are others", message, StringComparison.Ordinal);
        if (file == "GRU.json") Assert.Contains("MaxoutDense", message, StringComparison.Ordinal);
        Assert.Contains("Load it with Keras 2.0 to 2.2", message, StringComparison.Ordinal);
    }

    private static SeqModel Convert(string file) => SeqModel.Load(Conversion.Convert([("main", Models.Need(file))], new ConversionOptions()).File);

    private static float[] Run(SeqModel model, float[] input, bool keep = false)
    {
        var sizes = new SeqSessionOptions();
        foreach (var symbol in model.Graphs[0].Symbols) sizes.MaxSizes[symbol] = symbol == "T" ? Steps : 1;
        using var session = model.CreateSession(graph: null, sizes);
        input.CopyTo(session.Input<float>(0));
        session.Run();
        var output = session.Output<float>(0).ToArray();
        if (!keep) model.Dispose();
        return output;
    }
}
