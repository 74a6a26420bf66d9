using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>fp32: weights as they are.</summary>
internal sealed class Float32Storage() : WeightStorage(WeightKind.Float32, "fp32", "packed float32", Float32Format.Instance)
{
    public override string Help => "fp32";

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null) =>
        new(0, 0, matrix => Float32Format.Pack(matrix(), layout.Rows, layout.Columns, layout.PanelRows));

    public override string? Obstacle(WeightMatrix weights) => null;
}
