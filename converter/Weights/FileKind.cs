using System.Buffers.Binary;
using SeqRuntime.Converter.IO.Hdf;

namespace SeqRuntime.Converter.Weights;

/// <summary>The kind of a file, by its extension if that is known, otherwise by its content.</summary>
internal enum FileKind
{
    Unknown,
    Onnx,
    Json,
    Hdf5,
    Npz,
    Safetensors,
    KerasArchive,
    PyTorch,
    NamModel,
    TensorFlow,
}

/// <summary>Recognizes kinds of files.</summary>
internal static class FileKinds
{
    /// <summary>PyTorch's oldest format: a pickle with this signature.</summary>
    private static ReadOnlySpan<byte> OldPyTorch => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46];

    /// <summary>The kind by extension, or unknown.</summary>
    public static FileKind OfName(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".ONNX" => FileKind.Onnx,
        ".JSON" => FileKind.Json,
        ".H5" or ".HDF5" => FileKind.Hdf5,
        ".NPZ" => FileKind.Npz,
        ".SAFETENSORS" => FileKind.Safetensors,
        ".KERAS" => FileKind.KerasArchive,
        ".PT" or ".PTH" or ".CKPT" => FileKind.PyTorch,
        ".NAM" => FileKind.NamModel,
        ".TFLITE" or ".PB" => FileKind.TensorFlow,
        _ => FileKind.Unknown,
    };

    /// <summary>Whether HDF5 files may have this extension of another kind: TensorFlow's Keras also wrote HDF5 as .keras and .ckpt.</summary>
    public static bool MayBeHdf5(FileKind kind, string path)
    {
        const long most = 1L << 31;
        return kind is FileKind.KerasArchive or FileKind.PyTorch && new FileInfo(path) is { Exists: true, Length: < most };
    }

    /// <summary>Advice for a kind of file that cannot be read. Null for others.</summary>
    public static string? Advice(FileKind kind, string path)
    {
        var name = Path.GetFileName(path);
        var stem = Path.GetFileNameWithoutExtension(path);
        return kind switch
        {
            FileKind.KerasArchive => $"this is a Keras archive (.keras), which is not supported; save the model as HDF5, python -c \"import keras; keras.models.load_model('{name}').save('{stem}.h5')\", and convert that",
            FileKind.PyTorch => $"this is a PyTorch file: its weights are read, its code is not. Write a description of the layers (.json, docs/description.md) with \"weights\": \"{name}\", or export the model as ONNX (torch.onnx.export) and convert that",
            FileKind.NamModel => "this is a model of Neural Amp Modeler, which is not supported; convert an ONNX export of the original model",
            FileKind.TensorFlow => "models of TensorFlow and TensorFlow Lite are not supported; save the Keras model as HDF5 (.h5), or export the model as ONNX (tf2onnx), and convert that",
            _ => null,
        };
    }

    /// <summary>The kind by content.</summary>
    public static FileKind OfContent(ReadOnlySpan<byte> file)
    {
        if (HdfSuperblock.Find(file) is not null) return FileKind.Hdf5;
        if (file.StartsWith("PK\x03\x04"u8)) return OfZip(file);
        if (file.StartsWith(OldPyTorch)) return FileKind.PyTorch;
        if (file.Length > 8 && file[4..8].SequenceEqual("TFL3"u8)) return FileKind.TensorFlow;
        if (IsSafetensors(file)) return FileKind.Safetensors;
        if (file.TrimStart("\uFEFF \t\r\n"u8).StartsWith("{"u8)) return FileKind.Json;
        return IsOnnx(file) ? FileKind.Onnx : FileKind.Unknown;
    }

    /// <summary>Whether a file is in PyTorch's format from before version 1.6.</summary>
    public static bool IsOldPyTorch(ReadOnlySpan<byte> file) => file.StartsWith(OldPyTorch);

    /// <summary>Recognizes archives by the names of their entries, so that truncated archives are recognized too.</summary>
    private static FileKind OfZip(ReadOnlySpan<byte> file) =>
        file.IndexOf("model.weights.h5"u8) >= 0 ? FileKind.KerasArchive : file.IndexOf("data.pkl"u8) >= 0 ? FileKind.PyTorch : file.IndexOf(".npy"u8) >= 0 ? FileKind.Npz : FileKind.Unknown;

    /// <summary>Whether the file begins with the length of a header and a JSON object.</summary>
    private static bool IsSafetensors(ReadOnlySpan<byte> file) =>
        file.Length > sizeof(ulong) && file[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(file) is >= 2 and var header && header <= (ulong)(file.Length - sizeof(ulong));

    /// <summary>Whether these are the fields of ONNX's ModelProto: a version first, and a graph.</summary>
    private static bool IsOnnx(ReadOnlySpan<byte> file)
    {
        const ulong version = 1, graph = 7, lastField = 26, number = 0, bytes = 2;
        var hasGraph = false;
        for (var at = 0; at < file.Length;)
        {
            if (!Varint(file, ref at, out var tag) || !Varint(file, ref at, out var value)) return false;
            var (field, kind) = (tag >> 3, tag & 7);
            if (field is < 1 or > lastField || kind is not (number or bytes)) return false;
            if (kind == number && field == version && value > 100) return false;
            if (kind != bytes) continue;
            if (value > (ulong)(file.Length - at)) return false;
            hasGraph |= field == graph;
            at += (int)value;
        }

        return hasGraph;
    }

    private static bool Varint(ReadOnlySpan<byte> file, ref int at, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && at < file.Length; shift += 7)
        {
            var part = file[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return true;
        }

        return false;
    }
}
