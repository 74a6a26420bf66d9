using System.Runtime.InteropServices;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>
/// Constants that no operator reads. TensorFlow's converter leaves some behind: a bias that it has cut into those of the gates, weights that it has
/// turned. Their numbers are still read, from other constants, so they are not told.
/// </summary>
internal static class TfliteLeftovers
{
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

        HashSet<int>? numbers = null;
        foreach (var (tensor, index) in left)
        {
            if (tensor.Type == TfliteType.Float32 && Contains(numbers ??= [.. used.Where(t => t.Type == TfliteType.Float32).SelectMany(t => Bits(t).ToArray())], tensor)) continue;
            unused.Add(new UnusedWeight(Path.GetFileName(model.Path), TfliteNotes.Clean(tensor.Name, $"constant_{index}"), tensor.Shape));
        }

        return unused;
    }

    private static bool Contains(HashSet<int> numbers, TfliteTensor tensor)
    {
        foreach (var bits in Bits(tensor))
        {
            if (!numbers.Contains(bits)) return false;
        }

        return true;
    }

    private static ReadOnlySpan<int> Bits(TfliteTensor tensor) => MemoryMarshal.Cast<byte, int>(tensor.Data.Span);
}
