using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Reads one section front to back. Every read is checked against the remaining bytes; every error names file, section and offset.</summary>
/// <param name="file">The file's name.</param>
/// <param name="section">The section's name.</param>
/// <param name="bytes">Its content.</param>
/// <param name="isCompact">Whether integers and strings are in the compact form.</param>
internal ref struct SectionReader(SourceName file, string section, ReadOnlySpan<byte> bytes, bool isCompact = false)
{
    /// <summary>Limit of the total length of strings, relative to the section. Names share beginnings, but a file of nothing else is hostile.</summary>
    private const int MostExpansion = 32;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _offset;
    private readonly NameStems? _stems = isCompact ? new NameStems() : null;
    private int _number;
    private long _expanded;

    public readonly int Left => _bytes.Length - _offset;

    public byte Byte() => Take(1)[0];

    public ushort UInt16()
    {
        if (!isCompact) return BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));
        var value = Varint();
        return value is >= 0 and <= ushort.MaxValue ? (ushort)value : throw Fault($"the number {value} is out of range");
    }

    public int Int32()
    {
        if (!isCompact) return BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
        var value = Varint();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Fault($"the number {value} is out of range");
    }

    public long Int64() => isCompact ? Varint() : BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    public float Float() => BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));

    /// <summary>The number of items that follow, each of at least <paramref name="itemBytes"/> bytes. It cannot exceed the remaining bytes.</summary>
    public int Count(int itemBytes)
    {
        var count = Int32();
        if (count < 0 || (long)count * itemBytes > Left) throw Fault($"a count of {count} exceeds the {Left} bytes left");
        return count;
    }

    /// <summary>An index into a list of <paramref name="count"/>, or -1 for no value if allowed.</summary>
    public int Index(int count, string of, bool orNone = false)
    {
        var index = Int32();
        if (index >= count || index < (orNone ? -1 : 0)) throw Fault($"{of} {index} does not exist (there are {count})");
        return index;
    }

    public int[] Indices(int count, string of)
    {
        var indices = new int[Count(1)];
        for (var i = 0; i < indices.Length; i++) indices[i] = Index(count, of);
        return indices;
    }

    public string String()
    {
        if (isCompact) return CompactString();
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

    /// <summary>A known stem, or a beginning of one and new bytes, followed by the difference of its number to the last number.</summary>
    private string CompactString()
    {
        var place = Int32();
        var isKnown = place >= 0;
        if (!isKnown) place = -1 - place;
        if (place >= NameStems.Kept) throw Fault($"stem {place} does not exist (there are {NameStems.Kept})");
        var stem = _stems![place];
        if (!isKnown)
        {
            var shared = Int32();
            if (shared < 0 || shared > stem.Length) throw Fault($"a string shares {shared} bytes with a string of {stem.Length}");
            var rest = Count(1);
            if (shared + (long)rest > SeqLayout.MaxString) throw Fault($"a string of {shared + (long)rest} bytes is too long");
            stem = [.. stem.AsSpan(0, shared), .. Take(rest)];
        }

        _expanded += stem.Length;
        if (_expanded > MostExpansion * (long)_bytes.Length) throw Fault("strings are too long for their section");
        _stems.MoveToFront(stem);
        string text;
        try
        {
            text = StrictUtf8.GetString(stem);
        }
        catch (DecoderFallbackException)
        {
            throw Fault("a string is not valid UTF-8");
        }

        return Near(_number) is >= 0 and var number ? text + (_number = number).ToString(CultureInfo.InvariantCulture) : text;
    }

    /// <summary>A number near <paramref name="origin"/>. -1 for no number.</summary>
    private int Near(int origin)
    {
        var difference = Varint();
        if (difference == 0) return -1;
        if (difference is < int.MinValue or > int.MaxValue) throw Fault($"the number {difference} is out of range");
        var value = origin + (difference > 0 ? difference - 1 : difference);
        return value is >= 0 and <= int.MaxValue ? (int)value : throw Fault($"the number {value} is out of range");
    }

    /// <summary>An index into a list of <paramref name="count"/>, stored as its difference to the expected index.</summary>
    public int IndexFrom(int expected, int count, string of, out int next)
    {
        var index = expected + (long)Int32();
        if (index < 0 || index >= count) throw Fault($"{of} {index} does not exist (there are {count})");
        next = (int)index + 1;
        return (int)index;
    }

    /// <summary>Indices into a list of <paramref name="count"/>, stored as differences to <paramref name="origin"/>. -1 for no value.</summary>
    public int[] IndicesNear(int origin, int count, string of)
    {
        var indices = new int[Count(1)];
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = Near(origin);
            if (indices[i] >= count) throw Fault($"{of} {indices[i]} does not exist (there are {count})");
        }

        return indices;
    }

    /// <summary>Seven bits in each byte, lowest first. The lowest bit is the sign.</summary>
    private long Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Byte();
            if (shift == 63 && next > 1) break;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return (long)(value >> 1) ^ -(long)(value & 1);
        }

        throw Fault("a number of more than 64 bits");
    }

    public ElementType Type()
    {
        var type = (ElementType)Byte();
        return type.Size() > 0 ? type : throw Fault($"elements of {type.Name()}");
    }

    /// <summary>Sizes: each at least 0, or -1-i for symbol i of <paramref name="symbols"/>.</summary>
    public int[] Sizes(int symbols)
    {
        var rank = Byte();
        if (rank > Shape.MaxRank) throw Fault($"a shape of rank {rank}; the limit is {Shape.MaxRank}");
        var sizes = new int[rank];
        for (var i = 0; i < rank; i++)
        {
            sizes[i] = Int32();
            if (sizes[i] < -symbols) throw Fault($"dimension {sizes[i]} is invalid");
        }

        return sizes;
    }

    public readonly void End()
    {
        if (Left != 0) throw Fault($"the section has {Left} extra bytes");
    }

    public readonly SeqFormatException Fault(string what) => new(file, $"{file.Text}: section {section}, offset {_offset}: {what}. The file is damaged; convert the model again or copy the file again.", section, _offset);

    /// <summary>An error for content that a newer minor version may define.</summary>
    public readonly SeqFormatException Newer(string what) => new(file, $"{file.Text}: section {section}, offset {_offset}: {what}, which is unknown to this runtime (it knows {SeqLayout.Major}.{SeqLayout.Minor}). Use a newer runtime.", section, _offset);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left) throw Fault($"{count} bytes are needed, but {Left} are left");
        var result = _bytes.Slice(_offset, count);
        _offset += count;
        return result;
    }
}
