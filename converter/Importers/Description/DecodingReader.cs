using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Reads decoding documents: token tables, and the metadata that gives each value its role.</summary>
internal static class DecodingReader
{
    /// <summary>Limit of the tokens of a table. It is above any vocabulary and stops hostile files.</summary>
    private const int MaxTokens = 1 << 24;

    /// <summary>Reads a separate decoding document for graphs that have none.</summary>
    /// <param name="path">The document.</param>
    /// <param name="models">Models whose folders are also searched for table files.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The document is wrong; the message says where and what.</exception>
    public static (Dictionary<string, string[]> Tables, Dictionary<string, string> Metadata) Read(string path, IEnumerable<string> models, SourceFiles files)
    {
        var content = files.ReadNamed(path, isModel: false);
        if (FileKinds.Of(content) is var kind && kind != FileKind.Description && !FileKinds.IsJson(content)) throw new ConversionException(kind.No(path, "a decoding document"));
        var document = Parse(path, content, DescriptionJson.Default.DecodingDocument);
        var tables = Tables(document.Tables, path, files, models);
        return (tables, Metadata(document.Decoding, tables, path));
    }

    public static T Parse<T>(string path, byte[] content, JsonTypeInfo<T> type)
    {
        var text = JsonText.Checked(content, path);
        var options = DescriptionJson.Default.Options;
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = options.ReadCommentHandling, AllowTrailingCommas = options.AllowTrailingCommas, AllowDuplicateProperties = false });
            Questions.Check(document.RootElement);
            // Read from a stream: then errors give the line. Read from memory, members would come out of order.
            using var stream = new MemoryStream(text.ToArray());
            var read = JsonSerializer.Deserialize(stream, type) ?? throw new ConversionException($"{path}: the document is null.");
            JsonNulls.Check(document.RootElement, type);
            return read;
        }
        catch (ConversionException fault) when (!fault.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new ConversionException($"{path}: {fault.Message}.", fault);
        }
        catch (Exception fault) when (fault is JsonException or NotSupportedException)
        {
            throw new ConversionException($"{path}: {DescriptionFaults.Tell(fault)}.", fault);
        }
    }

    /// <summary>Reads tables: written in the document, or in a JSON file or one of its members, or in a text file with one token on each line.</summary>
    public static Dictionary<string, string[]> Tables(Dictionary<string, JsonElement> tables, string path, SourceFiles files, params IEnumerable<string> models) =>
        tables.ToDictionary(t => t.Key, t => Table(t.Value, files, files.FolderOf([path, .. models]), $"{path}: table '{t.Key}'"));

    /// <summary>A table from a JSON file or one of its members, or from a text file with one token on each line.</summary>
    /// <param name="source">The file.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="where">The user of the table, for messages.</param>
    /// <param name="member">Name of a member of a JSON file.</param>
    public static string[] TableFile(string source, byte[] content, string where, JsonElement? member = null)
    {
        if (FileKinds.Of(content) is var kind && (kind == FileKind.LfsPointer || kind == FileKind.WebPage)) throw new ConversionException($"{where}: {kind.No(source, "a table of tokens")}");
        if (member is null && !FileKinds.IsJson(content)) return [.. TextLines.Of(content, $"{where}: {source}")];
        using var document = JsonText.Parse(content, $"{where}: {source}");
        var part = document.RootElement;
        if (member is { } name && (part.ValueKind != JsonValueKind.Object || Json.TextOf(name) is not { } text || !part.TryGetProperty(text, out part)))
            throw new ConversionException($"{where}: {source} has no member {Json.Shown(name)}.");
        return part.ValueKind == JsonValueKind.Array ? Texts(part, where) : FromMap(part, $"{where}: {source}");
    }

    /// <summary>The keys that the runtime's decoders read.</summary>
    public static Dictionary<string, string> Metadata(DecodingDescription decoding, Dictionary<string, string[]> tables, string path)
    {
        if (decoding.Kind is not (DecodingKeys.EncoderDecoder or DecodingKeys.Ctc or DecodingKeys.Transducer or DecodingKeys.LanguageModel))
            throw new ConversionException($"{path}: decoding: kind '{decoding.Kind}' is unknown; it must be {DecodingKeys.EncoderDecoder}, {DecodingKeys.Ctc}, {DecodingKeys.Transducer} or {DecodingKeys.LanguageModel}.");
        if (decoding.Scores is not (null or DecodingKeys.ScoresLogits or DecodingKeys.ScoresProbabilities))
            throw new ConversionException($"{path}: decoding: 'scores' is '{decoding.Scores}'; it must be {DecodingKeys.ScoresLogits} or {DecodingKeys.ScoresProbabilities}.");
        var metadata = new Dictionary<string, string> { [DecodingKeys.Kind] = decoding.Kind };
        void Set(string key, string? value)
        {
            if (value is not null) metadata[key] = value;
        }

        void Token(string key, JsonElement? token, string table)
        {
            if (token is { } value) Set(key, Index(value, tables.GetValueOrDefault(table), $"{path}: decoding", table).ToString(CultureInfo.InvariantCulture));
        }

        Set(DecodingKeys.Encoder, decoding.Encoder);
        Set(DecodingKeys.Step, decoding.Step);
        Set(DecodingKeys.Predict, decoding.Predict);
        Set(DecodingKeys.Joint, decoding.Joint);
        Set(DecodingKeys.Source, decoding.Source);
        Set(DecodingKeys.SourceLength, decoding.SourceLength);
        Set(DecodingKeys.SourcePosition, decoding.SourcePosition);
        Set(DecodingKeys.Mask, decoding.Mask);
        Set(DecodingKeys.Token, decoding.Token);
        Set(DecodingKeys.Position, decoding.Position);
        Set(DecodingKeys.Logits, decoding.Logits);
        Set(DecodingKeys.Scores, decoding.Scores);
        Set(DecodingKeys.Alignment, decoding.Alignment);
        Set(DecodingKeys.Separator, decoding.Separator);
        foreach (var (target, output) in decoding.Links) Set(DecodingKeys.Link + target, output);
        Token(DecodingKeys.Begin, decoding.Begin, DecodingKeys.TargetTable);
        Token(DecodingKeys.End, decoding.End, DecodingKeys.TargetTable);
        Token(DecodingKeys.Blank, decoding.Blank, DecodingKeys.TargetTable);
        Token(DecodingKeys.Unknown, decoding.Unknown, decoding.Kind == DecodingKeys.LanguageModel ? DecodingKeys.TargetTable : DecodingKeys.SourceTable);
        Token(DecodingKeys.SourceBegin, decoding.SourceBegin, DecodingKeys.SourceTable);
        Token(DecodingKeys.SourceEnd, decoding.SourceEnd, DecodingKeys.SourceTable);
        Set(DecodingKeys.Max, decoding.Max?.ToString(CultureInfo.InvariantCulture));
        Set(DecodingKeys.Context, decoding.Context?.ToString(CultureInfo.InvariantCulture));
        return metadata;
    }

    private static int Index(JsonElement token, string[]? table, string where, string name)
    {
        if (token.ValueKind == JsonValueKind.Number && token.TryGetInt32(out var number) && number >= 0) return number;
        var index = token.ValueKind == JsonValueKind.String && table is not null ? Array.IndexOf(table, Json.TextOf(token)) : -1;
        return index >= 0 ? index : throw new ConversionException($"{where}: {Json.Shown(token)} is not a token of table '{name}'.");
    }

    private static string[] Table(JsonElement table, SourceFiles files, ModelFolder folder, string where)
    {
        if (table.ValueKind == JsonValueKind.Array) return Texts(table, where);
        if (Json.TextOf(Json.Optional(table, "file")) is not { Length: > 0 } file) throw new ConversionException($"{where}: give a list of strings, or {{\"file\": …}}.");
        var source = folder.Find(file, what => new ConversionException($"{where}: the file {what}."));
        return TableFile(source, files.ReadFound(source, isModel: false), where, table.TryGetProperty("member", out var member) ? member : null);
    }

    private static string[] Texts(JsonElement list, string where) =>
        [.. list.EnumerateArray().Select(t => Json.TextOf(t) ?? throw new ConversionException($"{where}: {Json.Shown(t)} is not a string."))];

    /// <summary>Reads a map of texts to indices, or of indices to texts. Missing indices become empty.</summary>
    private static string[] FromMap(JsonElement map, string where)
    {
        if (map.ValueKind != JsonValueKind.Object) throw new ConversionException($"{where}: the tokens must be a list or a map.");
        var entries = new SortedDictionary<int, string>();
        foreach (var (name, value) in Json.Members(map, where))
        {
            var (index, text) = value.ValueKind switch
            {
                JsonValueKind.Number when value.TryGetInt32(out var number) => (number, name),
                JsonValueKind.String when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => (number, Json.TextOf(value)!),
                _ => (-1, ""),
            };
            if (index is < 0 or >= MaxTokens) throw new ConversionException($"{where}: '{name}': {Json.Shown(value)} must map a string to an index, or an index to a string.");
            if (!entries.TryAdd(index, text)) throw new ConversionException($"{where}: two tokens have the index {index}.");
        }

        if (entries.Count == 0) throw new ConversionException($"{where}: the table is empty.");
        var table = new string[entries.Keys.Last() + 1];
        Array.Fill(table, "");
        foreach (var (index, text) in entries) table[index] = text;
        return table;
    }
}
