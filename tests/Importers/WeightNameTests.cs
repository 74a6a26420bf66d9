using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Weights of Keras files and descriptions are known by the file's names, and found by their layers' names, also if they are folded into a table.</summary>
public class WeightNameTests
{
    private const int Tokens = 9, Width = 36, Units = 40;

    [Theory]
    [InlineData("embedding", true)]
    [InlineData("embedding*", true)]
    [InlineData("embedding/embeddings", true)]
    [InlineData("both/forward_lstm", true)]
    [InlineData("*/kernel", true)]
    [InlineData("both/backward_lstm/lstm_cell/recurrent_kernel", false)]
    public void A_Keras_layer_is_found_by_its_name_though_its_products_were_folded(string pattern, bool isApart)
    {
        var names = Keras(new ConversionOptions { Weights = WeightKind.Int8 });
        Assert.Contains("both/forward_lstm/lstm_cell/kernel.tokens", names);
        Assert.Contains("both/forward_lstm/lstm_cell/recurrent_kernel", names);
        Assert.DoesNotContain(names, n => n.Contains('#', StringComparison.Ordinal));
        foreach (var options in (ConversionOptions[])[new() { Weights = WeightKind.Int8, Keep = [pattern] }, new() { Weights = WeightKind.Int8, WeightsOf = [new WeightOverride(pattern, WeightKind.Float32)] }, new() { Weights = WeightKind.Int8, WeightsOf = [new WeightOverride(pattern, WeightKind.Int8)] }])
        {
            names = Keras(options);
            Assert.Equal(isApart, names.Contains("embedding/embeddings"));
            Assert.Equal(!isApart, names.Contains("both/forward_lstm/lstm_cell/kernel.tokens"));
            Assert.Equal(isApart, names.Contains("both/forward_lstm/lstm_cell/kernel"));
        }

        var fault = Assert.Throws<ConversionException>(() => Keras(new ConversionOptions { Weights = WeightKind.Int8, Keep = ["other"] }));
        foreach (var name in (string[])["embedding/embeddings", "both/forward_lstm/lstm_cell/kernel", "both/backward_lstm/lstm_cell/recurrent_kernel"]) Assert.Contains(name, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lstm", 4)]
    [InlineData("gru", 3)]
    [InlineData("rnn", 1)]
    public void A_descriptions_reverse_weights_have_their_own_names_and_shapes(string kind, int gates)
    {
        using var file = new WeightFiles();
        foreach (var layer in (string[])["l0", "l0_reverse", "l1", "l1_reverse"])
        {
            file.Random($"r.weight_ih_{layer}", gates * 27, layer.StartsWith("l0", StringComparison.Ordinal) ? 40 : 54);
            file.Random($"r.weight_hh_{layer}", gates * 27, 27);
            file.Random($"r.bias_ih_{layer}", gates * 27);
        }

        var description = WeightFiles.Graph("[1, \"T\", 40]", $$"""{"kind": "{{kind}}", "bidirectional": true, "input": "x", "weights": "r", "output": "y"}""");
        var converted = file.Convert(description, new ConversionOptions { Weights = WeightKind.Int8, Keep = ["*_reverse"] });
        var weights = converted.Tensors.Where(t => t.Weights is not null).ToList();
        Assert.Equal(8, weights.Count);
        foreach (var tensor in weights)
        {
            Assert.Matches("^r.weight_(ih|hh)_l[01](_reverse)?$", tensor.Name);
            Assert.Equal([gates * 27, tensor.Name.Contains("hh", StringComparison.Ordinal) ? 27 : tensor.Name.Contains("l0", StringComparison.Ordinal) ? 40 : 54], tensor.Shape);
            Assert.Equal(tensor.Name.EndsWith("_reverse", StringComparison.Ordinal) ? WeightKind.Float32 : WeightKind.Int8, tensor.Weights);
        }

        Assert.Contains(converted.Tensors, t => t.Name == "r.bias_l0_reverse");
        Assert.Equal(4, converted.Model.Metadata["quantization-errors"].Split(' ').Length);
    }

    private static List<string> Keras(ConversionOptions options)
    {
        var file = new KerasFile(4);
        _ = file.Weight("embedding/embedding/embeddings", Tokens, Width);
        foreach (var direction in (string[])["forward", "backward"])
        {
            var path = $"both/both/{direction}_lstm/lstm_cell";
            _ = (file.Weight(path + "/kernel", Width, 4 * Units), file.Weight(path + "/recurrent_kernel", Units, 4 * Units), file.Weight(path + "/bias", 4 * Units));
        }

        file.Layer("Embedding", $"\"name\": \"embedding\", \"input_dim\": {Tokens}, \"output_dim\": {Width}, \"batch_input_shape\": [null, null]")
            .Layer("Bidirectional", $$""" "name": "both", "merge_mode": "concat", "layer": {"class_name": "LSTM", "config": {"name": "lstm", "units": {{Units}}, "return_sequences": true, "activation": "tanh", "recurrent_activation": "sigmoid"} }""");
        return [.. file.Convert(options).Tensors.Select(t => t.Name)];
    }
}
