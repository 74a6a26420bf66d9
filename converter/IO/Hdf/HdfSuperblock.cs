namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>The superblock, versions 0 to 3: sizes of addresses, and the root group.</summary>
internal static class HdfSuperblock
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The position of the superblock: at the beginning, or after a user block. Null if this is not an HDF5 file.</summary>
    public static int? Find(ReadOnlySpan<byte> file)
    {
        for (var at = 0L; at <= file.Length - Signature.Length; at = at == 0 ? 512 : at * 2)
        {
            if (file[(int)at..].StartsWith(Signature)) return (int)at;
        }

        return null;
    }

    /// <summary>Address of the root group. Also sets the sizes that the superblock gives.</summary>
    public static long Read(HdfBytes file, int at)
    {
        var head = file.At(at, Math.Min(128, file.Count - at));
        head.Skip(Signature.Length);
        var version = head.Byte();
        if (version > 3) throw file.Fault($"version {version} of its superblock is unknown");
        if (version < 2) head.Skip(4);
        (file.AddressBytes, file.LengthBytes) = (head.Byte(), head.Byte());
        if (file.AddressBytes is not (2 or 4 or 8) || file.LengthBytes is not (2 or 4 or 8)) throw file.Fault($"it has addresses of {file.AddressBytes} and lengths of {file.LengthBytes} bytes; each must be 2, 4 or 8");
        head.Skip(version switch { 0 => 9, 1 => 13, _ => 1 });
        file.Base = head.Address();
        // Some files with a user block, such as MATLAB's, count addresses from its end and some from the file's beginning.
        if (file.Base != 0 && file.Base != at) throw file.Fault($"its addresses start at {file.Base}, not at {at}");
        head.Address();
        var end = head.Address();
        if (end < 0 || end > file.Count) throw file.Fault($"it is truncated: its superblock gives {end} bytes, but it has {file.Count} bytes");
        if (version < 2)
        {
            head.Address();
            head.Skip(file.AddressBytes);
        }

        return head.Address();
    }
}
