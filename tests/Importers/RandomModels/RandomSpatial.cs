namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Convolutions and pools, over one and two axes.</summary>
internal static class RandomSpatial
{
    public static bool TryConv(RandomModel m)
    {
        if (Image(m) is not { } x) return false;
        int channels = x.Axes[1].Size, axes = x.Rank - 2;
        var groups = m.Chance(0.3) ? Divisor(m, channels) : 1;
        var made = groups * m.Choose(1, 2, 3);
        if (m.Chance(0.5)) made = groups * m.Choose(1, 4);
        if (Window.Random(m, x, canBeSame: true) is not { } window) return false;
        string[] inputs = [x.Name, m.Weights(0.6f, [made, channels / groups, .. window.Kernel]), .. m.Chance(0.6) ? (string[])[m.Weights(0.3f, made)] : []];
        List<(string, object)> attributes = [.. window.Attributes(m)];
        if (groups > 1 || m.Chance(0.3)) attributes.Add(("group", groups));
        m.Node("Conv", [x.Axes[0], m.Dimension(made), .. window.Sizes(x)], inputs, [.. attributes]);
        return axes > 0;
    }

    public static bool TryConvTranspose(RandomModel m)
    {
        if (Image(m) is not { } x || x.Axes.Skip(2).Any(a => a.Most > 12)) return false;
        int channels = x.Axes[1].Size, axes = x.Rank - 2;
        var groups = m.Chance(0.3) ? Divisor(m, channels) : 1;
        var made = m.Choose(1, 2, 3);
        long[] kernel = [.. Many(axes, () => m.Choose(1, 2, 3, 4))], strides = [.. Many(axes, () => m.Choose(1, 2, 3))], dilations = [.. Many(axes, () => m.Choose(1, 1, 2))];
        long[] begin = [.. kernel.Select(k => (long)m.Random.Next((int)k))], end = [.. kernel.Select(k => (long)m.Random.Next((int)k))];
        long[] more = [.. strides.Select(s => m.Chance(0.3) ? m.Random.Next((int)s) : 0L)]; // ONNX allows less than the dilation too; ONNX Runtime then asks for another input
        RandomAxis[] sizes = [.. Enumerable.Range(0, axes).Select(i => x.Axes[i + 2].Map($"up{strides[i]},{kernel[i]},{dilations[i]},{begin[i]},{end[i]},{more[i]}", n => (int)(strides[i] * (n - 1) + more[i] + (kernel[i] - 1) * dilations[i] + 1 - begin[i] - end[i])))];
        if (sizes.Any(s => s.Least < 1 || s.Most > 60)) return false;
        List<(string, object)> attributes = [("strides", strides), ("dilations", dilations), ("pads", (long[])[.. begin, .. end]), ("group", groups)];
        if (more.Any(n => n > 0)) attributes.Add(("output_padding", more));
        if (m.Chance(0.5)) attributes.Add(("kernel_shape", kernel));
        string[] inputs = [x.Name, m.Weights(0.6f, [channels, made, .. kernel]), .. m.Chance(0.6) ? (string[])[m.Weights(0.3f, made * groups)] : []];
        m.Node("ConvTranspose", [x.Axes[0], m.Dimension(made * groups), .. sizes], inputs, [.. attributes]);
        return true;
    }

    public static bool TryPool(RandomModel m)
    {
        if (Image(m) is not { } x) return false;
        if (m.Chance(0.25))
        {
            m.Node(m.Choose("GlobalAveragePool", "GlobalMaxPool"), [x.Axes[0], x.Axes[1], .. Many(x.Rank - 2, () => m.Dimension(1))], [x.Name]);
            return true;
        }

        var isMax = m.Chance(0.5);
        if (Window.Random(m, x, canBeSame: true, canDilate: isMax && m.Opset >= 10, isPool: true) is not { } window) return false;
        List<(string, object)> attributes = [.. window.Attributes(m, isPool: true)];
        if (!isMax && m.Chance(0.4)) attributes.Add(("count_include_pad", 1));
        m.Node(isMax ? "MaxPool" : "AveragePool", [x.Axes[0], x.Axes[1], .. window.Sizes(x)], [x.Name], [.. attributes]);
        return true;
    }

    private static RandomValue? Image(RandomModel m) => m.Pick(v => v.Rank is 3 or 4 && v.Axes[1].IsFixed && v.Axes[1].Size <= 24 && v.Elements <= 1500);

    private static int Divisor(RandomModel m, int of)
    {
        var divisors = Enumerable.Range(1, of).Where(n => of % n == 0).ToArray();
        return m.Choose(divisors);
    }

    private static T[] Many<T>(int count, Func<T> make) => [.. Enumerable.Range(0, count).Select(_ => make())];

    private static long[] Many(int count, Func<int> make) => [.. Enumerable.Range(0, count).Select(_ => (long)make())];

    /// <summary>Kernel, stride, dilation and padding of a window that fits a value at every trial.</summary>
    private sealed record Window(long[] Kernel, long[] Strides, long[] Dilations, long[] Begin, long[] End, string AutoPad)
    {
        /// <remarks>ONNX Runtime's pools refuse a stride above the kernel with SAME, and give no useful result for a window of padding only.</remarks>
        public static Window? Random(RandomModel m, RandomValue x, bool canBeSame, bool canDilate = true, bool isPool = false)
        {
            var axes = x.Rank - 2;
            var pad = m.Chance(0.6) ? "NOTSET" : canBeSame ? m.Choose("VALID", "SAME_UPPER", "SAME_LOWER") : "VALID";
            long[] kernel = Many(axes, () => m.Choose(1, 2, 3, 3, 5)), strides = Many(axes, () => m.Choose(1, 1, 2, 3));
            long[] dilations = pad.StartsWith("SAME", StringComparison.Ordinal) || !canDilate ? Many(axes, () => 1) : Many(axes, () => m.Choose(1, 1, 2));
            if (isPool) strides = [.. strides.Zip(kernel, Math.Min)];
            long[] begin = new long[axes], end = new long[axes];
            if (pad == "NOTSET" && !(isPool && dilations.Any(d => d > 1)) && m.Chance(0.6))
            {
                for (var i = 0; i < axes; i++) (begin[i], end[i]) = (m.Random.Next((int)kernel[i]), m.Random.Next((int)kernel[i]));
            }

            var window = new Window(kernel, strides, dilations, begin, end, pad);
            return Enumerable.Range(0, axes).All(i => x.Axes[i + 2].Sizes.All(n => n + begin[i] + end[i] >= (kernel[i] - 1) * dilations[i] + 1)) ? window : null;
        }

        public IEnumerable<RandomAxis> Sizes(RandomValue x) => Enumerable.Range(0, Kernel.Length).Select(i => AutoPad.StartsWith("SAME", StringComparison.Ordinal)
            ? x.Axes[i + 2].Map($"same{Strides[i]}", n => (int)((n + Strides[i] - 1) / Strides[i]))
            : x.Axes[i + 2].Map($"window{Kernel[i]},{Strides[i]},{Dilations[i]},{Begin[i]},{End[i]}", n => (int)((n + Begin[i] + End[i] - (Kernel[i] - 1) * Dilations[i] - 1) / Strides[i]) + 1));

        public IEnumerable<(string, object)> Attributes(RandomModel m, bool isPool = false)
        {
            if (isPool || m.Chance(0.7)) yield return ("kernel_shape", Kernel);
            if (Strides.Any(s => s > 1) || m.Chance(0.3)) yield return ("strides", Strides);
            if (Dilations.Any(d => d > 1)) yield return ("dilations", Dilations);
            if (AutoPad != "NOTSET" || m.Chance(0.1)) yield return ("auto_pad", AutoPad);
            if (Begin.Concat(End).Any(n => n > 0)) yield return ("pads", (long[])[.. Begin, .. End]);
        }
    }
}
