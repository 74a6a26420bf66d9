using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>The arguments of a pickle's opcodes. Every length is checked against the bytes that are left.</summary>
internal sealed class PickleBytes(byte[] bytes, Func<string, ConversionException> fault)
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private int _at;

    /// <summary>Where the next byte is.</summary>
    public int Position => _at;

    public byte Byte() => Take(1)[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(bytes.Length - _at)) throw Damaged($"{count} bytes are needed, and {bytes.Length - _at} are left");
        var taken = bytes.AsSpan(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    public string Text(ulong count)
    {
        var text = Take(count);
        try
        {
            return s_strict.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            // Python also pickles lone surrogates.
            return Encoding.UTF8.GetString(text);
        }
    }

    /// <summary>The text up to the end of the line.</summary>
    public string Line()
    {
        const int longest = 1000;
        var end = bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (end is < 0 or > longest) throw Damaged("a name has no end");
        var line = Encoding.UTF8.GetString(bytes, _at, end);
        _at += end + 1;
        return line;
    }

    /// <summary>A whole number of any length. Those beyond 64 bits become float64, because nothing uses them.</summary>
    public object Long(ulong count)
    {
        const ulong longest = 1 << 10;
        if (count > longest) throw Damaged($"a number of {count} bytes");
        var value = new BigInteger(Take(count));
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : (double)value;
    }

    public ConversionException Damaged(string what) => fault($"{what} (byte {_at})");
}
