namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>Kinds of elements that weights and texts use.</summary>
internal enum HdfKind
{
    Other,

    /// <summary>IEEE 754 of 2, 4 or 8 bytes.</summary>
    Float,

    /// <summary>Whole numbers of 1, 2, 4 or 8 bytes.</summary>
    Integer,

    /// <summary>Text of a fixed number of bytes.</summary>
    FixedText,

    /// <summary>Text of any length, in a global heap.</summary>
    Text,
}

/// <summary>A datatype message.</summary>
internal readonly record struct HdfType(HdfKind Kind, int Bytes, bool IsBigEndian, bool IsSigned = false)
{
    /// <summary>The exponent's position, its number of bits and its bias for IEEE floats of each size.</summary>
    private static readonly Dictionary<int, (int Place, int Bits, long Bias)> s_floats = new() { [2] = (10, 5, 15), [4] = (23, 8, 127), [8] = (52, 11, 1023) };

    public static HdfType Read(HdfCursor message)
    {
        const int integer = 0, floating = 1, text = 3, variable = 9;
        var kind = message.Byte() & 15;
        var flags = message.Byte();
        message.Skip(2);
        var bytes = (int)Math.Min(message.UInt32(), int.MaxValue);
        switch (kind)
        {
            case integer:
                var (offset, precision) = (message.UInt16(), message.UInt16());
                var isWhole = bytes is 1 or 2 or 4 or 8 && offset == 0 && precision == 8 * bytes;
                return new HdfType(isWhole ? HdfKind.Integer : HdfKind.Other, bytes, (flags & 1) != 0, (flags & 8) != 0);
            case floating:
                message.Skip(4);
                var (place, bits) = (message.Byte(), message.Byte());
                message.Skip(2);
                var bias = message.UInt32();
                // Bit 6 is set for VAX floats only.
                var isIeee = (flags & 0x40) == 0 && s_floats.TryGetValue(bytes, out var known) && known == (place, bits, bias);
                return new HdfType(isIeee ? HdfKind.Float : HdfKind.Other, bytes, (flags & 1) != 0);
            case text:
                return new HdfType(HdfKind.FixedText, bytes, false);
            case variable when (flags & 15) == 1:
                return new HdfType(HdfKind.Text, bytes, false);
            default:
                return new HdfType(HdfKind.Other, bytes, false);
        }
    }
}

/// <summary>A dataspace message: the sizes, empty for a single element, and null for no element.</summary>
internal static class HdfSpace
{
    private const int MostRank = 32;

    public static int[]? Read(HdfCursor message)
    {
        var (version, rank) = (message.Byte(), message.Byte());
        message.Skip(1);
        var kind = message.Byte();
        if (version is not (1 or 2) || rank > MostRank) throw message.File.Fault($"a shape has version {version} and {rank} dimensions; versions 1 and 2 with at most {MostRank} dimensions are supported");
        if (version == 2 && kind == 2) return null;
        if (version == 1) message.Skip(4);
        var sizes = new int[rank];
        var count = 1L;
        for (var i = 0; i < rank; i++)
        {
            var size = message.Length();
            if (size is < 0 or > int.MaxValue || (count *= Math.Max(size, 1)) > int.MaxValue) throw message.File.Fault("a shape has more elements than can be read");
            sizes[i] = (int)size;
        }

        return sizes;
    }

    /// <summary>The maximum size of each axis. -1 if it is unlimited.</summary>
    public static long[] Most(HdfCursor message)
    {
        const int hasMost = 1;
        var (version, rank, flags) = (message.Byte(), message.Byte(), message.Byte());
        message.Skip(version == 1 ? 5 : 1);
        var sizes = new long[rank];
        for (var i = 0; i < rank; i++) sizes[i] = message.Length();
        for (var i = 0; (flags & hasMost) != 0 && i < rank; i++) sizes[i] = message.Length() is >= 0 and <= int.MaxValue and var most ? most : -1;
        return sizes;
    }
}

/// <summary>An attribute message: its name, and its text if it is a single text.</summary>
internal static class HdfAttribute
{
    /// <summary>An attribute's name, and its texts: one, or a list in one dimension. Null if it holds something else.</summary>
    public static (string Name, string? Text, string[]? List) Read(HdfCursor message)
    {
        const int mostTexts = 65536;
        var file = message.File;
        var (version, flags) = (message.Byte(), message.Byte());
        var (nameBytes, typeBytes, spaceBytes) = (message.UInt16(), message.UInt16(), message.UInt16());
        if (version is < 1 or > 3) throw file.Fault($"an attribute has the unknown version {version}");
        if (version == 3) message.Skip(1);
        int Padded(int bytes) => version == 1 ? (bytes + 7) / 8 * 8 : bytes;
        var name = Until(message.Take(Padded(nameBytes)));
        var typePlace = message.Place;
        message.Skip(Padded(typeBytes));
        var spacePlace = message.Place;
        message.Skip(Padded(spaceBytes));
        // A shared type cannot be plain text.
        if (version > 1 && (flags & 3) != 0) return (name, null, null);
        var type = HdfType.Read(file.At(typePlace, typeBytes));
        if (type.Kind is not (HdfKind.FixedText or HdfKind.Text)) return (name, null, null);
        switch (HdfSpace.Read(file.At(spacePlace, spaceBytes)))
        {
            case []: return (name, One(ref message, type, name), null);
            case [var count] when count <= mostTexts:
                var list = new List<string>();
                for (var i = 0; i < count; i++) list.Add(One(ref message, type, name));
                return (name, null, [.. list]);
            default: return (name, null, null);
        }
    }

    private static string One(ref HdfCursor message, HdfType type, string name)
    {
        if (type.Kind == HdfKind.FixedText) return Until(message.Take(type.Bytes));
        var length = message.UInt32();
        var (heap, index) = (message.Address(), message.UInt32());
        if (length == 0) return "";
        var text = HdfHeaps.Global(message.File, heap, index);
        return length <= text.Length ? Until(text[..(int)length]) : throw message.File.Fault($"the attribute '{name}' has {length} bytes, but its text has {text.Length}");
    }

    /// <summary>A text up to its first zero byte.</summary>
    private static string Until(ReadOnlySpan<byte> text) => System.Text.Encoding.UTF8.GetString(text.IndexOf((byte)0) is >= 0 and var end ? text[..end] : text);
}
