using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>int8 with one scale a row.</summary>
internal sealed class Int8Storage : WeightStorage
{
    public Int8Storage()
        : base(WeightKind.Int8, "int8", "packed int8", Int8Format.Wide, Int8Format.Narrow)
    {
        Finer = WeightKind.Float16;

        // Each percent of weights raised makes the file 1% larger.
        Raising = new Raising(WeightKind.Float16, LargestError: 0.012, LargestShare: 0.035);
    }

    public override string Help => "int8 with one scale for each row (a quarter of the size)";

    public override WeightFormat FormatOf(int columns) => Int8Format.For(columns);

    /// <summary>A narrow matrix could not store every scale.</summary>
    public override WeightFormat FormatOfSteps(int columns) => Int8Format.Wide;

    public override RoundedMatrix RoundSteps(WeightLayout layout, float[] weights) => Quantizer.StepsToInt8(weights, layout.Rows, layout.Columns, layout.PanelRows);

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null) =>
        Quantizer.ToInt8(weights, layout.Rows, layout.Columns, layout.PanelRows, progress);
}
