using System.Numerics;
using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>
/// The outer layout of a <c>.seq</c> file: a 64-byte header, a table of sections, and the sections, each starting at a
/// multiple of 64. Everything is little-endian. The one place that knows these offsets; what is inside a section is written
/// and read side by side in <see cref="SeqWriter"/> and <see cref="SeqReader"/>.
/// </summary>
/// <remarks>
/// <code>
/// header   0 magic "SEQRT\r\n" 0x1A · 8 u16 major · 10 u16 minor · 12 u32 sections · 16 u64 file length · 60 u32 CRC-32C
///          of the header (this field as 0) and the section table
/// table    for each section: u32 id (four characters) · u32 flags (bit 0: required) · u64 offset · u64 length · u32 CRC-32C · u32 0
/// </code>
/// A reader takes files of its own major version; a newer minor version may add sections and tensor formats. An unknown section is
/// ignored unless it is required, an unknown tensor format is refused. 1.1 added fp16 and int4 matrices.
/// </remarks>
internal static class SeqLayout
{
    public const ulong Magic = 0x1A0A0D5452514553;
    public const ushort Major = 1;
    public const ushort Minor = 1;
    public const int HeaderBytes = 64;
    public const int SectionEntryBytes = 32;
    public const int Alignment = 64;
    public const uint Required = 1;

    public const int MajorAt = 8;
    public const int MinorAt = 10;
    public const int SectionCountAt = 12;
    public const int FileLengthAt = 16;
    public const int ChecksumAt = 60;

    /// <summary>Key and value strings.</summary>
    public const string Metadata = "META";

    /// <summary>Token and label tables.</summary>
    public const string Tables = "TABL";

    /// <summary>Names, formats, shapes and places of the constants.</summary>
    public const string Tensors = "TNSR";

    /// <summary>Graphs: values, nodes, inputs, outputs, states.</summary>
    public const string Graphs = "GRPH";

    /// <summary>Bytes of the constants, each 64-byte aligned, and 64 bytes of slack at the end so that a vector load at any tensor's end stays inside.</summary>
    public const string Data = "DATA";

    /// <summary>Most sections a file may have.</summary>
    public const int MaxSections = 64;

    /// <summary>Longest string, in bytes.</summary>
    public const int MaxString = 1 << 20;

    public static uint SectionId(string name) => name[0] | (uint)name[1] << 8 | (uint)name[2] << 16 | (uint)name[3] << 24;

    /// <summary>The id's four characters; an id that is no four letters or digits is named by its number.</summary>
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

    /// <summary>CRC-32C (Castagnoli), as iSCSI has it: all ones at the start, inverted at the end.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes, uint seed = uint.MaxValue)
    {
        var crc = seed;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (var rest in bytes[(words.Length * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }
}

/// <summary>How a value of a graph comes to be.</summary>
internal enum ValueKind : byte
{
    /// <summary>A node computes it; its shape is inferred.</summary>
    Computed = 0,

    /// <summary>Type and shape are given: an input or a state.</summary>
    Shaped = 1,

    /// <summary>A tensor of the file.</summary>
    Constant = 2,
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
