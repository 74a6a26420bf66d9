namespace SeqRuntime.Converter.IO;

/// <summary>The checksum of zip, gzip and xz (ISO 3309).</summary>
internal static class Crc32
{
    /// <summary>The state before the first byte. The checksum is the inverse of the last state.</summary>
    public const uint Start = uint.MaxValue;

    private static readonly uint[] s_table = MakeTable();

    public static uint Of(ReadOnlySpan<byte> bytes) => ~Next(Start, bytes);

    /// <summary>The state after more bytes.</summary>
    public static uint Next(uint state, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes) state = (state >> 8) ^ s_table[(byte)(state ^ value)];
        return state;
    }

    private static uint[] MakeTable()
    {
        const uint polynomial = 0xEDB88320;
        var table = new uint[256];
        for (var i = 0u; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? (value >> 1) ^ polynomial : value >> 1;
            table[i] = value;
        }

        return table;
    }
}
