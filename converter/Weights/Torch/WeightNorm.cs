using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>
/// Weights that PyTorch's weight_norm splits into a length g and a direction v: w = g · v / ‖v‖. The norm is over the axes along which g has one
/// element. <c>weight_norm</c> names them <c>weight_g</c> and <c>weight_v</c>, its parametrization <c>parametrizations.weight.original0</c> and <c>original1</c>.
/// </summary>
internal static class WeightNorm
{
    private const string Parametrizations = "parametrizations.";

    /// <summary>Puts the whole weight in the place of each pair.</summary>
    public static IEnumerable<WeightTensor> Join(IReadOnlyList<WeightTensor> tensors)
    {
        var byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var pairs = tensors.Select(tensor => PairOf(tensor.Name, byName)).OfType<(string Length, string Direction, string Whole)>().Where(pair => !byName.ContainsKey(pair.Whole)).ToDictionary(pair => pair.Length, StringComparer.Ordinal);
        var directions = pairs.Values.Select(pair => pair.Direction).ToHashSet(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (directions.Contains(tensor.Name)) continue;
            if (!pairs.TryGetValue(tensor.Name, out var pair)) yield return tensor;
            else yield return new WeightTensor(pair.Whole, () => byName[pair.Direction].Shape, () => Product(tensor.Value, byName[pair.Direction].Value));
        }
    }

    /// <summary>The name of the whole weight, by that of its length or direction. Null if the name is of neither.</summary>
    public static string? WholeOf(string name)
    {
        var part = name.AsSpan(name.AsSpan().LastIndexOfAny('.', '/') + 1);
        if (part.StartsWith("weight") && part is [.., '_', 'g' or 'v']) return name[..^2];
        return part is "original0" or "original1" && name.LastIndexOf(Parametrizations, StringComparison.Ordinal) is >= 0 and var at ? name[..at] + name[(at + Parametrizations.Length)..^(part.Length + 1)] : null;
    }

    /// <summary>The names of the pair whose length has this name, and of the whole weight. Null if there is no such pair.</summary>
    private static (string Length, string Direction, string Whole)? PairOf(string length, Dictionary<string, WeightTensor> tensors)
    {
        if (length is not [.., 'g' or '0'] || WholeOf(length) is not { } whole) return null;
        var direction = length[..^1] + (length[^1] == 'g' ? "v" : "1");
        return tensors.TryGetValue(direction, out var other) && Fit(tensors[length].Shape, other.Shape) ? (length, direction, whole) : null;
    }

    /// <summary>Whether a length is one number, or has one element or as many as the direction along each axis.</summary>
    private static bool Fit(IReadOnlyList<int> length, IReadOnlyList<int> direction) => length.Count == 0 || (length.Count == direction.Count && length.Zip(direction).All(sizes => sizes.First == 1 || sizes.First == sizes.Second));

    private static IrTensor Product(IrTensor length, IrTensor direction)
    {
        var (factors, values, shape) = (length.ToFloats(), direction.ToFloats(), direction.Shape);
        // For each element the place of its length.
        var steps = new int[shape.Length];
        for (int axis = length.Shape.Length - 1, step = 1; axis >= 0; axis--)
        {
            steps[axis] = length.Shape[axis] == 1 ? 0 : step;
            step *= length.Shape[axis];
        }

        var places = new int[values.Length];
        var squares = new double[factors.Length];
        for (var i = 0; i < values.Length; i++)
        {
            for (int axis = shape.Length - 1, rest = i; axis >= 0; axis--)
            {
                places[i] += rest % shape[axis] * steps[axis];
                rest /= shape[axis];
            }

            squares[places[i]] += (double)values[i] * values[i];
        }

        for (var i = 0; i < values.Length; i++) values[i] = (float)(values[i] * (factors[places[i]] / Math.Sqrt(squares[places[i]])));
        return IrTensor.Of<float>(shape, values).Marked(direction.Beyond ?? length.Beyond);
    }
}
