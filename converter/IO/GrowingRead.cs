namespace SeqRuntime.Converter.IO;

/// <summary>Reads in growing pieces, so that a small file with a false length does not cost much memory.</summary>
internal static class GrowingRead
{
    /// <summary>The next bytes of a stream. Null if it ends before.</summary>
    public static byte[]? Exactly(Stream stream, int bytes)
    {
        var data = new byte[Math.Min(bytes, 1 << 20)];
        var filled = 0;
        while (true)
        {
            filled += stream.ReadAtLeast(data.AsSpan(filled), data.Length - filled, throwOnEndOfStream: false);
            if (filled < data.Length) return null;
            if (filled == bytes) return data;
            Array.Resize(ref data, (int)Math.Min(bytes, data.Length * 2L));
        }
    }
}
