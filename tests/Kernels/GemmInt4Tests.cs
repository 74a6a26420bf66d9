using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Tests.Kernels;

/// <summary>int4 products: every set compared with plain integer sums, bit for bit, up to the largest and longest possible.</summary>
public sealed unsafe class GemmInt4Tests
{
    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 120)]
    [InlineData(4, 60)]
    [InlineData(17, 60)]
    public void Int4_equals_exact_sums_of_groups_scaled_once(int maxRows, int cases)
    {
        var random = new Random(200 + maxRows);
        for (var i = 0; i < cases; i++)
        {
            var m = random.Next(1, maxRows + 1);
            var rows = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var columns = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var matrix = Matrix.Random(random, rows, columns, extreme: i % 7 == 0);
            matrix.Check(random, m, random.Next(3) == 0 ? random.Next(1, rows + 1) : rows, Inputs(random, m, columns, extreme: i % 7 == 0));
        }
    }

    /// <summary>The largest sums of a group and of its halves. vpmaddubsw must not saturate and 16-bit sums must not wrap, for any group scale in a file.</summary>
    [Fact]
    public void Extremes_of_every_combination_are_exact()
    {
        const int Rows = 48, Columns = 77;
        var random = new Random(12);
        foreach (sbyte q in (sbyte[])[-8, 7, 0])
        {
            foreach (sbyte x in (sbyte[])[-127, 127, 0])
            {
                foreach (sbyte scale in (sbyte[])[127, -127, -128, 1, 0])
                {
                    foreach (var m in (int[])[1, 2, 4])
                    {
                        var inputs = new sbyte[m * Columns];
                        inputs.AsSpan().Fill(x);
                        new Matrix(Rows, Columns, _ => q, _ => scale).Check(random, m, Rows, inputs);
                        // Signs that alternate by inputs and by pairs of inputs, against each other and together.
                        foreach (var period in (int[])[1, 2, 4])
                        {
                            for (var k = 0; k < inputs.Length; k++) inputs[k] = (sbyte)(k % Columns / period % 2 == 0 ? x : -x);
                            new Matrix(Rows, Columns, k => (sbyte)(k % Columns / period % 2 == 0 ? q : -1 - q), _ => scale).Check(random, m, Rows, inputs);
                        }
                    }
                }
            }
        }
    }

    /// <summary>The longest rows: sums reach the limit of int32, and one more group would exceed it.</summary>
    [Fact]
    public void The_longest_rows_just_fit_int32()
    {
        const int Columns = Int4Format.MostColumns;
        Assert.Equal(16640, Columns);
        Assert.True(8L * 127 * 127 * Columns <= int.MaxValue);
        Assert.True(8L * 127 * 127 * (Columns + Int4Format.Group) > int.MaxValue);
        foreach (sbyte scale in (sbyte[])[127, -127])
        {
            foreach (var m in (int[])[1, 2, 5])
            {
                var inputs = new sbyte[m * Columns];
                inputs.AsSpan().Fill(127);
                new Matrix(17, Columns, _ => -8, _ => scale).Check(new Random(13), m, 17, inputs);
            }
        }
    }

    [Fact]
    public void Every_weight_has_its_own_place()
    {
        const int Rows = 35, Columns = 101;
        var random = new Random(14);
        var matrix = Matrix.Random(random, Rows, Columns, extreme: false);
        var layout = new WeightLayout(TensorFormat.PackedInt4, Rows, Columns);
        var packed = matrix.Pack();
        Assert.Equal(layout.TotalBytes, packed.Length);
        Assert.Equal(36 * (4 * 17 + 4), packed.Length);
        var places = new HashSet<(int, int)>();
        for (var r = 0; r < Rows; r++)
        {
            for (var k = 0; k < Columns; k++)
            {
                var (at, shift) = (layout.Offset(r, k), Int4Format.Shift(k));
                Assert.True(places.Add((at, shift)));
                Assert.Equal(matrix.Weights[r * Columns + k], (packed[at] >> shift & 15) - 8);
            }

            for (var g = 0; g < layout.Groups; g++)
            {
                Assert.True(places.Add((Int4Format.ScaleOffset(layout, r, g), 0)));
                Assert.Equal(matrix.GroupScales[r * layout.Groups + g], (sbyte)packed[Int4Format.ScaleOffset(layout, r, g)]);
            }
        }
    }

    private static sbyte[] Inputs(Random random, int m, int columns, bool extreme)
    {
        var x = new sbyte[m * columns];
        for (var i = 0; i < x.Length; i++) x[i] = extreme ? (sbyte)(random.Next(2) * 254 - 127) : (sbyte)random.Next(-127, 128);
        return x;
    }

    private sealed class Matrix
    {
        private readonly int _rows;
        private readonly int _columns;
        private readonly int _groups;
        private readonly float[] _scales;

        public Matrix(int rows, int columns, Func<int, sbyte> weight, Func<int, sbyte> groupScale)
        {
            (_rows, _columns, _groups) = (rows, columns, (columns + 31) / 32);
            Weights = [.. Enumerable.Range(0, rows * columns).Select(weight)];
            GroupScales = [.. Enumerable.Range(0, rows * _groups).Select(groupScale)];
            _scales = [.. Enumerable.Range(1, rows).Select(r => 1f / r)];
        }

        public sbyte[] Weights { get; }

        public sbyte[] GroupScales { get; }

        public static Matrix Random(Random random, int rows, int columns, bool extreme) => extreme
            ? new Matrix(rows, columns, _ => (sbyte)(random.Next(2) * 15 - 8), _ => (sbyte)(random.Next(2) * 254 - 127))
            : new Matrix(rows, columns, _ => (sbyte)random.Next(-8, 8), _ => (sbyte)random.Next(-127, 128));

        public byte[] Pack() => Int4Format.Pack(Weights, GroupScales, _scales, _rows, _columns);

        /// <summary>m rows of inputs times the first n rows of the matrix, on every kernel set, compared with sums in 64 bits.</summary>
        public void Check(Random random, int m, int n, sbyte[] inputs)
        {
            var stride = (int)KernelSet.QuantizedStride(_columns);
            var ldy = n + random.Next(3);
            var layout = new WeightLayout(TensorFormat.PackedInt4, _rows, _columns);
            using var w = new GuardedMemory<byte>(Pack());
            using var x = new GuardedMemory<sbyte>(new sbyte[m * stride]);
            for (var i = 0; i < m; i++) inputs.AsSpan(i * _columns, _columns).CopyTo(x.Span[(i * stride)..]);
            using var xscale = new GuardedMemory<float>(KernelTesting.Values(random, m));
            using var init = new GuardedMemory<float>(KernelTesting.Values(random, m * ldy));
            var kind = random.Next(3);
            var from = random.Next(2) * random.Next((n + 3) / 4) * 4;
            var start = kind == 0 ? null : init.Pointer;
            var ldinit = kind == 1 ? 0 : ldy;
            using var expected = new GuardedMemory<float>(new float[m * ldy]);
            for (var i = 0; i < m; i++)
            {
                for (var r = from; r < n; r++)
                {
                    long sum = 0;
                    for (var k = 0; k < _columns; k++) sum += (long)GroupScales[r * _groups + k / 32] * Weights[r * _columns + k] * inputs[i * _columns + k];
                    expected.Pointer[i * ldy + r] = MathF.FusedMultiplyAdd((int)sum, _scales[r] * xscale.Pointer[i], start == null ? 0 : start[i * ldinit + r]);
                }
            }

            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(new float[m * ldy], random.Next(4));
                kernels.Multiply(PackedMatrix.Whole(w.Pointer, layout), new QuantizedRows(x.Pointer, stride, xscale.Pointer, m), new OutputRange(y.Pointer, ldy, n, start, ldinit, from));
                Numbers.AssertSameBits(expected.Span, y.Span, $"{kernels.Name} int4 {m}×{_columns}→{from}..{n} of {_rows}");
                y.Check($"{kernels.Name} int4 {m}×{_columns}→{from}..{n} of {_rows}");
            }
        }
    }
}
