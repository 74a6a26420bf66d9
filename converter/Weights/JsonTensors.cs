using System.Text.Json;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights;

/// <summary>Tensors in JSON: numbers in nested lists, as NumPy's and PyTorch's <c>tolist</c> write them.</summary>
internal static class JsonTensors
{
    private const int MostAxes = 8;

    /// <summary>The members of an object that are numbers or lists, as tensors in float32.</summary>
    /// <param name="owner">An object such as a <c>state_dict</c>.</param>
    public static IEnumerable<WeightTensor> Of(JsonElement owner)
    {
        foreach (var member in owner.EnumerateObject())
        {
            if (member.Value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Number)) continue;
            var value = member.Value;
            var name = member.Name;
            yield return new WeightTensor(name, () => ShapeOf(value, $"'{name}'"), () => Read(value, $"'{name}'"));
        }
    }

    /// <summary>A tensor in float32.</summary>
    /// <param name="value">A number, or lists of equal lengths.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <exception cref="ConversionException">The lists differ in length, or hold something else than finite numbers.</exception>
    public static IrTensor Read(JsonElement value, string what)
    {
        var shape = ShapeOf(value, what);
        // Each number takes at least two characters of the file, so the product cannot be much larger than it, unless a list is shorter than the first.
        var numbers = new List<float>();
        Append(value, shape, 0, what, numbers);
        return IrTensor.Of<float>(shape, [.. numbers]);
    }

    private static int[] ShapeOf(JsonElement value, string what)
    {
        var shape = new List<int>();
        for (var at = value; at.ValueKind == JsonValueKind.Array; at = at[0])
        {
            if (shape.Count == MostAxes) throw new ConversionException($"{what} is in more than {MostAxes} nested lists");
            shape.Add(at.GetArrayLength());
            if (shape[^1] == 0) break;
        }

        return [.. shape];
    }

    private static void Append(JsonElement value, int[] shape, int axis, string what, List<float> numbers)
    {
        if (axis == shape.Length)
        {
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var number)) throw new ConversionException($"{what} has an element that is {(value.ValueKind == JsonValueKind.Array ? "a list" : value.ValueKind == JsonValueKind.Object ? "an object" : value.ValueKind == JsonValueKind.Number ? "not a number of 64 bits" : $"{value.ValueKind}".ToLowerInvariant())}; each must be a number");
            var single = (float)number;
            if (!float.IsFinite(single)) throw new ConversionException($"{what} has the element {number.ToString(System.Globalization.CultureInfo.InvariantCulture)}, which is not a finite float32");
            numbers.Add(single);
            return;
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != shape[axis]) throw new ConversionException($"{what} is not a tensor: its lists differ in length, or hold lists and numbers side by side");
        foreach (var element in value.EnumerateArray()) Append(element, shape, axis + 1, what, numbers);
    }
}
