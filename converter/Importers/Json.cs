using System.Text.Json;

namespace SeqRuntime.Converter.Importers;

/// <summary>Parts of JSON documents that someone else wrote and <see cref="IO.JsonText"/> checked: what is missing, null or of another kind becomes a fault that names it.</summary>
internal static class Json
{
    private const int LongestShown = 60;

    /// <summary>A member that must be there and must not be null.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="member">Name of the member.</param>
    /// <param name="what">What the object is, for messages: "the model", "layer 'gru'" …</param>
    public static JsonElement Required(JsonElement owner, string member, string what) =>
        owner.ValueKind != JsonValueKind.Object ? throw new ConversionException($"{what} is {Shown(owner)}; an object is needed")
        : !owner.TryGetProperty(member, out var value) ? throw new ConversionException($"{what} has no '{member}'")
        : value.ValueKind == JsonValueKind.Null ? throw new ConversionException($"'{member}' of {what} is null")
        : value;

    /// <summary>A member, or null where the object does not have it, it is null, or there is no object.</summary>
    public static JsonElement? Optional(JsonElement owner, string member) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Elements of a list.</summary>
    public static List<JsonElement> List(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw new ConversionException($"{what} is {Shown(value)}; a list is needed");

    /// <summary>Members of an object.</summary>
    public static List<(string Name, JsonElement Value)> Members(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Object ? [.. value.EnumerateObject().Select(m => (m.Name, m.Value))] : throw new ConversionException($"{what} is {Shown(value)}; an object is needed");

    /// <summary>A whole number of 32 bits.</summary>
    public static int Int(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw new ConversionException($"{what} is {Shown(value)}; a whole number is needed");

    /// <summary>A finite number of 32 bits.</summary>
    public static float Float(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number) ? number : throw new ConversionException($"{what} is {Shown(value)}; a number is needed");

    public static string Text(JsonElement value, string what) => TextOf(value) ?? throw new ConversionException($"{what} is {Shown(value)}; a text is needed");

    /// <summary>The text, or null where the value is none.</summary>
    public static string? TextOf(JsonElement? value) => value is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>The value as messages show it.</summary>
    public static string Shown(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        _ when value.GetRawText() is { Length: > LongestShown } text => text[..LongestShown] + "…",
        _ => value.GetRawText(),
    };
}
