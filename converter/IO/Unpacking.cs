using System.Buffers.Binary;
using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>Opens files packed with gzip or xz, in memory, up to <see cref="UnpackLimit"/>. Checksums are verified.</summary>
internal static class Unpacking
{
    public static ReadOnlySpan<byte> GzipSignature => [0x1F, 0x8B];

    /// <summary>The content of a packed file, or the file itself.</summary>
    /// <param name="file">The file.</param>
    /// <param name="where">Its name for messages.</param>
    /// <exception cref="ConversionException">It is damaged, or it unpacks to more than the limit.</exception>
    public static byte[] Open(byte[] file, string where)
    {
        if (file.AsSpan().StartsWith(GzipSignature)) return Gzip(file, where);
        return file.AsSpan().StartsWith(XzFile.Signature) ? XzFile.Unpack(file, where) : file;
    }

    /// <summary>The error for a file that unpacks to more than its limit.</summary>
    public static ConversionException TooLarge(int packed, string where) =>
        new($"{where}: it unpacks to more than {UnpackLimit.Of(packed) >> 20} MiB, which is over {UnpackLimit.PerByte} times its size; if you trust it, unpack it before you convert it");

    private static byte[] Gzip(byte[] file, string where)
    {
        const int head = 10, tail = 8;
        if (file.Length < head + tail) throw Damaged("it is too short", where);
        using var content = new MemoryStream();
        using var packed = new GZipStream(new MemoryStream(file, writable: false), CompressionMode.Decompress);
        var buffer = new byte[1 << 16];
        while (Library.Call(() => packed.Read(buffer), what => Damaged(what, where)) is > 0 and var count)
        {
            if (content.Length + count > UnpackLimit.Of(file.Length)) throw TooLarge(file.Length, where);
            content.Write(buffer, 0, count);
        }

        // .NET takes the end of a truncated file for the end of its content, and does not look at the last eight bytes then.
        var bytes = content.ToArray();
        var length = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(file.Length - 4));
        if (length != bytes.Length) throw Damaged($"it unpacks to {bytes.Length} bytes instead of {length}", where);
        var sum = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(file.Length - tail));
        return Crc32.Of(bytes) == sum ? bytes : throw Damaged($"the checksum is {Crc32.Of(bytes):X8}, not {sum:X8}", where);
    }

    private static ConversionException Damaged(string what, string where) =>
        new($"{where}: this gzip file is truncated, damaged, or made of several parts: {what}. Download it again, or unpack it (gunzip).");
}
