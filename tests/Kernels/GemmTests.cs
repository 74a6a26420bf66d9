using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Matrix products: portable compared with plain loops, every other set with portable, bit for bit.</summary>
public sealed unsafe class GemmTests
{
    private static KernelSet Portable => KernelRegistry.Portable;

    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 120)]
    [InlineData(17, 60)]
    public void Float32_equals_one_fma_chain_an_output(int maxRows, int cases)
    {
        var random = new Random(maxRows);
        for (var i = 0; i < cases; i++)
        {
            var m = random.Next(1, maxRows + 1);
            var rows = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var columns = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            Float(random, TensorFormat.PackedFloat32, m, rows, columns, i % 5 == 0 ? 12 : 0);
        }
    }

    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 120)]
    [InlineData(17, 60)]
    public void Int8_equals_exact_sums_scaled_once(int maxRows, int cases)
    {
        var random = new Random(100 + maxRows);
        for (var i = 0; i < cases; i++)
        {
            var m = random.Next(1, maxRows + 1);
            var rows = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var columns = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            Int8(random, m, rows, columns, i % 7 == 0);
        }
    }

    [Theory]
    [InlineData((int)TensorFormat.PackedFloat16, 1, 300)]
    [InlineData((int)TensorFormat.PackedFloat16, 2, 120)]
    [InlineData((int)TensorFormat.PackedFloat16, 17, 60)]
    [InlineData((int)TensorFormat.PackedBFloat16, 1, 300)]
    [InlineData((int)TensorFormat.PackedBFloat16, 2, 120)]
    [InlineData((int)TensorFormat.PackedBFloat16, 17, 60)]
    public void Halves_equal_one_fma_chain_over_them_as_floats(int format, int maxRows, int cases)
    {
        var random = new Random(300 + maxRows);
        for (var i = 0; i < cases; i++)
        {
            var m = random.Next(1, maxRows + 1);
            var rows = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            var columns = KernelTesting.Size(random, i % 20 == 0 ? 1100 : 300);
            Float(random, (TensorFormat)format, m, rows, columns, i % 5 == 0 ? 12 : 0);
        }
    }

    /// <summary>Two panels of a GRU are multiplied together up to 16 KiB a panel: 85 inputs in fp32, 170 in halves.</summary>
    [Theory]
    [InlineData((int)TensorFormat.PackedFloat32, 85)]
    [InlineData((int)TensorFormat.PackedFloat32, 86)]
    [InlineData((int)TensorFormat.PackedFloat32, 1)]
    [InlineData((int)TensorFormat.PackedFloat16, 170)]
    [InlineData((int)TensorFormat.PackedFloat16, 171)]
    [InlineData((int)TensorFormat.PackedBFloat16, 170)]
    [InlineData((int)TensorFormat.PackedBFloat16, 171)]
    public void Pairs_of_panels_equal_one_fma_chain(int format, int columns)
    {
        var random = new Random(columns);
        foreach (var rows in new[] { 48, 95, 96, 97, 143, 144, 191, 192, 193 })
        {
            for (var i = 0; i < 6; i++) Float(random, (TensorFormat)format, m: 1, rows, columns, oneIn: 0, WeightLayout.GruPanel, from: i < 3 ? i * 16 : 0);
        }
    }

    /// <summary>Around the limit of inputs that are multiplied by a scale in advance, also with an input that this would make infinite.</summary>
    [Theory]
    [InlineData(4096, 1f)]
    [InlineData(4097, 1f)]
    [InlineData(200, 65535.996f)]
    [InlineData(200, 65536f)]
    [InlineData(203, -3e38f)]
    [InlineData(203, float.PositiveInfinity)]
    [InlineData(203, float.NaN)]
    public void Float16_gives_the_bits_of_float32_on_the_same_weights(int columns, float last)
    {
        const int Rows = 20;
        var random = new Random(columns);
        var weights = KernelTesting.Values(random, Rows * columns);
        for (var i = 0; i < weights.Length; i++) weights[i] = (float)(Half)(i % 3 == 0 ? weights[i] * 1e-5f : weights[i]);
        using var w = new GuardedMemory<byte>(Float16Format.Pack(weights, Rows, columns));
        using var w32 = new GuardedMemory<byte>(Float32Format.Pack(weights, Rows, columns));
        using var x = new GuardedMemory<float>(KernelTesting.Values(random, columns));
        x.Span[^1] = last;
        using var expected = new GuardedMemory<float>(Rows);
        Portable.Multiply(new PackedMatrix(w32.Pointer, new WeightLayout(TensorFormat.PackedFloat32, Rows, columns)), new FloatRows(x.Pointer, columns, 1), new OutputRange(expected.Pointer, Rows, Rows));
        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(Rows);
            kernels.Multiply(new PackedMatrix(w.Pointer, new WeightLayout(TensorFormat.PackedFloat16, Rows, columns)), new FloatRows(x.Pointer, columns, 1), new OutputRange(y.Pointer, Rows, Rows));
            Numbers.AssertSameBits(expected.Span, y.Span, kernels.Name);
        }
    }

    /// <summary>Each of the 63,488 finite halves, zeros and denormals included, times 1.</summary>
    [Fact]
    public void Every_finite_half_becomes_its_float()
    {
        const int Columns = 1, Rows = 1 << 16;
        var weights = new float[Rows];
        for (var i = 0; i < Rows; i++)
        {
            var half = BitConverter.UInt16BitsToHalf((ushort)i);
            weights[i] = Half.IsFinite(half) ? (float)half : 0;
        }

        var layout = new WeightLayout(TensorFormat.PackedFloat16, Rows, Columns);
        using var w = new GuardedMemory<byte>(Float16Format.Pack(weights, Rows, Columns));
        using var x = new GuardedMemory<float>([1f]);
        using var zero = new GuardedMemory<float>(new float[Rows]);
        zero.Span.Fill(-0f);
        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(Rows);
            kernels.Multiply(new PackedMatrix(w.Pointer, layout), new FloatRows(x.Pointer, Columns, 1), new OutputRange(y.Pointer, Rows, Rows, zero.Pointer));
            Numbers.AssertSameBits(weights, y.Span, kernels.Name);
        }
    }

    [Fact]
    public void Dense_equals_one_fma_chain_an_output()
    {
        var random = new Random(3);
        for (var i = 0; i < 150; i++)
        {
            int m = random.Next(1, 14), k = KernelTesting.Size(random, 200), n = KernelTesting.Size(random, 200);
            int lda = k + random.Next(3), ldb = random.Next(4) == 0 ? random.Next(1, n + 1) : n + random.Next(3), ldy = n + random.Next(3);
            var oneIn = i % 5 == 0 ? 12 : 0;
            using var a = new GuardedMemory<float>(KernelTesting.Values(random, m * lda, oneIn));
            using var b = new GuardedMemory<float>(KernelTesting.Values(random, (k - 1) * ldb + n, oneIn));
            using var init = new GuardedMemory<float>(KernelTesting.Values(random, m * ldy, oneIn));
            var (start, ldinit) = Init(init, i, ldy);
            using var expected = new GuardedMemory<float>(new float[m * ldy]);
            for (var r = 0; r < m; r++)
            {
                for (var c = 0; c < n; c++)
                {
                    var sum = start == null ? 0 : start[r * ldinit + c];
                    for (var j = 0; j < k; j++) sum = MathF.FusedMultiplyAdd(a.Pointer[r * lda + j], b.Pointer[j * ldb + c], sum);
                    expected.Pointer[r * ldy + c] = sum;
                }
            }

            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(new float[m * ldy]);
                kernels.GemmDense(new FloatRows(a.Pointer, lda, m), new FloatRows(b.Pointer, ldb, k), new OutputRange(y.Pointer, ldy, n, start, ldinit));
                Numbers.AssertSameBits(expected.Span, y.Span, $"{kernels.Name} dense {m}×{k}×{n}");
                y.Check($"{kernels.Name} dense {m}×{k}×{n}");
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Init_may_be_the_output_itself(int m)
    {
        const int Rows = 70, Columns = 33;
        var random = new Random(5);
        var layout = new WeightLayout(TensorFormat.PackedFloat32, Rows, Columns);
        using var w = new GuardedMemory<byte>(Float32Format.Pack(KernelTesting.Values(random, Rows * Columns), Rows, Columns));
        using var x = new GuardedMemory<float>(KernelTesting.Values(random, m * Columns));
        var init = KernelTesting.Values(random, m * Rows);
        using var start = new GuardedMemory<float>(init);
        using var expected = new GuardedMemory<float>(m * Rows);
        Portable.Multiply(new PackedMatrix(w.Pointer, layout), new FloatRows(x.Pointer, Columns, m), new OutputRange(expected.Pointer, Rows, Rows, start.Pointer, Rows));
        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(init);
            kernels.Multiply(new PackedMatrix(w.Pointer, layout), new FloatRows(x.Pointer, Columns, m), new OutputRange(y.Pointer, Rows, Rows, y.Pointer, Rows));
            Numbers.AssertSameBits(expected.Span, y.Span, kernels.Name);
        }
    }

    /// <summary>As a steep row takes its rounded values and their errors through one walk over the weights: each row starts from the outputs of the one before.</summary>
    [Theory]
    [InlineData((int)TensorFormat.PackedInt8, 70, 33)]
    [InlineData((int)TensorFormat.PackedInt8, 145, 160)]
    [InlineData((int)TensorFormat.GroupedInt8, 70, 33)]
    [InlineData((int)TensorFormat.PackedInt4, 70, 33)]
    public void Two_quantized_rows_into_one_place_add_up(int format, int rows, int columns)
    {
        var random = new Random(6);
        var layout = new WeightLayout((TensorFormat)format, rows, columns);
        using var w = new GuardedMemory<byte>(Operators.Weights.Pack((TensorFormat)format, KernelTesting.Values(random, rows * columns), rows, columns, out _));
        using var x = new GuardedMemory<float>(KernelTesting.Values(random, 2 * columns));
        using var bias = new GuardedMemory<float>(KernelTesting.Values(random, rows));
        var stride = KernelSet.QuantizedStride(columns);
        using var q = new GuardedMemory<sbyte>(new sbyte[2 * stride]);
        using var scales = new GuardedMemory<float>(2);
        Portable.QuantizeRows(x.Pointer, columns, 2, columns, 0, q.Pointer, scales.Pointer);
        var matrix = PackedMatrix.Whole(w.Pointer, layout);
        using var expected = new GuardedMemory<float>(rows);
        Portable.Multiply(matrix, new QuantizedRows(q.Pointer, stride, scales.Pointer, 1), new OutputRange(expected.Pointer, rows, rows, bias.Pointer));
        Portable.Multiply(matrix, new QuantizedRows(q.Pointer + stride, stride, scales.Pointer + 1, 1), new OutputRange(expected.Pointer, rows, rows, expected.Pointer));
        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(rows);
            kernels.Multiply(matrix, new QuantizedRows(q.Pointer, stride, scales.Pointer, 2), new OutputRange(y.Pointer, 0, rows, bias.Pointer, (nint)(y.Pointer - bias.Pointer)));
            Numbers.AssertSameBits(expected.Span, y.Span, kernels.Name);
            y.Check(kernels.Name);
        }
    }

    /// <summary>The largest possible products: vpmaddubsw must not saturate, and sums of 1100 of them must not wrap.</summary>
    [Fact]
    public void Int8_extremes_do_not_saturate()
    {
        const int Rows = 48, Columns = 1100;
        foreach (var (weight, input) in new (sbyte, sbyte)[] { (127, 127), (-127, 127), (127, -127), (-127, -127), (0, -127), (-127, 0) })
        {
            var weights = new sbyte[Rows * Columns];
            weights.AsSpan().Fill(weight);
            var scales = new float[Rows];
            scales.AsSpan().Fill(1);
            var layout = new WeightLayout(TensorFormat.PackedInt8, Rows, Columns);
            using var w = new GuardedMemory<byte>(Int8Format.Wide.Pack(weights, scales, Rows, Columns));
            using var x = new GuardedMemory<sbyte>(new sbyte[KernelSet.QuantizedStride(Columns)]);
            x.Span[..Columns].Fill(input);
            using var scale = new GuardedMemory<float>([1f]);
            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(Rows);
                kernels.Multiply(PackedMatrix.Whole(w.Pointer, layout), new QuantizedRows(x.Pointer, 0, scale.Pointer, 1), new OutputRange(y.Pointer, Rows, Rows));
                foreach (var value in y.Span) Assert.Equal((float)weight * input * Columns, value);
            }
        }
    }

    /// <summary>
    /// The identity that AVX-VNNI uses, for processors without it: Σ(x + 128)·w - 128·Σw = Σx·w, with the row sums stored with the weights
    /// and int32 sums that may wrap temporarily.
    /// </summary>
    [Fact]
    public void Offset_products_less128_row_sums_are_the_signed_products()
    {
        var random = new Random(11);
        for (var i = 0; i < 50; i++)
        {
            int rows = random.Next(1, 40), columns = random.Next(1, 1101);
            var weights = new sbyte[rows * columns];
            for (var j = 0; j < weights.Length; j++) weights[j] = i == 0 ? (sbyte)127 : (sbyte)random.Next(-127, 128);
            var layout = new WeightLayout(TensorFormat.PackedInt8, rows, columns);
            var packed = Int8Format.Wide.Pack(weights, new float[rows], rows, columns);
            var x = new sbyte[layout.PaddedColumns];
            for (var j = 0; j < columns; j++) x[j] = i == 0 ? (sbyte)127 : (sbyte)random.Next(-127, 128);
            for (var r = 0; r < rows; r++)
            {
                int offset = 0, signed = 0;
                for (var k = 0; k < layout.PaddedColumns; k++)
                {
                    var w = (sbyte)packed[layout.Offset(r, k)];
                    offset += (byte)(x[k] ^ 0x80) * w;
                    signed += x[k] * w;
                }

                var rowSum = BitConverter.ToInt32(packed, (int)layout.RowSumsOffset + r * sizeof(int));
                Assert.Equal(signed, offset - (rowSum << 7));
            }
        }
    }

    private static void Float(Random random, TensorFormat format, int m, int rows, int columns, int oneIn) =>
        Float(random, format, m, rows, columns, oneIn, random.Next(2) == 0 ? WeightLayout.WidestPanel : WeightLayout.GruPanel);

    private static void Float(Random random, TensorFormat format, int m, int rows, int columns, int oneIn, int panel, int from = 0)
    {
        var n = random.Next(3) == 0 ? random.Next(from + 1, rows + 1) : rows;
        int ldx = columns + random.Next(3), ldy = n + random.Next(3);
        var isHalf = format != TensorFormat.PackedFloat32;
        var weights = KernelTesting.Values(random, rows * columns, isHalf ? 0 : oneIn);
        for (var i = 0; isHalf && oneIn > 0 && i < weights.Length; i += oneIn) weights[i] *= 1e-6f;
        var layout = new WeightLayout(format, rows, columns, panel);
        using var w = new GuardedMemory<byte>(Operators.Weights.Pack(format, weights, rows, columns, out weights, panel));
        using var x = new GuardedMemory<float>(KernelTesting.Values(random, m * ldx, oneIn), random.Next(4));
        using var init = new GuardedMemory<float>(KernelTesting.Values(random, m * ldy, oneIn), random.Next(4));
        var (start, ldinit) = Init(init, random.Next(3), ldy);
        using var expected = new GuardedMemory<float>(new float[m * ldy]);
        for (var i = 0; i < m; i++)
        {
            for (var r = from; r < n; r++)
            {
                var sum = start == null ? 0 : start[i * ldinit + r];
                for (var k = 0; k < columns; k++) sum = MathF.FusedMultiplyAdd(weights[r * columns + k], x.Pointer[i * ldx + k], sum);
                expected.Pointer[i * ldy + r] = sum;
            }
        }

        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(new float[m * ldy], random.Next(4));
            kernels.Multiply(new PackedMatrix(w.Pointer, layout), new FloatRows(x.Pointer, ldx, m), new OutputRange(y.Pointer, ldy, n, start, ldinit, from));
            Numbers.AssertSameBits(expected.Span, y.Span, $"{kernels.Name} {format} {m}×{columns}→{n} of {rows}");
            y.Check($"{kernels.Name} {format} {m}×{columns}→{n} of {rows}");
        }
    }

    private static void Int8(Random random, int m, int rows, int columns, bool extreme)
    {
        var n = random.Next(3) == 0 ? random.Next(1, rows + 1) : rows;
        var stride = (int)KernelSet.QuantizedStride(columns);
        var ldy = n + random.Next(3);
        var weights = new sbyte[rows * columns];
        for (var i = 0; i < weights.Length; i++) weights[i] = extreme ? (sbyte)(random.Next(2) * 254 - 127) : (sbyte)random.Next(-127, 128);
        var scales = KernelTesting.Values(random, rows, oneIn: 0, range: 0.1f);
        var layout = new WeightLayout(TensorFormat.PackedInt8, rows, columns);
        using var w = new GuardedMemory<byte>(Int8Format.Wide.Pack(weights, scales, rows, columns), random.Next(4) == 0 ? SeqLayout.SmallAlignment : 0);
        using var x = new GuardedMemory<sbyte>(new sbyte[m * stride]);
        for (var i = 0; i < m; i++)
        {
            for (var k = 0; k < columns; k++) x.Pointer[i * stride + k] = extreme ? (sbyte)(random.Next(2) * 254 - 127) : (sbyte)random.Next(-127, 128);
        }

        using var xscale = new GuardedMemory<float>(KernelTesting.Values(random, m, extreme ? 3 : 0));
        using var init = new GuardedMemory<float>(KernelTesting.Values(random, m * ldy, extreme ? 5 : 0));
        var (start, ldinit) = Init(init, random.Next(3), ldy);
        using var expected = new GuardedMemory<float>(new float[m * ldy]);
        for (var i = 0; i < m; i++)
        {
            for (var r = 0; r < n; r++)
            {
                var sum = 0;
                for (var k = 0; k < columns; k++) sum += weights[r * columns + k] * x.Pointer[i * stride + k];
                expected.Pointer[i * ldy + r] = MathF.FusedMultiplyAdd(sum, scales[r] * xscale.Pointer[i], start == null ? 0 : start[i * ldinit + r]);
            }
        }

        foreach (var kernels in KernelTesting.Sets)
        {
            using var y = new GuardedMemory<float>(new float[m * ldy], random.Next(4));
            kernels.Multiply(PackedMatrix.Whole(w.Pointer, layout), new QuantizedRows(x.Pointer, stride, xscale.Pointer, m), new OutputRange(y.Pointer, ldy, n, start, ldinit));
            Numbers.AssertSameBits(expected.Span, y.Span, $"{kernels.Name} int8 {m}×{columns}→{n} of {rows}");
            y.Check($"{kernels.Name} int8 {m}×{columns}→{n} of {rows}");
        }
    }

    /// <summary>The three kinds of initial values of sums: none, one row for all, one for each row.</summary>
    private static InitRows Init(GuardedMemory<float> init, int kind, int ldy) =>
        kind % 3 == 0 ? new InitRows(pointer: null, 0) : new InitRows(init.Pointer, kind % 3 == 1 ? 0 : ldy);

    private readonly struct InitRows(float* pointer, int stride)
    {
        public void Deconstruct(out float* start, out int ldinit)
        {
            start = pointer;
            ldinit = stride;
        }
    }
}
