using System.Numerics;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>
/// The outer layout of a <c>.seq</c> file: a 64-byte header, a table of sections, and the sections, each at a multiple of 64. Everything is
/// little-endian. Only this class knows these offsets. <see cref="SeqWriter"/> writes and <see cref="SeqReader"/> reads the content of the
/// sections in the same order.
/// </summary>
/// <remarks>
/// <code>
/// header   0 magic "SEQRT\r\n" 0x1A · 8 u16 major · 10 u16 minor · 12 u32 sections · 16 u64 file length · 60 u32 CRC-32C
///          of the header (this field as 0) and the section table
/// table    for each section: u32 id (four characters) · u32 flags (bit 0: required) · u64 offset · u64 length · u32 CRC-32C · u32 0
/// </code>
/// A reader accepts files of its own major version. A newer minor version may add sections and tensor formats. An unknown section is ignored
/// unless it is required; an unknown tensor format is refused. Graphs, the list of tensors and growing states are compact. An integer takes
/// one to ten bytes: 7 bits in each, lowest first, with the sign in the lowest bit. A string is a stem (one of the last 64, or a beginning
/// of one and new bytes, <see cref="NameStems"/>) and the difference of its number to the last number. An index of a value is stored as its
/// difference to the one after the last output, an index of a tensor as its difference to the one after the last tensor. A value's name is
/// stored only if it differs from its node's or tensor's. A tensor's position follows from its size (<see cref="Place"/>). Version 2.0 stores
/// weights in the order in which products read them (<see cref="WeightLayout"/>) and recurrent layers without padding to 16 units
/// (<see cref="GateRows"/>). Files of 1.x are refused; the converter upgrades them. 2.1 adds formats of weights.
/// </remarks>
internal static class SeqLayout
{
    public const ulong Magic = 0x1A0A0D5452514553;
    public const ushort Major = 2;

    /// <summary>The newest minor version. A file has the first that knows its tensor formats.</summary>
    public const ushort Minor = 1;

    public const int HeaderBytes = 64;
    public const int SectionEntryBytes = 32;
    public const int Alignment = 64;

    /// <summary>Bytes after the last tensor that may be read: the longest vector of a kernel.</summary>
    public const int ReadSlack = 64;

    /// <summary>Alignment of tensors with fewer bytes than <see cref="Alignment"/>: the size of the widest element.</summary>
    public const int SmallAlignment = 8;
    public const uint Required = 1;

    /// <summary>Bit of a tensor's format byte: its panels have <see cref="WeightLayout.GruPanel"/> rows.</summary>
    public const byte GruPanels = 0x80;

    public const int MajorAt = 8;
    public const int MinorAt = 10;
    public const int SectionCountAt = 12;
    public const int FileLengthAt = 16;
    public const int ChecksumAt = 60;

    /// <summary>Key and value strings.</summary>
    public const string Metadata = "META";

    /// <summary>Token and label tables.</summary>
    public const string Tables = "TABL";

    /// <summary>Names, formats and shapes of the constants.</summary>
    public const string Tensors = "TNS2";

    /// <summary>Graphs: values, nodes, inputs, outputs, states.</summary>
    public const string Graphs = "GRP2";

    /// <summary>Growing states, if there are any. For each dimension: graph, symbolic dimension that counts the steps, most steps.</summary>
    public const string Caches = "CACH";

    /// <summary>Recorded runs, if there are any: what the inputs of graphs hold, and checksums of outputs and states.</summary>
    public const string Golden = "GOLD";

    /// <summary>Bytes of the constants, 64-byte aligned except small ones at the end. 64 bytes follow, so that a vector load at any tensor's end stays inside.</summary>
    public const string Data = "DATA";

    /// <summary>Limit of the sections of a file.</summary>
    public const int MaxSections = 64;

    /// <summary>Limit of the values and nodes of all graphs together. Each takes some hundred bytes of memory.</summary>
    public const int MaxObjects = 1 << 20;

    /// <summary>Longest string, in bytes.</summary>
    public const int MaxString = 1 << 20;

    public static uint SectionId(string name) => name[0] | (uint)name[1] << 8 | (uint)name[2] << 16 | (uint)name[3] << 24;

    /// <summary>The id's four characters, or its number if they are not letters or digits.</summary>
    public static string SectionName(uint id)
    {
        Span<char> name = stackalloc char[4];
        for (var i = 0; i < name.Length; i++) name[i] = (char)(id >> 8 * i & 0xFF);
        foreach (var letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter)) return $"0x{id:X8}";
        }

        return new string(name);
    }

    public static long Align(long offset) => checked(offset + Alignment - 1) & ~(long)(Alignment - 1);

    /// <summary>
    /// The positions of tensors of these lengths in the data section: first those of at least <see cref="Alignment"/> bytes, each aligned to it,
    /// then the smaller ones, aligned to 8.
    /// </summary>
    /// <returns>The offsets, and the end of the last.</returns>
    public static (long[] Offsets, long End) Place(ReadOnlySpan<long> lengths)
    {
        var offsets = new long[lengths.Length];
        var end = 0L;
        for (var i = 0; i < offsets.Length; i++)
        {
            if (lengths[i] < Alignment) continue;
            offsets[i] = end;
            end = Align(checked(end + lengths[i]));
        }

        for (var i = 0; i < offsets.Length; i++)
        {
            if (lengths[i] >= Alignment) continue;
            offsets[i] = end;
            end = checked(end + lengths[i] + SmallAlignment - 1) & ~(long)(SmallAlignment - 1);
        }

        return (offsets, end);
    }

    /// <summary>CRC-32C (Castagnoli) as in iSCSI: all ones at the start, inverted at the end.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes, uint seed = uint.MaxValue)
    {
        var crc = seed;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (var rest in bytes[(words.Length * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }
}

/// <summary>The source of a graph's value.</summary>
internal enum ValueKind : byte
{
    /// <summary>A node computes it; its shape is inferred.</summary>
    Computed = 0,

    /// <summary>Type and shape are given: an input or a state.</summary>
    Shaped = 1,

    /// <summary>A tensor of the file.</summary>
    Constant = 2,

    /// <summary>Like <see cref="Computed"/>, but with a name that differs from its node's.</summary>
    Named = 3,
}

/// <summary>How an attribute is stored.</summary>
internal enum AttributeType : byte
{
    Int = 1,
    Float = 2,
    Ints = 3,
    Floats = 4,
    String = 5,
}
