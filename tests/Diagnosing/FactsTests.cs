using SeqRuntime.Converter;
using SeqRuntime.Converter.Diagnosing;
using SeqRuntime.Converter.Importers;
using SeqRuntime.Converter.IO;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Tests.Importers.AudioFormats;

namespace SeqRuntime.Tests.Diagnosing;

/// <summary>What files of each kind say about themselves.</summary>
public sealed class FactsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_Keras_archive_tells_its_version_layers_and_weights()
    {
        var file = new KerasFile(2) { Version = "3.6.0" }.Layer("LSTM", "\"name\": \"rnn\", \"units\": 4, \"recurrent_activation\": \"sigmoid\", \"batch_input_shape\": [null, null, 3]");
        foreach (var (i, shape) in new int[][] { [3, 16], [4, 16], [16] }.Index()) file.Weight($"layers/lstm/cell/vars/{i}", shape);
        file.WriteArchive(_folder["tagger.keras"], file.Sequential);
        var facts = Of(_folder["tagger.keras"]);
        Assert.StartsWith("Keras 3.6.0", Fact(facts, "made by"), StringComparison.Ordinal);
        Assert.Equal("Sequential", Fact(facts, "model"));
        Assert.Contains("LSTM", facts.Parts);
        Assert.Equal((3, 3L * 16 + 4 * 16 + 16), (facts.Weights!.Tensors, facts.Weights.Numbers));
        _folder.Write("architecture.json", file.Sequential);
        Assert.Contains("LSTM", Of(_folder["architecture.json"]).Parts);
    }

    [Fact]
    public void A_TensorFlow_Lite_file_tells_its_operators_and_weights()
    {
        var model = new TfliteBuilder();
        model.Main.Output(model.Main.Op("FULLY_CONNECTED", [model.Main.Input("x", [1, 4]), model.Main.Constant("w", [2, 4], new float[8]), -1], [1, 2], SeqRuntime.Converter.Importers.TensorFlowLite.TfliteType.Float32));
        var facts = Of(_folder.Write("model.tflite", model.ToArray()));
        Assert.StartsWith("schema 3", Fact(facts, "version"), StringComparison.Ordinal);
        Assert.Equal("float32 in 1", Fact(facts, "types"));
        Assert.Equal(["FULLY_CONNECTED"], facts.Parts);
        Assert.Equal((1, 8L, (long?)32), (facts.Weights!.Tensors, facts.Weights.Numbers, facts.Weights.Bytes));
    }

    [Theory]
    [InlineData("\"LSTM\", \"config\"", "version", "0.5.4", "LSTM")]
    [InlineData("SlimmableContainer", "version", "0.7.0", "LSTM WaveNet")]
    [InlineData("\"in_gain\"", "name", "a", "dense conv1d prelu batchnorm gru lstm activation time-distributed-dense")]
    [InlineData("model_data", "made by", "the file does not say", "LSTM linear")]
    [InlineData("rnnoise-nu", "version", "1", "Dense GRU GRU GRU Dense Dense")]
    [InlineData("\"rnn.weight_ih_l0\"", "made by", "the file does not say", "")]
    public void A_model_of_audio_tells_its_version_and_layers(string mark, string name, string value, string layers)
    {
        var facts = Of(_folder.Write("model", AudioModels.All.First(model => model.Contains(mark, StringComparison.Ordinal))));
        Assert.Equal(value, Fact(facts, name));
        Assert.Equal(layers, string.Join(' ', facts.Parts));
    }

    private static SourceFacts Of(string path) => SourceDiagnosis.Of("main", path, new ConversionOptions(), new SourceFiles([])).Facts!;

    private static string Fact(SourceFacts facts, string name) => facts.Facts.First(fact => fact.Name == name).Value;
}
