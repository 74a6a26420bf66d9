using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>
/// fp16: as fp32, with IEEE 754 binary16. The writer stores finite values only; exponent 31 is read as one more binade.
/// </summary>
internal sealed unsafe class Float16Format : WeightFormat
{
    public static readonly Float16Format Instance = new();

    private Float16Format()
        : base(TensorFormat.PackedFloat16, "fp16", groupInputs: 1, groupBytes: sizeof(ushort))
    {
    }

    /// <summary>Packs a row-major matrix [rows, columns], rounded to nearest even. Every value must round to a finite number.</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(Instance, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) MemoryMarshal.Write(bytes.AsSpan(layout.Offset(row, k)), (Half)weights[row * columns + k]);
        }

        return bytes;
    }

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

    /// <summary>Sign, exponent and mantissa at their fp32 places, times 2¹¹² for the different bias: exact, denormals included.</summary>
    private static float Value(short stored) => BitConverter.Int32BitsToSingle(stored << 13 & unchecked((int)0x8FFFE000)) * 5.192296858534828e33f;
}
