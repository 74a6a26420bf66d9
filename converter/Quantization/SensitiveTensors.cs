namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Which matrices int8 leaves in float32: those that rounding hurts most, as long as they are few. A matrix with a relative
/// error above 1.2% is one whose rows hold a few large weights and many small ones.
/// </summary>
internal static class SensitiveTensors
{
    private const double LargestError = 0.012;

    /// <summary>Largest share of the weights that stays float32: each percent makes the file 3% larger.</summary>
    private const double LargestShare = 0.035;

    /// <summary>Names of the matrices to keep, worst first while they fit.</summary>
    public static HashSet<string> Find(IEnumerable<ConvertedTensor> tensors)
    {
        var quantized = tensors.Where(t => t.Error is not null).ToList();
        var left = (long)(quantized.Sum(Count) * LargestShare);
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in quantized.Where(t => t.Error > LargestError).OrderByDescending(t => t.Error))
        {
            if (Count(tensor) > left) continue;
            left -= Count(tensor);
            kept.Add(tensor.Name);
        }

        return kept;
    }

    private static long Count(ConvertedTensor tensor) => tensor.Shape.Aggregate(1L, (a, b) => a * b);
}
