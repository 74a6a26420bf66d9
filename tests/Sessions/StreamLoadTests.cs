using System.IO.Compression;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Models from streams: of every manner of reading, cut short anywhere, damaged, and lying about themselves.</summary>
public class StreamLoadTests
{
    private static readonly byte[] s_file = SeqWriter.ToArray(SmallSeq.Build());

    [Fact]
    public void A_stream_gives_the_same_model_as_memory()
    {
        using var expected = SeqModel.Load(s_file);
        using var stream = new MemoryStream([1, 2, 3, .. s_file]) { Position = 3 };
        using var model = SeqModel.Load(stream);
        Assert.True(stream.CanRead);
        Assert.Equal(s_file.Length, model.FileBytes);
        Assert.Equal(Run(expected), Run(model));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    public void A_stream_that_cannot_seek_is_read_in_pieces_of_any_size(int piece)
    {
        using var expected = SeqModel.Load(s_file);
        using var model = SeqModel.Load(new Pieces(s_file, piece));
        Assert.Equal(Run(expected), Run(model));
    }

    [Fact]
    public void An_entry_of_an_archive_is_loaded()
    {
        using var packed = new MemoryStream();
        using (var pack = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) pack.Write(s_file);
        packed.Position = 0;
        using var expected = SeqModel.Load(s_file);
        using var model = SeqModel.Load(new GZipStream(packed, CompressionMode.Decompress), new SeqModelOptions { VerifyChecksums = true });
        Assert.Equal(Run(expected), Run(model));
    }

    /// <summary>Longer than what is taken at first, so that the memory grows, and with it moves.</summary>
    [Fact]
    public void A_large_model_is_loaded_from_a_stream_that_cannot_seek()
    {
        var builder = SmallSeq.Build();
        builder.Metadata["filler"] = new string('x', 300_000);
        var file = SeqWriter.ToArray(builder);
        using var expected = SeqModel.Load(file);
        using var model = SeqModel.Load(new Pieces(file, 4096));
        Assert.Equal(builder.Metadata["filler"], model.Metadata["filler"]);
        Assert.Equal(Run(expected), Run(model));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        for (var length = 0; length < s_file.Length; length++)
        {
            var fault = Assert.Throws<SeqFormatException>(() => SeqModel.Load(new Pieces(s_file[..length], 777)));
            Assert.Null(fault.FileName);
            Assert.StartsWith("stream: ", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Damage_is_refused_as_in_a_file()
    {
        var random = new Random(3);
        for (var i = 0; i < 300; i++)
        {
            var damaged = (byte[])s_file.Clone();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            using var memory = new MemoryStream(damaged);
            var ofStream = Record.Exception(() => SeqModel.Load(memory).Dispose());
            var ofMemory = Record.Exception(() => SeqModel.Load(damaged).Dispose());
            Assert.Equal(ofMemory?.GetType(), ofStream?.GetType());
            Assert.Equal(ofMemory?.Message.Replace("memory: ", "stream: ", StringComparison.Ordinal), ofStream?.Message);
        }
    }

    [Fact]
    public void A_stream_that_fails_or_lies_is_refused()
    {
        Assert.Throws<IOException>(() => SeqModel.Load(new Pieces(s_file, 100) { FailsAt = 500 }));
        Assert.Throws<IOException>(() => SeqModel.Load(new Pieces(s_file, 100) { Says = int.MaxValue }));
        Assert.Throws<IOException>(() => SeqModel.Load(new Pieces(s_file, 100) { Says = -1 }));
        foreach (var length in new[] { long.MinValue, -1, 0, 1, long.MaxValue })
        {
            using var model = SeqModel.Load(new Pieces(s_file, 100) { Claims = length });
            Assert.Equal(s_file.Length, model.FileBytes);
        }

        var closed = new MemoryStream(s_file);
        closed.Dispose();
        Assert.Throws<ArgumentException>(() => SeqModel.Load(closed));
        Assert.Throws<ArgumentException>(() => SeqModel.Load(new GZipStream(new MemoryStream(), CompressionMode.Compress)));
        Assert.Throws<ArgumentNullException>(() => SeqModel.Load((Stream)null!));
    }

    private static float[] Run(SeqModel model)
    {
        using var session = model.CreateSession("step");
        session.Input<float>("x").Fill(0.5f);
        session.Run();
        return session.Output<float>("y").ToArray();
    }

    /// <summary>Gives at most so many bytes at a time, and cannot seek unless it claims a length.</summary>
    private sealed class Pieces(byte[] content, int most) : Stream
    {
        private int _at;

        /// <summary>Where reading fails.</summary>
        public int FailsAt { get; init; } = int.MaxValue;

        /// <summary>What reading returns instead of what it gave.</summary>
        public int? Says { get; init; }

        /// <summary>The length that it says it has.</summary>
        public long? Claims { get; init; }

        public override bool CanRead => true;

        public override bool CanSeek => Claims is not null;

        public override bool CanWrite => false;

        public override long Length => Claims ?? throw new NotSupportedException();

        public override long Position
        {
            get => Claims is null ? throw new NotSupportedException() : 0;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_at >= FailsAt) throw new IOException("The cable was pulled.");
            var count = Math.Min(Math.Min(buffer.Length, most), content.Length - _at);
            content.AsSpan(_at, count).CopyTo(buffer);
            _at += count;
            return Says ?? count;
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
