using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Features of positions that are added to those of tokens or steps: a table, or a tensor of three axes, of which one has one element.</summary>
internal static class PlaceRows
{
    /// <summary>The rows that fairseq's tables have in front, as those of OPT, BioGPT, BART and RoBERTa.</summary>
    private const int Before = 2;

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

    /// <summary>The row of the first position: the settings count fewer positions than the table has rows.</summary>
    public static int First(TensorRole tensor, Settings settings) =>
        tensor.Shape is [var count, _] && settings.Whole("max_position_embeddings") is { } most && count == (long)most + Before ? Before : 0;

    /// <summary>Says that row 0 is taken to be the first position's, unless the settings count as many positions.</summary>
    public static void Doubt(DraftGraph graph, string table, Settings settings)
    {
        // RoBERTa's settings count the rows.
        if (settings.Whole("max_position_embeddings") is null || settings.Text("model_type")?.Contains("roberta", StringComparison.Ordinal) == true) graph.Guess($"the first position has row 0 of '{table}'; in fairseq's models (OPT, BART, RoBERTa) it has row {Before}");
    }

    /// <summary>Multiplies the features of tokens by the root of their number, if the settings say so.</summary>
    public static string Scale(DraftGraph graph, string value, int width, Settings settings)
    {
        if (settings["scale_embedding"] != "true") return value;
        var root = graph.Layer("constant", graph.Fresh("root"), ("value", $"[{Math.Sqrt(width).ToString("R", CultureInfo.InvariantCulture)}]"));
        return graph.Layer("multiply", graph.Fresh("scaled"), ("inputs", $"[{Q(value)}, {Q(root)}]"));
    }

    /// <summary>Adds the rows of the positions to a value.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="value">The value [N, T, width].</param>
    /// <param name="position">The value with the position of the step. Null for 0, 1 ….</param>
    /// <param name="tensor">The rows.</param>
    /// <param name="settings">What stands beside the weights.</param>
    public static string Add(DraftGraph graph, string value, string? position, TensorRole tensor, Settings settings)
    {
        var places = position ?? graph.Layer("positions", graph.Fresh("positions"), ("like", Q(value)));
        var first = First(tensor, settings);
        string rows;
        if (tensor.Shape.Count == 2 && first == 0)
        {
            rows = graph.Layer("embedding", graph.Fresh("places"), ("input", Q(places)), ("tensors", $"{{ \"weight\": {Q(tensor.Tensor.Name)} }}"));
            Doubt(graph, tensor.Tensor.Name, settings);
        }
        else
        {
            var all = graph.Layer("constant", graph.Fresh("all_places"), ("weights", Q(tensor.Tensor.Name)));
            if (first > 0)
            {
                graph.Guess($"the first position has row {first} of '{tensor.Tensor.Name}': the table has {first} rows more than the settings count positions");
                all = graph.Layer("slice", graph.Fresh("own_places"), ("input", Q(all)), ("axis", "0"), ("start", first.ToString(CultureInfo.InvariantCulture)));
            }

            var isTable = tensor.Shape.Count == 2;
            rows = graph.Layer("gather", graph.Fresh("taken_places"), ("input", Q(all)), ("indices", Q(places)), ("axis", tensor.Shape[0] == 1 && !isTable ? "1" : "0"));
            if (!isTable) rows = graph.Layer("reshape", graph.Fresh("places"), ("input", Q(rows)), ("shape", string.Create(CultureInfo.InvariantCulture, $"[1, -1, {tensor.Shape[^1]}]")));
        }

        if (settings["scale_embedding"] is null) graph.Guess($"'{tensor.Tensor.Name}' is added as it is; where the model multiplies the other features by the root of {tensor.Shape[^1]} first, add that (\"multiply\" by a \"constant\")");
        return graph.Layer("add", graph.Fresh("placed"), ("inputs", $"[{Q(value)}, {Q(rows)}]"));
    }

    private static string Q(string text) => DraftGraph.Quoted(text);
}
