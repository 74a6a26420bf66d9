using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Writes a section whose integers and strings are as short as they can be: see <see cref="SeqLayout"/>. Its counterpart is <see cref="SectionReader"/>.</summary>
internal sealed class CompactWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private byte[] _string = [];

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public void Byte(byte value) => _bytes.Write([value]);

    public void Float(float value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    public void Number(long value)
    {
        var rest = (ulong)(value << 1 ^ value >> 63);
        for (; rest >= 0x80; rest >>= 7) Byte((byte)(rest | 0x80));
        Byte((byte)rest);
    }

    public void Numbers(IReadOnlyCollection<int> numbers) => List(numbers, static (w, v) => w.Number(v));

    public void String(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var shared = _string.AsSpan().CommonPrefixLength(bytes);
        Number(shared);
        Number(bytes.Length - shared);
        _bytes.Write(bytes.AsSpan(shared));
        _string = bytes;
    }

    public void List<T>(IReadOnlyCollection<T> items, Action<CompactWriter, T> write)
    {
        Number(items.Count);
        foreach (var item in items) write(this, item);
    }
}
