using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.IO.Hdf;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Kinds;

/// <summary>
/// Tells the kind of a file by its first bytes and its structure, never by its name. Most kinds have a signature. Archives are told by the names
/// of their entries, JSON by its members, Protocol Buffers by their fields. A truncated file has the kind of the whole one where its beginning shows it.
/// </summary>
internal static class FileKinds
{
    /// <summary>PyTorch's oldest format: a pickle of this number.</summary>
    private static ReadOnlySpan<byte> OldPyTorch => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46];

    private static ReadOnlySpan<byte> Blanks => " \t\r\n"u8;

    /// <param name="file">The file, unpacked.</param>
    public static FileKind Of(ReadOnlySpan<byte> file)
    {
        if (file.IsEmpty) return FileKind.Empty;
        if (!file.ContainsAnyExcept((byte)0)) return FileKind.Zeros;
        // A header's length may look like a signature.
        if (IsSafetensors(file)) return FileKind.Safetensors;
        return OfSignature(file)
            ?? (ZipKinds.IsZip(file) ? ZipKinds.Of(file) : null)
            ?? (IsPickle(file) ? OfPickle(file) : null)
            ?? (HdfSuperblock.Find(file) is not null ? FileKind.Hdf5 : null)
            ?? (IsDamagedSafetensors(file) ? FileKind.Safetensors : null)
            ?? OfText(file)
            ?? ProtobufKinds.Of(file)
            ?? FileKind.Unknown;
    }

    /// <summary>
    /// Whether text is meant to be JSON, maybe with an error: an object, or a list of strings or numbers. A table of tokens may begin with "[PAD]", or
    /// with a line that is a bracket.
    /// </summary>
    public static bool IsJson(ReadOnlySpan<byte> text)
    {
        var start = (text.StartsWith(Encoding.UTF8.Preamble) ? text[3..] : text).TrimStart(Blanks);
        if (start is not [(byte)'{' or (byte)'[', ..]) return false;
        var rest = start[1..].TrimStart(" \t"u8);
        if (start[0] == '{' && rest is [not ((byte)'\r' or (byte)'\n'), ..]) return true;
        return rest.TrimStart(Blanks) is [(byte)'"' or (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)'-' or (>= (byte)'0' and <= (byte)'9'), ..];
    }

    private static FileKind? OfSignature(ReadOnlySpan<byte> file)
    {
        if (At(file, 0, BitConverter.GetBytes(SeqLayout.Magic))) return FileKind.Seq;
        if (At(file, 0, NpyReader.Magic)) return FileKind.Npy;
        if (At(file, 0, OldPyTorch)) return FileKind.OldPyTorch;
        if (At(file, 4, "TFL3"u8)) return FileKind.TensorFlowLite;
        if (At(file, 4, "ORTM"u8)) return FileKind.Ort;
        if (At(file, 4, "ET12"u8)) return FileKind.ExecuTorch;
        if (At(file, 0, "GGUF"u8) || At(file, 0, "lmgg"u8) || At(file, 0, "tjgg"u8) || At(file, 0, "fmgg"u8)) return FileKind.Gguf;
        if (At(file, 0, [0xDD, 0x85, 0x76, 0]) || At(file, 0, [0x47, 0x6B, 0x30, 0x01])) return FileKind.Ncnn;
        if (At(file, 0, [0x12, 1, 0, 0, 0, 0, 0, 0])) return FileKind.Mxnet;
        if (At(file, 0, "B\0C\0N\0"u8)) return FileKind.Cntk;
        if (At(file, file.Length - 8, [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB])) return FileKind.TensorFlowCheckpoint;
        if (At(file, 0, "DNNw"u8)) return FileKind.DnnBlob;
        if (IsPaddleTensor(file)) return FileKind.Paddle;
        return OfPacking(file);
    }

    /// <summary>What is opened has been opened when this is asked.</summary>
    private static FileKind? OfPacking(ReadOnlySpan<byte> file)
    {
        const int tarMark = 257;
        if (At(file, 0, Unpacking.GzipSignature)) return FileKind.Gzip;
        if (At(file, 0, XzFile.Signature)) return FileKind.Xz;
        if (At(file, 0, "BZh"u8)) return FileKind.Bzip2;
        if (At(file, 0, [0x28, 0xB5, 0x2F, 0xFD])) return FileKind.Zstd;
        if (At(file, 0, [0x04, 0x22, 0x4D, 0x18])) return FileKind.Lz4;
        if (At(file, 0, [(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C])) return FileKind.SevenZip;
        if (At(file, 0, "Rar!"u8)) return FileKind.Rar;
        return At(file, tarMark, "ustar"u8) ? FileKind.Tar : null;
    }

    private static FileKind? OfText(ReadOnlySpan<byte> file)
    {
        if (file is [0xFE, 0xFF, ..] or [0xFF, 0xFE, ..] or [(byte)'{', 0, ..] or [0, (byte)'{', ..]) return FileKind.Description;
        var start = (file.StartsWith(Encoding.UTF8.Preamble) ? file[3..] : file).TrimStart(Blanks);
        if (start.StartsWith("{"u8)) return JsonKinds.Of(file);
        if (!Utf8.IsValid(file) || file.Contains((byte)0)) return null;
        if (IsCSource(file, start)) return FileKind.CSource;
        if (start.StartsWith("["u8) || start.StartsWith("//"u8) || start.StartsWith("/*"u8)) return FileKind.Description;
        if (start.StartsWith("version https://git-lfs.github.com/spec/"u8)) return FileKind.LfsPointer;
        if (Ascii.EqualsIgnoreCase(start[..Math.Min(start.Length, 5)], "<html"u8) || Ascii.EqualsIgnoreCase(start[..Math.Min(start.Length, 9)], "<!doctype"u8)) return FileKind.WebPage;
        if (start.StartsWith("rnnoise-nu model file version"u8)) return FileKind.RnNoise;
        if (start.StartsWith("7767517\n"u8) || start.StartsWith("7767517\r"u8)) return FileKind.Ncnn;
        if (start.StartsWith("model_checkpoint_path:"u8)) return FileKind.TensorFlowCheckpoint;
        if (start.StartsWith("<"u8) && start.IndexOf("<net "u8) >= 0 && start.IndexOf("<layers"u8) >= 0) return FileKind.OpenVino;
        return ProtobufKinds.Of(file) is null ? FileKind.Text : null;
    }

    /// <summary>An array with its values, after comments or lines for the preprocessor.</summary>
    private static bool IsCSource(ReadOnlySpan<byte> file, ReadOnlySpan<byte> start)
    {
        if (start is not [(byte)'/' or (byte)'#' or (>= (byte)'a' and <= (byte)'z'), ..] || (file.IndexOf("] = {"u8) < 0 && file.IndexOf("]={"u8) < 0 && file.IndexOf("] PROGMEM = {"u8) < 0)) return false;
        return file.IndexOf("#include"u8) >= 0 || file.IndexOf("const "u8) >= 0 || file.IndexOf("unsigned char "u8) >= 0;
    }

    private static bool IsPickle(ReadOnlySpan<byte> file) => file is [0x80, >= 2 and <= 5, _, ..];

    /// <summary>Pickles name the classes of their objects. Nothing of them is run.</summary>
    private static FileKind OfPickle(ReadOnlySpan<byte> file)
    {
        if (file.IndexOf("StructuredToParameterName@@"u8) >= 0) return FileKind.Paddle;
        return file.IndexOf("sklearn"u8) >= 0 ? FileKind.ScikitLearn : FileKind.Pickle;
    }

    /// <summary>The length of a header, and a JSON object.</summary>
    private static bool IsSafetensors(ReadOnlySpan<byte> file)
    {
        const ulong largest = 100_000_000;
        return file.Length > sizeof(ulong) && file[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(file) is >= 2 and <= largest;
    }

    /// <summary>The same with a length that cannot be: the reader tells that.</summary>
    private static bool IsDamagedSafetensors(ReadOnlySpan<byte> file) =>
        file.Length > sizeof(ulong) + 1 && file[sizeof(ulong)] == '{' && file[sizeof(ulong) + 1] is (byte)'"' or (byte)'}' && !Utf8.IsValid(file[..sizeof(ulong)]);

    /// <summary>Versions of 0, no levels, and the length of a description that begins with an element type.</summary>
    private static bool IsPaddleTensor(ReadOnlySpan<byte> file)
    {
        const int head = 16, mostDescribed = 256;
        return file.Length > head + 5 && !file[..head].ContainsAnyExcept((byte)0) && BinaryPrimitives.ReadUInt32LittleEndian(file[head..]) is > 3 and < mostDescribed && file[head + 4] == 8;
    }

    private static bool At(ReadOnlySpan<byte> file, int at, ReadOnlySpan<byte> signature) => at >= 0 && file.Length >= at + signature.Length && file[at..].StartsWith(signature);
}
