using System.IO.Compression;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Tests.Importers;

/// <summary>Files with an unknown extension are recognized by content. The error for an unsupported file says how to convert it.</summary>
public sealed class FileKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_Keras_model_under_any_name_is_read()
    {
        var file = new KerasFile(71).Layer("ReLU", "\"name\": \"act\", \"batch_input_shape\": [1, 3]");
        file.Write(_folder["wake.net"], file.Sequential);
        Assert.Equal("main", Assert.Single(Convert("wake.net").Graphs).Name);
        // A user block before it.
        File.WriteAllBytes(_folder["block.net"], [.. new byte[512], .. File.ReadAllBytes(_folder["wake.net"])]);
        Assert.Equal(FileKind.Hdf5, FileKinds.OfContent(File.ReadAllBytes(_folder["block.net"])));
    }

    [Fact]
    public void A_weight_file_under_any_name_is_read()
    {
        using var files = new WeightFiles();
        files.Random("fc.weight", 2, 3);
        var description = WeightFiles.Graph("[1, 3]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""");
        files.Convert(description);
        File.Move(files.Path("weights.npz"), files.Path("weights.bin"));
        File.WriteAllText(files.Path("model.json"), description.Replace("weights.npz", "weights.bin", StringComparison.Ordinal));
        Assert.Single(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", files.Path("model.json"))], new ConversionOptions()).Graphs);
    }

    [Theory]
    [InlineData("model.weights.h5", "keras.models.load_model('some.file').save('some.h5')")]
    [InlineData("archive/data.pkl", "with \"weights\": \"some.file\", or export the model as ONNX")]
    [InlineData("fc.weight.npy", "weights but no architecture")]
    [InlineData("word/document.xml", "files of this kind are not supported; give an ONNX model")]
    public void An_archive_is_told_by_its_entries(string entry, string says)
    {
        using (var zip = ZipFile.Open(_folder["some.file"], ZipArchiveMode.Create)) zip.CreateEntry(entry);
        Assert.Contains(says, Refusal("some.file"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("m.keras", "", "keras.models.load_model('m.keras').save('m.h5')")]
    [InlineData("m.pth", "", "this is a PyTorch file: its weights are read, its code is not. Write a description of the layers (.json, docs/description.md) with \"weights\": \"m.pth\"")]
    [InlineData("m.tflite", "", "tf2onnx")]
    [InlineData("m.dat", "  {\"in_shape\": [], \"layers\": []}", "this is an RTNeural model")]
    [InlineData("m.nam", "{}", "Neural Amp Modeler")]
    [InlineData("m.safetensors", "", "weights but no architecture")]
    [InlineData("m.dat", "PK\u0003\u0004", "files of this kind are not supported")]
    [InlineData("m.dat", "", "this is not a model, but an empty file.")]
    public void A_file_that_cannot_be_read_is_told(string name, string content, string says)
    {
        File.WriteAllText(_folder[name], content);
        Assert.Contains(says, Refusal(name), StringComparison.Ordinal);
    }

    /// <summary>TensorFlow's Keras also wrote HDF5 with these extensions.</summary>
    [Theory]
    [InlineData("m.keras")]
    [InlineData("m.ckpt")]
    public void HDF5_under_the_name_of_what_is_not_read_is_read(string name)
    {
        var file = new KerasFile(72).Layer("ReLU", "\"name\": \"act\", \"batch_input_shape\": [1, 3]");
        file.Write(_folder[name], file.Sequential);
        Assert.Single(Convert(name).Graphs);
    }

    [Theory]
    [InlineData("m.onnx", "", "this is not an ONNX model, but an empty file.")]
    [InlineData("m.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "this is not an ONNX model, but a Git LFS pointer: the file itself was not downloaded (git lfs pull).")]
    [InlineData("m.h5", "\n<!DOCTYPE html><html>", "this is not an HDF5 file, but a web page: the download failed.")]
    [InlineData("m.pt", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "this is not a model, but a Git LFS pointer")]
    [InlineData("m.json", "<!doctype html>", "this is not a model, but a web page")]
    [InlineData("m", "\u001f\u008b", "this is not a model, but packed with gzip; unpack it.")]
    [InlineData("m.bin", "7z\u00bc\u00af'\u001c", "this is not a model, but a 7-Zip archive; unpack it.")]
    [InlineData("m.gguf", "GGUF\u0003", "this is not a model, but a GGUF model, which is not supported")]
    [InlineData("m.json", "{ \"a\": \"\u00e9\" }", "m.json: line 1 is not UTF-8; save the file as UTF-8")]
    [InlineData("m.json", "\u00fe\u00ff\u0000{", "m.json: this is UTF-16; save the file as UTF-8")]
    [InlineData("m.json", "\u0089HDF\r\n\u001a\n", "this is not JSON, but HDF5; name it .h5.")]
    [InlineData("m.json", "PK\u0003\u0004 \u00ff data.pkl", "this is not JSON, but a PyTorch checkpoint")]
    public void A_file_that_is_not_what_its_name_says_is_told(string name, string content, string says)
    {
        File.WriteAllBytes(_folder[name], [.. System.Text.Encoding.Latin1.GetBytes(content), .. new byte[content.Contains("HDF", StringComparison.Ordinal) ? 1000 : 0]]);
        Assert.Contains(says, Refusal(name), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("w.npz", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "this is not a .npz archive, but a Git LFS pointer")]
    [InlineData("w.npz", "\u0002\0\0\0\0\0\0\0{}", "this is not a .npz archive, but safetensors; name it .safetensors.")]
    [InlineData("w.safetensors", "PK\u0003\u0004 a.npy", "this is not a safetensors file, but NumPy arrays; name it .npz.")]
    public void A_weight_file_that_is_not_what_its_name_says_is_told(string name, string content, string says)
    {
        File.WriteAllBytes(_folder[name], System.Text.Encoding.Latin1.GetBytes(content));
        File.WriteAllText(_folder["m.json"], WeightFiles.Graph("[1, 3]", """{ "kind": "linear", "input": "x", "weights": "fc", "output": "y" }""").Replace("weights.npz", name, StringComparison.Ordinal));
        Assert.Contains(says, Refusal("m.json"), StringComparison.Ordinal);
    }

    private ConversionResult Convert(string name) => SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", _folder[name])], new ConversionOptions());

    private string Refusal(string name) => Assert.Throws<ConversionException>(() => Convert(name)).Message;
}
