using System.Buffers.Binary;

namespace SeqRuntime.Fuzz.Mutating;

/// <summary>Mutations of bytes without knowledge of the format: bits, numbers at the limits of their types, pieces removed, doubled or taken from another file.</summary>
internal static class Bytes
{
    private static readonly long[] s_edges =
    [
        0, 1, -1, 2, 7, 8, 16, 63, 64, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 1 << 20, 1 << 24, 1 << 28, int.MaxValue - 1L, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32,
        2147483522, 1L << 40, long.MaxValue, long.MinValue, long.MaxValue / 2, long.MaxValue / 8,
    ];

    /// <summary>A copy with one to four changes.</summary>
    /// <param name="random">Random source.</param>
    /// <param name="seed">The bytes to change.</param>
    /// <param name="other">The source of pieces.</param>
    /// <param name="from">The start of the range that may change.</param>
    /// <param name="to">The end of that range; -1 for the end of the bytes.</param>
    public static byte[] Mutate(Random random, byte[] seed, byte[] other, int from = 0, int to = -1)
    {
        var bytes = (byte[])seed.Clone();
        for (var change = 1 + random.Next(random.Next(1, 5)); change > 0; change--)
        {
            if (bytes.Length == 0) bytes = [0];
            var end = to < 0 ? bytes.Length : Math.Min(to, bytes.Length);
            var at = from < end ? random.Next(from, end) : random.Next(bytes.Length);
            bytes = Change(random, bytes, other, at);
        }

        return bytes;
    }

    public static long Edge(Random random, long near) => random.Next(4) switch
    {
        0 => near + random.Next(-2, 3),
        1 => random.NextInt64(),
        _ => s_edges[random.Next(s_edges.Length)],
    };

    private static byte[] Change(Random random, byte[] bytes, byte[] other, int at)
    {
        switch (random.Next(11))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 2:
                bytes[at] = (byte)(bytes[at] + random.Next(-3, 4));
                return bytes;
            case 3 or 4 or 5:
                var width = 1 << random.Next(1, 4);
                Span<byte> number = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(number, Edge(random, bytes.Length));
                if (random.Next(8) == 0) number[..width].Reverse();
                number[..Math.Min(width, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
                return bytes;
            case 6:
                bytes.AsSpan(at, Math.Min(random.Next(1, 65), bytes.Length - at)).Fill(random.Next(2) == 0 ? (byte)0 : (byte)random.Next(256));
                return bytes;
            case 7:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + Length(random))..]];
            case 8:
                var doubled = bytes.AsSpan(at, Math.Min(Length(random), bytes.Length - at));
                return [.. bytes[..at], .. doubled, .. bytes[at..]];
            case 9 when other.Length > 0:
                var start = random.Next(other.Length);
                var piece = other.AsSpan(start, Math.Min(Length(random), other.Length - start));
                if (random.Next(2) == 0) return [.. bytes[..at], .. piece, .. bytes[at..]];
                piece[..Math.Min(piece.Length, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
                return bytes;
            case 10 when random.Next(4) == 0:
                return bytes[..at];
            default:
                random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 17), bytes.Length - at)));
                return bytes;
        }
    }

    private static int Length(Random random) => random.Next(4) == 0 ? random.Next(1, 1025) : random.Next(1, 17);
}
