using System.Security.Cryptography;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

/// <summary>Writes .xz files whose content is stored, so that tests can say what is in every field.</summary>
internal static class XzWriter
{
    /// <param name="blocks">The content, in blocks.</param>
    /// <param name="claims">The length that the index gives to a block. The default is its own.</param>
    public static byte[] Write(byte[][] blocks, Func<int, ulong>? claims = null)
    {
        const byte sha256 = 10;
        List<byte> file = [.. XzFile.Signature, 0, sha256, .. Sum([0, sha256])];
        List<byte> index = [0, .. Long((ulong)blocks.Length)];
        foreach (var block in blocks)
        {
            byte[] head = [2, 0, 0x21, 1, 22, 0, 0, 0];
            List<byte> packed = [.. head, .. Sum(head)];
            for (var at = 0; at < block.Length; at += 1 << 16)
            {
                var part = block[at..Math.Min(block.Length, at + (1 << 16))];
                packed.AddRange([(byte)(at == 0 ? 1 : 2), (byte)((part.Length - 1) >> 8), (byte)(part.Length - 1), .. part]);
            }

            packed.Add(0);
            var length = packed.Count;
            while (packed.Count % 4 != 0) packed.Add(0);
            index.AddRange([.. Long((ulong)length + 32), .. Long(claims?.Invoke(block.Length) ?? (ulong)block.Length)]);
            file.AddRange([.. packed, .. SHA256.HashData(block)]);
        }

        while (index.Count % 4 != 0) index.Add(0);
        byte[] tail = [.. BitConverter.GetBytes(index.Count / 4), 0, sha256];
        return [.. file, .. index, .. Sum([.. index]), .. Sum(tail), .. tail, (byte)'Y', (byte)'Z'];
    }

    private static byte[] Sum(byte[] bytes) => BitConverter.GetBytes(Crc32.Of(bytes));

    private static IEnumerable<byte> Long(ulong value)
    {
        for (; value >= 0x80; value >>= 7) yield return (byte)(value | 0x80);
        yield return (byte)value;
    }
}
