using System.Runtime.InteropServices;

namespace SeqRuntime.Format;

/// <summary>fp32: a group is one input, a float for each row.</summary>
internal sealed unsafe class Float32Format : WeightFormat
{
    public static readonly Float32Format Instance = new();

    private Float32Format()
        : base(TensorFormat.PackedFloat32, "fp32", groupInputs: 1, groupBytes: sizeof(float))
    {
    }

    /// <summary>Packs a row-major matrix [rows, columns].</summary>
    public static byte[] Pack(ReadOnlySpan<float> weights, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(Instance, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < columns; k++) MemoryMarshal.Write(bytes.AsSpan(layout.Offset(row, k)), weights[row * columns + k]);
        }

        return bytes;
    }

    public override int Place(int row, int input, int width) => row * sizeof(float);

    public override void ReadRow(in PackedMatrix matrix, int row, float* to)
    {
        var layout = matrix.Layout;
        var source = (float*)(matrix.Panels + layout.Offset(row, 0));
        nint columns = layout.Columns, width = layout.Width(row);
        for (nint k = 0; k < columns; k++) to[k] = source[k * width];
    }

    public override void ReadColumn(in PackedMatrix matrix, int column, float* to)
    {
        var layout = matrix.Layout;
        for (var row = 0; row < layout.Rows; row++) to[row] = *(float*)(matrix.Panels + layout.Offset(row, column));
    }
}
