using SeqRuntime.Converter.Fusion;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>An activation by ONNX's name, its constants, and the value that it is applied to.</summary>
internal sealed record Activated(string Name, float Alpha, float Beta, string Of)
{
    /// <summary>Whether two gates use the same function, so that one layer can compute both.</summary>
    public bool IsLike(Activated other) => Name == other.Name && Alpha == other.Alpha && Beta == other.Beta;

    /// <summary>1 - f(x) = f(-x).</summary>
    public bool IsSymmetric => Name == "Sigmoid" || (Name == "HardSigmoid" && Beta == 0.5f);
}

/// <summary>Finds activations, including hard sigmoids in the forms that exporters write.</summary>
internal static class Activations
{
    /// <summary>The activation that computes a value. Null if there is none.</summary>
    public static Activated? Of(Rewriter rewriter, string value)
    {
        if (rewriter.Producer(value) is not { } node) return null;
        var x = node.Input(0);
        return node.Op switch
        {
            "Sigmoid" or "Tanh" or "Relu" or "Softsign" or "Softplus" => new Activated(node.Op, 0, 0, x),
            "HardSigmoid" => new Activated(node.Op, node.Float("alpha", 0.2f), node.Float("beta", 0.5f), x),
            "LeakyRelu" => new Activated(node.Op, node.Float("alpha", 0.01f), 0, x),
            "Elu" or "ThresholdedRelu" => new Activated(node.Op, node.Float("alpha", 1), 0, x),
            _ => Hard(rewriter, value),
        };
    }

    /// <summary>x clipped to [0, 1], or clipped to [0, m] and divided by m.</summary>
    private static Activated? Hard(Rewriter rewriter, string value)
    {
        if (Limited(rewriter, value) is { Least: 0, Most: 1 } limited) return new Activated("HardSigmoid", 1, 0, limited.Of);
        if (rewriter.Producer(value) is not { Op: "Mul" or "Div" } scaling) return null;
        foreach (var (a, b) in scaling.Op == "Mul" ? Rewriter.Operands(scaling) : [(scaling.Input(0), scaling.Input(1))])
        {
            if (rewriter.Scalar(b) is not { } factor || Limited(rewriter, a) is not { Least: 0 } part) continue;
            var slope = scaling.Op == "Mul" ? factor : 1 / factor;
            if (Math.Abs(part.Most * slope - 1) < 1e-6f) return new Activated("HardSigmoid", slope, 0, part.Of);
        }

        return null;
    }

    private static (string Of, float Least, float Most)? Limited(Rewriter rewriter, string value)
    {
        if (rewriter.Producer(value) is not { } node) return null;
        switch (node.Op)
        {
            case "Clip":
                return rewriter.Scalar(node.Input(1)) is { } least && rewriter.Scalar(node.Input(2)) is { } most ? (node.Input(0), least, most) : null;
            case "Min" or "Max":
                foreach (var (a, b) in Rewriter.Operands(node))
                {
                    if (rewriter.Scalar(b) is not { } limit || rewriter.Producer(a) is not { } inner) continue;
                    if (inner.Op == "Relu" && node.Op == "Min") return (inner.Input(0), 0, limit);
                    if (inner.Op != (node.Op == "Min" ? "Max" : "Min")) continue;
                    foreach (var (x, other) in Rewriter.Operands(inner))
                    {
                        if (rewriter.Scalar(other) is { } second) return node.Op == "Min" ? (x, second, limit) : (x, limit, second);
                    }
                }

                return null;
            default:
                return null;
        }
    }
}
