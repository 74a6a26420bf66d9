using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Commands;

/// <summary>A decoder of texts: of an encoder-decoder, or of a language model, whose texts are prompts.</summary>
internal sealed class TextDecoder : IDisposable
{
    private readonly IDisposable _decoder;

    private TextDecoder(IDisposable decoder) => _decoder = decoder;

    /// <summary>Texts of the tokens of what is given, and of results.</summary>
    public TokenTable? SourceTable { get; private init; }

    /// <inheritdoc cref="SourceTable"/>
    public TokenTable? TargetTable { get; private init; }

    public required Func<string, DecodeResultCollection> DecodeText { get; init; }

    public required Func<int[], DecodeResultCollection> DecodeTokens { get; init; }

    /// <summary>Decodes several texts at once; null where the decoder takes one after the other.</summary>
    public Func<string[], DecodeResultCollection[]>? DecodeTexts { get; private init; }

    public static TextDecoder Of(SeqDecoder decoder) => new(decoder)
    {
        SourceTable = decoder.SourceTable,
        TargetTable = decoder.TargetTable,
        DecodeText = text => decoder.Decode(text),
        DecodeTokens = tokens => decoder.Decode(tokens),
        DecodeTexts = texts => (decoder.SourceTable is null ? decoder.DecodeBatch(Array.ConvertAll(texts, text => new ReadOnlyMemory<int>(DecodedText.Numbers(text)))) : decoder.DecodeBatch(texts)).ToArray(),
    };

    public static TextDecoder Of(SeqGenerator generator) =>
        new(generator) { SourceTable = generator.Table, TargetTable = generator.Table, DecodeText = text => generator.Generate(text), DecodeTokens = tokens => generator.Generate(tokens) };

    public void Dispose() => _decoder.Dispose();
}
