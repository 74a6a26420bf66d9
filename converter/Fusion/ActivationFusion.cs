using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>x·sigmoid(x) becomes Swish; x·½·(1 + erf(x/√2)), in the orders that exporters write, becomes Gelu.</summary>
internal static class ActivationFusion
{
    private static readonly float s_rootHalf = (float)Math.Sqrt(0.5);
    private static readonly float s_root = (float)Math.Sqrt(2);

    public static bool Run(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (node.Op != "Mul" || !rewriter.IsFloat(node.Output(0))) continue;
            if (Swish(node, rewriter) is { } swish) rewriter.Replace(node, new IrNode(node.Name, "Swish", [swish], node.Outputs));
            else if (Gelu(node, rewriter) is { } gelu) rewriter.Replace(node, new IrNode(node.Name, "Gelu", [gelu], node.Outputs));
        }

        return rewriter.HasChanged;
    }

    private static string? Swish(IrNode node, Rewriter rewriter)
    {
        foreach (var (x, gate) in Rewriter.Operands(node))
        {
            if (rewriter.OnlyFor(gate, "Sigmoid") is { } sigmoid && sigmoid.Input(0) == x) return x;
        }

        return null;
    }

    /// <summary>Looks for the factors x, ½ and 1 + erf(x/√2).</summary>
    private static string? Gelu(IrNode node, Rewriter rewriter)
    {
        var factors = Factors(node, rewriter);
        if (factors.Count != 3) return null;
        var half = factors.FindIndex(f => rewriter.Scalar(f) == 0.5f);
        var sum = factors.FindIndex(f => rewriter.OnlyFor(f, "Add") is not null);
        if (half < 0 || sum < 0) return null;
        var x = factors[3 - half - sum];
        foreach (var (one, erf) in Rewriter.Operands(rewriter.Producer(factors[sum])!))
        {
            if (rewriter.Scalar(one) == 1 && rewriter.OnlyFor(erf, "Erf") is { } function && IsOverRootTwo(function.Input(0), x, rewriter)) return x;
        }

        return null;
    }

    private static List<string> Factors(IrNode node, Rewriter rewriter)
    {
        var factors = new List<string>();
        foreach (var input in node.Inputs)
        {
            if (rewriter.OnlyFor(input, "Mul") is { } inner && factors.Count < 2) factors.AddRange(inner.Inputs);
            else factors.Add(input);
        }

        return factors;
    }

    private static bool IsOverRootTwo(string value, string x, Rewriter rewriter)
    {
        bool Near(string constant, float wanted) => rewriter.Scalar(constant) is { } v && Math.Abs(v - wanted) < 1e-6f;
        if (rewriter.OnlyFor(value, "Div") is { } division) return division.Input(0) == x && Near(division.Input(1), s_root);
        return rewriter.OnlyFor(value, "Mul") is { } product && Rewriter.Operands(product).Any(o => o.A == x && Near(o.B, s_rootHalf));
    }
}
