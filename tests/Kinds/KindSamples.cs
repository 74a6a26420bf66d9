using System.IO.Compression;
using System.Reflection;
using System.Text;
using Google.Protobuf;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;

namespace SeqRuntime.Tests.Kinds;

/// <summary>A small file of every kind: enough for it to be recognized, not enough to be read.</summary>
internal static class KindSamples
{
    private const string PyTorchPickle = "\u0080\u0002ccollections\nOrderedDict\nq\u0000)R.";

    /// <summary>The kinds of <see cref="FileKind"/> by the name of their property.</summary>
    public static IReadOnlyDictionary<string, FileKind> Kinds { get; } = typeof(FileKind).GetProperties(BindingFlags.Public | BindingFlags.Static).ToDictionary(p => p.Name, p => (FileKind)p.GetValue(null)!);

    public static IReadOnlyList<(string Kind, byte[] File)> All { get; } =
    [
        ("Onnx", new ModelProto { IrVersion = 8, ProducerName = "pytorch", Graph = new GraphProto { Name = "g" } }.ToByteArray()),
        ("Onnx", new ModelProto { Graph = new GraphProto { Name = "g" } }.ToByteArray()),
        ("Onnx", [8, 7]),
        ("Hdf5", Bytes("\u0089HDF\r\n\u001a\n rest")),
        ("Hdf5", [.. Bytes("MATLAB 7.3 MAT-file").Concat(new byte[493]), .. Bytes("\u0089HDF\r\n\u001a\n rest")]),
        ("Description", Bytes("{ \"weights\": \"w.npz\", \"graphs\": {} }")),
        ("Description", Bytes("\u00ef\u00bb\u00bf {\"graphs\": {}, oops")),
        ("Description", Bytes("{ \"unfinished\": ")),
        ("Description", Bytes("// a comment\n{}")),
        ("Description", Bytes("[]")),
        ("Description", Encoding.Unicode.GetBytes("{ }")),
        ("Npz", Zip(("fc.weight.npy", "x"))),
        ("WeightIndex", Bytes("{\"metadata\": {}, \"weight_map\": {}}")),
        ("Safetensors", Bytes("\u0002\0\0\0\0\0\0\0{}")),
        ("Safetensors", Bytes("\u0080\u0002\0\0\0\0\0\0{\"a\": ")),
        ("Safetensors", Bytes("\u0012\u0001\0\0\0\0\0\0{\"a\": ")),
        ("Safetensors", Bytes("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff{\"a\"")),
        ("Seq", Bytes("SEQRT\r\n\u001a more")),
        ("Npy", [.. NpyReader.Magic, 1, 0]),
        ("KerasArchitecture", Bytes("{\"class_name\": \"Sequential\", \"config\": {}}")),
        ("KerasArchive", Zip(("metadata.json", "{}"), ("config.json", "{}"), ("model.weights.h5", "x"))),
        ("PyTorch", Zip(("m/data.pkl", PyTorchPickle), ("m/data/0", "x"))),
        ("PyTorch", Zip(("m/data.pkl", "\u0080\u0002}q\u0000."), ("m/data/0", "x"))),
        ("PyTorchModule", Zip(("m/data.pkl", "\u0080\u0002c__main__\nNet\nq\u0000)\u0081."), ("m/data/0", "x"))),
        ("OldPyTorch", Bytes("\u0080\u0002\u008a\u000a\u006c\u00fc\u009c\u0046\u00f9\u0020\u006a\u00a8\u0050\u0019.")),
        ("TorchScript", Zip(("m/data/0", "x"), ("m/data.pkl", PyTorchPickle), ("m/code/__torch__/net.py", "x"), ("m/constants.pkl", "x"))),
        ("ExportedProgram", Zip(("m/archive_format", "pt2"), ("m/models/model.json", "{}"))),
        ("ExecuTorch", Bytes("\u0018\0\0\0ET12\0")),
        ("StableBaselines", Zip(("data", "{}"), ("policy.pth", "x"))),
        ("Pickle", Bytes("\u0080\u0004\u0095\u0011\0\0\0\0\0\0\0}.")),
        ("ScikitLearn", Bytes("\u0080\u0004\u0095\u0011\0\0\0\0\0\0\0\u008c\u0014sklearn.linear_model.")),
        ("TensorFlowLite", Bytes("\u001c\0\0\0TFL3\0")),
        ("SavedModel", Bytes("\u0008\u0001\u0012\u0006\u000a\u0004\u0012\u0002ab")),
        ("SavedModel", Zip(("m/saved_model.pb", "x"))),
        ("GraphDef", Bytes("\u000a\u000c\u000a\u0001x\u0012\u0007Placehol")),
        ("TensorFlowCheckpoint", Bytes("data \u0000\u00ff\u0057\u00fb\u0080\u008b\u0024\u0075\u0047\u00db")),
        ("TensorFlowCheckpoint", Bytes("model_checkpoint_path: \"model.ckpt-7\"\n")),
        ("TensorFlowJs", Bytes("{\"format\": \"layers-model\", \"modelTopology\": {}, \"weightsManifest\": []}")),
        ("Ort", Bytes("\u0020\0\0\0ORTM\0")),
        ("CoreMl", Bytes("\u0008\u0004\u0012\u0005\u000a\u0003\u000a\u0001x\u00a2\u001f\u0000")),
        ("CoreMl", Zip(("Manifest.json", "{}"), ("Data/com.apple.CoreML/model.mlmodel", "x"))),
        ("OpenVino", Bytes("<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">\n<layers>")),
        ("Ncnn", Bytes("7767517\n75 83\nInput data 0 1 data\n")),
        ("Ncnn", Bytes("\u00dd\u0085\u0076\0K\0\0\0")),
        ("Ncnn", Bytes("\u0047\u006b\u0030\u0001x")),
        ("Gguf", Bytes("GGUF\u0003\0\0\0")),
        ("Gguf", Bytes("lmgg\u0003\0\0\0")),
        ("Paddle", Bytes("\u000a\u0010\u0008\u0000\u0010\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0001\u001a\u0001")),
        ("Paddle", [.. new byte[16], 6, 0, 0, 0, 8, 5, 16, 3, 16, 4, 0, 0]),
        ("Paddle", Bytes("\u0080\u0004\u0095\u0011\0\0\0\0\0\0\0\u008c\u001bStructuredToParameterName@@.")),
        ("Mxnet", Bytes("\u0012\u0001\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u0002")),
        ("Mxnet", Bytes("{\"nodes\": [], \"arg_nodes\": [], \"heads\": []}")),
        ("Cntk", Encoding.Unicode.GetBytes("BCN\0BVersion")),
        ("MlNet", Zip(("TrainingInfo/Version.txt", "1"), ("TransformerChain/Model.key", "x"))),
        ("RtNeural", Bytes("{\"in_shape\": [null, null, 1], \"layers\": []}")),
        ("GuitarMl", Bytes("{\"model_data\": {}, \"state_dict\": {}}")),
        ("StateDict", Bytes("{\"lstm.weight_ih_l0\": [[1]], \"lstm.bias_hh_l0\": [1], \"norm.running_mean\": [1]}")),
        ("StateDict", Bytes("{\"state_dict\": {}}")),
        ("StateDict", Bytes("{\"model_state_dict\": {}}")),
        ("StateDict", Bytes("{\"rnn.weight_ih_l0\": [[1]], \"vocabulary\": [], \"epoch\": 3}")),
        ("Nam", Bytes("{\"version\": \"0.5\", \"architecture\": \"LSTM\", \"config\": {}, \"weights\": []}")),
        ("RnNoise", Bytes("rnnoise-nu model file version 1\n42 24 0\n")),
        ("SentencePiece", Bytes("\u000a\u000e\u000a\u0005<unk>\u0015\0\0\0\0\u0018\u0002")),
        ("Archive", Zip(("word/document.xml", "x"))),
        ("Npz", Bytes("PK\u0005\u0006" + new string('\0', 18))),
        ("Text", Bytes("a table of tokens\n")),
        ("Text", Bytes("const = {\n")),
        ("CSource", Bytes("#include \"nnet.h\"\n\nstatic const rnn_weight input_dense_weights[2] = {\n  -12, 3\n};\n")),
        ("CSource", Bytes("/* Copyright */\nalignas(16) const unsigned char g_model[] = {\n  0x1c, 0x00 };\n")),
        ("CSource", Bytes("unsigned char model_tflite[]={0x20,0x00};\n")),
        ("DnnBlob", Bytes("DNNw\0\0\0\0\u0001\0\0\0\u0004\0\0\0\u0040\0\0\0conv1_bias\0")),
        ("Empty", []),
        ("Zeros", new byte[600]),
        ("LfsPointer", Bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")),
        ("WebPage", Bytes("\n<!DOCTYPE html><html>")),
        ("WebPage", Bytes("<HTML>")),
        ("Gzip", Bytes("\u001f\u008b\u0008")),
        ("Xz", [.. XzFile.Signature, 0, 4]),
        ("Bzip2", Bytes("BZh91AY")),
        ("Zstd", Bytes("\u0028\u00b5\u002f\u00fd\u0004")),
        ("Lz4", Bytes("\u0004\u0022\u004d\u0018\u0064")),
        ("SevenZip", Bytes("7z\u00bc\u00af'\u001c\0")),
        ("Rar", Bytes("Rar!\u001a\u0007")),
        ("Tar", Bytes(new string('a', 257) + "ustar\0")),
        ("Unknown", Bytes("\u0001\u0002\u0003\u0004\u00ff")),
    ];

    public static byte[] Bytes(string latin) => Encoding.Latin1.GetBytes(latin);

    /// <summary>An archive whose entries are stored, as PyTorch and NumPy store them.</summary>
    public static byte[] Zip(params (string Name, string Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(Bytes(content));
            }
        }

        return stream.ToArray();
    }
}
