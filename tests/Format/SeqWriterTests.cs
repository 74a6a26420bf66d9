using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>The writer makes the same file for each stream.</summary>
public sealed class SeqWriterTests
{
    [Fact]
    public void A_stream_that_cannot_seek_gets_the_same_file()
    {
        var model = SmallSeq.Build();
        using var memory = new MemoryStream();
        memory.Write(new byte[7]);
        var positions = SeqWriter.Write(model, memory);
        Assert.Equal(SeqWriter.ToArray(model), memory.ToArray()[7..]);
        Assert.Equal(SeqWriter.ToArray(model), Written(model));
        Assert.All(model.Tensors.Zip(positions), t => Assert.Equal(t.First.Data.ToArray(), memory.ToArray().AsSpan(7 + (int)t.Second, t.First.Data.Length).ToArray()));
    }

    /// <summary>The model as written to a pipe.</summary>
    internal static byte[] Written(SeqModelBuilder model)
    {
        using var pipe = new Pipe();
        SeqWriter.Write(model, pipe);
        return pipe.Bytes.ToArray();
    }

    private sealed class Pipe : Stream
    {
        public List<byte> Bytes { get; } = [];

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Bytes.AddRange(buffer.AsSpan(offset, count));
    }
}
