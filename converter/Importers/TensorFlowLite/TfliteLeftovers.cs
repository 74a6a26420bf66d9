using System.Runtime.InteropServices;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// Constants that no operator reads. TensorFlow's converter leaves some behind: a bias that it has cut into those of the gates, weights that it has
/// turned. Their numbers are still read, from other constants, so they are not told.
/// </summary>
internal static class TfliteLeftovers
{
    /// <summary>Limits of the numbers that are looked for, and of those that are looked through. Leftovers beyond them are told.</summary>
    private const long MostSought = 1 << 22, MostRead = 1 << 28;

    public static List<UnusedWeight> Of(TfliteModel model)
    {
        var (used, unused) = (new List<TfliteTensor>(), new List<UnusedWeight>());
        var left = new List<(TfliteTensor Tensor, int Index)>();
        foreach (var graph in model.Subgraphs)
        {
            var read = graph.Operators.SelectMany(op => op.Inputs).Concat(graph.Outputs).ToHashSet();
            foreach (var (index, tensor) in graph.Tensors.Index().Where(t => t.Item is { IsConstant: true, IsReal: true, Rank: > 0, Data.Length: > 0 }))
            {
                if (read.Contains(index)) used.Add(tensor);
                else left.Add((tensor, index));
            }
        }

        var looked = Buffers(left.Select(l => l.Tensor), MostSought);
        var sought = new HashSet<int>();
        foreach (var buffer in looked)
        {
            foreach (var bits in Bits(buffer)) sought.Add(bits);
        }

        foreach (var buffer in Buffers(used, MostRead))
        {
            if (sought.Count == 0) break;
            foreach (var bits in Bits(buffer)) sought.Remove(bits);
        }

        foreach (var (tensor, index) in left)
        {
            if (!looked.Contains(tensor.Data) || !IsRead(tensor.Data, sought)) unused.Add(new UnusedWeight(Path.GetFileName(model.Path), TfliteNotes.Clean(tensor.Name, $"constant_{index}"), tensor.Shape));
        }

        return unused;
    }

    /// <summary>The buffers of real numbers, each once, as many as the limit allows.</summary>
    private static HashSet<ReadOnlyMemory<byte>> Buffers(IEnumerable<TfliteTensor> tensors, long most)
    {
        var buffers = new HashSet<ReadOnlyMemory<byte>>();
        foreach (var data in tensors.Where(t => t.Type == TfliteType.Float32).Select(t => t.Data))
        {
            if (!buffers.Contains(data) && (most -= Bits(data).Length) >= 0) buffers.Add(data);
        }

        return buffers;
    }

    /// <summary>Whether all numbers were found elsewhere. Zeros alone do not tell: most files have some.</summary>
    private static bool IsRead(ReadOnlyMemory<byte> buffer, HashSet<int> missing)
    {
        var isZero = true;
        foreach (var bits in Bits(buffer))
        {
            if (missing.Contains(bits)) return false;
            isZero &= bits << 1 == 0;
        }

        return !isZero;
    }

    private static ReadOnlySpan<int> Bits(ReadOnlyMemory<byte> buffer) => MemoryMarshal.Cast<byte, int>(buffer.Span);
}
