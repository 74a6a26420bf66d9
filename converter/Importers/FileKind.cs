using System.IO.Compression;

namespace SeqRuntime.Converter.Importers;

/// <summary>What a file is: by its extension where that is known, and by what it holds otherwise.</summary>
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

/// <summary>Tells files apart.</summary>
internal static class FileKinds
{
    private const int Head = 16;

    /// <summary>Data before an HDF5 file's own begin, if there are any, end at a power of two from here on; more than one is not looked for.</summary>
    private const int UserBlock = 512;

    private static ReadOnlySpan<byte> Hdf5 => [0x89, (byte)'H', (byte)'D', (byte)'F', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    private static ReadOnlySpan<byte> Zip => "PK\x03\x04"u8;

    /// <summary>PyTorch's first form: a pickle of a number of its own.</summary>
    private static ReadOnlySpan<byte> OldPyTorch => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46];

    public static FileKind Of(string path) => Path.GetExtension(path).ToUpperInvariant() switch
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
        _ => OfContent(path),
    };

    /// <summary>The way to what can be read, for a kind of file that cannot; null for others.</summary>
    public static string? Advice(FileKind kind, string path)
    {
        var name = Path.GetFileName(path);
        var stem = Path.GetFileNameWithoutExtension(path);
        return kind switch
        {
            FileKind.KerasArchive => $"this is a Keras archive (.keras), which is not read; save the model as HDF5, python -c \"import keras; keras.models.load_model('{name}').save('{stem}.h5')\", and convert that",
            FileKind.PyTorch => $"this is a file of PyTorch, which is not read. Export the model as ONNX; or, if it is a state_dict, make an .npz file of it, python -c \"import torch, numpy; numpy.savez('{stem}.npz', **{{k: v.float().numpy() for k, v in torch.load('{name}', map_location='cpu').items()}})\", and describe the layers (.json)",
            FileKind.NamModel => "this is a model of Neural Amp Modeler, which is not read; convert the ONNX export of the model that it was made from",
            FileKind.TensorFlow => "models of TensorFlow and TensorFlow Lite are not read; save the Keras model as HDF5 (.h5), or export the model as ONNX (tf2onnx), and convert that",
            _ => null,
        };
    }

    private static FileKind OfContent(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[Head];
            var head = start[..stream.ReadAtLeast(start, Head, throwOnEndOfStream: false)];
            if (head.StartsWith(Hdf5)) return FileKind.Hdf5;
            if (head.StartsWith(OldPyTorch)) return FileKind.PyTorch;
            if (head.StartsWith(Zip)) return OfZip(stream);
            if (head.TrimStart("\uFEFF \t\r\n"u8).StartsWith("{"u8)) return FileKind.Json;
            // The length of a header in eight bytes, the upper ones zero, and the header, a JSON object.
            if (head.Length == Head && head[4..8].IndexOfAnyExcept((byte)0) < 0 && head[8] == '{') return FileKind.Safetensors;
            if (!stream.CanSeek || stream.Length < UserBlock + Head) return FileKind.Unknown;
            stream.Position = UserBlock;
            return stream.ReadAtLeast(start, Head, throwOnEndOfStream: false) == Head && start.StartsWith(Hdf5) ? FileKind.Hdf5 : FileKind.Unknown;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConversionException($"{path}: it cannot be read: {fault.Message}", fault);
        }
    }

    private static FileKind OfZip(Stream stream)
    {
        if (!stream.CanSeek) return FileKind.Unknown;
        try
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            foreach (var entry in zip.Entries)
            {
                if (entry.FullName == "model.weights.h5") return FileKind.KerasArchive;
                if (entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)) return FileKind.PyTorch;
                if (entry.FullName.EndsWith(".npy", StringComparison.Ordinal)) return FileKind.Npz;
            }
        }
        catch (InvalidDataException)
        {
            // An archive that cannot be listed is no kind of file that is known.
        }

        return FileKind.Unknown;
    }
}
