using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SeqRuntime.Format;

/// <summary>
/// int8: weight = scale × q, q in [-127, 127], a scale for each row. A group is 4 inputs: for each row its 4 weights, adjacent. After all
/// panels: the scale of each padded row (fp32), then the sum of each padded row's weights (int32), which offset-based dot products need.
/// </summary>
/// <remarks>
/// <para>The writer never stores -128 or a wrong sum. The reader does not check, because loading touches no weights: a file that has them is
/// safe to run, but its results may differ from one kernel set to another.</para>
/// <para><b>narrow</b>: the panels are the same. After them each padded row has 4 bytes: the row's sum (int16) and the upper half of its
/// scale; the lower half is 0. Products read <see cref="NarrowRows"/>.</para>
/// </remarks>
internal sealed unsafe class Int8Format : WeightFormat
{
    /// <summary>Consecutive inputs stored side by side for one row.</summary>
    public const int Inner = 4;

    /// <summary>Most columns of a narrow matrix: 258 · 127 &lt; 2¹⁵.</summary>
    public const int MaxNarrowColumns = short.MaxValue / 127;

    public static readonly Int8Format Wide = new(TensorFormat.PackedInt8, "int8", sizeof(float) + sizeof(int));

    public static readonly Int8Format Narrow = new(TensorFormat.NarrowInt8, "narrow int8", sizeof(int)) { MaxColumns = MaxNarrowColumns };

    private Int8Format(TensorFormat number, string name, int rowBytes)
        : base(number, name, Inner, Inner, rowBytes) => IsInteger = true;

    /// <summary>The format of a matrix with this many columns.</summary>
    public static Int8Format For(int columns) => columns <= MaxNarrowColumns ? Narrow : Wide;

    /// <summary>Packs quantized rows [rows, columns], each weight in [-127, 127], with one scale a row. The narrow format stores the upper halves of the scales.</summary>
    public byte[] Pack(ReadOnlySpan<sbyte> weights, ReadOnlySpan<float> scales, int rows, int columns, int panel = WeightLayout.WidestPanel)
    {
        var layout = new WeightLayout(this, rows, columns, panel);
        var bytes = new byte[layout.TotalBytes];
        for (var row = 0; row < rows; row++)
        {
            var sum = 0;
            var (first, group) = (columns == 0 ? 0 : layout.Offset(row, 0), layout.Width(row) * Inner);
            for (var k = 0; k < columns; k++)
            {
                var q = weights[row * columns + k];
                bytes[first + k / Inner * group + k % Inner] = (byte)q;
                sum += q;
            }

            var place = bytes.AsSpan((int)layout.ScalesOffset + row * sizeof(float));
            if (this == Narrow)
            {
                BinaryPrimitives.WriteInt32LittleEndian(place, NarrowRows.Join(scales[row], sum));
                continue;
            }

            BinaryPrimitives.WriteSingleLittleEndian(place, scales[row]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)layout.RowSumsOffset + row * sizeof(int)), sum);
        }

        return bytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Place(int row, int input, int width) => row * Inner + input;

    public override NarrowRows? Expand(WeightLayout layout, int count, byte* data) => this == Narrow ? new NarrowRows(layout, count, data) : null;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadRow(in PackedMatrix matrix, int row, float* to)
    {
        var layout = matrix.Layout;
        var scale = matrix.Scales[row];
        var source = (sbyte*)matrix.Panels + layout.Offset(row, 0);
        nint columns = layout.Columns, group = layout.Width(row) * Inner;
        nint k = 0;
        for (; k + Inner <= columns; k += Inner, source += group)
        {
            var steps = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<int>(source)).AsSByte();
            Vector128.Store(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(steps))) * scale, to + k);
        }

        for (; k < columns; k++) to[k] = scale * source[k % Inner];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReadColumn(in PackedMatrix matrix, int column, float* to)
    {
        var layout = matrix.Layout;
        for (var row = 0; row < layout.Rows; row++) to[row] = matrix.Scales[row] * (sbyte)matrix.Panels[layout.Offset(row, column)];
    }
}
