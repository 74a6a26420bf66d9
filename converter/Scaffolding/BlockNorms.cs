using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>Which of a block's two norms belongs to the attention: told by the words of their names, or by numbers and letters that follow one another.</summary>
internal static partial class BlockNorms
{
    private static readonly HashSet<string> s_attention = new(["attn", "attention", "att", "sa", "mha", "self"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_inner = new(["ffn", "ff", "ffw", "ffwd", "feed", "feedforward", "forward", "mlp", "fc"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_first = new(["input", "in", "pre", "before", "first", "0", "1"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_second = new(["output", "out", "post", "after", "final", "last", "second", "2"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_bare = new(["layer", "norm", "layernorm", "ln", "rms", "rmsnorm"], StringComparer.Ordinal);

    private enum Place
    {
        Unknown,
        Attention,
        Inner,
    }

    /// <summary>The norm of the attention, and that of the inner layers. Null if their names do not tell.</summary>
    public static string[]? Ordered(string a, string b)
    {
        var (words, others) = (Words(a), Words(b));
        if (Following(words, others) is { } isFirst) return isFirst ? [a, b] : [b, a];
        var (place, other) = (Of(words), Of(others));
        if (place == Place.Unknown) place = Rest(words, other);
        else if (other == Place.Unknown) other = Rest(others, place);
        return (place, other) switch
        {
            (Place.Attention, Place.Inner) => [a, b],
            (Place.Inner, Place.Attention) => [b, a],
            _ => null,
        };
    }

    /// <summary>Whether the first is the earlier of two that only a number, or a letter and the next one, tells apart. Null if there is more.</summary>
    private static bool? Following(string[] a, string[] b)
    {
        if (a.Length != b.Length || a.Zip(b).Where(pair => pair.First != pair.Second).ToList() is not [var (x, y)]) return null;
        if (int.TryParse(x, out var number) && int.TryParse(y, out var other)) return number < other;
        return x.Length == 1 && y.Length == 1 && Math.Abs(x[0] - y[0]) == 1 ? x[0] < y[0] : null;
    }

    private static Place Of(string[] words)
    {
        var (isAttention, isInner, isPost) = (words.Any(s_attention.Contains), words.Any(s_inner.Contains), words.Contains("post") || words.Contains("after"));
        // Llama's post_attention_layernorm is that of the inner layers; after these comes a norm of their result, which is none of the two.
        if (isAttention) return isInner ? Place.Unknown : isPost ? Place.Inner : Place.Attention;
        if (isInner) return isPost ? Place.Unknown : Place.Inner;
        var (isFirst, isSecond) = (words.Any(s_first.Contains), words.Any(s_second.Contains));
        return isFirst == isSecond ? Place.Unknown : isFirst ? Place.Attention : Place.Inner;
    }

    /// <summary>The place of a norm whose name has nothing but "layer norm", beside one whose place is known.</summary>
    private static Place Rest(string[] words, Place other) =>
        !Array.TrueForAll(words, s_bare.Contains) || other == Place.Unknown ? Place.Unknown : other == Place.Attention ? Place.Inner : Place.Attention;

    private static string[] Words(string name) => [.. Word().Matches(name).Select(word => word.Value.ToLowerInvariant())];

    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")]
    private static partial Regex Word();
}
