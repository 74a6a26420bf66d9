using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>bf16: rounded to nearest even. It has fp32's exponents, so that no weight is too small for it.</summary>
internal sealed class BFloat16Storage : WeightStorage
{
    public BFloat16Storage()
        : base(WeightKind.BFloat16, "bf16", "packed bfloat16", BFloat16Format.Instance) => (Finer, OfSmall) = (WeightKind.Float32, WeightKind.BFloat16);

    public override string Help => "bf16 (half the size, eight bits of precision at any magnitude)";

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null)
    {
        var (errors, squares) = Lost(weights, BFloat16Format.Rounded);
        return new RoundedMatrix(errors, squares, matrix => BFloat16Format.Pack(matrix(), layout.Rows, layout.Columns, layout.PanelRows));
    }

    public override string? Obstacle(WeightMatrix weights) =>
        base.Obstacle(weights) ?? (!float.IsFinite(BFloat16Format.Rounded(weights.Largest)) ? "a weight is outside ±3.39e38" : null);
}
