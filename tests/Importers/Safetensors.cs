using System.Runtime.InteropServices;
using System.Text;

namespace SeqRuntime.Tests.Importers;

/// <summary>Writes safetensors: the header's length, the header, the values.</summary>
internal static class Safetensors
{
    public static byte[] File(params (string Name, int[] Shape, float[] Values)[] tensors)
    {
        var (entries, at) = (new List<string>(), 0);
        foreach (var (name, shape, values) in tensors)
        {
            entries.Add($"\"{name}\": {{ \"dtype\": \"F32\", \"shape\": [{string.Join(", ", shape)}], \"data_offsets\": [{at}, {at + 4 * values.Length}] }}");
            at += 4 * values.Length;
        }

        var header = Encoding.UTF8.GetBytes($"{{ {string.Join(", ", entries)} }}");
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. tensors.SelectMany(tensor => MemoryMarshal.AsBytes(tensor.Values.AsSpan()).ToArray())];
    }
}
