using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>A value in the graph, and the mask [N, T] (bool) that goes with it, if any.</summary>
internal readonly record struct KerasValue(string Name, string? Mask = null);

/// <summary>A layer's configuration: its class, its name in the weights, and its members.</summary>
internal sealed class KerasLayer
{
    /// <param name="layer">Object with <c>class_name</c> and <c>config</c>.</param>
    /// <param name="weightsOf">Name of the layer that holds the weights, where this one is wrapped.</param>
    /// <param name="part">Group of the weights within that layer.</param>
    public KerasLayer(JsonElement layer, string? weightsOf = null, string part = "")
    {
        Class = Text(layer, "class_name") ?? throw new ConversionException("a layer has no class_name");
        Config = layer.TryGetProperty("config", out var config) ? config : default;
        Name = Text(layer, "name") ?? String("name") ?? Class;
        WeightsOf = weightsOf ?? Name;
        Part = part;
    }

    public string Class { get; }

    public string Name { get; }

    public string WeightsOf { get; }

    public string Part { get; }

    public JsonElement Config { get; }

    public JsonElement? Get(string member) => Config.ValueKind == JsonValueKind.Object && Config.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public bool Flag(string member, bool otherwise = false) => Get(member) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value ? value.GetBoolean() : otherwise;

    public int Int(string member, int otherwise) => Get(member) is { } value ? First(value).TryGetInt32(out var number) ? number : throw Fault($"'{member}' is {value}") : otherwise;

    public float Float(string member, float otherwise) => Get(member) is { ValueKind: JsonValueKind.Number } value ? value.GetSingle() : otherwise;

    public string? String(string member) => Get(member) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A list of numbers, or a number.</summary>
    public long[] Longs(string member) => Get(member) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(e => e.GetInt64())],
        { } one => [one.GetInt64()],
    };

    /// <summary>Name of an activation, which is a text or an object of a class of its own.</summary>
    public string Activation(string member = "activation", string otherwise = "linear") => Get(member) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { } other => Text(other, "config") ?? Text(other, "class_name") ?? throw Fault($"'{member}' is {other}"),
    };

    public ConversionException Fault(string what) => new($"layer '{Name}' ({Class}): {what}");

    public static string? Text(JsonElement element, string member) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement First(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 ? value[0] : value;
}

/// <summary>One call of a layer: the values it is given in order, and those given by name.</summary>
internal sealed record KerasCall(List<KerasValue> Inputs, Dictionary<string, List<KerasValue>> Named, HashSet<string> Flags);
