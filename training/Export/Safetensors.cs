using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SeqRuntime.Training.Export;

/// <summary>Writes float32 and reads float32 and float16 tensors in the safetensors format: length of the header (uint64), header (JSON), values, all little-endian.</summary>
internal static class Safetensors
{
    public static void Write(string path, IReadOnlyList<(string Name, long[] Shape, float[] Values)> tensors)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            var offset = 0L;
            foreach (var (name, shape, values) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (var size in shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += sizeof(float) * (long)values.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (header.Length % 8 != 0) header.WriteByte((byte)' ');
        using var file = File.Create(path);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        file.Write(length);
        file.Write(header.GetBuffer().AsSpan(0, (int)header.Length));
        foreach (var (_, _, values) in tensors) file.Write(MemoryMarshal.AsBytes<float>(values));
    }

    public static Dictionary<string, (long[] Shape, float[] Values)> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var headerBytes = checked((int)BinaryPrimitives.ReadInt64LittleEndian(bytes));
        using var header = JsonDocument.Parse(bytes.AsMemory(sizeof(ulong), headerBytes));
        var data = bytes.AsSpan(sizeof(ulong) + headerBytes);
        var tensors = new Dictionary<string, (long[], float[])>();
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.NameEquals("__metadata__")) continue;
            var offsets = entry.Value.GetProperty("data_offsets");
            var (from, to) = (offsets[0].GetInt32(), offsets[1].GetInt32());
            tensors[entry.Name] = ([.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())], entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => MemoryMarshal.Cast<byte, float>(data[from..to]).ToArray(),
                "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(data[from..to]).ToArray(), value => (float)value),
                var other => throw new InvalidDataException($"{path}: tensor '{entry.Name}' is of type {other}; it must be F32 or F16."),
            });
        }

        return tensors;
    }
}
