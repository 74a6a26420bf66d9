using System.Buffers.Binary;

namespace NativeAotSample.Audio;

/// <summary>The sample format: the <c>fmt </c> chunk of a RIFF/WAVE file, plain or WAVE_FORMAT_EXTENSIBLE.</summary>
/// <param name="IsFloat">IEEE float rather than integer PCM.</param>
/// <param name="Bits">Bits of one stored sample: 8, 16, 24 or 32 for PCM, 32 or 64 for float.</param>
/// <param name="Channels">Interleaved channels.</param>
/// <param name="Rate">Sample frames per second.</param>
/// <param name="Extensible">Whether the chunk has the extensible form. It is kept when writing.</param>
/// <param name="ValidBits">Bits in use, left-justified in the stored ones; informative.</param>
/// <param name="ChannelMask">Speaker positions; informative.</param>
internal sealed record WaveFormat(bool IsFloat, int Bits, int Channels, int Rate, bool Extensible = false, int ValidBits = 0, uint ChannelMask = 0)
{
    public const int LowestRate = 4_000;
    public const int HighestRate = 768_000;

    private const ushort TagPcm = 1;
    private const ushort TagFloat = 3;
    private const ushort TagExtensible = 0xFFFE;
    private const int PlainBytes = 16;
    private const int ExtensibleBytes = 40;

    /// <summary>Bytes 2 to 15 of KSDATAFORMAT_SUBTYPE_PCM and _IEEE_FLOAT; bytes 0 and 1 are the plain tag.</summary>
    private static ReadOnlySpan<byte> SubFormatTail => [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

    public int SampleBytes => Bits / 8;

    /// <summary>Bytes of one frame: a sample of every channel.</summary>
    public int FrameBytes => SampleBytes * Channels;

    public override string ToString() =>
        $"{Rate} Hz, {Channels} channel{(Channels == 1 ? "" : "s")}, {Bits}-bit {(IsFloat ? "float" : "PCM")}";

    /// <summary>Reads and checks a <c>fmt </c> chunk.</summary>
    public static WaveFormat Parse(ReadOnlySpan<byte> chunk, string file)
    {
        if (chunk.Length < PlainBytes) throw new WaveException($"{file}: the fmt chunk has {chunk.Length} bytes; it needs at least {PlainBytes}.");
        var tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk);
        var channels = BinaryPrimitives.ReadUInt16LittleEndian(chunk[2..]);
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
        var frameBytes = BinaryPrimitives.ReadUInt16LittleEndian(chunk[12..]);
        var bits = BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]);
        var extensible = tag == TagExtensible;
        int validBits = bits;
        var mask = 0u;
        if (extensible)
        {
            if (chunk.Length < ExtensibleBytes) throw new WaveException($"{file}: WAVE_FORMAT_EXTENSIBLE needs a fmt chunk of {ExtensibleBytes} bytes; this one has {chunk.Length}.");
            validBits = BinaryPrimitives.ReadUInt16LittleEndian(chunk[18..]);
            mask = BinaryPrimitives.ReadUInt32LittleEndian(chunk[20..]);
            tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk[24..]);
            if (!chunk.Slice(26, 14).SequenceEqual(SubFormatTail)) throw Unhandled(file, "a sub-format that is neither PCM nor float");
        }

        var isFloat = tag == TagFloat;
        if (!isFloat && tag != TagPcm) throw Unhandled(file, CodecName(tag));
        if (isFloat ? bits is not (32 or 64) : bits is not (8 or 16 or 24 or 32)) throw Unhandled(file, $"{bits}-bit {(isFloat ? "float" : "PCM")} samples");
        if (channels == 0) throw new WaveException($"{file}: the fmt chunk says 0 channels.");
        if (rate is < LowestRate or > HighestRate) throw new WaveException($"{file}: the fmt chunk says {rate} Hz; {LowestRate} to {HighestRate} Hz are supported.");
        if (frameBytes != bits / 8 * channels)
            throw new WaveException($"{file}: the fmt chunk contradicts itself: {channels} channels of {bits} bits are {bits / 8 * channels} bytes in each frame, but it says {frameBytes}.");
        return new WaveFormat(isFloat, bits, channels, (int)rate, extensible, validBits, mask);
    }

    /// <summary>The <c>fmt </c> chunk's content.</summary>
    public byte[] ToBytes()
    {
        var chunk = new byte[Extensible ? ExtensibleBytes : PlainBytes];
        var tag = IsFloat ? TagFloat : TagPcm;
        BinaryPrimitives.WriteUInt16LittleEndian(chunk, Extensible ? TagExtensible : tag);
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(2), (ushort)Channels);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(4), (uint)Rate);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(8), (uint)((long)Rate * FrameBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(12), (ushort)FrameBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(14), (ushort)Bits);
        if (!Extensible) return chunk;
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(16), ExtensibleBytes - PlainBytes - 2);
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(18), (ushort)ValidBits);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(20), ChannelMask);
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(24), tag);
        SubFormatTail.CopyTo(chunk.AsSpan(26));
        return chunk;
    }

    private static WaveException Unhandled(string file, string what) =>
        new($"{file} holds {what}. Supported are 8, 16, 24 and 32-bit PCM, and 32 and 64-bit float; convert it, for example: ffmpeg -i {file} -c:a pcm_s16le out.wav");

    private static string CodecName(ushort tag) => tag switch
    {
        2 or 0x11 => "ADPCM samples",
        6 => "A-law samples",
        7 => "µ-law samples",
        0x55 => "MP3 data",
        _ => $"samples of codec 0x{tag:X4}",
    };
}
