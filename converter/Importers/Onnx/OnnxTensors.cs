using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Reads constants of an ONNX file: every encoding of <c>TensorProto</c>, including external data. Each length is checked before use.</summary>
internal sealed class OnnxTensors(string file, SourceFiles files)
{
    /// <summary>Limit of how often an external file is read. Constants that share bytes read them again.</summary>
    private const int MostReadings = 8;

    private readonly ModelFolder _folder = files.FolderOf(file);
    private readonly Dictionary<string, long> _readBytes = [];

    public IrTensor Read(TensorProto proto)
    {
        var type = OnnxNumbers.TypeOf(proto.DataType);
        if (type == 0) throw Fault(proto, $"its element type {OnnxNumbers.NameOf(proto.DataType)} is not supported");
        if (proto.Dims.Count > Format.Shape.MaxRank) throw Fault(proto, $"it has {proto.Dims.Count} dimensions; at most {Format.Shape.MaxRank} are supported");
        var count = 1L;
        var shape = new int[proto.Dims.Count];
        for (var i = 0; i < shape.Length; i++)
        {
            var size = proto.Dims[i];
            if (size is < 0 or > int.MaxValue || (count *= size) > int.MaxValue / 8) throw Fault(proto, $"its shape [{string.Join(", ", proto.Dims)}] is invalid");
            shape[i] = (int)size;
        }

        if (proto.Segment is not null) throw Fault(proto, "it is one segment of a tensor, and the other segments are missing; export the model again");
        if (proto.DataLocation == TensorProto.Types.DataLocation.External && proto.RawData.Length > 0) throw Fault(proto, "it has its data twice, in the model and in an external file");
        if (proto.DataLocation == TensorProto.Types.DataLocation.External) return FromRaw(proto, type, shape, (int)count, External(proto, count));
        if (proto.HasRawData && proto.FloatData.Count + proto.Int32Data.Count + proto.Int64Data.Count + proto.DoubleData.Count + proto.Uint64Data.Count + proto.StringData.Count > 0) throw Fault(proto, "it has its data twice, as bytes and as numbers");
        if (proto.HasRawData) return FromRaw(proto, type, shape, (int)count, IrTensor.Part(proto.RawData.Memory));
        return FromFields(proto, type, shape, (int)count);
    }

    private IrTensor FromRaw(TensorProto proto, ElementType type, int[] shape, int count, ReadOnlyMemory<byte> raw)
    {
        if (raw.Length != Bytes(proto, count)) throw Fault(proto, $"it has {raw.Length} bytes of data; {count} elements need {Bytes(proto, count)}");
        var data = (OnnxType)proto.DataType switch
        {
            OnnxType.UInt4 => Convert(raw.Span, count, static (r, i) => (byte)(r[i / 2] >> (i % 2 * 4) & 15)),
            OnnxType.Int4 => Convert(raw.Span, count, static (r, i) => (sbyte)((sbyte)(r[i / 2] << ((1 - i % 2) * 4)) >> 4)),
            OnnxType.Float16 => Convert(raw.Span, count, static (r, i) => (float)BitConverter.UInt16BitsToHalf(BinaryPrimitives.ReadUInt16LittleEndian(r[(2 * i)..]))),
            OnnxType.BFloat16 => Convert(raw.Span, count, static (r, i) => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(r[(2 * i)..]) << 16)),
            OnnxType.Int16 => Convert(raw.Span, count, static (r, i) => (int)BinaryPrimitives.ReadInt16LittleEndian(r[(2 * i)..])),
            OnnxType.UInt16 => Convert(raw.Span, count, static (r, i) => (int)BinaryPrimitives.ReadUInt16LittleEndian(r[(2 * i)..])),
            OnnxType.UInt32 => Convert(raw.Span, count, static (r, i) => (long)BinaryPrimitives.ReadUInt32LittleEndian(r[(4 * i)..])),
            OnnxType.Bool => Convert(raw.Span, count, static (r, i) => r[i] != 0 ? (byte)1 : (byte)0),
            _ => raw,
        };
        return new IrTensor(type, shape, data);
    }

    private delegate T Reader<T>(ReadOnlySpan<byte> raw, int index);

    private static byte[] Convert<T>(ReadOnlySpan<byte> raw, int count, Reader<T> read)
        where T : unmanaged
    {
        var result = new T[count];
        for (var i = 0; i < count; i++) result[i] = read(raw, i);
        return MemoryMarshal.AsBytes(result.AsSpan()).ToArray();
    }

    private IrTensor FromFields(TensorProto proto, ElementType type, int[] shape, int count)
    {
        if ((OnnxType)proto.DataType is OnnxType.UInt4 or OnnxType.Int4) return FromRaw(proto, type, shape, count, (byte[])[.. proto.Int32Data.Select(v => (byte)v)]);
        byte[] Fill<TField, T>(IReadOnlyList<TField> field, Func<TField, T> convert)
            where T : unmanaged
        {
            if (field.Count != count) throw Fault(proto, $"it has {field.Count} values, but its shape has {count} elements");
            var result = new T[count];
            for (var i = 0; i < count; i++) result[i] = convert(field[i]);
            return MemoryMarshal.AsBytes(result.AsSpan()).ToArray();
        }

        var data = (OnnxType)proto.DataType switch
        {
            OnnxType.Float => Fill(proto.FloatData, v => v),
            OnnxType.Float16 => Fill(proto.Int32Data, v => (float)BitConverter.UInt16BitsToHalf((ushort)v)),
            OnnxType.BFloat16 => Fill(proto.Int32Data, v => BitConverter.UInt32BitsToSingle((uint)(ushort)v << 16)),
            OnnxType.Int32 or OnnxType.Int16 or OnnxType.UInt16 => Fill(proto.Int32Data, v => v),
            OnnxType.Int8 => Fill(proto.Int32Data, v => (sbyte)v),
            OnnxType.UInt8 => Fill(proto.Int32Data, v => (byte)v),
            OnnxType.Bool => Fill(proto.Int32Data, v => v != 0 ? (byte)1 : (byte)0),
            OnnxType.Int64 => Fill(proto.Int64Data, v => v),
            OnnxType.Double => Fill(proto.DoubleData, v => v),
            _ => Fill(proto.Uint64Data, v => unchecked((long)v)),
        };
        return new IrTensor(type, shape, data);
    }

    /// <summary>Reads external data: only from a file in the model's own or an allowed folder, and only within the file.</summary>
    private byte[] External(TensorProto proto, long count)
    {
        var entries = new Dictionary<string, string>();
        foreach (var entry in proto.ExternalData)
        {
            if (!entries.TryAdd(entry.Key, entry.Value)) throw Fault(proto, $"its external data has two values of {entry.Key}");
        }

        if (!entries.TryGetValue("location", out var location) || location.Length == 0) throw Fault(proto, "it does not name the file of its external data");
        var path = _folder.Find(location, what => Fault(proto, $"its external data {what}"));
        using var stream = files.OpenFound(path);
        var offset = Number("offset", 0);
        // If the length is missing, it is the tensor's size.
        var expected = Bytes(proto, count);
        var length = Number("length", expected);
        if (offset < 0 || length != expected || offset > stream.Length - length) throw Fault(proto, $"its external data of {length} bytes at {offset} does not fit (the tensor needs {expected}, the file has {stream.Length})");
        if ((_readBytes[path] = _readBytes.GetValueOrDefault(path) + length) > MostReadings * stream.Length) throw Fault(proto, $"its external data '{location}' is read more than {MostReadings} times: too many constants share the same bytes");
        var data = new byte[length];
        stream.Position = offset;
        stream.ReadExactly(data);
        return data;

        long Number(string key, long otherwise) =>
            !entries.TryGetValue(key, out var text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : throw Fault(proto, $"its external data has {key} '{text}'; it must be a whole number");
    }

    /// <summary>Bytes of this many elements. Two 4-bit elements share a byte.</summary>
    private static long Bytes(TensorProto proto, long count) => (OnnxType)proto.DataType is OnnxType.UInt4 or OnnxType.Int4 ? (count + 1) / 2 : count * Width((OnnxType)proto.DataType);

    private static int Width(OnnxType type) => type switch
    {
        OnnxType.UInt8 or OnnxType.Int8 or OnnxType.Bool => 1,
        OnnxType.UInt16 or OnnxType.Int16 or OnnxType.Float16 or OnnxType.BFloat16 => 2,
        OnnxType.Int64 or OnnxType.UInt64 or OnnxType.Double => 8,
        _ => 4,
    };

    private ConversionException Fault(TensorProto proto, string what) => new($"{file}: tensor '{proto.Name}': {what}.");
}
