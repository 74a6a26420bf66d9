using System.IO.Compression;

namespace SeqRuntime.Converter.IO;

/// <summary>The content of a zip entry. At its end the checksum is verified, which .NET does not do.</summary>
internal sealed class UnpackedEntry : Stream
{
    private readonly ZipArchiveEntry _entry;
    private readonly Func<string, ConversionException> _damaged;
    private readonly Stream _content;
    private uint _sum = Crc32.Start;
    private long _position;

    /// <param name="entry">The entry.</param>
    /// <param name="damaged">Makes the exception for a damaged entry.</param>
    public UnpackedEntry(ZipArchiveEntry entry, Func<string, ConversionException> damaged)
    {
        (_entry, _damaged) = (entry, damaged);
        _content = Library.Call(entry.Open, what => damaged(what.Contains("not supported", StringComparison.Ordinal) ? $"'{entry.FullName}' has an unsupported compression method" : what));
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _entry.Length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = Library.Call(() => _content.Read(buffer, offset, count), _damaged);
        _sum = Crc32.Next(_sum, buffer.AsSpan(offset, read));
        _position += read;
        if (read == 0 && count > 0 && _position == _entry.Length && ~_sum != _entry.Crc32) throw _damaged($"the checksum of '{_entry.FullName}' is {~_sum:X8}, not {_entry.Crc32:X8}");
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _content.Dispose();
        base.Dispose(disposing);
    }
}
