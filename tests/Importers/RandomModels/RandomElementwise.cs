namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Functions of one value and of several with broadcasting.</summary>
internal static class RandomElementwise
{
    private static readonly (string Op, int Since)[] s_plain =
    [
        ("Tanh", 1), ("Sigmoid", 1), ("Relu", 1), ("Abs", 1), ("Neg", 1), ("Softsign", 1), ("Softplus", 1), ("Erf", 9), ("Sin", 7), ("Cos", 7), ("Atan", 7),
        ("Sinh", 9), ("Asinh", 9), ("Identity", 1), ("Sign", 9), ("Floor", 1), ("Ceil", 1), ("Round", 11), ("HardSwish", 14), ("Mish", 18), ("Gelu", 20), ("Dropout", 13),
    ];

    private static readonly (string Op, string Attribute, float Low, float High)[] s_scaled =
    [
        ("LeakyRelu", "alpha", 0, 0.5f), ("Elu", "alpha", 0.5f, 1.5f), ("Celu", "alpha", 0.5f, 1.5f), ("HardSigmoid", "alpha", 0.1f, 0.5f), ("Selu", "alpha", 1, 2), ("ThresholdedRelu", "alpha", 0.1f, 0.5f), ("Shrink", "lambd", 0.1f, 0.5f),
    ];

    public static bool TryUnary(RandomModel m)
    {
        if (m.Pick(_ => true) is not { } x) return false;
        switch (m.Random.Next(10))
        {
            case 0:
                var (op, attribute, low, high) = m.Choose(s_scaled);
                if (m.Opset < op switch { "Celu" => 12, "ThresholdedRelu" => 10, "Shrink" => 9, _ => 6 }) return false;
                m.Node(op, x.Axes, [x.Name], (attribute, m.Between(low, high)));
                return true;
            case 1:
                m.Node(m.Choose("Sqrt", "Log", "Reciprocal"), x.Axes, [m.Away(x).Name]);
                return true;
            case 2: // functions that grow
                m.Node(m.Opset < 9 ? "Exp" : m.Choose("Exp", "Cosh", "Tan", "Atanh", "Asin", "Acos"), x.Axes, [m.Raw("Mul", [m.Raw("Tanh", [x.Name]), m.Constant<float>([], 0.9f)])]);
                return true;
            default:
                var (plain, since) = m.Choose(s_plain);
                if (m.Opset < since) return false;
                m.Node(plain, x.Axes, [x.Name]);
                return true;
        }
    }

    public static bool TryBinary(RandomModel m)
    {
        if (m.Pick(v => v.Rank <= 4) is not { } x) return false;
        var (y, axes) = Partner(m, x);
        switch (m.Random.Next(8))
        {
            case 0:
                m.Node("Div", axes, [x.Name, m.Raw("Add", [m.Raw("Abs", [y]), m.Constant<float>([], 0.5f)])]);
                return true;
            case 1:
                m.Node("Pow", x.Axes, [m.Away(x).Name, m.Constant<float>([], m.Choose(0.5f, 2f, 3f, -1f, 1.5f))]);
                return true;
            case 2:
                m.Node(m.Choose("Max", "Min", "Mean", "Sum"), axes, m.Chance(0.5) ? [x.Name, y] : [y, x.Name, y]);
                return true;
            case 3:
                m.Node("PRelu", x.Axes, [x.Name, Constant(m, x, low: -0.5f, high: 0.5f)]);
                return true;
            case 4: // the same value on both sides, and the constant first
                m.Node(m.Choose("Sub", "Mul"), x.Axes, m.Chance(0.5) ? [x.Name, x.Name] : [Constant(m, x, low: -1, high: 1), x.Name]);
                return true;
            default:
                m.Node(m.Choose("Add", "Sub", "Mul"), axes, m.Chance(0.5) ? [x.Name, y] : [y, x.Name]);
                return true;
        }
    }

    /// <summary>Turned bits of whole numbers from -8 to 8.</summary>
    public static bool TryBitwiseNot(RandomModel m)
    {
        if (m.Opset < 18 || m.Pick(_ => true) is not { } x) return false;
        var whole = m.Raw("Cast", [m.Raw("Round", [m.Raw("Mul", [m.Raw("Tanh", [x.Name]), m.Constant<float>([], 8)])])], ("to", Importers.OnnxBuilder.Int32));
        m.Node("Cast", x.Axes, [m.Raw("BitwiseNot", [whole])], ("to", Importers.OnnxBuilder.Float));
        return true;
    }

    public static bool TryWhere(RandomModel m)
    {
        if (m.Opset < 9 || m.Pick(v => v.Rank <= 4) is not { } x) return false;
        var (y, axes) = Partner(m, x);
        var limit = m.Chance(0.5) ? m.Scalar(m.Between(-0.5f, 0.5f)) : y;
        var condition = m.Raw(m.Opset >= 12 ? m.Choose("Greater", "Less", "GreaterOrEqual", "LessOrEqual") : m.Choose("Greater", "Less"), [x.Name, limit]);
        if (m.Chance(0.3)) condition = m.Raw("Not", [condition]);
        if (m.Chance(0.3)) condition = m.Raw(m.Choose("And", "Or", "Xor"), [condition, m.Raw("Less", [x.Name, m.Scalar(0.7f)])]);
        if (m.Chance(0.3)) m.Node("Cast", limit == y ? axes : x.Axes, [condition], ("to", Importers.OnnxBuilder.Float));
        else m.Node("Where", axes, [condition, x.Name, y]);
        return true;
    }

    public static bool TryClip(RandomModel m)
    {
        if (m.Pick(_ => true) is not { } x) return false;
        float low = m.Between(-1, 0), high = m.Between(0, 1);
        if (m.Opset < 11) m.Node("Clip", x.Axes, [x.Name], ("min", low), ("max", high));
        else m.Node("Clip", x.Axes, m.Random.Next(3) switch { 0 => [x.Name, m.Constant<float>([], low)], 1 => [x.Name, "", m.Constant<float>([], high)], _ => (string[])[x.Name, m.Constant<float>([], low), m.Constant<float>([], high)] });
        return true;
    }

    /// <summary>A value that broadcasts against the given one, and their common shape.</summary>
    private static (string Name, IReadOnlyList<RandomAxis> Axes) Partner(RandomModel m, RandomValue x)
    {
        if (m.Chance(0.6) && m.Pick(v => v != x && v.Rank <= 4 && Fits(v.Axes, x.Axes)) is { } y) return (y.Name, Broadcast(y.Axes, x.Axes));
        return (Constant(m, x, low: -1, high: 1), x.Axes);
    }

    /// <summary>A constant with sizes of 1 and the fixed sizes of the value, of its rank or less.</summary>
    private static string Constant(RandomModel m, RandomValue x, float low, float high) =>
        m.Weights(low, high, [.. x.Axes.TakeLast(m.Random.Next(x.Rank + 1)).Select(a => a.IsFixed && m.Chance(0.6) ? (long)a.Size : 1)]);

    private static bool Fits(IReadOnlyList<RandomAxis> a, IReadOnlyList<RandomAxis> b) =>
        a.Reverse().Zip(b.Reverse()).All(p => p.First.Same(p.Second) || p.First is { IsFixed: true, Size: 1 } || p.Second is { IsFixed: true, Size: 1 })
        && Broadcast(a, b).Aggregate(1L, (n, axis) => n * axis.Most) <= 3000;

    private static IReadOnlyList<RandomAxis> Broadcast(IReadOnlyList<RandomAxis> a, IReadOnlyList<RandomAxis> b)
    {
        var (longer, shorter) = a.Count >= b.Count ? (a, b) : (b, a);
        var more = longer.Count - shorter.Count;
        return [.. longer.Select((axis, i) => i < more ? axis : axis is { IsFixed: true, Size: 1 } ? shorter[i - more] : axis)];
    }
}
