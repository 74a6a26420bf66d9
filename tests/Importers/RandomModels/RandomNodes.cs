namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Nodes whose form differs between opsets: former attributes are inputs.</summary>
internal static class RandomNodes
{
    public static RandomValue Squeeze(this RandomModel m, RandomValue x, params long[] axes)
    {
        int[] dropped = [.. axes.Select(a => (int)(a < 0 ? a + x.Rank : a))];
        IReadOnlyList<RandomAxis> left = [.. x.Axes.Where((_, i) => !dropped.Contains(i))];
        return m.Opset >= 13 ? m.Node("Squeeze", left, [x.Name, m.Integers(axes)]) : m.Node("Squeeze", left, [x.Name], ("axes", Positive(axes, x.Rank)));
    }

    public static RandomValue Unsqueeze(this RandomModel m, RandomValue x, int axis)
    {
        List<RandomAxis> axes = [.. x.Axes];
        axes.Insert(axis, m.Dimension(1));
        return m.Opset >= 13 ? m.Node("Unsqueeze", axes, [x.Name, m.Integers(m.Chance(0.3) ? axis - x.Rank - 1 : axis)]) : m.Node("Unsqueeze", axes, [x.Name], ("axes", new long[] { axis }));
    }

    public static RandomValue Transpose(this RandomModel m, RandomValue x, params int[] order) =>
        m.Node("Transpose", [.. order.Select(i => x.Axes[i])], [x.Name], ("perm", Array.ConvertAll(order, i => (long)i)));

    public static RandomValue Reshape(this RandomModel m, RandomValue x, IReadOnlyList<RandomAxis> axes, params long[] shape) => m.Node("Reshape", axes, [x.Name, m.Integers(shape)]);

    /// <summary>Steps of one or more axes. <paramref name="axes"/> is the result's shape.</summary>
    public static RandomValue Slice(this RandomModel m, RandomValue x, IReadOnlyList<RandomAxis> result, long[] starts, long[] ends, long[] axes, long[] steps) => m.Opset >= 10
        ? m.Node("Slice", result, [x.Name, m.Integers(starts), m.Integers(ends), m.Integers(axes), .. steps.All(s => s == 1) ? (string[])[] : [m.Integers(steps)]])
        : m.Node("Slice", result, [x.Name], ("starts", starts), ("ends", ends), ("axes", Positive(axes, x.Rank)));

    public static RandomValue Reduce(this RandomModel m, string op, RandomValue x, long[] axes, bool keep)
    {
        int[] reduced = [.. axes.Select(a => (int)(a < 0 ? a + x.Rank : a))];
        IReadOnlyList<RandomAxis> left = [.. x.Axes.Select((a, i) => reduced.Contains(i) ? keep ? m.Dimension(1) : null : a).OfType<RandomAxis>()];
        return m.Opset >= 18 || (m.Opset >= 13 && op == "ReduceSum")
            ? m.Node(op, left, [x.Name, m.Integers(axes)], ("keepdims", keep ? 1 : 0))
            : m.Node(op, left, [x.Name], ("axes", m.Opset >= 11 ? axes : Positive(axes, x.Rank)), ("keepdims", keep ? 1 : 0));
    }

    public static string[] Split(this RandomModel m, string x, int axis, params long[] sizes)
    {
        string[] outputs = [.. sizes.Select(_ => m.NewName("v"))];
        if (m.Opset >= 13) m.Raw("Split", [x, m.Integers(sizes)], outputs, ("axis", axis));
        else m.Raw("Split", [x], outputs, ("axis", axis), ("split", sizes));
        return outputs;
    }

    /// <summary>A scalar or one-element constant.</summary>
    public static string Scalar(this RandomModel m, float value) => m.Chance(0.5) ? m.Constant<float>([], value) : m.Constant<float>([1], value);

    /// <summary>|x| plus a small constant: safe for division and logarithm.</summary>
    public static RandomValue Away(this RandomModel m, RandomValue x) => m.Node("Add", x.Axes, [m.Raw("Abs", [x.Name]), m.Constant<float>([], 0.5f)]);

    private static long[] Positive(long[] axes, int rank) => Array.ConvertAll(axes, a => a < 0 ? a + rank : a);
}
