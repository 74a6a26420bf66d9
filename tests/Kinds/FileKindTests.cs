using SeqRuntime.Converter;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Kinds;

/// <summary>The kind of a file is told by its content under any name. A file that is not read is refused with what it is and a way out.</summary>
public sealed class FileKindTests : IDisposable
{
    private const string Layer = """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""";

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<int> Samples => [.. Enumerable.Range(0, KindSamples.All.Count)];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_kind_has_a_sample() => Assert.Empty(KindSamples.Kinds.Keys.Except(KindSamples.All.Select(s => s.Kind)));

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_file_has_its_kind(int sample)
    {
        var (kind, file) = KindSamples.All[sample];
        Assert.Equal(KindSamples.Kinds[kind], FileKinds.Of(file));
    }

    /// <summary>As a model, as weights and as a decoding document: always an error that names the file, and never another one.</summary>
    [Theory]
    [MemberData(nameof(Samples))]
    public void A_file_that_is_not_read_is_told_under_every_name(int sample)
    {
        var (name, file) = KindSamples.All[sample];
        var kind = KindSamples.Kinds[name];
        foreach (var path in (string[])["m.onnx", "m.json", "m.h5", "m"])
        {
            _folder.Write(path, file);
            var refusal = Refusal(path);
            Assert.StartsWith(_folder[path], refusal, StringComparison.Ordinal);
            if (kind.Use is KindUse.Unread && kind != FileKind.Unknown) Assert.Contains($"this is {kind.What}", refusal, StringComparison.Ordinal);
            if (kind.Use is KindUse.Wrapped && kind != FileKind.Gzip && kind != FileKind.Xz) Assert.Contains("this is not a model, but", refusal, StringComparison.Ordinal);
            Assert.DoesNotContain("{", kind.Use is KindUse.Unread && !refusal.Contains("**{", StringComparison.Ordinal) ? refusal : "", StringComparison.Ordinal);
        }

        // A reader refuses what has the form of weights, or the layer misses its own among them.
        if (kind == FileKind.Empty || kind.Use == KindUse.Weights || kind == FileKind.StateDict || kind == FileKind.GuitarMl) return;
        _folder.Write("w.npz", file);
        _folder.Write("d.json", WeightFiles.Graph("[1, 3]", Layer).Replace("weights.npz", "w.npz", StringComparison.Ordinal));
        Assert.Contains("w.npz", Refusal("d.json"), StringComparison.Ordinal);
    }

    /// <summary>Every beginning of every sample is refused in a documented way, and none is taken for a kind that could not be read.</summary>
    [Fact]
    public void Truncated_files_are_told()
    {
        foreach (var (_, file) in KindSamples.All)
        {
            for (var length = 0; length <= Math.Min(file.Length, 700); length++) FileKinds.Of(file.AsSpan(0, length)).NoWeights("m");
        }
    }

    [Fact]
    public void Mutated_files_are_told()
    {
        var random = new Random(5);
        for (var i = 0; i < 20_000; i++)
        {
            byte[] file = [.. KindSamples.All[random.Next(KindSamples.All.Count)].File];
            for (var n = random.Next(1, 4); n > 0 && file.Length > 0; n--) file[random.Next(file.Length)] = (byte)random.Next(256);
            FileKinds.Of(file).NoModel("m");
        }
    }

    [Fact]
    public void A_Keras_model_under_any_name_is_read()
    {
        var file = new KerasFile(71).Layer("ReLU", "\"name\": \"act\", \"batch_input_shape\": [1, 3]");
        foreach (var name in (string[])["wake.net", "m.keras", "m.ckpt", "m.json", "m.onnx"])
        {
            file.Write(_folder[name], file.Sequential);
            Assert.Equal("main", Assert.Single(Convert(name).Graphs).Name);
        }
    }

    [Theory]
    [InlineData("weights.bin")]
    [InlineData("weights.safetensors")]
    [InlineData("weights.pth")]
    public void A_weight_file_under_any_name_is_read(string name)
    {
        using var files = new WeightFiles();
        files.Random("fc.weight", 2, 3);
        var description = WeightFiles.Graph("[1, 3]", Layer);
        files.Convert(description);
        File.Move(files.Path("weights.npz"), files.Path(name));
        File.WriteAllText(files.Path("model.txt"), description.Replace("weights.npz", name, StringComparison.Ordinal));
        Assert.Single(Conversion.Convert([("main", files.Path("model.txt"))], new ConversionOptions()).Graphs);
    }

    [Theory]
    [InlineData("KerasArchive", "m.dat: this is not an HDF5 file")]
    [InlineData("PyTorch", "this is a PyTorch checkpoint: weights but no architecture; draft a description of its layers, seqconvert scaffold ")]
    [InlineData("OldPyTorch", "this is a PyTorch checkpoint of the format before 1.6: weights but no architecture; draft a description of its layers, seqconvert scaffold m.dat -o m.json")]
    [InlineData("PyTorchModule", "torch.onnx.export(torch.load('m.dat', map_location='cpu', weights_only=False).eval(), (torch.zeros(SHAPE),), 'm.onnx')")]
    [InlineData("SavedModel", "python -m tf2onnx.convert --saved-model FOLDER --output m.onnx")]
    [InlineData("GraphDef", "python -m tf2onnx.convert --graphdef m.dat")]
    [InlineData("TensorFlowLite", "the TensorFlow Lite file is damaged or truncated")]
    [InlineData("Npz", "this is an archive of NumPy arrays: weights but no architecture; draft a description of its layers, seqconvert scaffold ")]
    [InlineData("Seq", "'seqconvert inspect m.dat' shows it")]
    [InlineData("CSource", "get that back with: grep -o '0x[0-9a-fA-F]*' m.dat | xxd -r -p > m.tflite")]
    [InlineData("DnnBlob", "this is a blob of weights of RNNoise 0.2, Opus or LPCNet, which is not supported. Export the PyTorch model")]
    [InlineData("Bzip2", "this is not a model, but packed with bzip2; unpack it (bunzip2 m.dat).")]
    [InlineData("Tar", "this is not a model, but a tar archive; unpack it (tar xf m.dat).")]
    [InlineData("Text", "this is not a model, but text that is not JSON; a description is a JSON document (docs/description.md).")]
    [InlineData("Unknown", "this is a file of an unknown kind, which is not supported. Give an ONNX model,")]
    public void The_way_out_names_the_file(string kind, string says)
    {
        _folder.Write("m.dat", KindSamples.All.First(s => s.Kind == kind).File);
        Assert.Contains(says, Refusal("m.dat"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"in_shape\": [], \"layers\": []}", "'in_shape' has 0 sizes")]
    [InlineData("{\"version\": \"0.5\", \"architecture\": \"LSTM\", \"config\": {}, \"weights\": []}", "'config' has no 'hidden_size'")]
    [InlineData("{\"model_data\": {}, \"state_dict\": {}}", "the file has no tensor 'rec.weight_ih_l0'")]
    [InlineData("{\"lstm.weight_ih_l0\": [[1]], \"lstm.bias_hh_l0\": [1], \"fc.weight\": [[1]]}", "the file has no tensor 'lstm.weight_hh_l0'")]
    [InlineData("{\"class_name\": \"Sequential\", \"config\": {}}", "this is an architecture that Keras saved without weights, and there is no HDF5 file beside it. Name the file with its weights: --weights-file ")]
    [InlineData("{\"inputs\": [], \"layers\": [], \"outputs\": []}", "this is a model of lwtnn")]
    [InlineData("{\"architecture\": {}, \"trainable_params\": {}}", "this is a model of frugally-deep")]
    [InlineData("{\"conv1d\": {}, \"conv1d_1\": {}, \"dense\": {}, \"lstm\": {}, \"input_size\": 150}", "this is a model of GuitarML's SmartAmpPro, which is not supported. Convert the Keras model (.h5)")]
    [InlineData("{\"residual_channels\": 16, \"filter_width\": 3, \"dilations\": [1], \"variables\": []}", "this is a WaveNet of PedalNet and GuitarML's SmartAmp, which is not supported")]
    [InlineData("{\"learner\": {}, \"version\": [2, 0, 0]}", "this is a model of XGBoost")]
    [InlineData("{\"metadata\": {}, \"weight_map\": {}}", "this is the index of weights in several files")]
    [InlineData("{\"model_type\": \"bert\"}", "a configuration of Hugging Face's transformers")]
    [InlineData("{\"architectures\": []}", "a configuration of Hugging Face's transformers")]
    [InlineData("{\"model\": {}, \"added_tokens\": []}", "a tokenizer of Hugging Face, which contains no model")]
    [InlineData("{\"name\": \"app\"}", "but JSON that is not a description of a model: it has neither 'graphs' nor 'weights' (see docs/description.md). It has 'name'.")]
    [InlineData("{ \"a\": \"\u00e9\" }", "line 1 is not UTF-8; save the file as UTF-8")]
    [InlineData("\u00fe\u00ff\u0000{", "this is UTF-16; save the file as UTF-8")]
    public void JSON_of_another_tool_is_told(string content, string says)
    {
        _folder.Write("m.dat", KindSamples.Bytes(content));
        Assert.Contains(says, Refusal("m.dat"), StringComparison.Ordinal);
    }

    /// <summary>Token tables are text or JSON by their content too: a vocabulary may begin with "[PAD]".</summary>
    [Theory]
    [InlineData("[PAD]\n[UNK]\n", false)]
    [InlineData("{\n}\n", true)]
    [InlineData("{\n(\n", false)]
    [InlineData("{ a: 0 }", true)]
    [InlineData("{\n\"a\": 0 }", true)]
    [InlineData("\u00ef\u00bb\u00bf[\n  0]", true)]
    [InlineData(" [ \"a\" ]", true)]
    [InlineData("a\n", false)]
    [InlineData("", false)]
    public void A_table_of_tokens_is_text_or_JSON(string content, bool isJson) => Assert.Equal(isJson, FileKinds.IsJson(KindSamples.Bytes(content)));

    private ConversionResult Convert(string name) => Conversion.Convert([("main", _folder[name])], new ConversionOptions());

    private string Refusal(string name) => Assert.Throws<ConversionException>(() => Convert(name)).Message;
}
