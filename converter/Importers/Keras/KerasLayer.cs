using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>A value in the graph, its rank, and its mask [N, T] (bool), if it has one.</summary>
internal readonly record struct KerasValue(string Name, int Rank, string? Mask = null);

/// <summary>A layer's configuration: its class, the name of its weights, and its members. Reading a member marks it as known; the rest is reported.</summary>
internal sealed class KerasLayer
{
    /// <summary>Members that have no effect when a model runs: names, training, and how Keras works internally.</summary>
    private static readonly HashSet<string> s_withoutEffect =
    [
        "name", "trainable", "batch_input_shape", "batch_shape", "input_shape", "autocast", "seed", "rate", "noise_shape", "stddev", "l1", "l2", "dropout",
        "recurrent_dropout", "implementation", "unroll", "unit_forget_bias", "momentum", "synchronized", "fused", "renorm", "renorm_clipping", "renorm_momentum",
        "virtual_batch_size", "adjustment", "input_length", "flash_attention", "activity_regularizer", "optional", "input_dtype", "value_dim", "output_shape", "query_shape", "key_shape", "value_shape",
    ];

    private readonly HashSet<string> _read = [];

    /// <param name="layer">Object with <c>class_name</c> and <c>config</c>.</param>
    /// <param name="weightsOf">Name of the layer that holds the weights, if this layer is wrapped.</param>
    /// <param name="part">Group of its weights in that layer.</param>
    /// <param name="around">Names of the models and wrappers around it, joined by slashes. Empty for a layer of the outermost model.</param>
    public KerasLayer(JsonElement layer, string? weightsOf = null, string part = "", string around = "")
    {
        Source = layer;
        Class = Json.Text(Json.Required(layer, "class_name", "a layer"), "the class_name of a layer");
        Module = Json.TextOf(Json.Optional(layer, "module")) ?? "";
        Config = Json.Optional(layer, "config") ?? default;
        Name = Json.TextOf(Json.Optional(layer, "name")) ?? Json.TextOf(Json.Optional(Config, "name")) ?? Class;
        WeightsOf = weightsOf ?? (around.Length == 0 ? Name : $"{around}/{Name}");
        Part = part;
    }

    public string Class { get; }

    /// <summary>Python's module of the class in files of Keras 3. Empty if there is none.</summary>
    public string Module { get; }

    public string Name { get; }

    public string WeightsOf { get; }

    public string Part { get; }

    /// <summary>The layer as the file has it.</summary>
    public JsonElement Source { get; }

    private JsonElement Config { get; }

    /// <summary>A member. Null if it is missing or null.</summary>
    public JsonElement? Get(string member)
    {
        _read.Add(member);
        return Json.Optional(Config, member);
    }

    /// <summary>The layers of a model. Older versions write the config of a Sequential as a list.</summary>
    public List<JsonElement> Layers() =>
        Json.List(Config.ValueKind == JsonValueKind.Array ? Config : Get("layers") ?? throw new ConversionException($"the config of the model '{Name}' has no 'layers'"), $"'layers' of the model '{Name}'");

    /// <summary>Whether a member exists, even if it is null.</summary>
    public bool Has(string member) => Config.ValueKind == JsonValueKind.Object && Config.TryGetProperty(member, out _);

    public bool Flag(string member, bool otherwise = false) => Get(member) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var bit) && bit is 0 or 1 => number.GetInt32() == 1,
        { } other => throw Fault($"'{member}' is {Json.Shown(other)}; it must be true or false"),
    };

    /// <summary>A number, or a list of one.</summary>
    public int Int(string member, int otherwise) => Longs(member) switch
    {
        [] => otherwise,
        [var one and >= int.MinValue and <= int.MaxValue] => (int)one,
        _ => throw Fault($"'{member}' is {Json.Shown(Get(member)!.Value)}; it must be one whole number"),
    };

    public float Float(string member, float otherwise) => Get(member) is { } value ? Json.Float(value, $"'{member}' of layer '{Name}' ({Class})") : otherwise;

    public string? String(string member) => Get(member) is { } value ? Json.Text(value, $"'{member}' of layer '{Name}' ({Class})") : null;

    /// <summary>A list of whole numbers, or a number.</summary>
    public long[] Longs(string member) => Get(member) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(e => Long(member, e))],
        { } one => [Long(member, one)],
    };

    /// <summary>Checks that a member agrees with the size of the weights.</summary>
    public void Expect(string member, params ReadOnlySpan<int> sizes)
    {
        var given = Longs(member);
        if (given.Length == 0) return;
        var fits = given.Length == sizes.Length;
        for (var i = 0; fits && i < sizes.Length; i++) fits = given[i] == sizes[i];
        if (!fits) throw Fault($"its '{member}' is {string.Join(", ", given)}, but its weights have {string.Join(", ", sizes.ToArray())}");
    }

    /// <summary>Members that were not read, may have an effect, and are not null, false or empty.</summary>
    public IEnumerable<string> Unread() => Config.ValueKind != JsonValueKind.Object ? [] : Json.Members(Config, $"the config of layer '{Name}'").Where(m => !IsWithoutEffect(m.Name) && !_read.Contains(m.Name) && !IsNothing(m.Value)).Select(m => $"\"{m.Name}\": {Json.Shown(m.Value)}");

    public ConversionException Fault(string what) => new($"layer '{Name}' ({Class}): {what}");

    private long Long(string member, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : throw Fault($"'{member}' is {Json.Shown(value)}; it must be a whole number");

    private static bool IsWithoutEffect(string member) =>
        s_withoutEffect.Contains(member) || member.EndsWith("_initializer", StringComparison.Ordinal) || member.EndsWith("_regularizer", StringComparison.Ordinal) || member.EndsWith("_constraint", StringComparison.Ordinal);

    private static bool IsNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.ValueEquals(""),
        _ => false,
    };
}

/// <summary>One call of a layer: its inputs in order and by name, plain values, and switches.</summary>
internal sealed record KerasCall(List<KerasValue> Inputs)
{
    public Dictionary<string, List<KerasValue>> Named { get; } = [];

    public HashSet<string> Flags { get; } = [];

    /// <summary>The arguments, if the layer is an operation. All else is empty then.</summary>
    public KerasArguments? Arguments { get; init; }

    /// <summary>Numbers and texts among the inputs in order.</summary>
    public List<JsonElement> Plain { get; } = [];
}
