using System.Buffers.Binary;

namespace NativeAotSample.Audio;

/// <summary>Reads RIFF/WAVE files. No length in the header is trusted; memory is limited by the actual size of the file.</summary>
internal static class WaveReader
{
    private const int HeaderBytes = 12;
    private const int ChunkHeaderBytes = 8;
    private const int LongestFormatChunk = 4096;

    /// <exception cref="WaveException">The file is not a WAV file or not supported.</exception>
    public static WaveFile Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        return Read(stream, Path.GetFileName(path));
    }

    /// <summary>Reads from a stream whose length is known; <paramref name="file"/> is its name in messages.</summary>
    public static WaveFile Read(Stream stream, string file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes) throw new WaveException($"{file} is not a WAV file: it has only {stream.Length} bytes.");
        if (header.StartsWith("RF64"u8) || header.StartsWith("BW64"u8)) throw new WaveException($"{file} is an RF64 file (over 4 GiB); split it first.");
        if (!header.StartsWith("RIFF"u8) || !header[8..].StartsWith("WAVE"u8)) throw new WaveException($"{file} is not a WAV file: it does not start with RIFF … WAVE.");

        WaveFormat? format = null;
        Span<byte> chunk = stackalloc byte[ChunkHeaderBytes];
        while (stream.ReadAtLeast(chunk, ChunkHeaderBytes, throwOnEndOfStream: false) == ChunkHeaderBytes)
        {
            var declared = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            var left = stream.Length - stream.Position;
            if (chunk.StartsWith("data"u8))
            {
                if (format is null) throw new WaveException($"{file}: the data chunk comes before any fmt chunk.");
                return ReadData(stream, format, declared, left, file);
            }

            if (declared > left) throw new WaveException($"{file}: chunk '{Printable(chunk[..4])}' at byte {stream.Position - ChunkHeaderBytes} says {declared} bytes, but only {left} are left.");
            var next = stream.Position + declared + (declared & 1);
            if (chunk.StartsWith("fmt "u8))
            {
                if (declared > LongestFormatChunk) throw new WaveException($"{file}: the fmt chunk says {declared} bytes; at most {LongestFormatChunk} are allowed.");
                var content = new byte[declared];
                stream.ReadExactly(content);
                format = WaveFormat.Parse(content, file);
            }

            stream.Position = Math.Min(next, stream.Length);
        }

        throw new WaveException(format is null ? $"{file} has no fmt chunk." : $"{file} has no data chunk.");
    }

    private static WaveFile ReadData(Stream stream, WaveFormat format, uint declared, long left, string file)
    {
        // Programs that write to a pipe do not know the length and put 0 or 2³²-1 here.
        var open = declared is 0 or uint.MaxValue or 0x7FFFFFFF or 0xFFFFFFFF - 36;
        var bytes = open ? left : Math.Min(declared, left);
        var frames = bytes / format.FrameBytes;
        if (frames > Array.MaxLength) throw new WaveException($"{file} has {frames} frames; at most {Array.MaxLength} are supported: split it first.");

        var channels = new float[format.Channels][];
        for (var c = 0; c < channels.Length; c++) channels[c] = new float[frames];
        var wave = new WaveFile(format, channels);
        if (!open && declared > left) wave.Warnings.Add($"{file} is truncated: its header says {declared} bytes of samples, but it has {left}; these are used.");

        var buffer = new byte[Math.Max(1, (1 << 16) / format.FrameBytes) * format.FrameBytes];
        var strange = 0L;
        for (var frame = 0; frame < frames;)
        {
            var count = (int)Math.Min(frames - frame, buffer.Length / format.FrameBytes);
            var block = buffer.AsSpan(0, count * format.FrameBytes);
            stream.ReadExactly(block);
            for (var c = 0; c < channels.Length; c++) strange += SampleCodec.Decode(format, block[(c * format.SampleBytes)..], channels[c].AsSpan(frame, count));
            frame += count;
        }

        if (strange > 0) wave.Warnings.Add($"{file} has {strange} samples that are NaN or infinite; they become 0.");
        return wave;
    }

    private static string Printable(ReadOnlySpan<byte> id)
    {
        Span<char> text = stackalloc char[id.Length];
        for (var i = 0; i < id.Length; i++) text[i] = id[i] is >= 32 and < 127 ? (char)id[i] : '?';
        return new string(text);
    }
}
