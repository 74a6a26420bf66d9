using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>The table of sections of a file that a test or the fuzzer changes, which may be damaged.</summary>
internal static class SectionTable
{
    /// <summary>Makes the checksums of whatever the table describes right again, so that what is behind them is reached.</summary>
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

    /// <summary>Where a section's entry begins; -1 where the table has none of that name.</summary>
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
