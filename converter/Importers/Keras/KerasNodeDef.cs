using System.Globalization;
using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>
/// TensorFlowOpLayer of TensorFlow 2.0 to 2.3: a node of a TensorFlow graph, with constants for some of its inputs. Its inputs and attributes are
/// given the names that the functions of the same meaning have.
/// </summary>
internal static class KerasNodeDef
{
    /// <summary>For each operator the function, and the names of its inputs after the first.</summary>
    private static readonly Dictionary<string, (string Name, string[] Inputs)> s_operators = new()
    {
        ["AddV2"] = ("add", []),
        ["Add"] = ("add", []),
        ["Sub"] = ("subtract", []),
        ["Mul"] = ("multiply", []),
        ["RealDiv"] = ("divide", []),
        ["Maximum"] = ("maximum", []),
        ["Minimum"] = ("minimum", []),
        ["FloorDiv"] = ("floor_divide", []),
        ["FloorMod"] = ("mod", []),
        ["Pow"] = ("pow", []),
        ["SquaredDifference"] = ("squared_difference", []),
        ["Equal"] = ("equal", []),
        ["NotEqual"] = ("not_equal", []),
        ["Less"] = ("less", []),
        ["LessEqual"] = ("less_equal", []),
        ["Greater"] = ("greater", []),
        ["GreaterEqual"] = ("greater_equal", []),
        ["Neg"] = ("negative", []),
        ["Abs"] = ("abs", []),
        ["Square"] = ("square", []),
        ["Sqrt"] = ("sqrt", []),
        ["Rsqrt"] = ("rsqrt", []),
        ["Exp"] = ("exp", []),
        ["Log"] = ("log", []),
        ["Tanh"] = ("tanh", []),
        ["Sigmoid"] = ("sigmoid", []),
        ["Relu"] = ("relu", []),
        ["Relu6"] = ("relu6", []),
        ["Elu"] = ("elu", []),
        ["Selu"] = ("selu", []),
        ["Softplus"] = ("softplus", []),
        ["Softmax"] = ("softmax", []),
        ["LogSoftmax"] = ("log_softmax", []),
        ["Identity"] = ("identity", []),
        ["StopGradient"] = ("stop_gradient", []),
        ["Mean"] = ("mean", ["axis"]),
        ["Sum"] = ("sum", ["axis"]),
        ["Max"] = ("max", ["axis"]),
        ["Min"] = ("min", ["axis"]),
        ["Prod"] = ("prod", ["axis"]),
        ["ExpandDims"] = ("expand_dims", ["axis"]),
        ["Squeeze"] = ("squeeze", []),
        ["Reshape"] = ("reshape", ["shape"]),
        ["Transpose"] = ("transpose", ["perm"]),
        ["Tile"] = ("tile", ["multiples"]),
        ["ConcatV2"] = ("concat", []),
        ["Pack"] = ("stack", []),
        ["BatchMatMulV2"] = ("matmul", []),
        ["MatMul"] = ("matmul", []),
        ["StridedSlice"] = ("getitem", []),
        ["Cast"] = ("cast", []),
        ["ClipByValue"] = ("clip_by_value", []),
        ["Einsum"] = ("einsum", []),
        ["GatherV2"] = ("gather", ["indices", "axis"]),
    };

    /// <summary>Names of types in node definitions.</summary>
    private static readonly Dictionary<string, string> s_types = new() { ["DT_FLOAT"] = "float32", ["DT_HALF"] = "float16", ["DT_DOUBLE"] = "float64", ["DT_INT32"] = "int32", ["DT_INT64"] = "int64", ["DT_BOOL"] = "bool", ["DT_UINT8"] = "uint8" };

    public static string? NameOf(KerasLayer layer) => s_operators.TryGetValue(Operator(layer), out var known) ? known.Name : null;

    public static KerasArguments Arguments(KerasLayer layer, KerasArguments call)
    {
        var (node, op) = (Node(layer), Operator(layer));
        var inputs = Inputs(layer, call);
        var named = new Dictionary<string, KerasArgument>();
        void Put(string name, object? value) => named[name] = KerasArgument.Of(JsonSerializer.SerializeToElement(value));
        switch (op)
        {
            case "ConcatV2":
                (inputs, named["axis"]) = ([new KerasArgument(null, default, inputs[..^1])], inputs[^1]);
                break;
            case "Pack":
                inputs = [new KerasArgument(null, default, inputs)];
                Put("axis", Number(node, "axis"));
                break;
            case "StridedSlice":
                inputs = [inputs[0], KerasArgument.Of(JsonSerializer.SerializeToElement(Keys(layer, node, inputs)))];
                break;
            case "Cast":
                Put("dtype", s_types.GetValueOrDefault(Text(node, "DstT", "type") ?? "", "unknown"));
                break;
            case "Squeeze":
                Put("axis", Attribute(node, "squeeze_dims", "list") is { } list && Json.Optional(list, "i") is { ValueKind: JsonValueKind.Array } numbers ? numbers.EnumerateArray().Select(Whole).ToArray() : null);
                break;
            case "BatchMatMulV2" or "MatMul":
                Put("transpose_a", Truth(node, "adj_x") || Truth(node, "transpose_a"));
                Put("transpose_b", Truth(node, "adj_y") || Truth(node, "transpose_b"));
                break;
            case "Einsum":
                Put("subscripts", Decoded(Text(node, "equation", "s")));
                break;
            case "Mean" or "Sum" or "Max" or "Min" or "Prod":
                Put("keepdims", Truth(node, "keep_dims"));
                break;
        }

        var names = s_operators[op].Inputs;
        for (var i = 0; i < names.Length && i + 1 < inputs.Count; i++) named[names[i]] = inputs[i + 1];
        return new KerasArguments(layer, names.Length > 0 ? [inputs[0]] : inputs, named, isConfigRead: false);
    }

    /// <summary>The inputs in the order of the node, with constants at their places.</summary>
    private static List<KerasArgument> Inputs(KerasLayer layer, KerasArguments call)
    {
        var values = Enumerable.Range(0, call.Count).Select(i => call.Need(i, $"input {i}")).ToList();
        var constants = layer.Get("constants") is { } given ? Json.Members(given, $"'constants' of layer '{layer.Name}'") : [];
        foreach (var (place, value) in constants.Select(c => (Place: int.TryParse(c.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? i : -1, c.Value)).OrderBy(c => c.Place))
        {
            if (place < 0 || place > values.Count) throw layer.Fault($"it has a constant for input {place}, but {values.Count} inputs before that");
            values.Insert(place, KerasArgument.Of(value));
        }

        return values.Count > 0 ? values : throw layer.Fault("it has no inputs");
    }

    /// <summary>The keys of x[…] of begins, ends, steps, and bits that say how each is meant.</summary>
    private static List<object?> Keys(KerasLayer layer, JsonElement node, List<KerasArgument> inputs)
    {
        if (inputs.Count != 4) throw layer.Fault("its ranges are not in the file");
        long[][] parts = [.. inputs.Skip(1).Select(i => i.Value is null ? KerasConstants.Typed(layer, "a range", i.Content).Integers() : throw layer.Fault("its ranges are computed in the graph, which is not supported"))];
        if (parts[1].Length != parts[0].Length || parts[2].Length != parts[0].Length) throw layer.Fault("its begins, ends and steps differ in number");
        bool Has(string mask, int i) => (Number(node, mask) >> i & 1) != 0;
        var keys = new List<object?>();
        for (var i = 0; i < Math.Min(parts[0].Length, 32); i++)
        {
            if (Has("ellipsis_mask", i)) keys.Add(new { class_name = "__ellipsis__" });
            else if (Has("new_axis_mask", i)) keys.Add(null);
            else if (Has("shrink_axis_mask", i)) keys.Add(parts[0][i]);
            else keys.Add(new { start = Has("begin_mask", i) ? (long?)null : parts[0][i], stop = Has("end_mask", i) ? (long?)null : parts[1][i], step = parts[2][i] });
        }

        return keys;
    }

    private static string Operator(KerasLayer layer) => Json.TextOf(Json.Optional(Node(layer), "op")) ?? "";

    /// <summary>The node, which is JSON in a text.</summary>
    private static JsonElement Node(KerasLayer layer)
    {
        var given = layer.Get("node_def") ?? throw layer.Fault("it has no node_def");
        if (Json.TextOf(given) is not { } text) return given;
        using var document = JsonText.Parse(Encoding.UTF8.GetBytes(text), $"the node_def of layer '{layer.Name}'");
        return document.RootElement.Clone();
    }

    private static JsonElement? Attribute(JsonElement node, string name, string kind) => Json.Optional(Json.Optional(Json.Optional(node, "attr") ?? default, name) ?? default, kind);

    private static string? Text(JsonElement node, string name, string kind) => Json.TextOf(Attribute(node, name, kind));

    /// <summary>Texts are in base64 in the JSON of protocol buffers.</summary>
    private static string? Decoded(string? text)
    {
        var bytes = new byte[text?.Length ?? 0];
        return text is not null && Convert.TryFromBase64String(text, bytes, out var count) ? Encoding.UTF8.GetString(bytes, 0, count) : null;
    }

    private static bool Truth(JsonElement node, string name) => Attribute(node, name, "b") is { ValueKind: JsonValueKind.True };

    private static long Number(JsonElement node, string name) => Attribute(node, name, "i") is { } value ? Whole(value) : 0;

    /// <summary>Whole numbers are texts in the JSON of protocol buffers.</summary>
    private static long Whole(JsonElement value) => Json.TextOf(value) is { } text ? long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed) ? parsed : 0 : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : 0;
}
