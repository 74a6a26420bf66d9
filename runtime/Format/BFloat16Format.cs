using System.Buffers.Binary;

namespace SeqRuntime.Format;

/// <summary>bf16: as fp32, with bfloat16, the upper half of a float. Any content gives the same bits on every kernel set.</summary>
internal sealed unsafe class BFloat16Format : WeightFormat
{
    public static readonly BFloat16Format Instance = new();

    private BFloat16Format()
        : base(TensorFormat.PackedBFloat16, "bf16", groupInputs: 1, groupBytes: sizeof(ushort)) => Minor = 1;

    /// <summary>Packs a row-major matrix [rows, columns], rounded to nearest even; no value may be too large.</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(Instance, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(layout.Offset(row, k)), Upper(weights[row * columns + k]));
        }

        return bytes;
    }

    /// <summary>A finite value as it is stored, as fp32.</summary>
    public static float Rounded(float value) => Value(Upper(value));

    public override int Place(int row, int input, int width) => row * sizeof(ushort);

    public override void ReadRow(in PackedMatrix matrix, int row, float* to)
    {
        var layout = matrix.Layout;
        var source = (short*)(matrix.Panels + layout.Offset(row, 0));
        nint columns = layout.Columns, width = layout.Width(row);
        for (nint k = 0; k < columns; k++) to[k] = Value(source[k * width]);
    }

    public override void ReadColumn(in PackedMatrix matrix, int column, float* to)
    {
        var layout = matrix.Layout;
        for (var row = 0; row < layout.Rows; row++) to[row] = Value(*(short*)(matrix.Panels + layout.Offset(row, column)));
    }

    private static short Upper(float value)
    {
        var bits = BitConverter.SingleToInt32Bits(value);
        return (short)(bits + 0x7FFF + (bits >> 16 & 1) >> 16);
    }

    private static float Value(short upper) => BitConverter.Int32BitsToSingle(upper << 16);
}
