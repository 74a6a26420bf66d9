namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// A file in memory for a reader that trusts it: a position or a length beyond its end is an error at once, and so is reading
/// many times more than there is, which a damaged file can otherwise make go on forever.
/// </summary>
internal sealed class GuardedStream(byte[] data) : Stream
{
    private const int CostOfCall = 64;
    private long _budget = data.Length * 16L + (1 << 24);
    private int _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => data.Length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 && value <= data.Length ? (int)value : throw new EndOfStreamException($"it points to byte {value}; the file has {data.Length}");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (buffer.Length > data.Length - _position) throw new EndOfStreamException($"{buffer.Length} bytes are to be read at byte {_position}; the file has {data.Length}");
        _budget -= buffer.Length + CostOfCall;
        if (_budget < 0) throw new InvalidDataException("the same parts are read again and again");
        data.AsSpan(_position, buffer.Length).CopyTo(buffer);
        _position += buffer.Length;
        return buffer.Length;
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _position,
        _ => data.Length,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
