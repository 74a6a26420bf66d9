using System.Buffers.Binary;
using System.Text;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>The options of a custom operator: a map of FlexBuffers, whose numbers are read. Its end says where it begins, and how wide its numbers are.</summary>
internal sealed class FlexMap
{
    private const int Int = 1, UInt = 2, Real = 3, FarInt = 6, FarUInt = 7, FarReal = 8, Map = 9, Bool = 26;

    /// <summary>Limits of the options and of their names. Names may share bytes, so that a small file could describe gigabytes of them.</summary>
    private const int MostOptions = 256, MostLetters = 64;

    private readonly Dictionary<string, double> _numbers = new(StringComparer.Ordinal);
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Func<string, ConversionException> _fault;

    private FlexMap(ReadOnlyMemory<byte> bytes, Func<string, ConversionException> fault)
    {
        (_bytes, _fault) = (bytes, fault);
        var end = bytes.Length;
        var (width, type) = ((int)Unsigned(end - 1, 1), (int)Unsigned(end - 2, 1));
        if (type >> 2 != Map || width is not (1 or 2 or 4 or 8)) throw Damaged();
        Read(Far(end - 2L - width, width), 1 << (type & 3));
    }

    /// <exception cref="ConversionException">The options are damaged; <paramref name="fault"/> makes the exception.</exception>
    public static FlexMap Of(ReadOnlyMemory<byte> bytes, Func<string, ConversionException> fault) => new(bytes, fault);

    public double Number(string name) => _numbers.TryGetValue(name, out var number) ? number : throw _fault($"its options have no '{name}'");

    public int Whole(string name, int least, int most) => Number(name) is var number && number >= least && number <= most && number == Math.Floor(number) ? (int)number : throw _fault($"its '{name}' is {number}; it must be a whole number from {least} to {most}");

    private void Read(long at, int width)
    {
        var count = Unsigned(at - width, width);
        var (keys, keyWidth) = (Far(at - 3L * width, width), (int)Unsigned(at - 2L * width, width));
        if (count > (ulong)_bytes.Length || keyWidth is not (1 or 2 or 4 or 8)) throw Damaged();
        if (count > MostOptions) throw _fault($"it has {count} options; at most {MostOptions} are read");
        for (var i = 0; i < (int)count; i++)
        {
            var (name, place, type) = (Text(Far(keys + (long)i * keyWidth, keyWidth)), at + (long)i * width, (int)Unsigned(at + (long)count * width + i, 1));
            double? value = (type >> 2) switch
            {
                Int => Signed(place, width),
                UInt or Bool => Unsigned(place, width),
                Real => Floating(place, width),
                FarInt => Signed(Far(place, width), 1 << (type & 3)),
                FarUInt => Unsigned(Far(place, width), 1 << (type & 3)),
                FarReal => Floating(Far(place, width), 1 << (type & 3)),
                _ => null,
            };
            if (value is { } number) _numbers[name] = number;
        }
    }

    private string Text(long at)
    {
        var text = Part(at, Math.Clamp(_bytes.Length - at, 0, MostLetters + 1));
        if (text.IndexOf((byte)0) is >= 0 and var length) return Encoding.UTF8.GetString(text[..length]);
        throw text.Length > MostLetters ? _fault($"the name of one of its options is longer than {MostLetters} bytes") : Damaged();
    }

    private long Far(long at, int width) => Unsigned(at, width) is var offset && offset <= (ulong)at ? at - (long)offset : throw Damaged();

    private ulong Unsigned(long at, int width) => width switch
    {
        1 => Part(at, width)[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Part(at, width)),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(Part(at, width)),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(Part(at, width)),
    };

    private long Signed(long at, int width) => (long)(Unsigned(at, width) << (64 - 8 * width)) >> (64 - 8 * width);

    private double Floating(long at, int width) => width switch
    {
        4 => BinaryPrimitives.ReadSingleLittleEndian(Part(at, width)),
        8 => BinaryPrimitives.ReadDoubleLittleEndian(Part(at, width)),
        _ => throw Damaged(),
    };

    private ReadOnlySpan<byte> Part(long at, long bytes) => at >= 0 && at + bytes <= _bytes.Length ? _bytes.Span.Slice((int)at, (int)bytes) : throw Damaged();

    private ConversionException Damaged() => _fault("its options are damaged");
}
