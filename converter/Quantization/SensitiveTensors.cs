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
    public static Dictionary<string, WeightKind> Find(IEnumerable<ConvertedTensor> tensors)
    {
        var quantized = tensors.Where(t => t is { Weights: WeightKind.Int8, IsAsked: false }).ToList();
        var left = (long)(quantized.Sum(t => t.Count) * LargestShare);
        var raised = new Dictionary<string, WeightKind>(StringComparer.Ordinal);
        foreach (var tensor in quantized.Where(t => t.Error > LargestError).OrderByDescending(t => t.Error))
        {
            if (tensor.Count > left) continue;
            left -= tensor.Count;
            raised.Add(tensor.Name, WeightKind.Float32);
        }

        return raised;
    }
}
