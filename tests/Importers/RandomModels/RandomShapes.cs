namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Operators that move values without computing.</summary>
internal static class RandomShapes
{
    /// <summary>0 keeps an axis, -1 takes the rest, numbers are fixed sizes.</summary>
    public static bool TryReshape(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2) is not { } x) return false;
        var last = x.Axes[^1];
        switch (m.Random.Next(5))
        {
            case 0: // the last two axes as one
                var joined = RandomAxis.Join("*", x.Axes[^2], last, (a, b) => a * b);
                m.Reshape(x, [.. x.Axes.SkipLast(2), joined], [.. Enumerable.Repeat(0L, x.Rank - 2), -1]);
                return true;
            case 1: // the first two axes as one
                if (!x.Axes.Skip(2).All(a => a.IsFixed)) return false;
                m.Reshape(x, [RandomAxis.Join("*", x.Axes[0], x.Axes[1], (a, b) => a * b), .. x.Axes.Skip(2)], [-1, .. x.Axes.Skip(2).Select(a => (long)a.Size)]);
                return true;
            case 2: // a fixed axis as two
                if (!last.IsFixed || last.Size % 2 != 0 || x.Rank > 4) return false;
                m.Reshape(x, [.. x.Axes.SkipLast(1), m.Dimension(2), m.Dimension(last.Size / 2)], [.. Enumerable.Repeat(0L, x.Rank - 1), 2, m.Chance(0.5) ? -1 : last.Size / 2]);
                return true;
            case 3: // everything in one row
                var all = x.Axes.Aggregate((a, b) => RandomAxis.Join("*", a, b, (p, q) => p * q));
                m.Reshape(x, [m.Dimension(1), all], 1, -1);
                return true;
            default: // one more axis of 1
                if (x.Rank > 4) return false;
                var at = m.Random.Next(x.Rank + 1);
                if (x.Axes.Skip(at).Count(a => !a.IsFixed) > 1) return false;
                long[] shape = [.. Enumerable.Repeat(0L, at), 1, .. x.Axes.Skip(at).Select(a => a.IsFixed ? (long)a.Size : -1)];
                m.Reshape(x, [.. x.Axes.Take(at), m.Dimension(1), .. x.Axes.Skip(at)], shape);
                return true;
        }
    }

    /// <summary>The target is computed from the shape, as exporters of dynamic models write it.</summary>
    public static bool TryComputedReshape(RandomModel m)
    {
        if (m.Pick(v => v.Rank == 3) is not { } x) return false;
        var shape = m.Raw("Shape", [x.Name]);
        var sizes = Enumerable.Range(0, 3).Select(i => m.Raw("Gather", [shape, m.Constant<long>([1], i)], ("axis", 0))).ToArray();
        switch (m.Random.Next(m.Opset >= 9 ? 3 : 2))
        {
            case 0:
                var both = m.Raw("Mul", [sizes[1], sizes[2]]);
                m.Node("Reshape", [x.Axes[0], RandomAxis.Join("*", x.Axes[1], x.Axes[2], (a, b) => a * b)], [x.Name, m.Raw("Concat", [sizes[0], both], ("axis", 0))]);
                return true;
            case 1:
                m.Node("Reshape", [RandomAxis.Join("*", x.Axes[0], x.Axes[1], (a, b) => a * b), x.Axes[2]], [x.Name, m.Raw("Concat", [m.Integers(-1), sizes[2]], ("axis", 0))]);
                return true;
            default: // zeros of the same time and batch, taken into account
                var zeros = m.Raw("ConstantOfShape", [m.Raw("Concat", [sizes[0], sizes[1], m.Integers(2)], ("axis", 0))]);
                m.Node("Concat", [x.Axes[0], x.Axes[1], x.Axes[2].Map("+2", n => n + 2)], [x.Name, zeros], ("axis", m.Opset >= 11 ? -1 : 2));
                return true;
        }
    }

    public static bool TryTranspose(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2) is not { } x) return false;
        int[] order = [.. Enumerable.Range(0, x.Rank)];
        m.Random.Shuffle(order);
        if (m.Chance(0.15)) m.Node("Transpose", [.. x.Axes.Reverse()], [x.Name]);
        else m.Transpose(x, order);
        return true;
    }

    public static bool TrySlice(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1) is not { } x) return false;
        int[] chosen = [.. Enumerable.Range(0, x.Rank).Where(_ => m.Chance(0.5))];
        if (chosen.Length == 0) chosen = [m.Random.Next(x.Rank)];
        RandomAxis[] axes = [.. x.Axes];
        var (starts, ends, steps) = (new long[chosen.Length], new long[chosen.Length], new long[chosen.Length]);
        for (var i = 0; i < chosen.Length; i++)
        {
            var axis = x.Axes[chosen[i]];
            var form = m.Random.Next(m.Opset >= 10 ? 5 : 3);
            int first = m.Random.Next(axis.Least), count = m.Random.Next(1, axis.Least - first + 1), step = m.Choose(2, 3);
            (long Start, long End, long Step, RandomAxis Axis) cut = form switch
            {
                0 => (first, first + count, 1, axis.Map($"{first}..{first + count}", _ => count)),
                1 => (first, m.Choose(long.MaxValue, int.MaxValue), 1, axis.Map($"-{first}", n => n - first)),
                2 => (-count, int.MaxValue, 1, axis.Map($"last{count}", _ => count)),
                3 => (-1, m.Choose(long.MinValue, int.MinValue, -1000), -1, axis),
                _ => (first, int.MaxValue, step, axis.Map($"from{first}by{step}", n => (n - first + step - 1) / step)),
            };
            (starts[i], ends[i], steps[i], axes[chosen[i]]) = cut;
        }

        m.Slice(x, axes, starts, ends, [.. chosen.Select(a => m.Chance(0.3) && m.Opset >= 10 ? (long)a - x.Rank : a)], steps);
        return true;
    }

    public static bool TryConcat(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1 && v.Elements <= 1500) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        var others = m.Chance(0.7) ? m.Pick(v => v.Rank == x.Rank && v.Elements <= 1500 && Enumerable.Range(0, x.Rank).All(i => i == axis || v.Axes[i].Same(x.Axes[i]))) : null;
        RandomValue[] parts = [x, others ?? x];
        if (m.Chance(0.3)) parts = [.. parts, m.Node("Neg", x.Axes, [x.Name])];
        RandomAxis[] axes = [.. x.Axes];
        axes[axis] = parts.Select(p => p.Axes[axis]).Aggregate((a, b) => RandomAxis.Join("+", a, b, (p, q) => p + q));
        m.Node("Concat", axes, [.. parts.Select(p => p.Name)], ("axis", m.Opset >= 11 && m.Chance(0.4) ? axis - x.Rank : axis));
        return true;
    }

    public static bool TrySplit(RandomModel m)
    {
        if (m.Pick(v => v.Axes.Any(a => a.IsFixed && a.Size >= 2)) is not { } x) return false;
        int[] fits = [.. Enumerable.Range(0, x.Rank).Where(i => x.Axes[i] is { IsFixed: true, Size: >= 2 })];
        var axis = m.Choose(fits);
        var size = x.Axes[axis].Size;
        var first = m.Random.Next(1, size);
        long[] sizes = size % 2 == 0 && m.Chance(0.5) ? [size / 2, size / 2] : [first, size - first];
        string[] parts = m.Split(x.Name, m.Chance(0.3) && m.Opset >= 11 ? axis - x.Rank : axis, sizes);
        for (var i = 0; i < 2; i++)
        {
            RandomAxis[] axes = [.. x.Axes];
            axes[axis] = m.Dimension((int)sizes[i]);
            m.Register(new RandomValue(parts[i], axes));
        }

        return true;
    }

    public static bool TryExpand(RandomModel m)
    {
        if (m.Pick(v => v.Rank <= 4 && v.Elements <= 1000) is not { } x) return false;
        if (m.Chance(0.4) && m.Pick(v => v.Rank >= x.Rank && v.Elements <= 2000 && v.Axes.TakeLast(x.Rank).Zip(x.Axes).All(p => p.First.Same(p.Second) || p.Second is { IsFixed: true, Size: 1 })) is { } like)
        {
            m.Node("Expand", like.Axes, [x.Name, m.Raw("Shape", [like.Name])]);
            return true;
        }

        RandomAxis[] axes = [.. x.Axes.Select(a => a is { IsFixed: true, Size: 1 } ? m.Dimension(m.Choose(1, 2, 3)) : a)];
        long[] shape = [.. axes.Select(a => a.IsFixed ? (long)a.Size : 1)];
        if (m.Chance(0.3)) (axes, shape) = ([m.Dimension(2), .. axes], [2, .. shape]);
        m.Node("Expand", axes, [x.Name, m.Integers(shape)]);
        return true;
    }

    public static bool TryTile(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 1 && v.Elements <= 800) is not { } x) return false;
        long[] repeats = [.. x.Axes.Select(_ => m.Chance(0.3) ? 2L : 1L)];
        m.Node("Tile", [.. x.Axes.Zip(repeats, (a, n) => n == 1 ? a : a.Map($"x{n}", s => (int)(s * n)))], [x.Name, m.Integers(repeats)]);
        return true;
    }

    public static bool TryUnsqueeze(RandomModel m)
    {
        if (m.Chance(0.5) && m.Pick(v => v.Axes.Any(a => a is { IsFixed: true, Size: 1 }) && v.Rank > 1) is { } ones)
        {
            long[] axes = [.. Enumerable.Range(0, ones.Rank).Where(i => ones.Axes[i] is { IsFixed: true, Size: 1 }).Select(i => (long)i)];
            m.Squeeze(ones, m.Chance(0.5) ? axes : [axes[0]]);
            return true;
        }

        if (m.Pick(v => v.Rank is >= 1 and <= 4) is not { } x) return false;
        m.Unsqueeze(x, m.Random.Next(x.Rank + 1));
        return true;
    }

    public static bool TryFlatten(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2) is not { } x) return false;
        var axis = m.Random.Next(x.Rank + 1);
        m.Node("Flatten", [Joined(x.Axes.Take(axis)), Joined(x.Axes.Skip(axis))], [x.Name], ("axis", m.Opset >= 11 && axis > 0 && axis < x.Rank && m.Chance(0.3) ? axis - x.Rank : axis));
        return true;

        RandomAxis Joined(IEnumerable<RandomAxis> axes) => axes.Aggregate(m.Dimension(1), (a, b) => a is { IsFixed: true, Size: 1 } ? b : RandomAxis.Join("*", a, b, (p, q) => p * q));
    }
}
