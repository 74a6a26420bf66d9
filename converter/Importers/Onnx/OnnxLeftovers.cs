using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Weights;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>What a graph of a file holds and no output depends on.</summary>
internal static class OnnxLeftovers
{
    /// <summary>Constants of the graph and of graphs within it on which no output depends; of those that nodes hold, tables of floats.</summary>
    public static List<UnusedWeight> Unused(IrGraph graph, string file)
    {
        return [.. Constants.Parts(graph).SelectMany(Idle).Select(c => new UnusedWeight(Path.GetFileName(file), c.Key, c.Value.Shape))];

        static IEnumerable<KeyValuePair<string, IrTensor>> Idle(IrGraph part)
        {
            var used = DeadCode.Used(part);
            return part.Constants.Concat(Constants.Held(part).Where(c => c.Value is { Type: ElementType.Float32 or ElementType.Float64, Count: > 1 })).Where(c => !used.Contains(c.Key));
        }
    }
}
