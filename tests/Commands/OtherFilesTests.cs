using System.Text;
using SeqRuntime.Converter.IO;
using SeqRuntime.Tests.IO;
using SeqRuntime.Tests.Kinds;

namespace SeqRuntime.Tests.Commands;

/// <summary>Commands that are given another file than they read say what it is and what to do.</summary>
public sealed class OtherFilesTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("Onnx", "this is an ONNX model, not a .seq file; convert it: seqconvert convert m.dat -o m.seq")]
    [InlineData("Hdf5", "this is HDF5, not a .seq file; convert it")]
    [InlineData("Safetensors", "this is a safetensors file, not a .seq file; draft a description of its layers, seqconvert scaffold m.dat -o m.json, and convert that.")]
    [InlineData("TensorFlowLite", "this is a TensorFlow Lite model, not a .seq file; convert it: seqconvert convert m.dat -o m.seq")]
    [InlineData("SavedModel", "this is a TensorFlow SavedModel, which is not supported. Convert its folder to ONNX")]
    [InlineData("LfsPointer", "this is not a .seq file, but a Git LFS pointer")]
    [InlineData("Unknown", "not a .seq file: the signature does not match")]
    public void What_is_not_a_converted_model_is_told(string kind, string says)
    {
        File.WriteAllBytes(_cli["m.dat"], [.. KindSamples.All.First(s => s.Kind == kind).File, .. new byte[kind == "Unknown" ? 100 : 0]]);
        foreach (var command in (string[])["inspect", "run", "decode"]) _cli.Fails(1, command == "decode" ? [command, _cli["m.dat"], "a"] : [command, _cli["m.dat"]], says);
    }

    [Fact]
    public void A_packed_model_must_be_unpacked_before_it_is_mapped()
    {
        TinyModel.Write(_cli["m.seq"]);
        File.WriteAllBytes(_cli["m.seq.xz"], XzWriter.Write([File.ReadAllBytes(_cli["m.seq"])]));
        _cli.Fails(1, ["inspect", _cli["m.seq.xz"]], "this .seq file is packed with gzip or xz; unpack it");
    }

    [Theory]
    [InlineData("TensorFlowLite", "this is not a decoding document, but a TensorFlow Lite model.")]
    [InlineData("SavedModel", "this is a TensorFlow SavedModel, which is not supported.")]
    [InlineData("Onnx", "this is not a decoding document, but an ONNX model.")]
    [InlineData("WebPage", "this is not a decoding document, but a web page: the download failed.")]
    public void What_is_not_a_decoding_document_is_told(string kind, string says)
    {
        File.WriteAllBytes(_cli["d.json"], KindSamples.All.First(s => s.Kind == kind).File);
        File.WriteAllBytes(_cli["m.json"], Encoding.UTF8.GetBytes("""{ "weights": "w.npz", "graphs": { "main": { "inputs": { "x": { "shape": [1, 2] } }, "layers": [], "outputs": { "y": "x" } } } }"""));
        File.WriteAllBytes(_cli["w.npz"], KindSamples.Bytes("PK\u0005\u0006" + new string('\0', 18)));
        _cli.Fails(1, ["convert", _cli["m.json"], "--decoding", _cli["d.json"], "-o", _cli["m.seq"]], says);
    }

    /// <summary>One array and an archive are told apart by their content.</summary>
    [Fact]
    public void Inputs_are_arrays_or_archives_under_any_name()
    {
        TinyModel.Write(_cli["m.seq"]);
        File.WriteAllBytes(_cli["one.npz"], [.. NpyReader.Magic, 1, 0]);
        File.WriteAllBytes(_cli["many.npy"], KindSamples.Zip(("x.npy", "")));
        _cli.Fails(1, ["run", _cli["m.seq"], "-g", "sum", "--inputs", _cli["one.npz"]], "this is a single array, not a .npz archive; give it with --input NAME=");
        _cli.Fails(1, ["run", _cli["m.seq"], "-g", "sum", "--input", $"x={_cli["many.npy"]}"], "this is an archive, not a .npy file; give it with --inputs ");
    }
}
