using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Weights;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>What a graph of a file holds and nobody reads, and constants that are no numbers.</summary>
internal static class OnnxLeftovers
{
    /// <summary>Inputs of operators that are weights: what is multiplied with them, or added in the layer.</summary>
    private static readonly Dictionary<string, int[]> s_weights = new()
    {
        ["LSTM"] = [1, 2, 3, 7],
        ["GRU"] = [1, 2, 3],
        ["RNN"] = [1, 2, 3],
        ["Conv"] = [1, 2],
        ["ConvTranspose"] = [1, 2],
        ["Gemm"] = [0, 1, 2],
        ["MatMul"] = [0, 1],
    };

    /// <summary>Constants of the graph and of graphs within it that nothing reads.</summary>
    public static List<UnusedWeight> Unused(IrGraph graph, string file)
    {
        var read = new HashSet<string>();
        foreach (var part in All(graph))
        {
            read.UnionWith(part.Outputs.Select(o => o.Value));
            foreach (var node in part.Nodes) read.UnionWith(node.Inputs);
        }

        return [.. All(graph).SelectMany(part => part.Constants).Where(c => !read.Contains(c.Key)).Select(c => new UnusedWeight(Path.GetFileName(file), c.Key, c.Value.Shape))];
    }

    /// <exception cref="ConversionException">A weight is NaN or infinite, or a constant of several elements holds NaN.</exception>
    public static void CheckNumbers(IrGraph graph)
    {
        var constants = new Dictionary<string, IrTensor>();
        foreach (var part in All(graph))
        {
            foreach (var (name, tensor) in part.Constants) constants[name] = tensor;
            foreach (var node in part.Nodes)
            {
                if (node.Op == "Constant" && node.Output(0).Length > 0 && node.Attributes.GetValueOrDefault("value") is IrTensor value) constants[node.Output(0)] = value;
            }
        }

        var weights = All(graph).SelectMany(part => part.Nodes).Where(n => s_weights.ContainsKey(n.Op)).SelectMany(n => s_weights[n.Op].Select(n.Input)).ToHashSet();
        foreach (var (name, tensor) in constants)
        {
            if ((weights.Contains(name) ? NonFinite.Fault(name, tensor) : NonFinite.NotANumber(name, tensor)) is { } fault) throw new ConversionException($"{fault}.");
        }
    }

    private static IEnumerable<IrGraph> All(IrGraph graph) => graph.Nodes.SelectMany(n => n.Attributes.Values.OfType<IrGraph>()).SelectMany(All).Prepend(graph);
}
