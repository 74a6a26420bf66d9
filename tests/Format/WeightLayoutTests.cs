using SeqRuntime.Format;

namespace SeqRuntime.Tests;

public class WeightLayoutTests
{
    [Fact]
    public void Int8_walks_panels_of64_outputs_by4_inputs()
    {
        var layout = new WeightLayout(TensorFormat.PackedInt8, 81, 6);
        Assert.Equal(84, layout.PaddedRows);
        Assert.Equal(8, layout.PaddedColumns);
        Assert.Equal(0, layout.Offset(0, 0));
        Assert.Equal(5, layout.Offset(1, 1));
        Assert.Equal(256 + 63 * 4 + 1, layout.Offset(63, 5));
        Assert.Equal(512 + 2 * 4, layout.Offset(66, 0));
        Assert.Equal(512 + 80 + 2 * 4 + 1, layout.Offset(66, 5));
        Assert.Equal(84 * 8, layout.ScalesOffset);
        Assert.Equal(84 * 16, layout.TotalBytes);
    }

    [Fact]
    public void Int4_walks_panels_by8_inputs_before_their_group_scales()
    {
        var layout = new WeightLayout(TensorFormat.PackedInt4, 20, 40);
        Assert.Equal(64, layout.PaddedColumns);
        Assert.Equal(2, layout.Groups);
        Assert.Equal(20 * 2 * 17, layout.PanelsBytes);
        Assert.Equal(20 * (2 * 17 + sizeof(float)), layout.TotalBytes);
        Assert.Equal((0, 0), Nibble(0, 0));
        Assert.Equal((3 * 4 + 1, 0), Nibble(3, 1));
        Assert.Equal((3 * 4 + 1, 4), Nibble(3, 5));
        Assert.Equal((80 + 3 * 4 + 1, 0), Nibble(3, 9));
        Assert.Equal((340 + 80 + 4, 4), Nibble(1, 44));
        Assert.Equal(320 + 18, Int4Format.ScaleOffset(layout, 18, 0));
        Assert.Equal(340 + 320 + 18, Int4Format.ScaleOffset(layout, 18, 1));

        (int Offset, int Shift) Nibble(int row, int column) => (layout.Offset(row, column), Int4Format.Shift(column));
    }

    [Fact]
    public unsafe void RowsOfNarrowMatricesAreReadAsTheyWereWritten()
    {
        const int rows = 20, columns = Int8Format.MaxNarrowColumns, matrices = 2;
        var layout = new WeightLayout(TensorFormat.NarrowInt8, rows, columns);
        Assert.Equal(new WeightLayout(TensorFormat.PackedInt8, rows, columns).TotalBytes - 20 * sizeof(int), layout.TotalBytes);
        var weights = new sbyte[rows * columns];
        for (var i = 0; i < weights.Length; i++) weights[i] = (sbyte)(i / columns % 3 == 0 ? 127 : i / columns % 3 == 1 ? -127 : i % 255 - 127);
        var scales = new float[rows];
        for (var r = 0; r < rows; r++) scales[r] = NarrowRows.Nearest(MathF.Pow(10, r * 3 - 40));
        var data = new byte[matrices * layout.Stride];
        Int8Format.Narrow.Pack(weights, scales, rows, columns).CopyTo(data.AsSpan((int)layout.Stride));
        fixed (byte* start = data)
        {
            var read = new NarrowRows(layout, matrices, start);
            for (var r = 0; r < layout.PaddedRows; r++)
            {
                Assert.Equal((0f, 0), (read.Scales(0)[r], read.Sums(0)[r]));
                Assert.Equal(r < rows ? (scales[r], weights.AsSpan(r * columns, columns).ToArray().Sum(w => w)) : (0f, 0), (read.Scales(1)[r], read.Sums(1)[r]));
            }
        }

        Assert.Equal(TensorFormat.NarrowInt8, Int8Format.For(columns).Number);
        Assert.Equal(TensorFormat.PackedInt8, Int8Format.For(columns + 1).Number);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(float.Epsilon)]
    [InlineData(1e-39f)]
    [InlineData(0.1f)]
    [InlineData(1.003f)]
    [InlineData(2.6e36f)]
    public void Scales_of_narrow_matrices_are_nearest(float scale) => Assert.InRange(NarrowRows.Nearest(scale), scale * (1 - 1 / 256f) - 1e-38f / 64, scale * (1 + 1 / 256f) + 1e-38f / 64);

    [Fact]
    public void Float16_is_packed_as_float32_in_half_the_bytes()
    {
        var weights = Enumerable.Range(0, 20 * 3).Select(i => i / 8f).ToArray();
        var layout = new WeightLayout(TensorFormat.PackedFloat16, 20, 3);
        Assert.Equal(new WeightLayout(TensorFormat.PackedFloat32, 20, 3).TotalBytes / 2, layout.TotalBytes);
        var halves = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Half>(Float16Format.Pack(weights, 20, 3));
        var floats = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(Float32Format.Pack(weights, 20, 3));
        for (var i = 0; i < floats.Length; i++) Assert.Equal((Half)floats[i], halves[i]);
    }

    /// <summary>To nearest, ties to even; denormals too; what rounds up to the next exponent.</summary>
    [Theory]
    [InlineData(0x3F800000u, 0x3F800000u)]
    [InlineData(0x3F808000u, 0x3F800000u)]
    [InlineData(0x3F808001u, 0x3F810000u)]
    [InlineData(0x3F818000u, 0x3F820000u)]
    [InlineData(0xBF818000u, 0xBF820000u)]
    [InlineData(0x3FFFFFFFu, 0x40000000u)]
    [InlineData(0x00008000u, 0x00000000u)]
    [InlineData(0x00018000u, 0x00020000u)]
    [InlineData(0x80000000u, 0x80000000u)]
    [InlineData(0x7F7F7FFFu, 0x7F7F0000u)]
    [InlineData(0x7F7F8000u, 0x7F800000u)]
    public void B_float16_rounds_to_nearest_even(uint bits, uint rounded) =>
        Assert.Equal(rounded, BitConverter.SingleToUInt32Bits(BFloat16Format.Rounded(BitConverter.UInt32BitsToSingle(bits))));

    [Fact]
    public void Int8_groups_walk_panels_by4_inputs_before_their_scales()
    {
        var layout = new WeightLayout(TensorFormat.GroupedInt8, 20, 40);
        Assert.Equal(64, layout.PaddedColumns);
        Assert.Equal(20 * 2 * 34, layout.TotalBytes);
        Assert.Equal(3 * 4 + 1, layout.Offset(3, 1));
        Assert.Equal(80 + 3 * 4 + 1, layout.Offset(3, 5));
        Assert.Equal(680 + 80 + 4 + 3, layout.Offset(1, 39));
        Assert.Equal(640 + 18 * 2, Int8GroupFormat.ScaleOffset(layout, 18, 0));
        Assert.Equal(680 + 640 + 18 * 2, Int8GroupFormat.ScaleOffset(layout, 18, 1));
    }

    /// <summary>What is packed is read back, by rows and by columns, from panels of either width.</summary>
    [Theory]
    [MemberData(nameof(Operators.Weights.Formats), MemberType = typeof(Operators.Weights))]
    public unsafe void RowsAndColumnsAreReadBack(int format)
    {
        const int rows = 81, columns = 70;
        var weights = WeightFormats.Of((TensorFormat)format);
        var packed = Operators.Weights.Pack(weights.Number, Numbers.Random(new Random(format), rows * columns), rows, columns, out var effective);
        var layout = new WeightLayout(weights, rows, columns);
        Assert.Equal(layout.TotalBytes, packed.Length);
        fixed (byte* start = packed)
        fixed (float* row = new float[columns], column = new float[rows])
        {
            var expanded = weights.Expand(layout, 1, start);
            var matrix = expanded is null ? PackedMatrix.Whole(start, layout) : new PackedMatrix(start, layout, expanded.Scales(0), expanded.Sums(0));
            for (var r = 0; r < rows; r++)
            {
                weights.ReadRow(matrix, r, row);
                Assert.Equal(effective.AsSpan(r * columns, columns), new ReadOnlySpan<float>(row, columns));
            }

            for (var k = 0; k < columns; k++)
            {
                weights.ReadColumn(matrix, k, column);
                for (var r = 0; r < rows; r++) Assert.Equal(effective[r * columns + k], column[r]);
            }
        }
    }

    /// <summary>Weights and what belongs to a group lie in places of their own, none behind the end.</summary>
    [Theory]
    [MemberData(nameof(Operators.Weights.Formats), MemberType = typeof(Operators.Weights))]
    public void No_two_weights_share_a_place(int format)
    {
        foreach (var panel in (int[])[WeightLayout.WidestPanel, WeightLayout.GruPanel])
        {
            var layout = new WeightLayout((TensorFormat)format, 81, 70, panel);
            var perByte = layout.Format is Int4Format ? 2 : 1;
            for (var from = 0; from < perByte; from++)
            {
                var places = new HashSet<int>();
                for (var r = 0; r < 81; r++)
                {
                    for (var k = 0; k < 70; k++)
                    {
                        if (perByte == 2 && Int4Format.Shift(k) != 4 * from) continue;
                        Assert.True(places.Add(layout.Offset(r, k)));
                    }
                }

                Assert.InRange(places.Max(), 0, layout.PanelsBytes - 1);
            }
        }
    }
}
