using System.Globalization;

namespace SeqRuntime.Decoding;

/// <summary>The decoding metadata of a model, read and checked against its graphs.</summary>
internal sealed class DecodingInfo
{
    private readonly SeqModel _model;

    private DecodingInfo(SeqModel model, string kind) => (_model, Kind) = (model, kind);

    /// <summary>How the model is decoded.</summary>
    public string Kind { get; }

    /// <summary>Metadata of a model that is to be decoded as one of <paramref name="kinds"/>.</summary>
    /// <exception cref="ArgumentException">The model has none, or of another kind.</exception>
    public static DecodingInfo Of(SeqModel model, params string[] kinds)
    {
        if (!model.Metadata.TryGetValue(DecodingKeys.Kind, out var kind))
            throw new ArgumentException("The model does not say how it is decoded. Convert it again with a description (or --decoding file.json) that does.");
        if (!kinds.Contains(kind)) throw new ArgumentException($"The model is to be decoded as '{kind}', not as '{string.Join("' or '", kinds)}'.");
        return new DecodingInfo(model, kind);
    }

    public string? Text(string key) => _model.Metadata.GetValueOrDefault(key);

    /// <summary>A name that must be there.</summary>
    public string Need(string key) => Text(key) ?? throw new ArgumentException($"The model's metadata lack '{key}', which decoding needs.");

    /// <summary>A whole number from 0 up, or null where there is none.</summary>
    public int? Number(string key)
    {
        if (Text(key) is not { } text) return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number;
        throw new ArgumentException($"The model's metadata '{key}' is '{text}'; a whole number from 0 up is needed.");
    }

    public SeqGraphInfo Graph(string key)
    {
        var name = Need(key);
        return _model.Graphs.FirstOrDefault(g => g.Name == name) ?? throw new ArgumentException($"The model's metadata '{key}' name the graph '{name}'; there is no such graph.");
    }

    /// <summary>Input or state of the step to the encoder's output that fills it.</summary>
    public IEnumerable<(string Target, string Output)> Links() =>
        _model.Metadata.Where(m => m.Key.StartsWith(DecodingKeys.Link, StringComparison.Ordinal)).OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => (m.Key[DecodingKeys.Link.Length..], m.Value));

    /// <summary>A table of tokens, or null where the model has none.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="memory">Of the decoder.</param>
    /// <param name="special">Tokens that no text stands for.</param>
    public TokenTable? Table(string name, DecoderMemory memory, params ReadOnlySpan<int?> special)
    {
        if (!_model.Tables.TryGetValue(name, out var entries)) return null;
        memory.Count((double)entries.Count * TokenTable.BytesOfEntry, "table of tokens");
        return new TokenTable(entries, special, Text(DecodingKeys.Separator));
    }
}
