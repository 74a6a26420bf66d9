using SeqRuntime.Format;

namespace SeqRuntime.Converter.Quantization;

/// <summary>int4 with one scale a row and one for each 32 inputs.</summary>
internal sealed class Int4Storage : WeightStorage
{
    public Int4Storage()
        : base(WeightKind.Int4, "int4", "packed int4", Int4Format.Instance)
    {
        Finer = WeightKind.Int8;

        // Each percent of weights raised for their error makes the file 0.9% larger.
        Raising = new Raising(WeightKind.Int8, LargestError: 0.1, LargestShare: 0.2, EdgeShare: 0.5);
    }

    public override string Help => "int4 with one scale for each row and each group of 32 inputs (an eighth of the size)";

    public override RoundedMatrix Round(WeightLayout layout, float[] weights, Action<long>? progress = null) =>
        Int4Quantizer.Round(weights, layout.Rows, layout.Columns, layout.PanelRows, progress);
}
