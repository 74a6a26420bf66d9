using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Descriptions of Keras' weight files: names in every version's layout, and the form of a GRU by its biases.</summary>
public sealed class DescribedKerasTests
{
    private const int Steps = 5;

    [Theory]
    [InlineData("both/both/DIRECTION_gru/gru_cell")]
    [InlineData("both/sequential/both/DIRECTION_gru/gru_cell")]
    [InlineData("both/both/DIRECTION_gru_3/gru_cell_4")]
    [InlineData("both/DIRECTION_gru_1")]
    public void The_name_of_the_layer_finds_its_weights_in_every_layout(string path)
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(51);
        (double[] Kernel, double[] Recurrent, double[] Bias) Add(string direction)
        {
            var at = path.Replace("DIRECTION", direction, StringComparison.Ordinal);
            return (file.Weight(at + "/kernel", Features, 3 * Units), file.Weight(at + "/recurrent_kernel", Units, 3 * Units), file.Weight(at + "/bias", 2, 3 * Units));
        }

        var (ahead, back) = (Add("forward"), Add("backward"));
        using var model = SeqModel.Load(Convert(folder, file, """{ "kind": "gru", "input": "x", "weights": "both", "bidirectional": true, "output": "y" }""").File);
        var a = KerasFormulas.Recurrent("GRU", Input(), ahead.Kernel, ahead.Recurrent, ahead.Bias, resetAfter: true, isBackward: false).Outputs;
        var b = KerasFormulas.Recurrent("GRU", Input(), back.Kernel, back.Recurrent, back.Bias, resetAfter: true, isBackward: true).Outputs.Reverse();
        Equal([.. a.Zip(b, (l, r) => l.Concat(r).ToArray())], Run(model));
    }

    [Fact]
    public void The_longer_name_of_a_cell_still_finds_them()
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(52);
        var (kernel, recurrent, bias) = (file.Weight("lstm/lstm/lstm_cell/kernel", Features, 4 * Units), file.Weight("lstm/lstm/lstm_cell/recurrent_kernel", Units, 4 * Units), file.Weight("lstm/lstm/lstm_cell/bias", 4 * Units));
        var result = Convert(folder, file, """{ "kind": "lstm", "input": "x", "weights": "lstm/lstm_cell", "output": "y" }""");
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        Equal(KerasFormulas.Recurrent("LSTM", Input(), kernel, recurrent, bias, resetAfter: false, isBackward: false).Outputs, Run(model));
    }

    [Theory]
    [InlineData(false, "", false, 1)]
    [InlineData(true, "", true, 0)]
    [InlineData(false, ", \"reset_after\": false", false, 0)]
    [InlineData(true, ", \"reset_after\": true", true, 0)]
    public void The_bias_of_a_GRU_tells_its_form(bool isTwo, string more, bool isAfter, int notes)
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(53);
        double[] kernel = file.Weight("gru_1/gru_1/kernel", Features, 3 * Units), recurrent = file.Weight("gru_1/gru_1/recurrent_kernel", Units, 3 * Units), bias = isTwo ? file.Weight("gru_1/gru_1/bias", 2, 3 * Units) : file.Weight("gru_1/gru_1/bias", 3 * Units);
        var result = Convert(folder, file, $$"""{ "kind": "gru", "input": "x", "weights": "gru_1", "output": "y"{{more}} }""");
        Assert.Equal(notes, result.Graphs[0].Notes.Count(n => n.Contains("reset_after", StringComparison.Ordinal)));
        using var model = SeqModel.Load(result.File);
        Equal(KerasFormulas.Recurrent("GRU", Input(), kernel, recurrent, bias, isAfter, isBackward: false).Outputs, Run(model));
    }

    [Theory]
    [InlineData(false, ", \"reset_after\": true", "the file has one bias [3u], which means reset_after false")]
    [InlineData(true, ", \"reset_after\": false", "the file has two biases [2, 3u], which means reset_after true")]
    [InlineData(null, "", "give \"reset_after\": true or false")]
    public void A_form_that_the_bias_contradicts_or_that_nothing_tells_is_refused(bool? isTwo, string more, string says)
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(54);
        file.Weight("gru_1/gru_1/kernel", Features, 3 * Units);
        file.Weight("gru_1/gru_1/recurrent_kernel", Units, 3 * Units);
        if (isTwo == true) file.Weight("gru_1/gru_1/bias", 2, 3 * Units);
        if (isTwo == false) file.Weight("gru_1/gru_1/bias", 3 * Units);
        Assert.Contains(says, Assert.Throws<ConversionException>(() => Convert(folder, file, $$"""{ "kind": "gru", "input": "x", "weights": "gru_1", "output": "y"{{more}} }""")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbered_weights_of_Keras_3_are_found_by_the_name_of_the_folder()
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(55);
        var (ahead, back) = (Numbered(file, "layers/bidirectional/forward_layer/cell", "GRU", 3), Numbered(file, "layers/bidirectional/backward_layer/cell", "GRU", 3));
        var kernel = file.Weight("layers/dense_1/vars/0", 2 * Units, 2 * Units);
        file.WriteWeights(folder["m.weights.h5"]);
        var result = Described(folder, "m.weights.h5", """{ "kind": "gru", "input": "x", "weights": "bidirectional", "bidirectional": true, "output": "z" }, { "kind": "linear", "input": "z", "weights": "dense_1", "output": "y" }""");
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        var a = KerasFormulas.Recurrent("GRU", Input(), ahead.Kernel, ahead.Recurrent, ahead.Bias, resetAfter: true, isBackward: false).Outputs;
        var b = KerasFormulas.Recurrent("GRU", Input(), back.Kernel, back.Recurrent, back.Bias, resetAfter: true, isBackward: true).Outputs.Reverse();
        Equal([.. a.Zip(b, (l, r) => l.Concat(r).ToArray()).Select(z => Enumerable.Range(0, 2 * Units).Select(o => z.Select((v, i) => v * kernel[i * 2 * Units + o]).Sum()).ToArray())], Run(model));
    }

    [Fact]
    public void The_weights_in_an_archive_of_Keras_are_read_by_a_description()
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(56);
        var (kernel, recurrent, bias) = Numbered(file, "layers/lstm/cell", "LSTM", 4);
        file.WriteArchive(folder["m.keras"], "{}");
        using var model = SeqModel.Load(Described(folder, "m.keras", """{ "kind": "lstm", "input": "x", "weights": "lstm", "output": "y" }""").File);
        Equal(KerasFormulas.Recurrent("LSTM", Input(), kernel, recurrent, bias, resetAfter: false, isBackward: false).Outputs, Run(model));
    }

    [Fact]
    public void A_numbered_weight_that_may_be_several_things_keeps_its_number()
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(58);
        file.Weight("layers/layer_normalization/vars/0", Features);
        file.WriteWeights(folder["m.weights.h5"]);
        Assert.Contains("it has 'layers/layer_normalization/vars.0'", Assert.Throws<ConversionException>(() => Described(folder, "m.weights.h5", """{ "kind": "layer_norm", "input": "x", "weights": "layer_normalization", "output": "y" }""")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Integer_weights_are_reported_and_scaled()
    {
        using var folder = new TemporaryFolder();
        var file = new KerasFile(57);
        file.PutAs<sbyte>("d/d/kernel", [.. Enumerable.Range(-4, Features * 2).Select(i => (sbyte)i)], Features, 2);
        const string layer = """{ "kind": "linear", "input": "x", "weights": "d", "output": "y"MORE }""";
        Assert.Contains(Convert(folder, file, layer.Replace("MORE", "", StringComparison.Ordinal)).Graphs[0].Notes, n => n.Contains("are integers and used unchanged: 'd.weight' (int8 [2, 3])", StringComparison.Ordinal));
        var scaled = Convert(folder, file, layer.Replace("MORE", ", \"scale\": 0.5", StringComparison.Ordinal));
        Assert.Empty(scaled.Graphs[0].Notes);
        using var model = SeqModel.Load(scaled.File);
        Equal([.. Input().Select(x => new[] { -2 * x[0] - x[1], -1.5 * x[0] - 0.5 * x[1] + 0.5 * x[2] })], Run(model));
    }

    private static (double[] Kernel, double[] Recurrent, double[] Bias) Numbered(KerasFile file, string at, string kind, int gates) =>
        (file.Weight(at + "/vars/0", Features, gates * Units), file.Weight(at + "/vars/1", Units, gates * Units), kind == "GRU" ? file.Weight(at + "/vars/2", 2, gates * Units) : file.Weight(at + "/vars/2", gates * Units));

    private static ConversionResult Described(TemporaryFolder folder, string weights, string layers) =>
        SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder.Write("m.json", WeightFiles.Graph("[1, \"T\", 3]", layers).Replace("weights.npz", weights, StringComparison.Ordinal)))], new ConversionOptions());

    private static ConversionResult Convert(TemporaryFolder folder, KerasFile file, string layer)
    {
        file.Write(folder["m.h5"], "{}");
        File.WriteAllText(folder["m.json"], $$"""{ "weights": "m.h5", "graphs": { "main": { "inputs": { "x": { "shape": [1, {{Steps}}, {{Features}}] } }, "layers": [{{layer}}], "outputs": { "y": "y" } } } }""");
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder["m.json"])], new ConversionOptions());
    }

    private static double[][] Input() => Rows(seed: 6, Steps);

    private static float[] Run(SeqModel model) => KerasRuns.Run(model, Input());
}
