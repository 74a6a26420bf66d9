namespace SeqRuntime.Converter.Commands;

/// <summary>
/// Shapes of a graph's outputs in terms of its symbols. Operators infer shapes for numbers only, so they are inferred at sizes that
/// fit, then with one symbol after the other at multiples of its size: what is the same number of times the symbol at all of them is told so.
/// </summary>
internal static class OutputShapes
{
    /// <summary>Small ones, and large ones to see what divides by a stride.</summary>
    private static readonly int[] s_multiples = [2, 3, 16, 1000];

    public static IReadOnlyList<ValueReport> Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes)
    {
        var outputs = model.GetOutputs(graph.Name, sizes.ToDictionary());
        int[][] shapes = [.. outputs.Select(o => o.Shape)];
        var dimensions = shapes.Select(s => Array.ConvertAll(s, d => new DimensionReport(d))).ToArray();
        foreach (var symbol in graph.Symbols)
        {
            var others = Others(model, graph, sizes, symbol);
            for (var o = 0; o < shapes.Length; o++)
            {
                for (var d = 0; d < shapes[o].Length; d++)
                {
                    if (others.Exists(other => other.Shapes[o].Length != shapes[o].Length || other.Shapes[o][d] != shapes[o][d])) dimensions[o][d] = new DimensionReport(Name(symbol, sizes[symbol], shapes[o][d], others.ConvertAll(other => (other.Size, other.Shapes[o].ElementAtOrDefault(d)))));
                }
            }
        }

        return [.. graph.Outputs.Select((o, i) => new ValueReport(o.Name, outputs[i].Type.Name(), dimensions[i]))];
    }

    private static string Name(string symbol, int size, int dimension, List<(int Size, int Dimension)> others)
    {
        var times = dimension / size;
        if (dimension % size != 0 || others.Exists(other => other.Dimension != (long)times * other.Size)) return $"f({symbol})";
        return times == 1 ? symbol : $"{times}*{symbol}";
    }

    /// <summary>The shapes with one symbol at other sizes, as far as the graph takes them.</summary>
    private static List<(int Size, int[][] Shapes)> Others(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes, string symbol)
    {
        var found = new List<(int, int[][])>();
        foreach (var size in s_multiples.Select(m => (long)m * sizes[symbol]).TakeWhile(size => size <= int.MaxValue))
        {
            if (At((int)size) is not { } shapes) break;
            found.Add(((int)size, shapes));
        }

        if (found.Count == 0 && sizes[symbol] < int.MaxValue && At(sizes[symbol] + 1) is { } next) found.Add((sizes[symbol] + 1, next));
        return found;

        int[][]? At(int size)
        {
            try
            {
                return [.. model.GetOutputs(graph.Name, new Dictionary<string, int>(sizes) { [symbol] = size }).Select(o => o.Shape)];
            }
            catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
            {
                return null;
            }
        }
    }
}
