using System.Globalization;
using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>The members of an object, with defaults. It remembers which were read, so that the others can be named.</summary>
/// <param name="element">The object.</param>
/// <param name="what">What it is, for messages: "layer 2 (gru)".</param>
internal sealed class Members(JsonElement element, string what)
{
    private const int Most = 1 << 24;

    private readonly HashSet<string> _read = [];

    public string What => what;

    /// <summary>A member. Null if it is missing or null.</summary>
    public JsonElement? Get(string member)
    {
        _read.Add(member);
        return Json.Optional(element, member);
    }

    public JsonElement Need(string member)
    {
        _read.Add(member);
        return Json.Required(element, member, what);
    }

    /// <summary>A whole number of at least <paramref name="least"/>, or the last of a list, as Keras writes sizes of kernels.</summary>
    public int Int(string member, int? otherwise = null, int least = 1)
    {
        var value = otherwise is null ? Need(member) : Get(member);
        if (value is null) return otherwise!.Value;
        if (value is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0) value = list[list.GetArrayLength() - 1];
        var number = value.Value.ValueKind == JsonValueKind.Number && !value.Value.TryGetInt32(out _) && value.Value.TryGetDouble(out var real) && real == Math.Floor(real) && Math.Abs(real) < int.MaxValue ? (int)real : Json.Int(value.Value, $"'{member}' of {what}");
        return number < least ? throw Fault($"'{member}' is {number}; it must be at least {least}")
            : number > Most ? throw Fault($"'{member}' is {number}; no layer is that large")
            : number;
    }

    public float Float(string member, float? otherwise = null) => (otherwise is null ? Need(member) : Get(member)) is { } value ? Json.Float(value, $"'{member}' of {what}") : otherwise!.Value;

    /// <summary>True or false, also as 1 or 0.</summary>
    public bool Flag(string member, bool? otherwise = null)
    {
        var value = otherwise is null ? Need(member) : Get(member);
        return value switch
        {
            null => otherwise!.Value,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var bit) && bit is 0 or 1 => bit == 1,
            { } other => throw Fault($"'{member}' is {Json.Shown(other)}; it must be true or false"),
        };
    }

    public string Text(string member, string? otherwise = null) => (otherwise is null ? Need(member) : Get(member)) is { } value ? Json.Text(value, $"'{member}' of {what}") : otherwise!;

    public List<JsonElement> List(string member) => Json.List(Need(member), $"'{member}' of {what}");

    /// <summary>A list of whole numbers.</summary>
    public int[] Ints(string member, int least = 1) => [.. List(member).Select(v => Json.Int(v, $"an element of '{member}' of {what}") is var number && number >= least && number <= Most ? number : throw Fault($"'{member}' has {number}; each must be from {least} to {Most}"))];

    public IrTensor Tensor(string member) => JsonTensors.Read(Need(member), $"'{member}' of {what}");

    public bool Has(string member) => Get(member) is not null;

    /// <summary>Members that were not read and are not null.</summary>
    public IEnumerable<(string Name, JsonElement Value)> Unread() => Json.Members(element, what).Where(m => !_read.Contains(m.Name) && m.Value.ValueKind != JsonValueKind.Null);

    public ConversionException Fault(string fault) => new($"{what}: {fault}");

    /// <summary>A text, number or flag as a text for metadata. Null if it is something else, or long.</summary>
    public static string? Plain(JsonElement value)
    {
        const int longest = 256;
        var text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetDouble().ToString("R", CultureInfo.InvariantCulture),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => null,
        };
        return text is { Length: > longest } ? text[..longest] : text;
    }
}
