using System.Globalization;

namespace SeqRuntime.Decoding;

/// <summary>The decoding metadata of a model, checked against its graphs.</summary>
internal sealed class DecodingInfo
{
    private readonly SeqModel _model;

    private DecodingInfo(SeqModel model, string kind) => (_model, Kind) = (model, kind);

    /// <summary>How the model is decoded.</summary>
    public string Kind { get; }

    /// <summary>The metadata of a model whose kind must be one of <paramref name="kinds"/>.</summary>
    /// <exception cref="ArgumentException">The model has no decoding metadata, or is of another kind.</exception>
    public static DecodingInfo Of(SeqModel model, params string[] kinds)
    {
        if (!model.Metadata.TryGetValue(DecodingKeys.Kind, out var kind))
            throw new ArgumentException("The model does not say how it is decoded. Convert it again with a description (or --decoding file.json) that does.");
        if (!kinds.Contains(kind)) throw new ArgumentException($"The model's kind of decoding is '{kind}'; this decoder needs '{string.Join("' or '", kinds)}'.{Maker(kind)}");
        return new DecodingInfo(model, kind);
    }

    /// <summary>The method that makes a decoder of a kind.</summary>
    private static string Maker(string kind) => kind switch
    {
        DecodingKeys.LanguageModel => " Use CreateGenerator.",
        DecodingKeys.EncoderDecoder => " Use CreateDecoder.",
        DecodingKeys.Ctc or DecodingKeys.Transducer => " Use CreateFrameDecoder.",
        _ => "",
    };

    public string? Text(string key) => _model.Metadata.GetValueOrDefault(key);

    /// <summary>A required name.</summary>
    public string Need(string key) => Text(key) ?? throw new ArgumentException($"The model's metadata lack '{key}', which decoding needs.");

    /// <summary>A whole number of at least 0, or null if the key is missing.</summary>
    public int? Number(string key)
    {
        if (Text(key) is not { } text) return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number;
        throw new ArgumentException($"The model's metadata '{key}' is '{text}'; it must be a whole number of at least 0.");
    }

    public SeqGraphInfo Graph(string key)
    {
        var name = Need(key);
        return _model.Graphs.FirstOrDefault(g => g.Name == name) ?? throw new ArgumentException($"The model's metadata '{key}' is '{name}', but the model has no such graph.");
    }

    /// <summary>The graph that a key names; if none does, the only graph.</summary>
    public SeqGraphInfo GraphOrOnly(string key) => Text(key) is null && _model.Graphs.Count == 1 ? _model.Graphs[0] : Graph(key);

    /// <summary>Pairs of an input or state of the step and the encoder's output that fills it.</summary>
    public IEnumerable<(string Target, string Output)> Links() =>
        _model.Metadata.Where(m => m.Key.StartsWith(DecodingKeys.Link, StringComparison.Ordinal)).OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => (m.Key[DecodingKeys.Link.Length..], m.Value));

    /// <summary>A token table, or null if the model has none.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="memory">The decoder's memory.</param>
    /// <param name="special">Tokens without text.</param>
    public TokenTable? Table(string name, DecoderMemory memory, params ReadOnlySpan<int?> special)
    {
        if (!_model.Tables.TryGetValue(name, out var entries)) return null;
        memory.Count((double)entries.Count * TokenTable.BytesOfEntry, "table of tokens");
        return new TokenTable(entries, special, Text(DecodingKeys.Separator));
    }
}
