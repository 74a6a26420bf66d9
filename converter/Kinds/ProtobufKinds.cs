namespace SeqRuntime.Converter.Kinds;

/// <summary>Tells messages of Protocol Buffers apart by the fields of their outermost message. Contents are skipped.</summary>
internal static class ProtobufKinds
{
    private const int Number = 0;
    private const int Bytes = 2;

    /// <summary>Above the fields of Core ML, which are the largest.</summary>
    private const int LastField = 4000;

    public static FileKind? Of(ReadOnlySpan<byte> file)
    {
        const ulong newestVersion = 100;
        const int graph = 7;
        var (at, isWhole, hasGraph, onlyFirstTwo) = (0, true, false, true);
        ulong? version = null;
        var second = ReadOnlySpan<byte>.Empty;
        while (at < file.Length)
        {
            if (!Varint(file, ref at, out var tag) || !Varint(file, ref at, out var value))
            {
                isWhole = false;
                break;
            }

            var (field, kind) = (tag >> 3, (int)(tag & 7));
            if (field is < 1 or > LastField || kind is not (Number or Bytes)) return null;
            if (field == 1 && kind == Number) version ??= value;
            hasGraph |= field == graph && kind == Bytes;
            onlyFirstTwo &= field <= 2;
            if (kind != Bytes) continue;
            var content = file[at..];
            if (field == 1) return OfRepeated(content);
            if (field == 2 && second.IsEmpty) second = content[..(int)Math.Min(value, (ulong)content.Length)];
            if (value > (ulong)content.Length)
            {
                isWhole = false;
                break;
            }

            at += (int)value;
        }

        if (version is null or > newestVersion && !(isWhole && hasGraph)) return null;
        if (!hasGraph && second is [0x0A or 0x12, ..]) return version == 1 && onlyFirstTwo ? FileKind.SavedModel : FileKind.CoreMl;
        return FileKind.Onnx;
    }

    /// <summary>Messages whose first field is repeated: the nodes of a graph, the blocks of a program, the pieces of a vocabulary.</summary>
    private static FileKind? OfRepeated(ReadOnlySpan<byte> content)
    {
        const byte name = 0x0A, op = 0x12, score = 0x15;
        if (content is [0x08, 0, 0x10, ..]) return FileKind.Paddle;
        var at = 1;
        if (content is not [name, ..] || !Varint(content, ref at, out var length) || length >= (ulong)(content.Length - at)) return null;
        return content[at + (int)length] switch
        {
            op => FileKind.GraphDef,
            score => FileKind.SentencePiece,
            _ => null,
        };
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
