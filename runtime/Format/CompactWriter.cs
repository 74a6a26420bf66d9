using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Format;

/// <summary>Writes a section with short integers and strings: see <see cref="SeqLayout"/>. Its counterpart is <see cref="SectionReader"/>.</summary>
internal sealed class CompactWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly NameStems _stems = new();
    private int _number;

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
        var (stem, number) = NameStems.Split(Encoding.UTF8.GetBytes(text));
        var (place, shared) = _stems.Find(stem);
        if (shared == stem.Length && _stems[place].Length == shared)
        {
            Number(place);
        }
        else
        {
            Number(-1 - place);
            Number(shared);
            Number(stem.Length - shared);
            _bytes.Write(stem.AsSpan(shared));
        }

        _stems.MoveToFront(stem);
        // 0 means no number; otherwise store the difference to the last number.
        var difference = (number ?? 0) - _number;
        Number(number is null ? 0 : difference >= 0 ? difference + 1 : difference);
        _number = number ?? _number;
    }

    /// <summary>Indices as differences to <paramref name="origin"/>. -1 is no value.</summary>
    public void Near(IReadOnlyCollection<int> values, int origin)
    {
        Number(values.Count);
        foreach (var value in values)
        {
            var difference = value - origin;
            Number(value < 0 ? 0 : difference >= 0 ? difference + 1 : difference);
        }
    }

    public void List<T>(IReadOnlyCollection<T> items, Action<CompactWriter, T> write)
    {
        Number(items.Count);
        foreach (var item in items) write(this, item);
    }
}
