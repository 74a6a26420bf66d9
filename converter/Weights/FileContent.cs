using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using SeqRuntime.Converter.IO;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Weights;

/// <summary>Recognizes files by their content, for messages about files that have the wrong name.</summary>
internal static class FileContent
{
    /// <summary>The end of a message that says what the file is not: ", but …". Empty if the content is unknown.</summary>
    public static string But(ReadOnlySpan<byte> file) => Kind(file) is { } kind ? $", but {kind}" : "";

    /// <summary>The same for a file that should be text but is not.</summary>
    public static string ButBinary(ReadOnlySpan<byte> file) => (Utf8.IsValid(file) && !file.Contains((byte)0)) || FileKinds.OfContent(file) == FileKind.Json ? "" : But(file);

    /// <summary>The same for content that cannot be a model or document of any kind.</summary>
    public static string ButOther(ReadOnlySpan<byte> file) => Other(file) is { } kind ? $", but {kind}" : "";

    private static string? Kind(ReadOnlySpan<byte> file)
    {
        if (Other(file) is { } other) return other;
        return FileKinds.OfContent(file) switch
        {
            FileKind.Onnx => "an ONNX model; name it .onnx",
            FileKind.Json => "JSON; name it .json",
            FileKind.Hdf5 => "HDF5; name it .h5",
            FileKind.Npz => "NumPy arrays; name it .npz",
            FileKind.Safetensors => "safetensors; name it .safetensors",
            FileKind.KerasArchive => "a Keras 3 model (.keras), which is not supported; save it as .h5 (model.save('model.h5')), or export it as ONNX",
            FileKind.PyTorch => "a PyTorch checkpoint; name it .pt",
            FileKind.TensorFlow => "a TensorFlow Lite model, which is not supported; export it as ONNX",
            _ when file.StartsWith("PK\x03\x04"u8) => "a zip archive, which is not supported; unpack it",
            _ when file.Length > 1 && file[0] == 0x80 && file[1] is >= 2 and <= 5 => "a Python pickle, which is not supported; save its weights as safetensors",
            _ => Utf8.IsValid(file) && !file.Contains((byte)0) ? "text" : null,
        };
    }

    private static string? Other(ReadOnlySpan<byte> file)
    {
        const int tarMark = 257;
        if (file.IsEmpty) return "an empty file";
        if (!file.ContainsAnyExcept((byte)0)) return "only zeros: the download or copy was incomplete";
        if (file.StartsWith(NpyReader.Magic)) return "a NumPy array; name it .npy";
        if (file.Length >= sizeof(ulong) && BinaryPrimitives.ReadUInt64LittleEndian(file) == SeqLayout.Magic) return "a converted model; name it .seq";
        if (file.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return "packed with gzip; unpack it";
        if (file.StartsWith("version https://git-lfs.github.com/spec/"u8)) return "a Git LFS pointer: the file itself was not downloaded (git lfs pull)";
        if (IsWebPage(file)) return "a web page: the download failed";
        if (file.StartsWith((ReadOnlySpan<byte>)[(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C])) return "a 7-Zip archive; unpack it";
        if (file.StartsWith("Rar!"u8)) return "a RAR archive; unpack it";
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) || file.StartsWith("BZh"u8) || file.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])) return "packed (xz, bzip2 or zstd); unpack it";
        if (file.Length > tarMark + 5 && file[tarMark..].StartsWith("ustar"u8)) return "a tar archive; unpack it";
        if (file.StartsWith("GGUF"u8)) return "a GGUF model, which is not supported; export the original model as ONNX";
        return null;
    }

    private static bool IsWebPage(ReadOnlySpan<byte> file)
    {
        var start = file.TrimStart("\uFEFF \t\r\n"u8);
        return Ascii.EqualsIgnoreCase(start[..Math.Min(start.Length, 5)], "<html"u8) || Ascii.EqualsIgnoreCase(start[..Math.Min(start.Length, 9)], "<!doctype"u8);
    }
}
