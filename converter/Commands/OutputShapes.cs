using System.Globalization;

namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Shapes of a graph's outputs in terms of its symbols. Shapes are inferred by operators for numbers only, so they are inferred
/// with all symbols at 1, then with each at 2: what becomes 2 is that symbol, what doubles is a multiple of it.
/// </summary>
internal static class OutputShapes
{
    public static IReadOnlyList<ValueReport> Of(SeqModel model, SeqGraphInfo graph)
    {
        using var session = model.CreateSession(graph.Name, new SeqSessionOptions { MemoryLimitBytes = long.MaxValue });
        var shapes = Shapes(session);
        var names = shapes.Select(s => Array.ConvertAll(s, d => d.ToString(CultureInfo.InvariantCulture))).ToArray();
        foreach (var symbol in graph.Symbols)
        {
            if (Doubled(model, graph, symbol) is not { } doubled) continue;
            for (var o = 0; o < shapes.Length; o++)
            {
                for (var d = 0; d < shapes[o].Length && shapes[o].Length == doubled[o].Length; d++)
                {
                    if (doubled[o][d] == shapes[o][d]) continue;
                    names[o][d] = doubled[o][d] == 2 * shapes[o][d] ? (shapes[o][d] == 1 ? symbol : $"{shapes[o][d]}*{symbol}") : $"f({symbol})";
                }
            }
        }

        return [.. graph.Outputs.Select((o, i) => new ValueReport(o.Name, session.OutputType(i).Name(), names[i]))];
    }

    private static int[][] Shapes(SeqSession session) => [.. Enumerable.Range(0, session.OutputCount).Select(i => session.OutputShape(i).ToArray())];

    /// <summary>The shapes with one symbol at 2; null where the graph does not take that.</summary>
    private static int[][]? Doubled(SeqModel model, SeqGraphInfo graph, string symbol)
    {
        try
        {
            var options = new SeqSessionOptions { MemoryLimitBytes = long.MaxValue };
            options.MaxSizes[symbol] = 2;
            using var session = model.CreateSession(graph.Name, options);
            return Shapes(session);
        }
        catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
        {
            return null;
        }
    }
}
