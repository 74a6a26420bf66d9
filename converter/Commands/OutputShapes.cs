namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Shapes of a graph's outputs in terms of its symbols. Operators infer shapes of numbers only. So the shapes are inferred at sizes that
/// fit, then with one symbol at a time at multiples of its size. A dimension that is always the same multiple of the symbol is reported as that multiple.
/// </summary>
internal static class OutputShapes
{
    /// <summary>Small multiples, and large ones that show a division by a stride.</summary>
    private static readonly int[] s_multiples = [2, 3, 16, 1000];

    public static IReadOnlyList<ValueReport> Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes)
    {
        var outputs = model.GetOutputs(graph.Name, sizes.ToDictionary());
        var all = sizes.ToDictionary(size => size.Key, size => (int)Math.Min(2L * size.Value, int.MaxValue));
        var together = graph.Symbols.Count > 1 ? At(model, graph, all) : null;
        var others = graph.Symbols.Select(symbol => (Symbol: symbol, Shapes: Others(model, graph, sizes, symbol))).ToList();
        DimensionReport Dimension(int output, int axis)
        {
            var size = outputs[output].Shape[axis];
            var moving = others.Select(o => (o.Symbol, Sizes: o.Shapes.ConvertAll(at => (at.Size, Dimension: at.Shapes[output].ElementAtOrDefault(axis)))))
                .Where(o => o.Sizes.Exists(at => at.Dimension != size)).ToList();
            if (moving.Count == 0) return new DimensionReport(size);
            // A product of symbols. A dimension that broadcasts from one symbol to another also follows each symbol alone.
            var isProduct = moving.Count == 1 || (together?[output].ElementAtOrDefault(axis) == (long)size << moving.Count);
            return new DimensionReport(Name(size, moving, sizes, isProduct));
        }

        return [.. graph.Outputs.Select((o, i) => new ValueReport(o.Name, outputs[i].Type.Name(), [.. outputs[i].Shape.Select((_, axis) => Dimension(i, axis))]))];
    }

    /// <summary>A dimension as a product of symbols, or as an unknown function of them.</summary>
    private static string Name(int dimension, List<(string Symbol, List<(int Size, int Dimension)> Sizes)> moving, IReadOnlyDictionary<string, int> sizes, bool mayBeProduct)
    {
        var symbols = moving.ConvertAll(m => m.Symbol);
        var product = symbols.Aggregate(1L, (a, symbol) => a * sizes[symbol]);
        var isProduct = mayBeProduct && dimension % product == 0 && moving.TrueForAll(m => m.Sizes.TrueForAll(at => (long)at.Dimension * sizes[m.Symbol] == (long)dimension * at.Size));
        if (!isProduct) return $"f({string.Join(", ", symbols)})";
        return (dimension == product ? "" : $"{dimension / product}*") + string.Join('*', symbols);
    }

    /// <summary>The shapes with one symbol at other sizes, for the sizes that the graph accepts.</summary>
    private static List<(int Size, int[][] Shapes)> Others(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes, string symbol)
    {
        var found = new List<(int, int[][])>();
        foreach (var size in s_multiples.Select(m => (long)m * sizes[symbol]).TakeWhile(size => size <= int.MaxValue))
        {
            if (At(model, graph, With((int)size)) is not { } shapes) break;
            found.Add(((int)size, shapes));
        }

        if (found.Count == 0 && sizes[symbol] < int.MaxValue && At(model, graph, With(sizes[symbol] + 1)) is { } next) found.Add((sizes[symbol] + 1, next));
        return found;

        Dictionary<string, int> With(int size) => new(sizes) { [symbol] = size };
    }

    /// <summary>The shapes at other sizes. Null if the graph does not accept them.</summary>
    private static int[][]? At(SeqModel model, SeqGraphInfo graph, Dictionary<string, int> sizes)
    {
        try
        {
            return [.. model.GetOutputs(graph.Name, sizes).Select(o => o.Shape)];
        }
        catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
        {
            return null;
        }
    }
}
