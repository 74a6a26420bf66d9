using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>int8g32: int8 with a scale for each row and group of 32 inputs, which is the bfloat16 of least squared error at or under absmax / 127.</summary>
internal sealed class Int8GroupStorage : WeightStorage
{
    public Int8GroupStorage()
        : base(WeightKind.Int8Grouped, "int8g32", "packed int8g32", Int8GroupFormat.Instance)
    {
        Finer = WeightKind.Float16;
        Raising = new Raising(WeightKind.Float16, LargestError: 0.012, LargestShare: 0.035);
    }

    public override string Help => "int8g32, int8 with one scale for each 32 inputs (a little larger and more precise than int8)";

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null)
    {
        var (rows, columns) = (layout.Rows, layout.Columns);
        var (quantized, scales, errors, squares) = Quantizer.Rounded(weights, rows, columns, Int8GroupFormat.Group, isNarrow: true, progress);
        return new RoundedMatrix(errors, squares, () => Int8GroupFormat.Pack(quantized, scales, rows, columns, layout.PanelRows));
    }
}
