using System.Globalization;

namespace SeqRuntime.Converter.Graph;

/// <summary>Finds weights that are not finite. A NaN makes results NaN, and so does an infinity times zero.</summary>
internal static class NonFinite
{
    /// <summary>What is wrong with a weight. Null if nothing is. A vector may hold -∞, for example a bias that forbids a class.</summary>
    public static string? Fault(string name, IrTensor tensor) => tensor.Type == ElementType.Float32 ? Fault(name, tensor.Shape, tensor.Floats, tensor.Beyond) : null;

    /// <inheritdoc cref="Fault(string, IrTensor)"/>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="values">Its values.</param>
    /// <param name="beyond">The first number in the file that is too large for float32. Null if there is none.</param>
    public static string? Fault(string name, int[] shape, ReadOnlySpan<float> values, double? beyond = null) => Find("weight", name, shape, values, areMasksAllowed: shape.Length < 2, areLimitsAllowed: false, beyond);

    /// <summary>Where a constant of several elements holds NaN. Null if it does not. Infinities are allowed, because they are masks and limits.</summary>
    public static string? NotANumber(string name, IrTensor tensor) =>
        tensor is { Type: ElementType.Float32, Count: > 1 } ? Find("constant", name, tensor.Shape, tensor.Floats, areMasksAllowed: true, areLimitsAllowed: true) : null;

    /// <summary>Where a variance plus epsilon is not above zero, so that no finite root divides. Null if it is nowhere.</summary>
    public static string? NoVariance(string name, IrTensor variance, float epsilon)
    {
        if (variance.Type != ElementType.Float32) return null;
        var values = variance.Floats;
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsNaN(values[i]) || values[i] + (double)epsilon > 0) continue;
            var value = values[i].ToString(CultureInfo.InvariantCulture);
            return $"the variance '{name}' of shape [{string.Join(", ", variance.Shape)}] is {value} at [{string.Join(", ", Index(i, variance.Shape))}], and epsilon {epsilon.ToString(CultureInfo.InvariantCulture)} does not raise it above zero: results would be {(values[i] + (double)epsilon == 0 ? "infinite" : "NaN")}. The training diverged or the file is damaged; use an earlier checkpoint";
        }

        return null;
    }

    private static string? Find(string what, string name, int[] shape, ReadOnlySpan<float> values, bool areMasksAllowed, bool areLimitsAllowed, double? beyond = null)
    {
        int nans = 0, infinities = 0, first = -1;
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i])) continue;
            if (float.IsNaN(values[i])) nans++;
            else if (areLimitsAllowed || (areMasksAllowed && values[i] < 0)) continue;
            else infinities++;
            if (first < 0) first = i;
        }

        if (first < 0) return null;
        string[] parts = [.. nans > 0 ? [$"{nans} NaN"] : Array.Empty<string>(), .. infinities > 0 ? [$"{infinities} infinite"] : Array.Empty<string>()];
        // A tensor that an importer assembled has the name of its first source and a number.
        var source = WeightNames.Stem(name);
        if (beyond is { } large && nans == 0)
            return $"the {what} '{source}' of shape [{string.Join(", ", shape)}] holds {infinities} of {values.Length} values beyond ±{float.MaxValue.ToString(CultureInfo.InvariantCulture)}, the range of float32, in which the runtime computes; the first is {large.ToString(CultureInfo.InvariantCulture)} at [{string.Join(", ", Index(first, shape))}]. The training diverged or the file is damaged; use an earlier checkpoint";
        return $"the {what} '{source}' of shape [{string.Join(", ", shape)}] holds {string.Join(" and ", parts)} among {values.Length} values, the first at [{string.Join(", ", Index(first, shape))}]: results would be {(nans > 0 ? "NaN" : "wrong or NaN")}. The training diverged or the file is damaged; use an earlier checkpoint";
    }

    private static int[] Index(int place, int[] shape)
    {
        var index = new int[shape.Length];
        for (var axis = shape.Length - 1; axis >= 0; axis--) (place, index[axis]) = (place / shape[axis], place % shape[axis]);
        return index;
    }
}
