using System.Globalization;
using System.Text;

namespace SeqRuntime.Decoding;

/// <summary>Converts between tokens and text. Neither direction allocates, unless it returns a new string.</summary>
public sealed class TokenTable
{
    private const int None = -1;
    private const int IsSeparator = -2;

    /// <summary>Approximate bytes of an entry in the index. The model holds its text.</summary>
    internal const int BytesOfEntry = 48;

    private readonly IReadOnlyList<string> _entries;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _index;
    private readonly bool[] _isSpecial;
    private readonly int[] _lengths;

    internal TokenTable(IReadOnlyList<string> entries, ReadOnlySpan<int?> special, string? separator)
    {
        _entries = entries;
        _isSpecial = new bool[entries.Count];
        foreach (var index in special)
        {
            if (index is { } i && i < entries.Count) _isSpecial[i] = true;
        }

        var index_ = new Dictionary<string, int>(StringComparer.Ordinal);
        var lengths = new SortedSet<int>();
        for (var i = 0; i < entries.Count; i++)
        {
            if (_isSpecial[i] || entries[i].Length == 0) continue;
            index_.TryAdd(entries[i], i);
            lengths.Add(entries[i].Length);
        }

        _lengths = [.. lengths.Reverse()];

        _index = index_.GetAlternateLookup<ReadOnlySpan<char>>();
        Separator = separator ?? (index_.Keys.All(IsOneCharacter) ? "" : " ");
    }

    /// <summary>Number of tokens.</summary>
    public int Count => _entries.Count;

    /// <summary>The separator between tokens in a text: the model's; if it names none, nothing if every token is one character, otherwise a space.</summary>
    public string Separator { get; }

    /// <summary>Text of a token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such token.</exception>
    public string this[int token]
    {
        get
        {
            if ((uint)token >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(token), NoToken(token));
            return _entries[token];
        }
    }

    /// <summary>Index of a token's text, or -1. Begin, end, unknown and blank are not found by text.</summary>
    public int IndexOf(ReadOnlySpan<char> text) => _index.TryGetValue(text, out var index) ? index : -1;

    /// <summary>Splits a text into tokens. The longest match wins; separators between tokens are skipped.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tokens">Receives the indices.</param>
    /// <param name="unknownToken">Token for a character that no token covers; null to refuse it.</param>
    /// <returns>Number of tokens.</returns>
    /// <exception cref="ArgumentException">No token covers a character, <paramref name="tokens"/> is too short, or <paramref name="unknownToken"/> is outside the table.</exception>
    public int Encode(ReadOnlySpan<char> text, Span<int> tokens, int? unknownToken = null)
    {
        if (unknownToken is { } token && (uint)token >= (uint)Count) throw new ArgumentException(NoToken(token));
        return Split(text, tokens, unknownToken ?? None);
    }

    /// <summary>As <see cref="Encode"/>; the unknown token may be outside the table.</summary>
    internal int Split(ReadOnlySpan<char> text, Span<int> tokens, int unknown)
    {
        var count = 0;
        for (var at = 0; at < text.Length;)
        {
            var (token, length) = Next(text[at..]);
            if (token == IsSeparator)
            {
                at += length;
                continue;
            }

            if (token == None)
            {
                if (unknown < 0) throw new ArgumentException($"No token of the table covers '{text.Slice(at, length)}', and no unknown token is set.");
                token = unknown;
            }

            if (count == tokens.Length) throw new ArgumentException($"The text has more tokens than the {tokens.Length.ToString(CultureInfo.InvariantCulture)} that fit.");
            tokens[count++] = token;
            at += length;
        }

        return count;
    }

    /// <summary>The characters of a text that no token covers, each once, as a new string.</summary>
    public string FindUnknownCharacters(ReadOnlySpan<char> text)
    {
        var uncovered = new StringBuilder();
        var seen = new HashSet<int>();
        for (var at = 0; at < text.Length;)
        {
            var (token, length) = Next(text[at..]);
            if (token == None && seen.Add(length == 1 ? text[at] : char.ConvertToUtf32(text[at], text[at + 1]))) uncovered.Append(text.Slice(at, length));
            at += length;
        }

        return uncovered.ToString();
    }

    /// <summary>Writes the texts of tokens with separators between them.</summary>
    /// <returns>Characters written.</returns>
    /// <exception cref="ArgumentException">The destination is too short, or a token is outside the table.</exception>
    public int Decode(ReadOnlySpan<int> tokens, Span<char> text)
    {
        var length = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (i > 0) length += Put(Separator, text[length..]);
            if ((uint)tokens[i] >= (uint)Count) throw new ArgumentException(NoToken(tokens[i]));
            length += Put(_entries[tokens[i]], text[length..]);
        }

        return length;
    }

    /// <summary>The texts of tokens with separators between them, as a new string.</summary>
    /// <exception cref="ArgumentException">A token is outside the table.</exception>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        var text = new StringBuilder();
        for (var i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)Count) throw new ArgumentException(NoToken(tokens[i]));
            text.Append(i > 0 ? Separator : "").Append(_entries[tokens[i]]);
        }

        return text.ToString();
    }

    private string NoToken(int token) => $"Token {token.ToString(CultureInfo.InvariantCulture)} is outside the table (0 to {(Count - 1).ToString(CultureInfo.InvariantCulture)}).";

    private static int Put(string part, Span<char> text)
    {
        if (!part.TryCopyTo(text)) throw new ArgumentException("The destination is too short for the text.");
        return part.Length;
    }

    private static bool IsOneCharacter(string text) => Rune.DecodeFromUtf16(text, out _, out var length) == System.Buffers.OperationStatus.Done && length == text.Length;

    /// <summary>The token, the separator, or the uncovered character at the start of a text.</summary>
    private (int Token, int Length) Next(ReadOnlySpan<char> text)
    {
        var (token, length) = Match(text);
        if (token != None) return (token, length);
        if (Separator.Length > 0 && text.StartsWith(Separator)) return (IsSeparator, Separator.Length);
        _ = Rune.DecodeFromUtf16(text, out _, out length);
        return (None, length);
    }

    private (int Token, int Length) Match(ReadOnlySpan<char> text)
    {
        foreach (var length in _lengths)
        {
            if (length > text.Length) continue;
            if (_index.TryGetValue(text[..length], out var token)) return (token, length);
        }

        return (None, 0);
    }
}
