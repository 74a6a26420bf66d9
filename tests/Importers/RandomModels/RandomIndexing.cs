namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Lookups, padding and other operators that select values.</summary>
internal static class RandomIndexing
{
    public static bool TryGather(RandomModel m)
    {
        if (m.Pick(v => v.Rank is >= 1 and <= 4 && v.Elements <= 1500) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        var least = x.Axes[axis].Least;
        var before = x.Axes.Take(axis);
        var after = x.Axes.Skip(axis + 1);
        var from = m.Opset >= 11 ? -least : 0;
        (string name, IReadOnlyList<RandomAxis> shape) = m.Random.Next(4) switch
        {
            0 => (m.Constant<long>([], m.Random.Next(from, least)), (IReadOnlyList<RandomAxis>)[]),
            1 => (m.Constant([3], RandomModel.Fill([3], () => (long)m.Random.Next(from, least))), [m.Dimension(3)]),
            2 => (m.Constant([1, 2], RandomModel.Fill([2], () => m.Random.Next(0, least))), [m.Dimension(1), m.Dimension(2)]),
            _ => (m.Port("index", OnnxBuilder.Int64, [m.Dimension(2)], (random, at) => RandomModel.Fill(at, () => (long)random.Next(0, least))), [m.Dimension(2)]),
        };
        m.Node("Gather", [.. before, .. shape, .. after], [x.Name, name], ("axis", axis));
        return true;
    }

    /// <summary>A table looked up by tokens.</summary>
    public static bool TryEmbedding(RandomModel m)
    {
        int rows = m.Choose(3, 7, 30), width = m.Choose(2, 4, 8);
        if (m.Pick(v => v.Rank >= 2 && m.CanBeInput(v.Axes.Take(2))) is not { } like) return false;
        IReadOnlyList<RandomAxis> shape = m.Chance(0.5) ? [like.Axes[0], like.Axes[1]] : [like.Axes[0]];
        var type = m.Choose(OnnxBuilder.Int64, OnnxBuilder.Int32);
        var tokens = m.Port("tokens", type, shape, (random, at) => type == OnnxBuilder.Int64 ? RandomModel.Fill(at, () => (long)random.Next(rows)) : RandomModel.Fill(at, () => random.Next(rows)));
        m.Node("Gather", [.. shape, m.Dimension(width)], [m.Weights(1, rows, width), tokens]);
        return true;
    }

    public static bool TryPad(RandomModel m)
    {
        if (m.Pick(v => v.Rank is >= 1 and <= 4 && v.Elements <= 1000) is not { } x) return false;
        var mode = m.Choose("constant", "constant", "reflect", "edge");
        if (mode == "edge" && m.Opset >= 19 && m.Chance(0.3)) mode = "wrap";
        long[] begin = new long[x.Rank], end = new long[x.Rank];
        for (var i = 0; i < x.Rank; i++)
        {
            if (!m.Chance(0.5)) continue;
            var least = mode == "constant" ? 0 - m.Random.Next(2) : 0;
            var most = mode switch { "reflect" => x.Axes[i].Least - 1, "wrap" => x.Axes[i].Least, _ => 3 };
            if (x.Axes[i].Least + 2 * least < 1) least = 0;
            (begin[i], end[i]) = (m.Random.Next(least, Math.Min(most, 3) + 1), m.Random.Next(least, Math.Min(most, 3) + 1));
        }

        IReadOnlyList<RandomAxis> axes = [.. x.Axes.Select((a, i) => begin[i] == 0 && end[i] == 0 ? a : a.Map($"pad{begin[i]},{end[i]}", n => (int)(n + begin[i] + end[i])))];
        if (m.Opset < 11)
        {
            m.Node("Pad", axes, [x.Name], ("mode", mode), ("pads", (long[])[.. begin, .. end]), ("value", 0.5f));
            return true;
        }

        List<string> inputs = [x.Name, m.Integers([.. begin, .. end])];
        if (mode == "constant" && m.Chance(0.6)) inputs.Add(m.Constant<float>([], m.Between(-1, 1)));
        if (mode == "constant" && m.Chance(0.3)) m.Node("Pad", axes, inputs);
        else m.Node("Pad", axes, inputs, ("mode", mode));
        return true;
    }

    public static bool TryReverse(RandomModel m)
    {
        if (m.Opset < 10 || m.Pick(v => v.Rank is 2 or 3 && m.CanBeInput(v.Axes.Take(2))) is not { } x) return false;
        var timeFirst = m.Chance(0.5);
        var (time, batch) = timeFirst ? (x.Axes[0], x.Axes[1]) : (x.Axes[1], x.Axes[0]);
        var most = time.Least;
        var lengths = m.Port("lengths", OnnxBuilder.Int64, [batch], (random, shape) => RandomModel.Fill(shape, () => (long)random.Next(1, most + 1)));
        m.Node("ReverseSequence", x.Axes, [x.Name, lengths], ("time_axis", timeFirst ? 0 : 1), ("batch_axis", timeFirst ? 1 : 0));
        return true;
    }

    public static bool TryTopK(RandomModel m)
    {
        if (m.Opset < 11 || m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        var count = m.Random.Next(1, Math.Min(4, x.Axes[axis].Least) + 1);
        RandomAxis[] axes = [.. x.Axes];
        axes[axis] = m.Dimension(count);
        string values = m.NewName("v"), indices = m.NewName("r");
        m.Raw("TopK", [x.Name, m.Integers(count)], [values, m.Chance(0.5) ? indices : m.NewName("r")], ("axis", m.Chance(0.5) ? axis : axis - x.Rank), ("largest", m.Choose(0, 1)), ("sorted", 1));
        m.Register(new RandomValue(values, axes));
        return true;
    }

    public static bool TryGatherElements(RandomModel m)
    {
        if (m.Opset < 11 || m.Pick(v => v.Rank is >= 1 and <= 3 && v.IsFixed && v.Elements <= 500) is not { } x) return false;
        var axis = m.Random.Next(x.Rank);
        int size = x.Axes[axis].Size, taken = m.Random.Next(1, 4);
        RandomAxis[] axes = [.. x.Axes];
        axes[axis] = m.Dimension(taken);
        int[] shape = [.. axes.Select(a => a.Size)];
        var indices = m.Chance(0.5)
            ? m.Constant([.. shape.Select(n => (long)n)], RandomModel.Fill(shape, () => (long)m.Random.Next(-size, size)))
            : m.Port("index", OnnxBuilder.Int64, axes, (random, at) => RandomModel.Fill(at, () => (long)random.Next(size)));
        m.Node("GatherElements", axes, [x.Name, indices], ("axis", axis));
        return true;
    }

    public static bool TryDepthToSpace(RandomModel m)
    {
        if (m.Chance(0.5))
        {
            if (m.Pick(v => v.Rank == 4 && v.Axes[1].IsFixed && v.Axes[1].Size % 4 == 0 && v.Axes[2].Most <= 12) is not { } x) return false;
            IReadOnlyList<RandomAxis> axes = [x.Axes[0], x.Axes[1].Map("/4", n => n / 4), x.Axes[2].Map("x2", n => n * 2), x.Axes[3].Map("x2", n => n * 2)];
            if (m.Opset >= 11) m.Node("DepthToSpace", axes, [x.Name], ("blocksize", 2), ("mode", m.Choose("DCR", "CRD")));
            else m.Node("DepthToSpace", axes, [x.Name], ("blocksize", 2));
            return true;
        }

        if (m.Pick(v => v.Rank == 4 && v.Axes[2] is { IsFixed: true } h && v.Axes[3] is { IsFixed: true } w && h.Size % 2 == 0 && w.Size % 2 == 0) is not { } y) return false;
        m.Node("SpaceToDepth", [y.Axes[0], y.Axes[1].Map("x4", n => n * 4), y.Axes[2].Map("/2", n => n / 2), y.Axes[3].Map("/2", n => n / 2)], [y.Name], ("blocksize", 2));
        return true;
    }

    public static bool TryCumSum(RandomModel m)
    {
        if (m.Opset < 11 || m.Pick(v => v.Rank >= 1) is not { } x) return false;
        var axis = m.Random.Next(-x.Rank, x.Rank);
        m.Node("CumSum", x.Axes, [x.Name, m.Constant<int>([], axis)], ("exclusive", m.Choose(0, 1)), ("reverse", m.Choose(0, 1)));
        return true;
    }

    /// <summary>Rows replaced or added to at distinct constant places.</summary>
    public static bool TryScatter(RandomModel m)
    {
        if (m.Opset < 11 || m.Pick(v => v.Rank == 2 && v.IsFixed && v.Axes[0].Size >= 2) is not { } x) return false;
        int rows = x.Axes[0].Size, width = x.Axes[1].Size, count = m.Random.Next(1, rows + 1);
        int[] order = [.. Enumerable.Range(0, rows)];
        m.Random.Shuffle(order);
        if (m.Chance(0.5))
        {
            m.Node("ScatterND", x.Axes, [x.Name, m.Constant([count, 1], Array.ConvertAll(order[..count], i => (long)i)), m.Weights(1, count, width)]);
            return true;
        }

        long[] places = [.. order[..count].SelectMany(i => Enumerable.Repeat((long)i, width))];
        List<(string, object)> attributes = [("axis", 0)];
        if (m.Opset >= 16 && m.Chance(0.5)) attributes.Add(("reduction", m.Choose("add", "mul")));
        m.Node("ScatterElements", x.Axes, [x.Name, m.Constant([count, width], places), m.Weights(1, count, width)], [.. attributes]);
        return true;
    }

    public static bool TryTrilu(RandomModel m)
    {
        if (m.Opset < 14 || m.Pick(v => v.Rank >= 2) is not { } x) return false;
        List<string> inputs = [x.Name];
        if (m.Chance(0.5)) inputs.Add(m.Constant<long>([], m.Random.Next(-2, 3)));
        m.Node("Trilu", x.Axes, inputs, ("upper", m.Choose(0, 1)));
        return true;
    }
}
