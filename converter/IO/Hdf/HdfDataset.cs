using System.Buffers.Binary;
using System.IO.Compression;

namespace SeqRuntime.Converter.IO.Hdf;

/// <summary>A dataset of numbers, stored in one piece or in chunks, packed or not.</summary>
internal sealed class HdfDataset
{
    private const int Compact = 0, Contiguous = 1, Chunked = 2;

    private readonly HdfBytes _file;
    private readonly HdfObject _object;
    private readonly string _name;

    public HdfDataset(HdfBytes file, HdfObject of, string name)
    {
        (_file, _object, _name) = (file, of, name);
        Type = HdfType.Read(of.Need(HdfObject.Datatype, "type"));
        Shape = HdfSpace.Read(of.Need(HdfObject.Dataspace, "shape")) ?? [0];
    }

    public HdfType Type { get; }

    public int[] Shape { get; }

    /// <summary>The elements of a dataset of 2-byte or 4-byte floats.</summary>
    public float[] ReadFloats() => Read<float>(element => Type switch
    {
        { Bytes: 4, IsBigEndian: false } => BinaryPrimitives.ReadSingleLittleEndian(element),
        { Bytes: 4 } => BinaryPrimitives.ReadSingleBigEndian(element),
        { IsBigEndian: false } => (float)BinaryPrimitives.ReadHalfLittleEndian(element),
        _ => (float)BinaryPrimitives.ReadHalfBigEndian(element),
    });

    /// <summary>The elements of a dataset of 8-byte floats.</summary>
    public double[] ReadDoubles() => Read<double>(element => Type.IsBigEndian ? BinaryPrimitives.ReadDoubleBigEndian(element) : BinaryPrimitives.ReadDoubleLittleEndian(element));

    private T[] Read<T>(Func<ReadOnlySpan<byte>, T> read)
    {
        if (Type.Kind != HdfKind.Float) throw _file.Refusal($"the dataset '{_name}' has elements that are not IEEE floats of 2, 4 or 8 bytes");
        var bytes = ReadBytes(sizeof(float));
        var floats = new T[bytes.Length / Type.Bytes];
        for (var i = 0; i < floats.Length; i++) floats[i] = read(bytes.Slice(i * Type.Bytes, Type.Bytes));
        return floats;
    }

    /// <summary>The elements of a dataset of integers. Unsigned 8-byte integers keep their bits.</summary>
    public long[] ReadIntegers()
    {
        if (Type.Kind != HdfKind.Integer) throw _file.Refusal($"the dataset '{_name}' has elements that are not integers of 1, 2, 4 or 8 bytes");
        var bytes = ReadBytes(sizeof(long));
        var integers = new long[bytes.Length / Type.Bytes];
        Span<byte> wide = stackalloc byte[sizeof(long)];
        for (var i = 0; i < integers.Length; i++)
        {
            var element = bytes.Slice(i * Type.Bytes, Type.Bytes);
            var isNegative = Type.IsSigned && (sbyte)element[Type.IsBigEndian ? 0 : ^1] < 0;
            wide.Fill((byte)(isNegative ? 0xff : 0));
            element.CopyTo(wide);
            if (Type.IsBigEndian) wide[..Type.Bytes].Reverse();
            integers[i] = BinaryPrimitives.ReadInt64LittleEndian(wide);
        }

        return integers;
    }

    /// <summary>All elements as stored, after counting the memory of the result.</summary>
    private ReadOnlySpan<byte> ReadBytes(int bytesOfResult)
    {
        if (_object.Has(HdfObject.ExternalFiles)) throw _file.Refusal($"the dataset '{_name}' keeps its data in other files, which is not supported; save all weights in one file");
        var count = Shape.Aggregate(1, (product, size) => product * size);
        var bytes = count * (long)Math.Max(Type.Bytes, bytesOfResult);
        if (bytes > Array.MaxLength) throw _file.Fault($"the dataset '{_name}' has more than 2 GiB");
        _file.Unpack(bytes);
        if (count == 0) return [];
        var needed = count * (long)Type.Bytes;
        var layout = _object.Need(HdfObject.Layout, "data");
        var version = layout.Byte();
        if (version is not (3 or 4)) throw _file.Fault($"the dataset '{_name}' has a data layout of unknown version {version}; save it again with a newer program");
        switch (layout.Byte())
        {
            case Compact:
                var size = layout.UInt16();
                return size == needed ? layout.Take(size) : throw Wrong(size, needed);
            case Contiguous:
                var (address, length) = (layout.Address(), layout.Length());
                if (address < 0) return Unwritten(needed);
                return length == needed ? _file.Range(_file.Place(address), length) : throw Wrong(length, needed);
            case Chunked:
                return new HdfChunks(_file, _name, Shape, Type.Bytes, Filters(), Unwritten(needed)).Read(version, ref layout, HdfSpace.Most(_object.Need(HdfObject.Dataspace, "shape")));
            default:
                throw _file.Refusal($"the dataset '{_name}' is a virtual dataset, which may refer to other files and is not supported; save all weights in one file");
        }
    }

    /// <summary>The content of elements that were never written: the fill value. It is zero unless the writer chose another.</summary>
    private byte[] Unwritten(long needed)
    {
        _file.Unpack(needed);
        var data = new byte[needed];
        var value = FillValue();
        if (value.Length != Type.Bytes && value.Length != 0) throw _file.Fault($"the fill value of the dataset '{_name}' has {value.Length} bytes instead of {Type.Bytes}");
        if (value.IndexOfAnyExcept((byte)0) < 0) return data;
        for (var i = 0; i < data.Length; i += value.Length) value.CopyTo(data.AsSpan(i));
        return data;
    }

    private ReadOnlySpan<byte> FillValue()
    {
        const int newest = 3, hasValue = 0x20;
        if (_object.Has(HdfObject.FillValue))
        {
            var message = _object.Need(HdfObject.FillValue, "fill value");
            var version = message.Byte();
            if (version is < 1 or > newest) throw _file.Fault($"the fill value of the dataset '{_name}' has unknown version {version}");
            var flags = message.Byte();
            if (version < newest) message.Skip(1);
            var isGiven = version == newest ? (flags & hasValue) != 0 : message.Byte() != 0 || version == 1;
            return isGiven ? Value(message) : default;
        }

        if (!_object.Has(HdfObject.OldFillValue)) return default;
        var old = _object.Need(HdfObject.OldFillValue, "fill value");
        return Value(old);

        static ReadOnlySpan<byte> Value(HdfCursor message) => message.UInt32() is <= int.MaxValue and var bytes ? message.Take(bytes) : default;
    }

    private ConversionException Wrong(long has, long needs) => _file.Fault($"the dataset '{_name}' of shape [{string.Join(", ", Shape)}] has {has} bytes instead of {needs}");

    private List<HdfFilter> Filters()
    {
        const int shuffle = 2, deflate = 1, checksum = 3, firstNamed = 256, most = 32;
        var filters = new List<HdfFilter>();
        if (!_object.Has(HdfObject.Filters)) return filters;
        var message = _object.Need(HdfObject.Filters, "filters");
        var (version, count) = (message.Byte(), message.Byte());
        if (version is not (1 or 2) || count > most) throw _file.Fault($"the dataset '{_name}' has filters of unknown version {version}");
        if (version == 1) message.Skip(6);
        for (var i = 0; i < count; i++)
        {
            var id = message.UInt16();
            var nameBytes = version == 1 || id >= firstNamed ? message.UInt16() : 0;
            message.Skip(2);
            var values = message.UInt16();
            message.Skip(version == 1 ? (nameBytes + 7) / 8 * 8 : nameBytes);
            message.Skip(4 * (values + (version == 1 ? values % 2 : 0)));
            filters.Add(id switch
            {
                deflate => HdfFilter.Deflate,
                shuffle => HdfFilter.Shuffle,
                checksum => HdfFilter.Checksum,
                _ => throw _file.Refusal($"the dataset '{_name}' is packed by {id switch { 4 => "SZIP", 5 => "NBit", 6 => "scale and offset", 32000 => "LZF", 32001 => "Blosc", 32004 => "LZ4", 32013 => "ZFP", 32015 => "Zstandard", _ => $"filter {id}" }}; save it unpacked or with gzip"),
            });
        }

        return filters;
    }
}

/// <summary>The filters of chunks.</summary>
internal enum HdfFilter
{
    Deflate,

    /// <summary>Stores the first bytes of all elements, then the second bytes, and so on.</summary>
    Shuffle,

    /// <summary>Four bytes after the data.</summary>
    Checksum,
}

/// <summary>Unpacks a chunk.</summary>
internal static class HdfUnpacking
{
    /// <param name="packed">The packed bytes.</param>
    /// <param name="filters">The filters, in the order in which they were applied.</param>
    /// <param name="skipped">A bit for each filter that this chunk skipped.</param>
    /// <param name="bytes">The expected number of unpacked bytes.</param>
    /// <param name="elementBytes">Size of an element in bytes.</param>
    /// <param name="fault">Makes the exception for a damaged chunk.</param>
    public static byte[] Unpack(ReadOnlySpan<byte> packed, List<HdfFilter> filters, long skipped, int bytes, int elementBytes, Func<string, ConversionException> fault)
    {
        const int checksumBytes = 4;
        var data = packed.ToArray();
        for (var i = filters.Count - 1; i >= 0; i--)
        {
            if ((skipped >> i & 1) != 0) continue;
            switch (filters[i])
            {
                case HdfFilter.Checksum:
                    data = data.Length >= checksumBytes ? data[..^checksumBytes] : throw fault("is too short for its checksum");
                    break;
                case HdfFilter.Shuffle:
                    data = Unshuffled(data, elementBytes);
                    break;
                default:
                    // A checksum of another filter may follow the data.
                    data = Inflated(data, bytes + checksumBytes * filters.Count, fault);
                    break;
            }
        }

        return data.Length == bytes ? data : throw fault($"has {data.Length} bytes instead of {bytes}");
    }

    private static byte[] Inflated(byte[] data, int most, Func<string, ConversionException> fault)
    {
        var buffer = new byte[most + 1];
        var count = Library.Call(
            () =>
            {
                using var stream = new ZLibStream(new MemoryStream(data, writable: false), CompressionMode.Decompress);
                return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            },
            what => fault($"cannot be unpacked ({what})"));
        return count <= most ? buffer[..count] : throw fault($"unpacks to more than {most} bytes");
    }

    private static byte[] Unshuffled(byte[] data, int elementBytes)
    {
        var elements = data.Length / elementBytes;
        var result = new byte[data.Length];
        for (var i = 0; i < elements; i++)
        {
            for (var b = 0; b < elementBytes; b++) result[i * elementBytes + b] = data[b * elements + i];
        }

        // Bytes after the last whole element stay in place.
        data.AsSpan(elements * elementBytes).CopyTo(result.AsSpan(elements * elementBytes));
        return result;
    }
}
