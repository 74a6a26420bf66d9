using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Weights;

/// <summary>
/// Reads <c>.safetensors</c>: the header's length (uint64, little-endian), the header (JSON: name to dtype, shape and
/// data_offsets), the values, row-major and little-endian. Half precision becomes float32. Every offset is checked against the
/// file, and every length against shape and type.
/// </summary>
internal static class SafetensorsReader
{
    /// <summary>The format's own limit.</summary>
    private const int LargestHeader = 100_000_000;

    /// <exception cref="ConversionException">The file is damaged or holds what is not supported; says what and where.</exception>
    public static Dictionary<string, IrTensor> ReadFile(string path)
    {
        try
        {
            return Read(File.ReadAllBytes(path), path);
        }
        catch (IOException fault)
        {
            throw new ConversionException($"{path}: it cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>Reads all tensors of a file's bytes; <paramref name="where"/> names the file in messages.</summary>
    public static Dictionary<string, IrTensor> Read(ReadOnlyMemory<byte> file, string where)
    {
        if (file.Length < sizeof(ulong)) throw Damaged(where, $"{file.Length} bytes are too few for the header's length");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file.Span);
        if (headerBytes > LargestHeader || headerBytes > (ulong)(file.Length - sizeof(ulong))) throw Damaged(where, $"a header of {headerBytes} bytes does not fit into {file.Length}");
        var data = file[(sizeof(ulong) + (int)headerBytes)..];
        try
        {
            using var header = JsonDocument.Parse(file.Slice(sizeof(ulong), (int)headerBytes));
            if (header.RootElement.ValueKind != JsonValueKind.Object) throw Damaged(where, "the header is no JSON object");
            var tensors = new Dictionary<string, IrTensor>(StringComparer.Ordinal);
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.NameEquals("__metadata__")) continue;
                if (!tensors.TryAdd(entry.Name, ReadTensor(entry, data, where))) throw Damaged(where, $"two tensors are named '{entry.Name}'");
            }

            return tensors;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            throw Damaged(where, $"the header cannot be read: {fault.Message.TrimEnd('.')}");
        }
    }

    private static IrTensor ReadTensor(JsonProperty entry, ReadOnlyMemory<byte> data, string where)
    {
        var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        var offsets = entry.Value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2) throw Damaged(where, $"tensor '{entry.Name}' has {offsets.GetArrayLength()} offsets instead of 2");
        var (from, to) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        var dtype = entry.Value.GetProperty("dtype").GetString() ?? "";
        if (from < 0 || to < from || to > data.Length) throw Damaged(where, $"tensor '{entry.Name}' claims bytes {from} to {to} of {data.Length}");
        var bytes = data[(int)from..(int)to].Span;
        if (Array.Exists(shape, size => size < 0)) throw Damaged(where, $"tensor '{entry.Name}' has a negative size");
        if (ElementBytes(dtype) is not { } size) throw new ConversionException($"{where}: tensor '{entry.Name}' is of type {dtype}; F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL are read.");
        var expected = size;
        foreach (var length in shape) expected = checked(expected * length);
        if (expected != bytes.Length) throw Damaged(where, $"tensor '{entry.Name}' of shape [{string.Join(", ", shape)}] and type {dtype} has {bytes.Length} bytes instead of {expected}");
        return dtype switch
        {
            "F32" => new IrTensor(ElementType.Float32, shape, bytes.ToArray()),
            "F64" => Floats(shape, MemoryMarshal.Cast<byte, double>(bytes), value => (float)value),
            "F16" => Floats(shape, MemoryMarshal.Cast<byte, Half>(bytes), value => (float)value),
            "BF16" => Floats(shape, MemoryMarshal.Cast<byte, ushort>(bytes), value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
            "I64" => new IrTensor(ElementType.Int64, shape, bytes.ToArray()),
            "I32" => new IrTensor(ElementType.Int32, shape, bytes.ToArray()),
            "I8" => new IrTensor(ElementType.Int8, shape, bytes.ToArray()),
            "U8" => new IrTensor(ElementType.UInt8, shape, bytes.ToArray()),
            _ => new IrTensor(ElementType.Bool, shape, bytes.ToArray()),
        };
    }

    private static long? ElementBytes(string dtype) => dtype switch
    {
        "F64" or "I64" => 8,
        "F32" or "I32" => 4,
        "F16" or "BF16" => 2,
        "I8" or "U8" or "BOOL" => 1,
        _ => null,
    };

    private static IrTensor Floats<T>(int[] shape, ReadOnlySpan<T> values, Func<T, float> convert)
    {
        var floats = new float[values.Length];
        for (var i = 0; i < floats.Length; i++) floats[i] = convert(values[i]);
        return IrTensor.Of<float>(shape, floats);
    }

    private static ConversionException Damaged(string where, string what) => new($"{where}: this is no safetensors file, or it is damaged: {what}.");
}
