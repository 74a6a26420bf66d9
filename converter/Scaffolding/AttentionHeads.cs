using System.Globalization;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>The heads of an attention as JSON: what settings, answers and sizes tell, or questions.</summary>
/// <param name="Heads">The heads of the queries.</param>
/// <param name="Keys">Those of the keys and values. Null if they are as many.</param>
internal sealed record AttentionHeads(string Heads, string? Keys)
{
    private static readonly string[] s_names = ["num_attention_heads", "n_head", "n_heads", "num_heads", "nhead", "nheads", "attention_heads"];

    /// <param name="graph">Asks.</param>
    /// <param name="options">Has the settings.</param>
    /// <param name="where">The module, for questions.</param>
    /// <param name="rows">The elements of all heads of queries.</param>
    /// <param name="keys">Those of all heads of keys.</param>
    /// <param name="size">The elements of one head. Null if the file does not tell it.</param>
    public static AttentionHeads Of(DraftGraph graph, DraftOptions options, string where, int rows, int keys, int? size = null)
    {
        size ??= options.Settings.Whole("head_dim");
        var told = size is { } known && rows % known == 0 ? rows / known : options.Settings.Whole(s_names);
        // One that does not divide them is another model's.
        if (told is { } count && rows % count != 0) told = null;
        var heads = graph.Answer("heads") ?? told?.ToString(CultureInfo.InvariantCulture) ?? graph.Ask(where, $"the number of heads, which divides {rows}", null, "heads");
        if (rows == keys) return new(heads, null);
        if (graph.Answer("key_heads") is { } answer) return new(heads, answer);
        if (int.TryParse(heads, NumberStyles.None, CultureInfo.InvariantCulture, out var all) && all > 0 && (long)all * keys % rows == 0 && (long)all * keys / rows > 0) return new(heads, ((long)all * keys / rows).ToString(CultureInfo.InvariantCulture));
        return new(heads, graph.Ask(where, $"the number of heads of keys: those of queries times {keys} / {rows}", null, "key_heads"));
    }
}
