using System.Buffers.Binary;

namespace NativeAotSample.Audio;

/// <summary>Writes RIFF/WAVE files: to a temporary file beside the target, which is then renamed. So an error leaves no partial file.</summary>
internal static class WaveWriter
{
    /// <returns>The number of clipped samples.</returns>
    /// <exception cref="WaveException">The sound does not fit in a WAV file (4 GiB).</exception>
    public static long Write(string path, WaveFile wave)
    {
        var target = Path.GetFullPath(path);
        var beside = Beside(target);
        try
        {
            long clipped;
            using (var stream = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, 1))
            {
                clipped = Write(stream, wave);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, target, overwrite: true);
            return clipped;
        }
        catch
        {
            File.Delete(beside);
            throw;
        }
    }

    /// <summary>Refuses a path that cannot be written, before any work on the recording.</summary>
    /// <exception cref="WaveException">The folder is missing or does not allow new files, or the path is a folder.</exception>
    public static void Check(string path)
    {
        var target = Path.GetFullPath(path);
        if (Directory.Exists(target)) throw new WaveException($"{path} is a folder; give a file.");
        var folder = Path.GetDirectoryName(target);
        if (!Directory.Exists(folder)) throw new WaveException($"{path} cannot be written: there is no folder '{folder}'; create it first.");
        var beside = Beside(target);
        try
        {
            File.Create(beside).Dispose();
            File.Delete(beside);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WaveException($"{path} cannot be written: no file can be created in '{folder}'; write to another folder.");
        }
    }

    private static string Beside(string target) => $"{target}.{Environment.ProcessId}.tmp";

    public static long Write(Stream stream, WaveFile wave)
    {
        var format = wave.Format;
        var content = format.ToBytes();
        var dataBytes = (long)wave.Frames * format.FrameBytes;
        var fact = format.IsFloat ? 12 : 0;
        var riffBytes = 4 + 8 + content.Length + fact + 8 + dataBytes + (dataBytes & 1);
        if (riffBytes > uint.MaxValue) throw new WaveException($"{dataBytes} bytes of samples do not fit in a WAV file; split the input.");

        Span<byte> number = stackalloc byte[4];
        stream.Write("RIFF"u8);
        Number(stream, number, riffBytes);
        stream.Write("WAVEfmt "u8);
        Number(stream, number, content.Length);
        stream.Write(content);
        if (fact != 0)
        {
            stream.Write("fact"u8);
            Number(stream, number, 4);
            Number(stream, number, wave.Frames);
        }

        stream.Write("data"u8);
        Number(stream, number, dataBytes);

        var buffer = new byte[Math.Max(1, (1 << 16) / format.FrameBytes) * format.FrameBytes];
        var clipped = 0L;
        for (var frame = 0; frame < wave.Frames;)
        {
            var count = Math.Min(wave.Frames - frame, buffer.Length / format.FrameBytes);
            for (var c = 0; c < wave.Channels.Length; c++)
                clipped += SampleCodec.Encode(format, wave.Channels[c].AsSpan(frame, count), buffer.AsSpan(c * format.SampleBytes));
            stream.Write(buffer, 0, count * format.FrameBytes);
            frame += count;
        }

        if ((dataBytes & 1) != 0) stream.WriteByte(0);
        return clipped;
    }

    private static void Number(Stream stream, Span<byte> scratch, long value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(scratch, (uint)value);
        stream.Write(scratch);
    }
}
