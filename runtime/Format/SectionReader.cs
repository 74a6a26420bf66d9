using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Reads one section front to back; every read is checked against what is left, and every fault names file, section and offset.</summary>
internal ref struct SectionReader(string file, string section, ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _offset;

    public readonly int Left => _bytes.Length - _offset;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    public float Float() => BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));

    /// <summary>A number of items that follow, each of at least <paramref name="itemBytes"/> bytes: never more than can be there.</summary>
    public int Count(int itemBytes)
    {
        var count = Int32();
        if (count < 0 || (long)count * itemBytes > Left) throw Fault($"a count of {count} exceeds the {Left} bytes left");
        return count;
    }

    /// <summary>An index into a list of <paramref name="count"/>, or, if allowed, -1 for none.</summary>
    public int Index(int count, string of, bool orNone = false)
    {
        var index = Int32();
        if (index >= count || index < (orNone ? -1 : 0)) throw Fault($"{of} {index} does not exist (there are {count})");
        return index;
    }

    public int[] Indices(int count, string of, bool orNone = false)
    {
        var indices = new int[Count(sizeof(int))];
        for (var i = 0; i < indices.Length; i++) indices[i] = Index(count, of, orNone);
        return indices;
    }

    public string String()
    {
        var length = Count(1);
        if (length > SeqLayout.MaxString) throw Fault($"a string of {length} bytes is too long");
        try
        {
            return StrictUtf8.GetString(Take(length));
        }
        catch (DecoderFallbackException)
        {
            throw Fault("a string is not valid UTF-8");
        }
    }

    public ElementType Type()
    {
        var type = (ElementType)Byte();
        return type.Size() > 0 ? type : throw Fault($"{type.Name()} of elements");
    }

    /// <summary>Sizes; each ≥ 0, or -1-i for symbol i of <paramref name="symbols"/>.</summary>
    public int[] Sizes(int symbols)
    {
        var rank = Byte();
        if (rank > Shape.MaxRank) throw Fault($"a shape of rank {rank}; at most {Shape.MaxRank} is possible");
        var sizes = new int[rank];
        for (var i = 0; i < rank; i++)
        {
            sizes[i] = Int32();
            if (sizes[i] < -symbols) throw Fault($"a dimension of {sizes[i]}");
        }

        return sizes;
    }

    public readonly void End()
    {
        if (Left != 0) throw Fault($"{Left} bytes too many");
    }

    public readonly SeqFormatException Fault(string what) => new($"{file}: section {section}, offset {_offset}: {what}. The file is damaged; convert the model again or copy the file anew.");

    /// <summary>Something that a newer minor version may have.</summary>
    public readonly SeqFormatException Newer(string what) => new($"{file}: section {section}, offset {_offset}: {what}, which is unknown to this runtime (it knows {SeqLayout.Major}.{SeqLayout.Minor}). Use a newer runtime.");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left) throw Fault($"{count} bytes are needed and {Left} are left");
        var result = _bytes.Slice(_offset, count);
        _offset += count;
        return result;
    }
}
