using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Tensors that a config holds as numbers and nested lists, or as Keras 3's objects around them.</summary>
internal static class KerasConstants
{
    private const int MostAxes = 8;

    /// <summary>A tensor of floats.</summary>
    public static IrTensor Floats(KerasLayer layer, string what, JsonElement value)
    {
        var numbers = new List<double>();
        var shape = Read(layer, what, value, numbers, out _);
        return IrTensor.OfDoubles(shape, numbers.ToArray());
    }

    /// <summary>A tensor of the type that the numbers have: float, int64 where all are whole numbers, or bool.</summary>
    public static IrTensor Typed(KerasLayer layer, string what, JsonElement value)
    {
        var numbers = new List<double>();
        var shape = Read(layer, what, value, numbers, out var kind);
        return kind switch
        {
            ElementType.Bool => IrTensor.Of<bool>(shape, [.. numbers.Select(n => n != 0)]),
            ElementType.Int64 => IrTensor.Of<long>(shape, [.. numbers.Select(n => (long)n)]),
            _ => IrTensor.OfDoubles(shape, numbers.ToArray()),
        };
    }

    /// <summary>Whether a value is made of numbers only.</summary>
    public static bool IsConstant(JsonElement value) => Content(value).ValueKind switch
    {
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => true,
        JsonValueKind.Array => Content(value).EnumerateArray().All(IsConstant),
        _ => false,
    };

    private static JsonElement Content(JsonElement value) =>
        Json.TextOf(Json.Optional(value, "class_name")) is "__numpy__" or "__tensor__" && Json.Optional(Json.Optional(value, "config") ?? default, "value") is { } inner ? inner : value;

    private static int[] Read(KerasLayer layer, string what, JsonElement value, List<double> numbers, out ElementType kind)
    {
        var told = Json.TextOf(Json.Optional(Json.Optional(value, "config") ?? default, "dtype"));
        var shape = new List<int>();
        bool areAllWhole = true, areAllTruths = true;
        Add(Content(value), 0);
        kind = areAllTruths ? ElementType.Bool : areAllWhole && told?.Contains("float", StringComparison.Ordinal) != true ? ElementType.Int64 : ElementType.Float32;
        return [.. shape];

        void Add(JsonElement element, int axis)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                var length = element.GetArrayLength();
                if (axis == shape.Count && numbers.Count == 0 && axis < MostAxes) shape.Add(length);
                else if (axis >= shape.Count || shape[axis] != length) throw layer.Fault($"'{what}' is a list of lists of different lengths");
                foreach (var inner in element.EnumerateArray()) Add(inner, axis + 1);
                return;
            }

            if (axis != shape.Count) throw layer.Fault($"'{what}' is a list of lists of different lengths");
            switch (element.ValueKind)
            {
                case JsonValueKind.True or JsonValueKind.False:
                    numbers.Add(element.ValueKind == JsonValueKind.True ? 1 : 0);
                    areAllWhole = false;
                    break;
                case JsonValueKind.Number when element.TryGetDouble(out var number) && double.IsFinite(number):
                    areAllTruths = false;
                    if (!element.TryGetInt64(out _)) areAllWhole = false;
                    numbers.Add(number);
                    break;
                default:
                    throw layer.Fault($"'{what}' holds {Json.Shown(element)}; it must be a number, or lists of numbers");
            }
        }
    }
}
