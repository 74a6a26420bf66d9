using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Converter.Kinds;

/// <summary>Tells zip archives apart by the names of their entries.</summary>
internal static class ZipKinds
{
    private const int HeadBytes = 30;
    private const int MostNames = 65536;

    private static ReadOnlySpan<byte> Entry => "PK\x03\x04"u8;

    /// <summary>The beginning of an archive without entries, such as NumPy's of no arrays.</summary>
    private static ReadOnlySpan<byte> End => "PK\x05\x06"u8;

    /// <summary>Whether it is an archive, maybe an empty one.</summary>
    public static bool IsZip(ReadOnlySpan<byte> file) => file.StartsWith(Entry) || file.StartsWith(End);

    public static FileKind Of(ReadOnlySpan<byte> file)
    {
        // From the entries themselves: the directory at the end is missing in a truncated archive.
        var names = Names(file);
        if (names.Count == 0 && file.StartsWith(End)) return FileKind.Npz;
        bool Has(string name) => names.Exists(n => n == name || n.EndsWith("/" + name, StringComparison.Ordinal));
        if (Has("model.weights.h5")) return FileKind.KerasArchive;
        if (Has("serialized_exported_program.json") || (Has("archive_format") && names.Exists(n => n.Contains("models/", StringComparison.Ordinal)))) return FileKind.ExportedProgram;
        if (Has("policy.pth")) return FileKind.StableBaselines;
        if (Has("constants.pkl") || names.Exists(n => n.Contains("/code/__torch__", StringComparison.Ordinal))) return FileKind.TorchScript;
        if (Has("data.pkl")) return OfCheckpoint(file);
        if (Has("saved_model.pb")) return FileKind.SavedModel;
        if (names.Exists(n => n.Contains("com.apple.CoreML", StringComparison.Ordinal))) return FileKind.CoreMl;
        if (names.Exists(n => n.StartsWith("TransformerChain", StringComparison.Ordinal) || n.StartsWith("TrainingInfo", StringComparison.Ordinal))) return FileKind.MlNet;
        return names.Exists(n => n.EndsWith(".npy", StringComparison.Ordinal)) ? FileKind.Npz : FileKind.Archive;
    }

    /// <summary>A state_dict, or the members of a checkpoint, are dictionaries. Another first class is the class of a whole module.</summary>
    private static FileKind OfCheckpoint(ReadOnlySpan<byte> file)
    {
        var name = file.IndexOf("data.pkl"u8);
        var content = file[name..];
        // PyTorch stores the pickle unpacked, after padding to 64 bytes.
        const int mostPadding = 256;
        var start = content[..Math.Min(content.Length, mostPadding)].IndexOf((ReadOnlySpan<byte>)[0x80, 0x02]);
        if (start < 0) return FileKind.PyTorch;
        var first = content[(start + 2)..];
        var isOwn = first.StartsWith("c"u8) && !first.StartsWith("ccollections\n"u8) && !first.StartsWith("ctorch._utils\n"u8);
        return isOwn ? FileKind.PyTorchModule : FileKind.PyTorch;
    }

    private static List<string> Names(ReadOnlySpan<byte> file)
    {
        var names = new List<string>();
        for (var at = 0; names.Count < MostNames && file[at..].IndexOf(Entry) is >= 0 and var step;)
        {
            at += step;
            var length = file.Length - at >= HeadBytes ? BinaryPrimitives.ReadUInt16LittleEndian(file[(at + 26)..]) : 0;
            if (length > 0) names.Add(Encoding.UTF8.GetString(file.Slice(at + HeadBytes, Math.Min(length, file.Length - at - HeadBytes))));
            at += Entry.Length;
        }

        return names;
    }
}
