namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Shapes of a graph's outputs in terms of its symbols. Operators infer shapes for numbers only, so they are inferred at sizes
/// that fit, then with one symbol at double size after the other: what equals the symbol both times is that symbol.
/// </summary>
internal static class OutputShapes
{
    public static IReadOnlyList<ValueReport> Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes)
    {
        var outputs = model.GetOutputs(graph.Name, sizes.ToDictionary());
        int[][] shapes = [.. outputs.Select(o => o.Shape)];
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

        return [.. graph.Outputs.Select((o, i) => new ValueReport(o.Name, outputs[i].Type.Name(), dimensions[i]))];
    }

    private static string Name(string symbol, int size, int dimension, int doubled)
    {
        if (doubled != 2 * dimension || dimension % size != 0) return $"f({symbol})";
        return dimension == size ? symbol : $"{dimension / size}*{symbol}";
    }

    /// <summary>The shapes with one symbol at double size; null where the graph does not take that.</summary>
    private static int[][]? Doubled(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes, string symbol)
    {
        try
        {
            return [.. model.GetOutputs(graph.Name, new Dictionary<string, int>(sizes) { [symbol] = checked(2 * sizes[symbol]) }).Select(o => o.Shape)];
        }
        catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
        {
            return null;
        }
    }
}
