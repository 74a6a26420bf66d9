namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Matrices that are too small to be quantized. They become fp16, which loses almost nothing, if larger matrices are quantized and
/// this makes the file at least 1% smaller. Models of many small layers consist mostly of such matrices.
/// </summary>
internal static class SmallMatrices
{
    private const double LeastShare = 0.01;

    /// <param name="tensors">The tensors as stored if the small ones stay fp32.</param>
    public static bool AreHalved(IReadOnlyList<ConvertedTensor> tensors) =>
        tensors.Any(t => t.Weights is not (null or WeightKind.Float32)) && tensors.Where(t => Is(t) && t.Weights == WeightKind.Float32 && t.Finer is null).Sum(t => t.Bytes / 2) >= LeastShare * tensors.Sum(t => t.Bytes);

    public static bool Is(ConvertedTensor tensor) => tensor.Weights is not null && tensor.Count < WeightChoice.SmallestQuantized;
}
