using System.Text.Json;

namespace SeqRuntime.Converter.Importers;

/// <summary>Reads parts of JSON documents that <see cref="IO.JsonText"/> checked. A missing, null or wrongly typed part becomes an error that names it.</summary>
internal static class Json
{
    private const int LongestShown = 60;

    /// <summary>A required member that must not be null.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="member">Name of the member.</param>
    /// <param name="what">What the object is, for messages, such as "the model" or "layer 'gru'".</param>
    public static JsonElement Required(JsonElement owner, string member, string what) =>
        owner.ValueKind != JsonValueKind.Object ? throw new ConversionException($"{what} is {Shown(owner)}; it must be an object")
        : !owner.TryGetProperty(member, out var value) ? throw new ConversionException($"{what} has no '{member}'")
        : value.ValueKind == JsonValueKind.Null ? throw new ConversionException($"'{member}' of {what} is null")
        : value;

    /// <summary>A member. Null if it is missing or null, or if there is no object.</summary>
    public static JsonElement? Optional(JsonElement owner, string member) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A member of a value that may be missing.</summary>
    public static JsonElement? Optional(JsonElement? owner, string member) => owner is { } value ? Optional(value, member) : null;

    /// <summary>The elements of a value that may be a list. None if it is something else.</summary>
    public static IEnumerable<JsonElement> Elements(JsonElement? value) => value is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : [];

    /// <summary>Elements of a list.</summary>
    public static List<JsonElement> List(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw new ConversionException($"{what} is {Shown(value)}; it must be a list");

    /// <summary>Members of an object.</summary>
    public static List<(string Name, JsonElement Value)> Members(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Object ? [.. value.EnumerateObject().Select(m => (m.Name, m.Value))] : throw new ConversionException($"{what} is {Shown(value)}; it must be an object");

    /// <summary>A 32-bit integer.</summary>
    public static int Int(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw new ConversionException($"{what} is {Shown(value)}; it must be a whole number of 32 bits");

    /// <summary>A finite 32-bit float.</summary>
    public static float Float(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number) ? number : throw new ConversionException($"{what} is {Shown(value)}; it must be a number");

    public static string Text(JsonElement value, string what) => TextOf(value) ?? throw new ConversionException($"{what} is {Shown(value)}; it must be a string");

    /// <summary>The text. Null if the value is not a text.</summary>
    public static string? TextOf(JsonElement? value) => value is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>The value in the form for messages.</summary>
    public static string Shown(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        _ when value.GetRawText() is { Length: > LongestShown } text => text[..LongestShown] + "…",
        _ => value.GetRawText(),
    };
}
