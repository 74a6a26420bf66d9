using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>The section table of a file that a test or the fuzzer changes. It may be damaged.</summary>
internal static class SectionTable
{
    /// <summary>Corrects the checksums of all sections in the table, so that a reader reaches the checks after them.</summary>
    public static void Recompute(byte[] file)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(SeqLayout.SectionCountAt));
        var head = SeqLayout.HeaderBytes + (long)count * SeqLayout.SectionEntryBytes;
        if (count < 0 || head > file.Length) return;
        for (var i = 0; i < count; i++)
        {
            var entry = file.AsSpan(SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes, SeqLayout.SectionEntryBytes);
            var (offset, length) = (BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]));
            if (offset < 0 || length < 0 || offset > file.Length || length > file.Length - offset) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], SeqLayout.Checksum(file.AsSpan((int)offset, (int)length)));
        }

        file.AsSpan(SeqLayout.ChecksumAt, sizeof(uint)).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(SeqLayout.ChecksumAt), SeqLayout.Checksum(file.AsSpan(0, (int)head)));
    }

    /// <summary>The position of a section's entry. -1 if there is none.</summary>
    public static int EntryOf(byte[] file, string name)
    {
        var count = file.Length < SeqLayout.HeaderBytes ? 0 : BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(SeqLayout.SectionCountAt));
        for (var i = 0; i < count && SeqLayout.HeaderBytes + (i + 1L) * SeqLayout.SectionEntryBytes <= file.Length; i++)
        {
            var entry = SeqLayout.HeaderBytes + i * SeqLayout.SectionEntryBytes;
            if (BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(entry)) == SeqLayout.SectionId(name)) return entry;
        }

        return -1;
    }
}
