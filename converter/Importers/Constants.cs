using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers;

/// <summary>Checks that the constants of a graph and its inner graphs are numbers.</summary>
internal static class Constants
{
    /// <summary>The operators' inputs that are weights: they are multiplied with the input or added inside the layer.</summary>
    private static readonly Dictionary<string, int[]> s_weights = new()
    {
        ["Conv"] = [1, 2],
        ["ConvTranspose"] = [1, 2],
        ["Gemm"] = [0, 1, 2],
        ["MatMul"] = [0, 1],
        ["QuantizeLinear"] = [1],
        ["DequantizeLinear"] = [1],
    };

    /// <summary>Checks the constants that outputs depend on.</summary>
    /// <exception cref="ConversionException">A weight is NaN or infinite, or a constant of several elements holds NaN.</exception>
    public static void Check(IrGraph graph)
    {
        var constants = new Dictionary<string, IrTensor>();
        foreach (var part in Parts(graph))
        {
            var used = DeadCode.Used(part);
            foreach (var (name, tensor) in part.Constants.Concat(Held(part)).Where(c => used.Contains(c.Key))) constants[name] = tensor;
        }

        var weights = Parts(graph).SelectMany(part => part.Nodes).SelectMany(n => (n.Recurrent?.Weights ?? s_weights.GetValueOrDefault(n.Op, [])).Select(n.Input)).ToHashSet();
        var variances = new Dictionary<string, float>();
        foreach (var node in Parts(graph).SelectMany(part => part.Nodes).Where(n => n.Op == "BatchNormalization")) variances[node.Input(4)] = Math.Min(node.Float("epsilon", 1e-5f), variances.GetValueOrDefault(node.Input(4), float.MaxValue));
        foreach (var (name, tensor) in constants)
        {
            if ((variances.TryGetValue(name, out var epsilon) ? NonFinite.NoVariance(name, tensor, epsilon) : null) is { } none) throw new ConversionException($"{none}.");
            if ((weights.Contains(name) ? NonFinite.Fault(name, tensor) : NonFinite.NotANumber(name, tensor)) is { } fault) throw new ConversionException($"{fault}.");
        }
    }

    /// <summary>Constants in attributes of nodes.</summary>
    public static IEnumerable<KeyValuePair<string, IrTensor>> Held(IrGraph part)
    {
        foreach (var node in part.Nodes)
        {
            if (node.Op == "Constant" && node.Output(0).Length > 0 && node.Attributes.GetValueOrDefault("value") is IrTensor value) yield return new(node.Output(0), value);
        }
    }

    /// <summary>The graph and all its inner graphs.</summary>
    public static IEnumerable<IrGraph> Parts(IrGraph graph) => graph.Nodes.SelectMany(n => n.Attributes.Values.OfType<IrGraph>()).SelectMany(Parts).Prepend(graph);
}
