namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Shapes of a graph's outputs in terms of its symbols. Operators infer shapes for numbers only, so they are inferred at sizes
/// that fit, then with one symbol at double size after the other: what equals the symbol both times is that symbol.
/// </summary>
internal static class OutputShapes
{
    public static IReadOnlyList<ValueReport> Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes)
    {
        using var session = Session(model, graph, sizes.ToDictionary());
        var shapes = Shapes(session);
        var dimensions = shapes.Select(s => Array.ConvertAll(s, d => new DimensionReport(d))).ToArray();
        foreach (var symbol in graph.Symbols)
        {
            if (Doubled(model, graph, sizes, symbol) is not { } doubled) continue;
            for (var o = 0; o < shapes.Length; o++)
            {
                for (var d = 0; d < shapes[o].Length && shapes[o].Length == doubled[o].Length; d++)
                {
                    if (doubled[o][d] != shapes[o][d]) dimensions[o][d] = new DimensionReport(Name(symbol, sizes[symbol], shapes[o][d], doubled[o][d]));
                }
            }
        }

        return [.. graph.Outputs.Select((o, i) => new ValueReport(o.Name, session.OutputType(i).Name(), dimensions[i]))];
    }

    private static string Name(string symbol, int size, int dimension, int doubled)
    {
        if (doubled != 2 * dimension || dimension % size != 0) return $"f({symbol})";
        return dimension == size ? symbol : $"{dimension / size}*{symbol}";
    }

    private static int[][] Shapes(SeqSession session) => [.. Enumerable.Range(0, session.OutputCount).Select(i => session.OutputShape(i).ToArray())];

    private static SeqSession Session(SeqModel model, SeqGraphInfo graph, Dictionary<string, int> sizes) =>
        model.CreateSession(graph.Name, new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes });

    /// <summary>The shapes with one symbol at double size; null where the graph does not take that.</summary>
    private static int[][]? Doubled(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes, string symbol)
    {
        try
        {
            using var session = Session(model, graph, new Dictionary<string, int>(sizes) { [symbol] = checked(2 * sizes[symbol]) });
            return Shapes(session);
        }
        catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
        {
            return null;
        }
    }
}
