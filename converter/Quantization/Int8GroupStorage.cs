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

    public override RoundedMatrix Round(WeightLayout layout, float[] weights)
    {
        var (rows, columns, groups) = (layout.Rows, layout.Columns, layout.Groups);
        var quantized = new sbyte[weights.Length];
        var scales = new float[rows * groups];
        double errors = 0, squares = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var group = 0; group < groups; group++)
            {
                var first = group * Int8GroupFormat.Group;
                var place = row * columns + first;
                var count = Math.Min(Int8GroupFormat.Group, columns - first);
                scales[row * groups + group] = Quantizer.Round(weights.AsSpan(place, count), row, isNarrow: true, quantized.AsSpan(place, count), ref errors, ref squares);
            }
        }

        return new RoundedMatrix(errors, squares, () => Int8GroupFormat.Pack(quantized, scales, rows, columns, layout.PanelRows));
    }
}
