namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Chains that the converter shortens: constants after a product, which go into its weights, and axes moved twice.</summary>
internal static class RandomChains
{
    /// <summary>A product, then one to three constants added or multiplied: one number, or one for each channel.</summary>
    public static bool TryConstantsBehindProduct(RandomModel m)
    {
        if (m.Pick(v => v.Rank is 2 or 3 or 4 && v.Elements <= 1500 && v.Axes[v.Rank == 2 ? 1 : ^1] is { IsFixed: true, Size: <= 24 } && v.Axes[1] is { IsFixed: true, Size: <= 24 }) is not { } x) return false;
        var kind = x.Rank == 2 ? "MatMul" : m.Choose("MatMul", "Conv", "ConvTranspose");
        var (axis, groups) = (kind == "MatMul" ? x.Rank - 1 : 1, 1);
        var channels = x.Axes[axis].Size;
        if (kind != "MatMul" && m.Chance(0.4)) groups = channels % 2 == 0 ? 2 : channels;
        var made = groups * m.Choose(1, 2, 3);
        RandomAxis[] axes = [.. x.Axes];
        axes[axis] = m.Dimension(made);
        int[] ones = [.. Enumerable.Repeat(1, x.Rank - 2)];
        string[] bias = kind != "MatMul" && m.Chance(0.6) ? [m.Weights(0.3f, made)] : [];
        var y = kind switch
        {
            "MatMul" => m.Raw("MatMul", [x.Name, m.Weights(0.6f, channels, made)]),
            "Conv" => m.Raw("Conv", [x.Name, m.Weights(0.6f, [made, channels / groups, .. ones]), .. bias], ("group", groups)),
            _ => m.Raw("ConvTranspose", [x.Name, m.Weights(0.6f, [channels, made / groups, .. ones]), .. bias], ("group", groups)),
        };
        for (var count = m.Choose(0, 1, 1, 2); count > 0; count--) y = m.Raw(m.Choose("Add", "Sub", "Mul", "Div"), Operands(y));
        m.Node(m.Choose("Add", "Sub", "Mul", "Div"), axes, Operands(y));
        return true;

        string[] Operands(string value)
        {
            long[] shape = m.Chance(0.3) ? [] : [.. m.Chance(0.3) ? Enumerable.Repeat(1L, axis) : [], made, .. Enumerable.Repeat(1L, x.Rank - 1 - axis)];
            var constant = m.Constant(shape, [.. Enumerable.Range(0, shape.Length == 0 ? 1 : made).Select(_ => m.Between(0.5f, 1.5f))]);
            return [value, constant];
        }
    }

    /// <summary>Axes are moved twice.</summary>
    public static bool TryTwoTransposes(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 3) is not { } x) return false;
        int[] first = [.. Enumerable.Range(0, x.Rank)], second = [.. first];
        m.Random.Shuffle(first);
        m.Random.Shuffle(second);
        var moved = m.Raw("Transpose", [x.Name], ("perm", Array.ConvertAll(first, i => (long)i)));
        m.Node("Transpose", [.. second.Select(i => x.Axes[first[i]])], [moved], ("perm", Array.ConvertAll(second, i => (long)i)));
        return true;
    }
}
