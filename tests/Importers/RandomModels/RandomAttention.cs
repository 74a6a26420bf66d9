namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>Attention as exporters write it, and matrix products.</summary>
internal static class RandomAttention
{
    /// <summary>One or more heads over batch, time and channels, with or without a mask.</summary>
    public static bool TryAttention(RandomModel m)
    {
        if (m.Pick(v => v.Rank == 3 && v.Axes[2].IsFixed && v.Axes[2].Size <= 24 && v.Axes[1].Most <= 24) is not { } x) return false;
        var memory = m.Chance(0.3) ? m.Pick(v => v.Rank == 3 && v.Axes[2].IsFixed && v.Axes[0].Same(x.Axes[0]) && v.Axes[1].Most <= 24 && v.Axes[2].Size <= 24) ?? x : x;
        int heads = m.Choose(1, 2, 3), size = m.Choose(1, 2, 4);
        RandomAxis batch = x.Axes[0], time = x.Axes[1], past = memory.Axes[1];
        var query = Heads(x, 0, 2, 1, 3);
        var key = Heads(memory, 0, 2, 3, 1);
        var value = Heads(memory, 0, 2, 1, 3);
        var scale = 1 / MathF.Sqrt(size);
        IReadOnlyList<RandomAxis> square = [batch, m.Dimension(heads), time, past];
        var scores = m.Chance(0.5) ? m.Raw("Mul", [m.Raw("MatMul", [query, key]), m.Constant<float>([], scale)]) : m.Raw("Div", [m.Raw("MatMul", [query, key]), m.Constant<float>([], 1 / scale)]);
        scores = Masked(scores);
        var weights = m.Node("Softmax", square, [scores], ("axis", m.Opset >= 13 ? m.Choose(-1, 3) : 3));
        var context = m.Transpose(m.Node("MatMul", [batch, m.Dimension(heads), time, m.Dimension(size)], [weights.Name, value]), 0, 2, 1, 3);
        context = m.Reshape(context, [batch, time, m.Dimension(heads * size)], 0, m.Chance(0.5) || !time.IsFixed ? 0 : -1, heads * size);
        var width = m.Chance(0.5) ? x.Axes[2].Size : 4;
        var made = m.Node("MatMul", [batch, time, m.Dimension(width)], [context.Name, m.Weights(0.5f, heads * size, width)]);
        if (width == x.Axes[2].Size && m.Chance(0.7)) m.Node("Add", made.Axes, [made.Name, x.Name]);
        return true;

        string Heads(RandomValue of, params long[] order)
        {
            var projected = m.Raw("MatMul", [of.Name, m.Weights(0.5f, of.Axes[2].Size, heads * size)]);
            if (m.Chance(0.5)) projected = m.Raw("Add", [projected, m.Weights(0.3f, heads * size)]);
            return m.Raw("Transpose", [m.Raw("Reshape", [projected, m.Integers(0, 0, heads, size)])], ("perm", order));
        }

        string Masked(string scores)
        {
            switch (m.Random.Next(4))
            {
                case 0 when m.Opset >= 9 && m.CanBeInput([batch, past]):
                    var mask = m.Port("mask", OnnxBuilder.Bool, [batch, m.Dimension(1), m.Dimension(1), past], (random, shape) => RandomModel.Fill(shape, () => random.Next(3) > 0));
                    return m.Raw("Where", [mask, scores, m.Constant<float>([], -1e9f)]);
                case 1 when time.IsFixed && past.IsFixed:
                    float[] causal = [.. Enumerable.Range(0, time.Size * past.Size).Select(i => i % past.Size > i / past.Size ? -10000f : 0)];
                    return m.Raw("Add", [scores, m.Constant([1, 1, time.Size, past.Size], causal)]);
                case 2 when m.CanBeInput([batch, time, past]):
                    var bias = m.Input("bias", [batch, m.Dimension(1), m.Chance(0.5) ? time : m.Dimension(1), past]);
                    return m.Raw("Add", [scores, bias.Name]);
                default:
                    return scores;
            }
        }
    }

    /// <summary>Additive attention: v · tanh(q + k) over time.</summary>
    public static bool TryAdditive(RandomModel m)
    {
        if (m.Pick(v => v.Rank == 3 && v.Axes[2].IsFixed && v.Axes[2].Size <= 24 && v.Axes[1].Most <= 24) is not { } keys) return false;
        RandomAxis batch = keys.Axes[0], time = keys.Axes[1];
        var query = m.Pick(v => v.Rank == 2 && v.Axes[1].IsFixed && v.Axes[1].Size <= 24 && v.Axes[0].Same(batch));
        if (query is null && !m.CanBeInput([batch])) return false;
        query ??= m.Input("query", [batch, m.Dimension(m.Choose(2, 4))]);
        var width = m.Choose(2, 4, 8);
        var projectedKeys = m.Raw("MatMul", [keys.Name, m.Weights(0.5f, keys.Axes[2].Size, width)]);
        var projected = m.Node("MatMul", [batch, m.Dimension(width)], [query.Name, m.Weights(0.5f, query.Axes[1].Size, width)]);
        var sum = m.Raw("Tanh", [m.Raw("Add", [projectedKeys, m.Unsqueeze(projected, 1).Name])]);
        var scores = m.Node("MatMul", [batch, time, m.Dimension(1)], [sum, m.Weights(0.8f, width, 1)]);
        var weights = m.Node("Softmax", [batch, time], [m.Squeeze(scores, 2).Name], ("axis", 1));
        var context = m.Node("MatMul", [batch, m.Dimension(1), keys.Axes[2]], [m.Unsqueeze(weights, 1).Name, keys.Name]);
        m.Squeeze(context, 1);
        return true;
    }

    /// <summary>A product with a constant or with another value, of any ranks.</summary>
    public static bool TryMatMul(RandomModel m)
    {
        if (m.Pick(v => v.Rank >= 2 && v.Axes[^1].IsFixed && v.Axes[^1].Size <= 32) is not { } x) return false;
        int inner = x.Axes[^1].Size, made = m.Choose(1, 2, 3, 4, 8, 17);
        switch (m.Random.Next(5))
        {
            case 0 when x.Rank == 2:
                var turned = m.Chance(0.5);
                List<(string, object)> attributes = [("transB", turned ? 1 : 0)];
                if (m.Chance(0.3)) attributes.Add(("alpha", m.Between(0.5f, 2)));
                if (m.Chance(0.3)) attributes.Add(("beta", m.Between(0.5f, 2)));
                m.Node("Gemm", [x.Axes[0], m.Dimension(made)], [x.Name, turned ? m.Weights(0.5f, made, inner) : m.Weights(0.5f, inner, made), m.Chance(0.7) ? m.Weights(0.3f, made) : m.Weights(0.3f, 1, made)], [.. attributes]);
                return true;
            case 1 when x.Rank == 3 && x.Axes[1].Most <= 24:
                if (m.Pick(v => v.Rank == 3 && v.Axes[0].Same(x.Axes[0]) && v.Axes[2].Same(x.Axes[2]) && v.Axes[1].Most <= 24) is not { } y) return false;
                m.Node("MatMul", [x.Axes[0], x.Axes[1], y.Axes[1]], [x.Name, m.Transpose(y, 0, 2, 1).Name]);
                return true;
            case 2:
                m.Node("MatMul", [.. x.Axes.SkipLast(1)], [x.Name, m.Weights(0.5f, inner)]);
                return true;
            case 3 when x.Rank >= 3 && x.Axes[^3].IsFixed && x.Axes[^3].Size <= 8:
                m.Node("MatMul", [.. x.Axes.SkipLast(1), m.Dimension(made)], [x.Name, m.Weights(0.5f, x.Axes[^3].Size, inner, made)]);
                return true;
            default:
                m.Node("MatMul", [.. x.Axes.SkipLast(1), m.Dimension(made)], [x.Name, m.Weights(0.5f, inner, made)]);
                return true;
        }
    }
}
