using System.Globalization;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Commands;

/// <summary>The document that <c>decode --json</c> prints for an encoder-decoder or a language model.</summary>
internal sealed record DecodeReport(string File, string Kernels, IReadOnlyList<DecodedText> Texts);

/// <summary>A text, its characters that the model does not know, and its results, best first.</summary>
internal sealed record DecodedText(string Text, string? Unknown, IReadOnlyList<DecodedResult> Best)
{
    public void Print(TextWriter output)
    {
        foreach (var best in Best)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Line(Text)}\t{Line(best.Text ?? string.Join(' ', best.Tokens))}\t{best.LogProbability:F4}"));
    }

    /// <summary>Warns on standard error that the model guesses part of the results.</summary>
    public void Warn(TextWriter error)
    {
        if (Unknown is not null) error.WriteLine($"{SeqConvert.Name}: '{Text}': the model does not know {string.Join(", ", Unknown.EnumerateRunes().Select(rune => $"'{rune}'"))} and guesses; spell the text as its table of tokens does");
    }

    /// <exception cref="ConversionException">The text cannot be the model's source; the message says why.</exception>
    public static DecodedText Of(TextDecoder decoder, string text, bool withAlignment)
    {
        try
        {
            return Of(decoder, text, decoder.SourceTable is null ? decoder.DecodeTokens(Numbers(text)) : decoder.DecodeText(text), withAlignment);
        }
        catch (Exception fault) when (fault is SeqDataException or ArgumentException)
        {
            throw new ConversionException($"'{text}': {fault.Message.Replace($"{nameof(DecodeRequest)}.{nameof(DecodeRequest.MaxTokens)}", "--max-tokens", StringComparison.Ordinal)}", fault);
        }
    }

    /// <summary>Several texts at once. If one cannot be the model's source, those before it are decoded one after the other, up to its error.</summary>
    public static IEnumerable<DecodedText> Of(TextDecoder decoder, string[] texts, bool withAlignment)
    {
        if (texts.Length > 1 && decoder.DecodeTexts is { } decode)
        {
            try
            {
                var found = decode(texts);
                return [.. texts.Select((text, i) => Of(decoder, text, found[i], withAlignment))];
            }
            catch (Exception fault) when (fault is SeqDataException or ArgumentException or ConversionException)
            {
                // The text is named below.
            }
        }

        return texts.Select(text => Of(decoder, text, withAlignment));
    }

    private static DecodedText Of(TextDecoder decoder, string text, DecodeResultCollection found, bool withAlignment)
    {
        var unknown = decoder.SourceTable?.FindUnknownCharacters(text);
        return new DecodedText(text, string.IsNullOrEmpty(unknown) ? null : unknown, [.. found.Select(result => DecodedResult.Of(decoder, result, withAlignment))]);
    }

    /// <summary>A text in one field of one line.</summary>
    private static string Line(string text) => text.ReplaceLineEndings("\\n").Replace("\t", "\\t", StringComparison.Ordinal);

    /// <exception cref="ConversionException">The text is not a list of token numbers.</exception>
    public static int[] Numbers(string text) => Array.ConvertAll(
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
        word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var token) ? token : throw new ConversionException($"'{text}': The model has no table of its source's tokens, and '{word}' is not a token number."));
}

/// <summary>A result: its text if the model has a target table, and for each token, the end included, a row of weights over the source.</summary>
internal sealed record DecodedResult(string? Text, int[] Tokens, float LogProbability, float Score, bool IsComplete, float[][]? Alignment)
{
    public static DecodedResult Of(TextDecoder decoder, DecodeResult result, bool withAlignment) => new(
        decoder.TargetTable is null ? null : result.Text,
        result.Tokens.ToArray(),
        result.LogProbability,
        result.Score,
        result.IsComplete,
        withAlignment && result.AlignmentCount > 0 ? [.. Enumerable.Range(0, result.AlignmentCount).Select(step => result.Alignment(step).ToArray())] : null);
}
