using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Keras;

namespace SeqRuntime.Tests.Importers;

/// <summary>Inner models of Keras that are written in their place.</summary>
public sealed class KerasInlineTests
{
    private const string Input = """{"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [1, 3], "dtype": "float32"}, "inbound_nodes": []}""";

    /// <summary>Each model is called on the next one, and the last one on the input.</summary>
    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    [InlineData(50_000, false)]
    public void Inner_models_are_counted_before_those_that_they_are_called_on(int count, bool isFlat)
    {
        var models = Enumerable.Range(0, count).Select(i => Inner($"m{i}", $"[[[\"{(i + 1 < count ? $"m{i + 1}" : "x")}\", 0, 0, {{}}]]]"));
        using var document = JsonDocument.Parse(Model(models, "m0"));
        Assert.Equal(isFlat, KerasInline.Of(new KerasLayer(document.RootElement)) is not null);
    }

    [Theory]
    [InlineData("\"text\"")]
    [InlineData("3")]
    [InlineData("[1, 2]")]
    [InlineData("null")]
    [InlineData("{\"keras_history\": \"x\"}")]
    public void A_tensor_whose_config_is_damaged_is_refused(string config)
    {
        var layer = $$"""{"class_name": "Activation", "name": "a", "config": {"name": "a", "activation": "tanh"}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {{config}} }], "kwargs": {} }]}""";
        Assert.ThrowsAny<ConversionException>(() => new KerasFile(1).Convert(Model([Inner("m", "[[[\"x\", 0, 0, {}]]]"), layer], "a")));
    }

    private static string Inner(string name, string nodes) => $$"""{"class_name": "Functional", "name": "{{name}}", "config": {"name": "{{name}}", "layers": [{{Input}}], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]]}, "inbound_nodes": {{nodes}} }""";

    private static string Model(IEnumerable<string> layers, string output) => $$"""{"class_name": "Functional", "config": {"name": "f", "layers": [{{string.Join(", ", layers.Prepend(Input))}}], "input_layers": [["x", 0, 0]], "output_layers": [["{{output}}", 0, 0]]} }""";
}
