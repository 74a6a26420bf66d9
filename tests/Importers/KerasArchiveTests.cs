using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras archives, whose weights have numbers, and architectures in JSON with weights in another file.</summary>
public sealed class KerasArchiveTests : IDisposable
{
    private const string Shape = "\"batch_input_shape\": [1, null, 3]";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The names of the layers are those of the other folders, as after loading and renaming. Windows separates them otherwise.</summary>
    [Theory]
    [InlineData("layers", "lstm", "lstm_1", "/")]
    [InlineData("_layer_checkpoint_dependencies", "lstm", "lstm_2", "/")]
    [InlineData("layers", "lstm", "lstm_1", "\\")]
    public void Folders_are_counted_by_class_in_the_order_of_the_layers(string container, string first, string second, string separator)
    {
        var file = new KerasFile(3) { Version = "3.6.0" };
        file.Layer("LSTM", $"\"name\": \"lstm_1\", \"units\": {Units}, \"return_sequences\": true, \"recurrent_activation\": \"sigmoid\", {Shape}");
        file.Layer("LSTM", $"\"name\": \"lstm\", \"units\": {Units}, \"return_sequences\": true, \"recurrent_activation\": \"sigmoid\"");
        string Folder(string name) => string.Join(separator, container, name, "cell");
        (double[] Kernel, double[] Recurrent, double[] Bias) Add(string name, int inputs) => (file.Weight($"{Folder(name)}/vars/0", inputs, 4 * Units), file.Weight($"{Folder(name)}/vars/1", Units, 4 * Units), file.Weight($"{Folder(name)}/vars/2", 4 * Units));
        var (a, b) = (Add(first, Features), Add(second, Units));
        var x = Rows(4, 6);
        var below = KerasFormulas.Recurrent("LSTM", x, a.Kernel, a.Recurrent, a.Bias, resetAfter: false, isBackward: false).Outputs;
        var result = file.ConvertArchive(file.Sequential);
        Assert.Empty(result.Unused);
        using var model = SeqModel.Load(result.File);
        Equal(KerasFormulas.Recurrent("LSTM", below, b.Kernel, b.Recurrent, b.Bias, resetAfter: false, isBackward: false).Outputs, Run(model, x));
    }

    [Theory]
    [InlineData("\"scale\": true, \"center\": true", 4)]
    [InlineData("\"scale\": false, \"center\": true", 3)]
    [InlineData("\"scale\": true, \"center\": false", 3)]
    [InlineData("\"scale\": false, \"center\": false", 2)]
    public void The_settings_of_a_layer_tell_what_its_numbers_are(string settings, int count)
    {
        var file = new KerasFile(5) { Version = "3.6.0" }.Layer("BatchNormalization", $"\"name\": \"bn\", \"axis\": -1, \"epsilon\": 0.01, {settings}, {Shape}");
        var weights = Enumerable.Range(0, count).Select(i => file.Weight($"layers/batch_normalization/vars/{i}", 0.4f, 0.8f, Features)).ToList();
        var gamma = settings.Contains("\"scale\": true", StringComparison.Ordinal) ? weights[0] : [1, 1, 1];
        var beta = settings.Contains("\"center\": true", StringComparison.Ordinal) ? weights[^3] : [0, 0, 0];
        var x = Rows(6, 4);
        using var model = SeqModel.Load(file.ConvertArchive(file.Sequential).File);
        Equal([.. x.Select(row => row.Select((v, i) => (v - weights[^2][i]) / Math.Sqrt(weights[^1][i] + 0.01) * gamma[i] + beta[i]).ToArray())], Run(model, x));
    }

    [Fact]
    public void Parts_of_an_attention_layer_are_found_by_their_folders()
    {
        var file = new KerasFile(7) { Version = "3.6.0" };
        const string tensor = """{"class_name": "__keras_tensor__", "config": {"shape": [1, null, 3], "dtype": "float32", "keras_history": ["x", 0, 0]} }""";
        var config = $$"""
            {"module": "keras", "class_name": "Functional", "config": {"name": "f", "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [1, null, 3], "dtype": "float32"}, "inbound_nodes": []},
            {"class_name": "MultiHeadAttention", "name": "mha", "config": {"name": "mha", "num_heads": 1, "key_dim": 2, "use_bias": false}, "inbound_nodes": [{"args": [{{tensor}}, {{tensor}}], "kwargs": {} }]} ],
            "input_layers": [["x", 0, 0]], "output_layers": [["mha", 0, 0]]} }
            """;
        double[] Projection(string name) => file.Weight($"layers/multi_head_attention/{name}/vars/0", 3, 1, 2);
        double[] key = Projection("key_dense"), query = Projection("query_dense"), value = Projection("value_dense"), output = file.Weight("layers/multi_head_attention/output_dense/vars/0", 1, 2, 3);
        double[] Times(double[] v, double[] matrix, int columns) => [.. Enumerable.Range(0, columns).Select(c => v.Select((a, i) => a * matrix[i * columns + c]).Sum())];
        var x = Rows(8, 4);
        var expected = KerasFormulas.Attend([.. x.Select(v => Times(v, query, 2))], [.. x.Select(v => Times(v, value, 2).Concat(Times(v, key, 2)).ToArray())], (q, v) => KerasFormulas.Dot(q, v[2..]) / Math.Sqrt(2));
        using var model = SeqModel.Load(file.ConvertArchive(config).File);
        Equal([.. expected.Select(v => Times(v[..2], output, 3))], Run(model, x));
    }

    [Fact]
    public void Weights_that_the_settings_contradict_are_refused()
    {
        var file = new KerasFile(9) { Version = "3.6.0" }.Layer("Dense", $"\"name\": \"d\", \"units\": 2, \"use_bias\": false, {Shape}");
        file.Weight("layers/dense/vars/0", Features, 2);
        file.Weight("layers/dense/vars/1", 2);
        Assert.Contains("layer 'd' (Dense): the weights have 2 arrays in 'layers/dense/vars'; by its settings it has 1: kernel.", Assert.Throws<ConversionException>(() => file.ConvertArchive(file.Sequential)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_of_sums_without_bias_has_one_number()
    {
        var file = new KerasFile(10) { Version = "3.6.0" }.Layer("EinsumDense", $"\"name\": \"e\", \"equation\": \"abc,cd->abd\", \"output_shape\": [null, 2], \"bias_axes\": null, {Shape}");
        var kernel = file.Weight("layers/einsum_dense/vars/0", Features, 2);
        var x = Rows(12, 3);
        using var model = SeqModel.Load(file.ConvertArchive(file.Sequential).File);
        Equal([.. x.Select(row => Enumerable.Range(0, 2).Select(o => row.Select((v, i) => v * kernel[i * 2 + o]).Sum()).ToArray())], Run(model, x));
    }

    [Fact]
    public void States_of_random_numbers_and_of_the_optimizer_are_told_as_unused()
    {
        var file = new KerasFile(11) { Version = "3.6.0" }.Layer("Dense", $"\"name\": \"d\", \"units\": 2, \"use_bias\": false, {Shape}");
        file.Layer("Dropout", "\"name\": \"drop\", \"rate\": 0.5");
        file.Weight("layers/dense/vars/0", Features, 2);
        file.PutAs<int>("layers/dropout/seed_generator/vars/0", [1, 2], 2);
        file.Weight("optimizer/vars/0", 2);
        var result = file.ConvertArchive(file.Sequential);
        Assert.Contains(result.Graphs[0].Notes, n => n == "unused in model.keras: the optimizer's state (1); states of random numbers (1)");
    }

    [Theory]
    [InlineData(false, "and there is no HDF5 file beside it. Name the file with its weights: --weights-file model.weights.h5")]
    [InlineData(true, "and beside it are 'a.h5', 'b.hdf5'. Name the file with its weights: --weights-file a.h5")]
    public void Weights_that_are_missing_or_not_the_only_ones_are_asked_for(bool hasTwo, string says)
    {
        var file = Plain();
        _folder.Write("model.json", file.Sequential);
        if (hasTwo) foreach (var name in (string[])["a.h5", "b.hdf5"]) file.WriteWeights(_folder[name]);
        Assert.Contains(says, Assert.Throws<ConversionException>(() => Convert("model.json")).Message, StringComparison.Ordinal);
        if (!hasTwo) return;
        Assert.Single(Convert("model.json", "b.hdf5").Graphs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_only_weights_beside_an_architecture_are_taken_and_named(bool isTheano)
    {
        var file = Plain(isTheano);
        _folder.Write("model.json", file.Sequential);
        file.WriteWeights(_folder["w.h5"]);
        Assert.Contains(Convert("model.json").Graphs[0].Notes, n => n == "the weights are from 'w.h5', the only HDF5 file beside the architecture (choose another with --weights-file)");
    }

    [Fact]
    public void Weights_without_an_architecture_name_the_option_that_takes_them()
    {
        Plain().WriteWeights(_folder["w.h5"]);
        Assert.Contains("seqconvert convert architecture.json --weights-file w.h5", Assert.Throws<ConversionException>(() => Convert("w.h5")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_for_weights_that_nothing_needs_is_refused()
    {
        var file = Plain();
        file.Write(_folder["model.h5"], file.Sequential);
        file.WriteWeights(_folder["w.h5"]);
        Assert.Contains("model.h5 is HDF5; only an architecture that Keras saved as JSON (model.to_json()) takes its weights from another file", Assert.Throws<ConversionException>(() => Convert("model.h5", "w.h5")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_for_weights_that_holds_something_else_is_refused_as_what_it_is()
    {
        _folder.Write("model.json", Plain().Sequential);
        _folder.Write("w.onnx", "not weights");
        Assert.Contains("w.onnx: this is not a weight file of Keras, but text that is not JSON", Assert.Throws<ConversionException>(() => Convert("model.json", "w.onnx")).Message, StringComparison.Ordinal);
    }

    /// <summary>The hard sigmoid of Keras 3 is steeper by 1/6 : 1/5. Its JSON names no version.</summary>
    [Theory]
    [InlineData("\"module\": \"keras\", ", 1.0 / 6)]
    [InlineData("\"keras_version\": \"2.0.3\", ", 0.2)]
    public void The_version_is_told_by_the_architecture(string member, double slope)
    {
        var file = new KerasFile(13).Layer("Activation", $"\"name\": \"a\", \"activation\": \"hard_sigmoid\", {Shape}").Layer("Dense", "\"name\": \"d\", \"units\": 1, \"use_bias\": false");
        var kernel = file.Weight("d/d/kernel", Features, 1);
        file.WriteWeights(_folder["w.h5"]);
        _folder.Write("model.json", file.Sequential.Insert(1, member));
        var x = Rows(3, 5);
        using var model = SeqModel.Load(Convert("model.json").File);
        Equal([.. x.Select(row => new[] { row.Select((v, i) => Math.Clamp(v * slope + 0.5, 0, 1) * kernel[i]).Sum() })], Run(model, x));
    }

    private static KerasFile Plain(bool isTheano = false)
    {
        var file = new KerasFile(15) { IsOfTheano = isTheano }.Layer("Dense", $"\"name\": \"d\", \"units\": 2, \"use_bias\": false, {Shape}");
        file.Weight(isTheano ? "d/kernel" : "d/d/kernel", Features, 2);
        return file;
    }

    private ConversionResult Convert(string model, string? weights = null) =>
        Conversion.Convert([("main", _folder[model])], new ConversionOptions { WeightFiles = weights is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["main"] = _folder[weights] } });
}
