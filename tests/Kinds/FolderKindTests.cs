using SeqRuntime.Converter.Kinds;

namespace SeqRuntime.Tests.Kinds;

/// <summary>A folder in place of a model is told as what it is, with the way out.</summary>
public sealed class FolderKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("saved_model.pb variables", "this is a TensorFlow SavedModel, which is not supported. Convert it to ONNX, python -m tf2onnx.convert --saved-model HERE --output model.onnx")]
    [InlineData("Manifest.json Data", "this is a Core ML model, which is not supported.")]
    [InlineData("coremldata.bin", "this is a Core ML model")]
    [InlineData("config.json metadata.json model.weights.h5", "this is an unpacked Keras archive; give its architecture, which finds the weights beside it: seqconvert convert HERE")]
    [InlineData("data.pkl version", "zip -0 -r model.pt model,")]
    [InlineData("policy.pth data", "this is a model of Stable-Baselines3")]
    [InlineData("checkpoint cp.ckpt.index cp.ckpt.data-00000-of-00001", "this is a part of a TensorFlow checkpoint")]
    [InlineData("model.json group1-shard1of1.bin", "this is a model of TensorFlow.js")]
    [InlineData("inference.pdmodel inference.pdiparams", "paddle2onnx --model_dir HERE")]
    [InlineData("m-symbol.json m-0000.params", "this is a part of an MXNet model")]
    [InlineData("m.xml m.bin", "this is a model of OpenVINO")]
    [InlineData("m.param m.bin", "this is a model of ncnn")]
    [InlineData("config.json model.safetensors", "optimum-cli export onnx --model HERE onnx/")]
    [InlineData("readme.md model.onnx", "this is a directory; give the model in it: HERE")]
    [InlineData("a.onnx b.onnx", "this is a directory; give a file")]
    [InlineData("", "this is a directory; give a file")]
    public void A_folder_is_told_by_its_files(string names, string says)
    {
        var path = _folder["model"];
        Directory.CreateDirectory(path);
        foreach (var name in names.Split(' ', StringSplitOptions.RemoveEmptyEntries)) File.WriteAllText(Path.Combine(path, name), "");
        Assert.Contains(says.Replace("HERE", path, StringComparison.Ordinal), FolderKinds.No(path), StringComparison.Ordinal);
    }
}
