using System.Buffers.Binary;
using System.Security.Cryptography;
using SharpCompress.Compressors.LZMA;

namespace SeqRuntime.Converter.IO;

/// <summary>
/// Unpacks a .xz file of one stream whose blocks have the filter LZMA2, as xz writes it. The index gives the places and sizes of the blocks,
/// so that the memory is known before anything is unpacked. All checksums are verified.
/// </summary>
internal static class XzFile
{
    private const int HeadBytes = 12;
    private const int MostBlocks = 1 << 20;
    private const ulong Lzma2 = 0x21;

    private static readonly ulong[] s_table = MakeTable();

    public static ReadOnlySpan<byte> Signature => [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];

    /// <exception cref="ConversionException">The file is damaged, or it unpacks to more than <see cref="UnpackLimit"/>.</exception>
    public static byte[] Unpack(byte[] file, string where)
    {
        var (end, check) = Frame(file, where);
        var blocks = Index(file, end, where);
        var bytes = new byte[blocks.Sum(block => block.Unpacked)];
        var (from, to) = (HeadBytes, 0);
        foreach (var (packed, unpacked) in blocks)
        {
            Block(file.AsMemory(from, Padded(packed)), packed, check, bytes.AsSpan(to, unpacked), where);
            from += Padded(packed);
            to += unpacked;
        }

        return bytes;
    }

    /// <summary>Checks the first and the last bytes. Returns where the index begins, and the kind of checksums.</summary>
    private static (int Index, byte Check) Frame(ReadOnlySpan<byte> file, string where)
    {
        if (file.Length < 2 * HeadBytes + 8 || file.Length % 4 != 0) throw Damaged($"{file.Length} bytes cannot be its length", where);
        var tail = file[^HeadBytes..];
        if (!tail.EndsWith("YZ"u8)) throw Damaged("its end is missing", where);
        var flags = file.Slice(Signature.Length, 2);
        var isWhole = Crc32.Of(flags) == Number(file[8..]) && Crc32.Of(tail[4..10]) == Number(tail) && flags.SequenceEqual(tail[8..10]) && flags[0] == 0;
        var index = file.Length - HeadBytes - (Number(tail[4..]) + 1L) * 4;
        if (!isWhole || index < HeadBytes) throw Damaged("its first or last bytes are wrong", where);
        return ((int)index, flags[1]);
    }

    private static List<(int Packed, int Unpacked)> Index(ReadOnlySpan<byte> file, int start, string where)
    {
        var index = file[start..^HeadBytes];
        if (Crc32.Of(index[..^4]) != Number(index[^4..]) || index[0] != 0) throw Damaged("its index is wrong", where);
        var at = 1;
        var count = Long(index, ref at);
        if (count is null or > MostBlocks) throw Damaged("its index is wrong", where);
        var blocks = new List<(int, int)>();
        var (place, all) = ((long)HeadBytes, 0L);
        for (var i = 0ul; i < count; i++)
        {
            if (Long(index, ref at) is not { } packed || Long(index, ref at) is not { } unpacked || packed == 0 || packed > (ulong)(start - place)) throw Damaged($"block {i + 1} does not fit", where);
            if (unpacked > (ulong)UnpackLimit.Of(file.Length) || (all += (long)unpacked) > UnpackLimit.Of(file.Length)) throw Unpacking.TooLarge(file.Length, where);
            blocks.Add(((int)packed, (int)unpacked));
            place += Padded((int)packed);
        }

        return place == start ? blocks : throw Damaged("its index does not fit its blocks, or the file is made of several", where);
    }

    /// <param name="block">The block with its padding, which lies between the content and the checksum.</param>
    /// <param name="used">Its length without the padding.</param>
    /// <param name="check">The kind of checksums.</param>
    /// <param name="content">Receives the content.</param>
    /// <param name="where">The file's name for messages.</param>
    private static void Block(ReadOnlyMemory<byte> block, int used, byte check, Span<byte> content, string where)
    {
        var span = block.Span;
        var (head, sum) = ((span[0] + 1) * 4, CheckBytes(check, where));
        if (head < 8 || head + sum > used || Crc32.Of(span[..(head - 4)]) != Number(span[(head - 4)..])) throw Damaged("the header of a block is wrong", where);
        var (flags, at) = (span[1], 2);
        if ((flags & 0x40) != 0) Long(span[..head], ref at);
        if ((flags & 0x80) != 0) Long(span[..head], ref at);
        if ((flags & 0x3F) != 0 || Long(span[..head], ref at) != Lzma2 || Long(span[..head], ref at) != 1)
            throw new ConversionException($"{where}: this xz file uses a filter that is not supported; unpack it before you convert it (unxz)");
        if (at >= head - 4) throw Damaged("the header of a block is wrong", where);
        var packed = block[head..(used - sum)].ToArray();
        var (dictionary, length) = (Dictionary(span[at], content.Length), content.Length);
        var bytes = Library.Call(() => Decode(packed, dictionary, length), what => Damaged(what, where));
        var stored = span[^sum..];
        if (bytes is null || !CheckOf(check, bytes).AsSpan().SequenceEqual(stored)) throw Damaged("the content does not have its length or its checksum", where);
        bytes.CopyTo(content);
    }

    private static byte[]? Decode(byte[] packed, byte dictionary, int length)
    {
        using var source = new MemoryStream(packed, writable: false);
        using var content = LzmaStream.Create([dictionary], source, packed.Length, length, null, isLzma2: true);
        var bytes = new byte[length];
        return content.ReadAtLeast(bytes, length, throwOnEndOfStream: false) == length ? bytes : null;
    }

    /// <summary>The code of the dictionary's size. One larger than the content would only cost memory.</summary>
    private static byte Dictionary(byte code, int content)
    {
        byte least = 0;
        while (least < 37 && (2L | (least & 1u)) << (least / 2 + 11) < content) least++;
        return Math.Min(code, least);
    }

    private static int CheckBytes(byte check, string where) => check switch
    {
        0 => 0,
        1 => 4,
        4 => 8,
        10 => 32,
        _ => throw Damaged($"its checksums are of the unknown kind {check}", where),
    };

    private static byte[] CheckOf(byte check, byte[] bytes) => check switch
    {
        0 => [],
        1 => BitConverter.GetBytes(Crc32.Of(bytes)),
        4 => BitConverter.GetBytes(Crc64(bytes)),
        _ => SHA256.HashData(bytes),
    };

    private static int Padded(int bytes) => (bytes + 3) & ~3;

    private static uint Number(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    /// <summary>A number of seven bits in each byte. Null if it does not end.</summary>
    private static ulong? Long(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0ul;
        for (var shift = 0; shift < 63 && at < bytes.Length; shift += 7)
        {
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        return null;
    }

    /// <summary>CRC-64 of ECMA-182, reflected.</summary>
    private static ulong Crc64(ReadOnlySpan<byte> bytes)
    {
        var state = ulong.MaxValue;
        foreach (var value in bytes) state = (state >> 8) ^ s_table[(byte)(state ^ value)];
        return ~state;
    }

    private static ulong[] MakeTable()
    {
        const ulong polynomial = 0xC96C5795D7870F42;
        var table = new ulong[256];
        for (var i = 0ul; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? (value >> 1) ^ polynomial : value >> 1;
            table[i] = value;
        }

        return table;
    }

    private static ConversionException Damaged(string what, string where) => new($"{where}: this xz file is truncated or damaged: {what}. Download it again, or unpack it (unxz).");
}
