using System.Buffers.Binary;

namespace NativeAotSample.Audio;

/// <summary>Converts stored samples to float and back. An integer of n bits is value / 2ⁿ⁻¹. Writing rounds half to even and clips.</summary>
internal static class SampleCodec
{
    /// <summary>
    /// Decodes one channel from interleaved frames that start at its first sample. Samples that are not finite become 0; returns their
    /// number.
    /// </summary>
    public static int Decode(WaveFormat format, ReadOnlySpan<byte> frames, Span<float> samples)
    {
        var stride = format.FrameBytes;
        var strange = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            var at = frames[(i * stride)..];
            var value = (format.IsFloat, format.Bits) switch
            {
                (false, 8) => (at[0] - 128) / 128f,
                (false, 16) => BinaryPrimitives.ReadInt16LittleEndian(at) / 32768f,
                (false, 24) => ((at[0] << 8 | at[1] << 16 | at[2] << 24) >> 8) / 8388608f,
                (false, _) => (float)(BinaryPrimitives.ReadInt32LittleEndian(at) / 2147483648.0),
                (true, 32) => BinaryPrimitives.ReadSingleLittleEndian(at),
                (true, _) => (float)BinaryPrimitives.ReadDoubleLittleEndian(at),
            };
            if (!float.IsFinite(value))
            {
                strange++;
                value = 0;
            }

            samples[i] = value;
        }

        return strange;
    }

    /// <summary>Encodes one channel into interleaved frames that start at its first sample. Returns the number of clipped samples.</summary>
    public static int Encode(WaveFormat format, ReadOnlySpan<float> samples, Span<byte> frames)
    {
        var stride = format.FrameBytes;
        var clipped = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            var at = frames[(i * stride)..];
            if (format.IsFloat)
            {
                if (format.Bits == 32) BinaryPrimitives.WriteSingleLittleEndian(at, samples[i]);
                else BinaryPrimitives.WriteDoubleLittleEndian(at, samples[i]);
                continue;
            }

            var full = (double)(1L << (format.Bits - 1));
            var scaled = Math.Round(samples[i] * full);
            var value = (int)Math.Clamp(scaled, -full, full - 1);
            if (value != scaled) clipped++;
            switch (format.Bits)
            {
                case 8:
                    at[0] = (byte)(value + 128);
                    break;
                case 16:
                    BinaryPrimitives.WriteInt16LittleEndian(at, (short)value);
                    break;
                case 24:
                    at[0] = (byte)value;
                    at[1] = (byte)(value >> 8);
                    at[2] = (byte)(value >> 16);
                    break;
                default:
                    BinaryPrimitives.WriteInt32LittleEndian(at, value);
                    break;
            }
        }

        return clipped;
    }
}
