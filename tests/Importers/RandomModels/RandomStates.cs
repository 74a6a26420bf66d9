namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>States outside of recurrent layers: a smoothed value, the past of a causal convolution, a cache of keys.</summary>
internal static class RandomStates
{
    /// <summary>s' = a s + (1 - a) x.</summary>
    public static bool TrySmoother(RandomModel m)
    {
        if (!m.IsStepped || m.Pick(v => v.IsFixed && v.Rank is 2 or 3) is not { } x) return false;
        var (state, port) = m.BeginState("level", x.Axes);
        var kept = m.Between(0.5f, 0.95f);
        var next = m.Node("Add", x.Axes, [m.Raw("Mul", [state.Name, m.Constant<float>([], kept)]), m.Raw("Mul", [x.Name, m.Constant<float>([], 1 - kept)])]);
        m.EndState(port, next);
        m.Node("Sub", x.Axes, [x.Name, next.Name]);
        return true;
    }

    /// <summary>A convolution over past and new steps.</summary>
    public static bool TryWindow(RandomModel m)
    {
        if (!m.IsStepped || m.Pick(v => v.IsFixed && v.Rank == 3 && v.Axes[1].Size <= 24 && v.Axes[2].Size <= 12) is not { } x) return false;
        int channels = x.Axes[1].Size, dilation = m.Choose(1, 1, 2), kernel = m.Choose(2, 3), size = x.Axes[2].Size;
        var past = (kernel - 1) * dilation;
        var (state, port) = m.BeginState("past", [x.Axes[0], x.Axes[1], m.Dimension(past)]);
        var whole = m.Node("Concat", [x.Axes[0], x.Axes[1], m.Dimension(past + size)], [state.Name, x.Name], ("axis", 2));
        var made = m.Choose(1, 3, 4, 8);
        m.Node("Conv", [x.Axes[0], m.Dimension(made), m.Dimension(size)], [whole.Name, m.Weights(0.5f, made, channels, kernel), m.Weights(0.3f, made)], ("dilations", new long[] { dilation }), ("kernel_shape", new long[] { kernel }));
        m.EndState(port, m.Slice(whole, [x.Axes[0], x.Axes[1], m.Dimension(past)], [m.Chance(0.5) ? size : -past], [int.MaxValue], [2], [1]));
        return true;
    }

    /// <summary>Attention over a cache of fixed size: the oldest step leaves, the newest enters.</summary>
    public static bool TryCache(RandomModel m)
    {
        if (!m.IsStepped || m.Pick(v => v.IsFixed && v.Rank == 3 && v.Axes[1].Size == 1 && v.Axes[2].Size <= 24) is not { } x) return false;
        int size = x.Axes[2].Size, width = m.Choose(2, 4, 6), length = m.Choose(2, 3, 5);
        IReadOnlyList<RandomAxis> row = [x.Axes[0], m.Dimension(1), m.Dimension(width)], cache = [x.Axes[0], m.Dimension(length), m.Dimension(width)];
        var query = m.Raw("MatMul", [x.Name, m.Weights(0.5f, size, width)]);
        var keys = Cached();
        var values = Cached();
        var scores = m.Raw("MatMul", [query, m.Raw("Transpose", [keys], ("perm", new long[] { 0, 2, 1 }))]);
        m.Node("MatMul", row, [m.Raw("Softmax", [scores], ("axis", m.Opset < 13 ? 2 : -1)), values]);
        return true;

        string Cached()
        {
            var (state, port) = m.BeginState("cache", cache);
            var added = m.Raw("MatMul", [x.Name, m.Weights(0.5f, size, width)]);
            var kept = m.Slice(state, [x.Axes[0], m.Dimension(length - 1), m.Dimension(width)], [1], [length], [1], [1]);
            var next = m.Node("Concat", cache, [kept.Name, added], ("axis", 1));
            m.EndState(port, next);
            return next.Name;
        }
    }
}
