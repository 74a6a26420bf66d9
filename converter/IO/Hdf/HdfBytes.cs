using System.Buffers.Binary;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>
/// The bytes of an HDF5 file. Each range is checked before it is returned. A budget in proportion to the file's length ends reading of
/// circular structures and of structures that are read many times.
/// </summary>
/// <remarks>HDF5 File Format Specification 3.0. Names of structures, messages and fields are taken from it.</remarks>
internal sealed class HdfBytes(byte[] file, string where)
{
    private const int CostOfRange = 16;

    private long _budget = (1 << 26) + 64L * file.Length;
    private long _unpacked = (1 << 26) + 16L * file.Length;

    /// <summary>The position in the file from which addresses count.</summary>
    public long Base { get; set; }

    /// <summary>Size of an address in bytes.</summary>
    public int AddressBytes { get; set; } = 8;

    /// <summary>Size of a length in bytes.</summary>
    public int LengthBytes { get; set; } = 8;

    public long Count => file.Length;

    /// <summary>A range of the file's bytes.</summary>
    public ReadOnlySpan<byte> Range(long at, long length)
    {
        if (at < 0 || length < 0 || at > file.Length || length > file.Length - at) throw Fault($"{length} bytes at {at} lie outside the file's {file.Length} bytes");
        if ((_budget -= length + CostOfRange) < 0) throw Fault("its structures are circular or refer to the same bytes too often");
        return file.AsSpan((int)at, (int)length);
    }

    /// <summary>A reader that starts at a position in the file.</summary>
    public HdfCursor At(long at, long length) => new(this, Range(at, length), at);

    /// <summary>A reader of the structure at an address. The structure must begin with this signature.</summary>
    public HdfCursor Structure(long address, string signature, long length)
    {
        var cursor = At(Place(address), length);
        return cursor.Signature(signature) ? cursor : throw Fault($"there is no {signature} at {address}");
    }

    /// <summary>The position in the file of an address.</summary>
    public long Place(long address) => address >= 0 && address <= file.Length - Base ? Base + address : throw Fault($"the address {address} lies outside the file's {file.Length} bytes");

    /// <summary>Counts bytes before they are unpacked or copied.</summary>
    public void Unpack(long bytes)
    {
        if (bytes < 0 || (_unpacked -= bytes) < 0) throw Fault($"its data unpack to more than {((1 << 26) + 16L * file.Length) >> 20} MiB, which is many times its length");
    }

    /// <summary>An error for a valid file with an unsupported feature.</summary>
    public ConversionException Refusal(string what) => new($"{where}: {what}.");

    public ConversionException Fault(string what) => new($"{where}: the HDF5 file is damaged or of an unsupported kind: {what}.");
}

/// <summary>Reads little-endian numbers one after the other, up to the end of a range.</summary>
internal ref struct HdfCursor(HdfBytes file, ReadOnlySpan<byte> range, long start)
{
    private readonly ReadOnlySpan<byte> _range = range;
    private int _at;

    public readonly HdfBytes File => file;

    /// <summary>The position in the file of the next byte.</summary>
    public readonly long Place => start + _at;

    public readonly int Left => _range.Length - _at;

    public readonly bool Signature(string signature)
    {
        for (var i = 0; i < signature.Length; i++)
        {
            if (i >= _range.Length || _range[i] != signature[i]) return false;
        }

        return true;
    }

    public ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > Left) throw file.Fault($"{count} bytes at {Place} go past the end of their structure");
        var taken = _range.Slice(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    public void Skip(long count) => Take(count);

    public byte Byte() => Take(1)[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public long UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>A number of this many bytes. A number of more than 63 bits becomes the undefined number.</summary>
    public long Number(int bytes)
    {
        if (bytes is < 1 or > 8) throw file.Fault($"the number at {Place} has {bytes} bytes; it must have 1 to 8");
        var value = 0UL;
        var digits = Take(bytes);
        for (var i = digits.Length - 1; i >= 0; i--) value = value << 8 | digits[i];
        return value > long.MaxValue ? -1 : (long)value;
    }

    /// <summary>An address. -1 if it is undefined.</summary>
    public long Address()
    {
        var undefined = file.AddressBytes == 8 ? -1 : (1L << (8 * file.AddressBytes)) - 1;
        var address = Number(file.AddressBytes);
        return address == undefined ? -1 : address;
    }

    public long Length() => Number(file.LengthBytes);
}
