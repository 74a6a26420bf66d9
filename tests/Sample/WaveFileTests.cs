using System.Buffers.Binary;
using NativeAotSample.Audio;

namespace SeqRuntime.Tests.Sample;

public class WaveFileTests
{
    public static TheoryData<bool, int, int, bool> Formats => new()
    {
        { false, 8, 1, false }, { false, 16, 1, false }, { false, 16, 2, true }, { false, 24, 1, false }, { false, 24, 3, true },
        { false, 32, 2, false }, { true, 32, 1, false }, { true, 32, 6, true }, { true, 64, 2, false },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Writing_and_reading_gives_the_same_format_and_samples(bool isFloat, int bits, int channels, bool extensible)
    {
        var format = new WaveFormat(isFloat, bits, channels, 44_100, extensible, bits, extensible ? 3u : 0);
        var random = new Random(bits + channels);
        var wave = new WaveFile(format, [.. Enumerable.Range(0, channels).Select(_ => Sound(random, 1001))]);
        var read = RoundTrip(wave);
        Assert.Equal(format, read.Format with { ValidBits = bits });
        Assert.Empty(read.Warnings);
        var step = isFloat ? 0 : Math.Pow(2, 1 - bits);
        for (var c = 0; c < channels; c++)
        {
            for (var i = 0; i < 1001; i++) Assert.InRange(read.Channels[c][i], wave.Channels[c][i] - step, wave.Channels[c][i] + step);
        }

        var again = RoundTrip(read);
        for (var c = 0; c < channels; c++) Assert.Equal(read.Channels[c], again.Channels[c]);
    }

    [Fact]
    public void Samples_beyond_full_scale_are_clipped_and_counted()
    {
        using var stream = new MemoryStream();
        var clipped = WaveWriter.Write(stream, new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [[0.5f, 1.5f, -1.5f, -1f, 1f]]));
        Assert.Equal(3, clipped);
        stream.Position = 0;
        Assert.Equal([0.5f, 32767 / 32768f, -1f, -1f, 32767 / 32768f], WaveReader.Read(stream, "x.wav").Channels[0]);
    }

    [Fact]
    public void Samples_that_are_not_numbers_become_silence_with_a_warning()
    {
        var read = RoundTrip(new WaveFile(new WaveFormat(IsFloat: true, 32, 1, 16_000), [[0.5f, float.NaN, float.NegativeInfinity]]));
        Assert.Equal([0.5f, 0f, 0f], read.Channels[0]);
        Assert.Contains("2 samples", Assert.Single(read.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_cut_short_gives_what_is_there_and_says_so()
    {
        var bytes = Bytes(new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [new float[1000]]));
        var read = WaveReader.Read(new MemoryStream(bytes[..^1001]), "short.wav");
        Assert.Equal(499, read.Frames);
        Assert.Contains("truncated", Assert.Single(read.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_open_length_of_a_streaming_writer_means_to_the_end()
    {
        var bytes = Bytes(new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [new float[100]]));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(40), uint.MaxValue);
        var read = WaveReader.Read(new MemoryStream(bytes), "open.wav");
        Assert.Equal(100, read.Frames);
        Assert.Empty(read.Warnings);
    }

    [Fact]
    public void Unknown_chunks_of_odd_length_are_stepped()
    {
        var bytes = Bytes(new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [[0.25f, 0.5f]]));
        byte[] list = [.. "LIST"u8, 3, 0, 0, 0, 1, 2, 3, 0];
        var read = WaveReader.Read(new MemoryStream([.. bytes[..12], .. list, .. bytes[12..]]), "list.wav");
        Assert.Equal([0.25f, 0.5f], read.Channels[0]);
    }

    [Theory]
    [InlineData(20, 6, "A-law")]
    [InlineData(20, 0x55, "MP3")]
    [InlineData(22, 0, "0 channels")]
    [InlineData(24, 100, "100 Hz")]
    [InlineData(32, 7, "contradicts")]
    [InlineData(34, 12, "12-bit")]
    public void A_header_that_is_not_handled_says_what(int offset, ushort value, string what)
    {
        var bytes = Bytes(new WaveFile(new WaveFormat(IsFloat: false, 16, 1, 16_000), [new float[10]]));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(offset), value);
        var fault = Assert.Throws<WaveException>(() => WaveReader.Read(new MemoryStream(bytes), "odd.wav"));
        Assert.Contains(what, fault.Message, StringComparison.Ordinal);
        Assert.Contains("odd.wav", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>Every truncation, and 20,000 files with random bytes changed, give a sound or a WaveException, and take no memory beyond the file's size.</summary>
    [Fact]
    public void Damaged_files_give_a_sound_or_a_clear_fault()
    {
        var whole = Bytes(new WaveFile(new WaveFormat(IsFloat: false, 24, 2, 48_000, Extensible: true, 24, 3), [new float[40], new float[40]]));
        for (var length = 0; length < whole.Length; length++) ReadDamaged(whole[..length]);
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (byte[])whole.Clone();
            for (var n = random.Next(1, 6); n > 0; n--) bytes[random.Next(random.Next(2) == 0 ? 68 : bytes.Length)] = (byte)random.Next(256);
            ReadDamaged(bytes);
        }
    }

    [Fact]
    public void Mixing_is_the_mean_of_the_channels() =>
        Assert.Equal([0.5f, 0f], new WaveFile(new WaveFormat(IsFloat: false, 16, 2, 8_000), [[1f, -0.5f], [0f, 0.5f]]).MixToMono());

    // The largest block is one frame of 65535 channels of 8 bytes, plus an array object for each channel.
    private static void ReadDamaged(byte[] bytes) => Assert.InRange(Allocation.Bytes(() =>
    {
        try
        {
            var wave = WaveReader.Read(new MemoryStream(bytes), "damaged.wav");
            Assert.True((long)wave.Frames * wave.Format.FrameBytes <= bytes.Length);
        }
        catch (WaveException fault)
        {
            Assert.Contains("damaged.wav", fault.Message, StringComparison.Ordinal);
        }
    }), 0, 4_000_000);

    private static WaveFile RoundTrip(WaveFile wave) => WaveReader.Read(new MemoryStream(Bytes(wave)), "test.wav");

    private static byte[] Bytes(WaveFile wave)
    {
        using var stream = new MemoryStream();
        WaveWriter.Write(stream, wave);
        return stream.ToArray();
    }

    private static float[] Sound(Random random, int length)
    {
        var sound = new float[length];
        for (var i = 0; i < length; i++) sound[i] = random.NextSingle() * 1.98f - 0.99f;
        return sound;
    }
}
