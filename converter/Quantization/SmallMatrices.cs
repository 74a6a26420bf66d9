namespace SeqRuntime.Converter.Quantization;

/// <summary>
/// Matrices that are too small to be quantized. Beside larger ones that are quantized they become fp16, which loses next to nothing, where
/// all of them together make the file smaller by a hundredth: models of many small layers are mostly such matrices.
/// </summary>
internal static class SmallMatrices
{
    private const double LeastShare = 0.01;

    /// <param name="tensors">What is stored if they stay fp32.</param>
    public static bool AreHalved(IReadOnlyList<ConvertedTensor> tensors) =>
        tensors.Any(t => t.Weights is not (null or WeightKind.Float32)) && tensors.Where(t => Is(t) && t.Weights == WeightKind.Float32 && t.Finer is null).Sum(t => t.Bytes / 2) >= LeastShare * tensors.Sum(t => t.Bytes);

    public static bool Is(ConvertedTensor tensor) => tensor.Weights is not null && tensor.Count < WeightChoice.SmallestQuantized;
}
