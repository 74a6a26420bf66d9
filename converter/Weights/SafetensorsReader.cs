using System.Buffers.Binary;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights;

/// <summary>
/// Reads <c>.safetensors</c>: the header's length (uint64, little-endian), the header (JSON: name to dtype, shape and
/// data_offsets), then the values, row-major and little-endian. Half precision becomes float32. Every offset is checked against the
/// file, and every length against shape and type. The format requires that tensors follow each other without gaps.
/// </summary>
internal static class SafetensorsReader
{
    /// <summary>The format's own limit.</summary>
    private const int LargestHeader = 100_000_000;

    private static readonly OrderedDictionary<string, StoredType> s_types = new(StringComparer.Ordinal)
    {
        ["F64"] = StoredType.Float64,
        ["F32"] = StoredType.Float32,
        ["F16"] = StoredType.Float16,
        ["BF16"] = StoredType.BFloat16,
        ["I64"] = StoredType.Int64,
        ["I32"] = StoredType.Int32,
        ["I16"] = StoredType.Int16,
        ["I8"] = StoredType.Int8,
        ["U8"] = StoredType.UInt8,
        ["BOOL"] = StoredType.Bool,
    };

    /// <param name="file">The file's bytes.</param>
    /// <param name="where">Names the file in messages.</param>
    /// <exception cref="ConversionException">The file is damaged; says what and where.</exception>
    public static List<WeightTensor> Read(byte[] file, string where)
    {
        if (file.Length < sizeof(ulong)) throw Damaged(where, $"{file.Length} bytes are too few for the header's length");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (headerBytes > LargestHeader || headerBytes > (ulong)(file.Length - sizeof(ulong))) throw Damaged(where, $"a header of {headerBytes} bytes does not fit into a file of {file.Length} bytes");
        ReadOnlyMemory<byte> data = file.AsMemory(sizeof(ulong) + (int)headerBytes);
        using var header = JsonText.Parse(file[sizeof(ulong)..(sizeof(ulong) + (int)headerBytes)], $"{where}: the header of this safetensors file");
        if (header.RootElement.ValueKind != JsonValueKind.Object) throw Damaged(where, "the header is not a JSON object");
        var entries = header.RootElement.EnumerateObject().Where(e => !e.NameEquals("__metadata__")).Select(e => Entry.Of(e, data.Length, where)).ToList();
        var end = 0;
        foreach (var entry in entries.OrderBy(e => e.From).ThenBy(e => e.To))
        {
            if (entry.From != end) throw Damaged(where, $"tensor '{entry.Name}' begins at byte {entry.From}, but the previous tensor ends at {end}");
            end = entry.To;
        }

        if (end != data.Length) throw Damaged(where, $"its tensors end at byte {end} of {data.Length}");
        return entries.ConvertAll(e => new WeightTensor(e.Name, () => e.Shape, () => Tensor(e, data[e.From..e.To], where)));
    }

    private static IrTensor Tensor(Entry entry, ReadOnlyMemory<byte> bytes, string where) => s_types.TryGetValue(entry.Type, out var type)
        ? StoredTensor.Of(type, entry.Shape, IrTensor.Part(bytes))
        : throw new ConversionException($"{where}: tensor '{entry.Name}' has type {entry.Type}; save it as {string.Join(", ", s_types.Keys.SkipLast(1))} or {s_types.Keys.Last()}");

    private static ConversionException Damaged(string where, string what) => new($"{where}: this is not a safetensors file, or it is damaged: {what}.");

    /// <summary>A tensor's entry in the header.</summary>
    private sealed record Entry(string Name, string Type, int[] Shape, int From, int To)
    {
        public static Entry Of(JsonProperty property, int length, string where)
        {
            var (name, value) = (property.Name, property.Value);
            ConversionException Fault(string what) => Damaged(where, $"tensor '{name}' {what}");
            JsonElement Member(string member, JsonValueKind kind) =>
                value.ValueKind == JsonValueKind.Object && value.TryGetProperty(member, out var found) && found.ValueKind == kind ? found : throw Fault($"has no {member}");
            int Number(JsonElement number, string what) =>
                number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var size) && size >= 0 ? size : throw Fault($"has the {what} {number}; it must be a whole number of at least 0");
            var shape = Member("shape", JsonValueKind.Array).EnumerateArray().Select(size => Number(size, "size")).ToArray();
            var offsets = Member("data_offsets", JsonValueKind.Array).EnumerateArray().Select(offset => Number(offset, "offset")).ToArray();
            var type = Member("dtype", JsonValueKind.String).GetString()!;
            if (offsets is not [var from, var to]) throw Fault($"has {offsets.Length} offsets instead of 2");
            if (to < from || to > length) throw Fault($"claims bytes {from} to {to} of {length}");
            if (!s_types.TryGetValue(type, out var element)) return new Entry(name, type, shape, from, to);
            var expected = shape.Aggregate((Int128)element.Size(), (product, dimension) => product > long.MaxValue ? product : product * dimension);
            return expected == to - from ? new Entry(name, type, shape, from, to) : throw Fault($"of shape [{string.Join(", ", shape)}] and type {type} has {to - from} bytes instead of {expected}");
        }
    }
}
