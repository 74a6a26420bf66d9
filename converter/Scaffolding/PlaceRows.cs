using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Features of positions that are added to those of tokens or steps: a table, or a tensor of three axes, of which one has one element.</summary>
internal static class PlaceRows
{
    private static readonly string[] s_words = ["pos", "position", "positions", "pe", "wpe", "positional"];

    /// <summary>Whether a part of the tensor's name says so.</summary>
    public static bool IsNamed(TensorRole tensor) => tensor.Tensor.Name.Split('.', '_', '/').Any(part => s_words.Contains(part, StringComparer.OrdinalIgnoreCase));

    /// <summary>The number of positions. Null if the tensor has no features of this width.</summary>
    public static int? Count(TensorRole tensor, int width) => tensor.Shape switch
    {
        [> 0 and var count, var size] when size == width => count,
        [1, > 0 and var count, var size] when size == width => count,
        [> 0 and var count, 1, var size] when size == width => count,
        _ => null,
    };

    /// <summary>Adds the rows of the positions to a value.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="value">The value [N, T, width].</param>
    /// <param name="position">The value with the position of the step. Null for 0, 1 ….</param>
    /// <param name="tensor">The rows.</param>
    public static string Add(DraftGraph graph, string value, string? position, TensorRole tensor)
    {
        var places = position ?? graph.Layer("positions", graph.Fresh("positions"), ("like", Q(value)));
        string rows;
        if (tensor.Shape.Count == 2)
        {
            rows = graph.Layer("embedding", graph.Fresh("places"), ("input", Q(places)), ("tensors", $"{{ \"weight\": {Q(tensor.Tensor.Name)} }}"));
        }
        else
        {
            var all = graph.Layer("constant", graph.Fresh("all_places"), ("weights", Q(tensor.Tensor.Name)));
            rows = graph.Layer("gather", graph.Fresh("taken_places"), ("input", Q(all)), ("indices", Q(places)), ("axis", tensor.Shape[0] == 1 ? "1" : "0"));
            rows = graph.Layer("reshape", graph.Fresh("places"), ("input", Q(rows)), ("shape", string.Create(CultureInfo.InvariantCulture, $"[1, -1, {tensor.Shape[^1]}]")));
        }

        graph.Guess($"'{tensor.Tensor.Name}' is added as it is; where the model multiplies the other features by the root of {tensor.Shape[^1]} first, add that (\"multiply\" by a \"constant\")");
        return graph.Layer("add", graph.Fresh("placed"), ("inputs", $"[{Q(value)}, {Q(rows)}]"));
    }

    private static string Q(string text) => DraftGraph.Quoted(text);
}
