namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Reductions, softmax and normalizations.</summary>
internal static class RandomReductions
{
    public static bool TryReduce(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        int[] chosen = [.. Enumerable.Range(0, x.Rank).Where(_ => m.Chance(0.4))];
        if (chosen.Length == 0) chosen = [m.Random.Next(x.Rank)];
        long[] axes = [.. chosen.Select(a => m.Chance(0.4) ? (long)a - x.Rank : a)];
        var op = m.Choose("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceLogSum");
        if (op == "ReduceLogSum") x = m.Away(x);
        if (op == "ReduceProd") x = m.Node("Tanh", x.Axes, [x.Name]);
        if (m.Chance(0.15))
        {
            m.Node(op, [.. x.Axes.Select(_ => m.Dimension(1))], [x.Name]);
            return true;
        }

        m.Reduce(op, x, axes, m.Chance(0.5));
        return true;
    }

    public static bool TrySoftmax(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var axis = m.Random.Next(m.Opset >= 11 ? -x.Rank : 0, x.Rank);
        m.Node(m.Choose("Softmax", "Softmax", "LogSoftmax"), x.Axes, [x.Name], ("axis", axis));
        return true;
    }

    /// <summary>The index of the largest or smallest element, as a number.</summary>
    public static bool TryArgument(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        var keep = m.Chance(0.5);
        IReadOnlyList<RandomAxis> axes = [.. x.Axes.Select((a, i) => i != axis ? a : keep ? m.Dimension(1) : null).OfType<RandomAxis>()];
        var place = m.Raw(m.Choose("ArgMax", "ArgMin"), [x.Name], ("axis", m.Opset >= 11 && m.Chance(0.4) ? axis - x.Rank : axis), ("keepdims", keep ? 1 : 0));
        m.Node("Cast", axes, [place], ("to", OnnxBuilder.Float));
        return true;
    }

    public static bool TryNormalize(RandomModel m) => m.Random.Next(6) switch
    {
        0 => Batch(m),
        1 => Instance(m),
        2 => m.Opset >= 17 ? Layer(m) : WrittenOut(m),
        3 => WrittenOut(m),
        4 => m.Opset >= 21 ? Group(m) : Batch(m),
        _ => Lp(m),
    };

    private static bool Batch(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2 && v.Axes[1].IsFixed) is not { } x) return false;
        var channels = x.Axes[1].Size;
        m.Node("BatchNormalization", x.Axes, [x.Name, m.Weights(0.5f, 1.5f, channels), m.Weights(0.3f, channels), m.Weights(0.3f, channels), m.Weights(0.5f, 1.5f, channels)], ("epsilon", m.Choose(1e-5f, 1e-3f)));
        return true;
    }

    /// <summary>Over axes with more than one element. The variance of one element is zero, and that of two nearly equal ones depends on rounding.</summary>
    private static bool Instance(RandomModel m)
    {
        if (m.Pick(v => v.Rank is 3 or 4 && v.Axes[1].IsFixed) is not { } x) return false;
        var channels = x.Axes[1].Size;
        m.Node("InstanceNormalization", x.Axes, [x.Name, m.Weights(0.5f, 1.5f, channels), m.Weights(0.3f, channels)], ("epsilon", 1e-2f));
        return true;
    }

    private static bool Layer(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2 && v.Axes[^1].IsFixed) is not { } x) return false;
        var two = x.Rank >= 3 && x.Axes[^2].IsFixed && m.Chance(0.3);
        long[] shape = two ? [x.Axes[^2].Size, x.Axes[^1].Size] : [x.Axes[^1].Size];
        List<string> inputs = [x.Name, m.Weights(0.5f, 1.5f, shape)];
        if (m.Chance(0.7)) inputs.Add(m.Weights(0.3f, shape));
        m.Node("LayerNormalization", x.Axes, inputs, ("axis", two ? -2 : m.Choose(-1, x.Rank - 1)), ("epsilon", 1e-2f));
        return true;
    }

    /// <summary>Layer normalization as exporters wrote it before ONNX had the operator.</summary>
    private static bool WrittenOut(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2 && v.Axes[^1].IsFixed) is not { } x) return false;
        var size = x.Axes[^1].Size;
        var last = m.Opset >= 11 ? -1L : x.Rank - 1;
        var mean = m.Reduce("ReduceMean", x, [last], keep: true);
        var centred = m.Node("Sub", x.Axes, [x.Name, mean.Name]);
        var squared = m.Node("Pow", x.Axes, [centred.Name, m.Constant<float>([], 2)]);
        var variance = m.Reduce("ReduceMean", squared, [last], keep: true);
        var deviation = m.Raw("Sqrt", [m.Raw("Add", [variance.Name, m.Constant<float>([], 1e-2f)])]);
        var scaled = m.Raw("Mul", [m.Raw("Div", [centred.Name, deviation]), m.Weights(0.5f, 1.5f, size)]);
        m.Node("Add", x.Axes, [scaled, m.Weights(0.3f, size)]);
        return true;
    }

    private static bool Group(RandomModel m)
    {
        if (m.Pick(v => v.Rank is 3 or 4 && v.Axes[1].IsFixed && v.Axes[1].Size % 2 == 0) is not { } x) return false;
        var channels = x.Axes[1].Size;
        m.Node("GroupNormalization", x.Axes, [x.Name, m.Weights(0.5f, 1.5f, channels), m.Weights(0.3f, channels)], ("num_groups", 2), ("epsilon", 1e-2f));
        return true;
    }

    private static bool Lp(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var away = m.Away(x);
        m.Node("LpNormalization", x.Axes, [away.Name], ("axis", m.Random.Next(-x.Rank, x.Rank)), ("p", m.Choose(1, 2)));
        return true;
    }
}
