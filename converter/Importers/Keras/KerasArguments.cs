using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>An argument of an operation: a value of the graph, something that the file holds itself, or a list with values among its items.</summary>
internal sealed record KerasArgument(KerasValue? Value, JsonElement Content = default, List<KerasArgument>? Items = null)
{
    public bool IsNothing => Value is null && Items is null && Content.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>Whether leaving it out would say the same in most operations: nothing, false, or an empty text or list.</summary>
    public bool IsDefault => IsNothing || (Value is null && Items is null && (Content.ValueKind == JsonValueKind.False || Json.TextOf(Content) is "" || (Content.ValueKind == JsonValueKind.Array && Content.GetArrayLength() == 0)));

    public static KerasArgument Of(JsonElement content) => new(null, content);
}

/// <summary>
/// The arguments of an operation, in order and by name. Keras 2 writes all but the first by the names of TensorFlow's parameters; Keras 3 writes
/// values in order, and the rest as the config. Reading one marks it; what nobody reads is an error.
/// </summary>
internal sealed class KerasArguments(KerasLayer layer, List<KerasArgument> inOrder, Dictionary<string, KerasArgument> byName, bool isConfigRead)
{
    private readonly HashSet<int> _places = [];
    private readonly HashSet<string> _names = ["name"];

    public KerasLayer Layer => layer;

    /// <summary>Whether a value among the arguments has a mask.</summary>
    public bool HasMask => inOrder.Concat(byName.Values).Any(HasMasked);

    /// <summary>How many arguments are given in order.</summary>
    public int Count => inOrder.Count;

    /// <summary>An argument by its place, or by one of its names. Null if it is missing or null.</summary>
    public KerasArgument? Find(int place, params ReadOnlySpan<string> names)
    {
        _places.Add(place);
        foreach (var name in names) _names.Add(name);
        if (place >= 0 && place < inOrder.Count && !inOrder[place].IsNothing) return inOrder[place];
        foreach (var name in names)
        {
            if (byName.TryGetValue(name, out var given) && !given.IsNothing) return given;
            if (isConfigRead && layer.Get(name) is { } content) return KerasArgument.Of(content);
        }

        return null;
    }

    public KerasArgument Need(int place, params ReadOnlySpan<string> names) => Find(place, names) ?? throw layer.Fault($"it is called without '{names[0]}'");

    /// <summary>A value of the graph. A list of one is that one.</summary>
    public KerasValue Value(int place, params ReadOnlySpan<string> names) => Need(place, names) switch
    {
        { Value: { } value } => value,
        { Items: [{ Value: { } only }] } => only,
        _ => throw layer.Fault($"its '{names[0]}' is no value that a layer computes, which is not supported"),
    };

    public bool Flag(int place, bool otherwise, params ReadOnlySpan<string> names) => Find(place, names) switch
    {
        null => otherwise,
        { Value: null, Items: null, Content.ValueKind: JsonValueKind.True } => true,
        { Value: null, Items: null, Content.ValueKind: JsonValueKind.False } => false,
        _ => throw layer.Fault($"its '{names[0]}' must be true or false"),
    };

    /// <summary>Whole numbers, given as one or as a list. Null if the argument is missing.</summary>
    public long[]? Longs(int place, params ReadOnlySpan<string> names)
    {
        if (Find(place, names) is not { } given) return null;
        if (given.Value is not null || given.Items is not null) throw layer.Fault($"its '{names[0]}' is computed in the graph, which is not supported; it must be in the file");
        var tensor = KerasConstants.Typed(layer, names[0], given.Content);
        return tensor.Shape.Length < 2 && tensor.Type is ElementType.Int64 ? tensor.Integers() : tensor.Count == 0 ? [] : throw layer.Fault($"its '{names[0]}' must be whole numbers");
    }

    public long Long(int place, long otherwise, params ReadOnlySpan<string> names) => Longs(place, names) switch
    {
        null => otherwise,
        [var one] => one,
        _ => throw layer.Fault($"its '{names[0]}' must be one whole number"),
    };

    public float Float(int place, float otherwise, params ReadOnlySpan<string> names) =>
        Find(place, names) is not { } given ? otherwise
        : given.Value is null && given.Items is null ? Json.Float(given.Content, $"'{names[0]}' of layer '{layer.Name}' ({layer.Class})")
        : throw layer.Fault($"its '{names[0]}' is computed in the graph, which is not supported; it must be in the file");

    public string? Text(int place, params ReadOnlySpan<string> names) =>
        Find(place, names) is not { } given ? null
        : Json.TextOf(given.Content) ?? throw layer.Fault($"its '{names[0]}' must be a text");

    /// <summary>An axis counted from the front.</summary>
    public int Axis(long axis, int rank) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw layer.Fault($"its axis is {axis}, but the value has {rank} dimensions");

    /// <summary>Refuses arguments that nobody read.</summary>
    public void CheckRead()
    {
        for (var place = 0; place < inOrder.Count; place++)
        {
            if (!_places.Contains(place) && !inOrder[place].IsDefault) throw layer.Fault($"it is called with {inOrder.Count} arguments; number {place + 1} is not supported");
        }

        if (byName.FirstOrDefault(a => !_names.Contains(a.Key) && !a.Value.IsDefault).Key is { } unknown) throw layer.Fault($"it is called with '{unknown}', which is not supported");
    }

    /// <summary>Reads a call's arguments.</summary>
    /// <param name="layer">The operation.</param>
    /// <param name="node">A node of inbound_nodes.</param>
    /// <param name="valueOf">The value that a reference to an output of a layer means.</param>
    public static KerasArguments Read(KerasLayer layer, JsonElement node, Func<JsonElement, KerasValue> valueOf)
    {
        List<KerasArgument> inOrder = [];
        var byName = new Dictionary<string, KerasArgument>();
        void Named(JsonElement arguments)
        {
            foreach (var (name, value) in Json.Members(arguments, $"what layer '{layer.Name}' is called with by name")) byName[name] = Argument(value);
        }

        if (node.ValueKind == JsonValueKind.Object)
        {
            inOrder.AddRange(Json.List(Json.Required(node, "args", $"a call of layer '{layer.Name}'"), $"'args' of layer '{layer.Name}'").Select(Argument));
            if (Json.Optional(node, "kwargs") is { } named) Named(named);
            return new KerasArguments(layer, inOrder, byName, isConfigRead: true);
        }

        var first = Argument(node);
        // The arguments by name are repeated with each value of the first argument.
        if (Tail(node) is { } tail) Named(tail);
        if (layer.Class != "TensorFlowOpLayer") return new KerasArguments(layer, [first], byName, isConfigRead: layer.Class is not ("TFOpLambda" or "SlicingOpLambda"));
        return new KerasArguments(layer, first.Items ?? [first], byName, isConfigRead: false);

        KerasArgument Argument(JsonElement element)
        {
            if (IsReference(element)) return new KerasArgument(valueOf(element));
            if (element.ValueKind != JsonValueKind.Array) return KerasArgument.Of(element);
            if (element.GetArrayLength() >= 3 && Json.TextOf(element[0]) == "_CONSTANT_VALUE") return KerasArgument.Of(element[2]);
            var items = element.EnumerateArray().Select(Argument).ToList();
            return items.Exists(i => i.Value is not null || i.Items is not null) || items.Count > 0 && Tail(element) is not null ? new KerasArgument(null, default, items) : KerasArgument.Of(element);
        }
    }

    private static bool HasMasked(KerasArgument argument) => argument.Value?.Mask is not null || argument.Items?.Exists(HasMasked) == true;

    /// <summary>Whether an element refers to an output of a layer.</summary>
    public static bool IsReference(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array
            ? element.GetArrayLength() >= 3 && element[0].ValueKind == JsonValueKind.String && element[1].ValueKind == JsonValueKind.Number && element[2].ValueKind == JsonValueKind.Number && Json.TextOf(element[0]) != "_CONSTANT_VALUE"
            : Json.TextOf(Json.Optional(element, "class_name")) == "__keras_tensor__";

    /// <summary>The arguments by name at the end of a reference, or of the first one in a list.</summary>
    private static JsonElement? Tail(JsonElement node)
    {
        while (node.ValueKind == JsonValueKind.Array && node.GetArrayLength() > 0 && node[0].ValueKind == JsonValueKind.Array) node = node[0];
        return node.ValueKind == JsonValueKind.Array && node.GetArrayLength() == 4 && node[0].ValueKind == JsonValueKind.String && node[3].ValueKind == JsonValueKind.Object ? node[3] : null;
    }
}
