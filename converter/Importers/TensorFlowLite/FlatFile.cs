using System.Text;
using Google.FlatBuffers;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// The bytes of a FlatBuffers file. Every read is checked, and all reads together are limited by the file's size: parts of a file may refer to
/// one another as often as they like, so a small file could otherwise take years to read.
/// </summary>
internal sealed class FlatFile
{
    /// <summary>Elements that a file of any size may have.</summary>
    private const long Least = 1 << 16;

    private readonly byte[] _content;
    private readonly ByteBuffer _bytes;
    private readonly string _path;
    private long _left;

    public FlatFile(byte[] content, string path)
    {
        (_content, _bytes, _path) = (content, new ByteBuffer(content), path);
        // Most elements take more than one byte, and are read once or twice.
        _left = Least + 2L * content.Length;
    }

    public int Length => _bytes.Length;

    /// <summary>The file's main table.</summary>
    public FlatTable Root => TableAt(Forward(0));

    public byte Byte(int at) => _bytes.Get(Checked(at, sizeof(byte)));

    public ushort UInt16(int at) => _bytes.GetUshort(Checked(at, sizeof(ushort)));

    public int Int32(int at) => _bytes.GetInt(Checked(at, sizeof(int)));

    public uint UInt32(int at) => _bytes.GetUint(Checked(at, sizeof(uint)));

    public long Int64(int at) => _bytes.GetLong(Checked(at, sizeof(long)));

    public float Float(int at) => _bytes.GetFloat(Checked(at, sizeof(float)));

    /// <summary>The place that an offset at <paramref name="at"/> leads to.</summary>
    public int Forward(int at) => Checked((long)at + UInt32(at), sizeof(int));

    /// <summary>The first element and the number of elements of the vector at a place.</summary>
    public (int Start, int Count) Vector(int at, int size)
    {
        var count = UInt32(at);
        Checked(at + 4L, count * (long)size);
        return (at + sizeof(int), (int)count);
    }

    /// <summary>Counts what is read.</summary>
    public void Spend(long elements)
    {
        if ((_left -= elements + 1) < 0) throw Fault("its parts refer to one another so often that it describes far more than it holds");
    }

    public FlatTable TableAt(int at)
    {
        Spend(1);
        var table = (long)at - Int32(at);
        var vtable = Checked(table, 2 * sizeof(ushort));
        var (entries, size) = (UInt16(vtable), UInt16(vtable + sizeof(ushort)));
        if (entries < 2 * sizeof(ushort)) throw Fault($"the table at byte {at} has no fields' places");
        Checked(vtable, entries);
        Checked(at, size);
        return new FlatTable(this, at, vtable, entries / sizeof(ushort) - 2, size);
    }

    public string Text(int at)
    {
        var (start, count) = Vector(at, sizeof(byte));
        Spend(count);
        return Encoding.UTF8.GetString(Bytes(start, count).Span);
    }

    public ReadOnlyMemory<byte> Bytes(long start, long count) => _content.AsMemory(Checked(start, count), (int)count);

    public ConversionException Fault(string what) => new($"{_path}: the TensorFlow Lite file is damaged or truncated: {what}.");

    private int Checked(long at, long bytes) =>
        at >= 0 && bytes >= 0 && at + bytes <= _bytes.Length ? (int)at : throw Fault($"it refers to {bytes} bytes at {at}, but has {_bytes.Length}");
}

/// <summary>A table of a FlatBuffers file. A field that is missing has its default.</summary>
internal readonly struct FlatTable(FlatFile file, int at, int vtable, int fields, int size)
{
    public bool Has(int field) => Place(field, 0) > 0;

    public bool Flag(int field, bool otherwise = false) => Place(field, sizeof(byte)) is > 0 and var place ? file.Byte(place) != 0 : otherwise;

    public int Byte(int field, int otherwise = 0) => Place(field, sizeof(byte)) is > 0 and var place ? file.Byte(place) : otherwise;

    public int Int(int field, int otherwise = 0) => Place(field, sizeof(int)) is > 0 and var place ? file.Int32(place) : otherwise;

    public long Long(int field) => Place(field, sizeof(long)) is > 0 and var place ? file.Int64(place) : 0;

    public float Float(int field) => Place(field, sizeof(float)) is > 0 and var place ? file.Float(place) : 0;

    public string Text(int field) => Target(field) is { } place ? file.Text(place) : "";

    public int[] Ints(int field) => Elements<int>(field, sizeof(int), file is { } f ? f.Int32 : null!);

    public int[] Shorts(int field) => Elements<int>(field, sizeof(ushort), file is { } f ? place => f.UInt16(place) : null!);

    /// <summary>Numbers of one byte. <see cref="Bytes"/> is for content that is not copied.</summary>
    public int[] SmallInts(int field) => Elements<int>(field, sizeof(byte), file is { } f ? place => f.Byte(place) : null!);

    public long[] Longs(int field) => Elements<long>(field, sizeof(long), file is { } f ? f.Int64 : null!);

    public float[] Floats(int field) => Elements<float>(field, sizeof(float), file is { } f ? f.Float : null!);

    public ReadOnlyMemory<byte> Bytes(int field)
    {
        if (Target(field) is not { } place) return default;
        var (start, count) = file.Vector(place, sizeof(byte));
        return file.Bytes(start, count);
    }

    public FlatTable? Table(int field) => Target(field) is { } place ? file.TableAt(place) : null;

    public FlatTable[] Tables(int field)
    {
        var f = file;
        return Elements(field, sizeof(int), place => f.TableAt(f.Forward(place)));
    }

    private T[] Elements<T>(int field, int bytes, Func<int, T> read)
    {
        if (Target(field) is not { } place) return [];
        var (start, count) = file.Vector(place, bytes);
        file.Spend(count);
        var values = new T[count];
        for (var i = 0; i < count; i++) values[i] = read(start + i * bytes);
        return values;
    }

    private int? Target(int field) => Place(field, sizeof(int)) is > 0 and var place ? file.Forward(place) : null;

    /// <summary>Where a field is. 0 if it is missing.</summary>
    private int Place(int field, int bytes)
    {
        if (file is null || field >= fields) return 0;
        var offset = file.UInt16(vtable + (2 + field) * sizeof(ushort));
        if (offset == 0) return 0;
        return offset + bytes <= size ? at + offset : throw file.Fault($"field {field} of the table at byte {at} lies outside of it");
    }
}
