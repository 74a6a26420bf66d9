using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class LinearTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 16)]
    [InlineData(17, 33)]
    [InlineData(300, 64)]
    public void Is_X_times_W_transposed_plus_bias_over_all_leading_dimensions(int columns, int rows)
    {
        var random = new Random(columns);
        var x = Numbers.Random(random, 2 * 3 * columns);
        var w = Numbers.Random(random, rows * columns);
        var bias = Numbers.Random(random, rows);
        var packed = Weights.Pack(TensorFormat.PackedFloat32, w, rows, columns, out _);
        var result = new OperatorHarness().Dense([2, 3, columns], x).Packed(TensorFormat.PackedFloat32, rows, columns, packed).Dense([rows], bias).Run(new Linear())[0];
        Assert.Equal([2, 3, rows], result.Shape);
        Numbers.Close(Naive(x, w, bias, rows, columns), result.As<float>(), 1e-5, "Y");
        var unbiased = new OperatorHarness().Dense([6, columns], x).Packed(TensorFormat.PackedFloat32, rows, columns, packed).Run(new Linear())[0];
        Numbers.Close(Naive(x, w, new float[rows], rows, columns), unbiased.As<float>(), 1e-5, "Y");
    }

    [Theory]
    [InlineData((int)TensorFormat.PackedInt8, 3, 5)]
    [InlineData((int)TensorFormat.PackedInt8, 70, 20)]
    [InlineData((int)TensorFormat.NarrowInt8, 70, 20)]
    [InlineData((int)TensorFormat.PackedInt4, 3, 5)]
    [InlineData((int)TensorFormat.PackedInt4, 70, 20)]
    public void Integers_are_within_half_a_step_of_each_input(int packing, int columns, int rows)
    {
        var format = (TensorFormat)packing;
        var random = new Random(columns);
        var x = Numbers.Random(random, 4 * columns, 10);
        var packed = Weights.Pack(format, Numbers.Random(random, rows * columns), rows, columns, out var w);
        var bias = Numbers.Random(random, rows);
        var y = new OperatorHarness().Dense([4, columns], x).Packed(format, rows, columns, packed).Dense([rows], bias).Run(new Linear())[0].As<float>();
        var expected = Naive(x, w, bias, rows, columns);
        for (var i = 0; i < 4; i++)
        {
            var range = x.AsSpan(i * columns, columns).ToArray().Max(Math.Abs);
            for (var r = 0; r < rows; r++)
            {
                var bound = w.AsSpan(r * columns, columns).ToArray().Sum(Math.Abs) * range / 127 / 2 * 1.001 + 1e-5;
                Assert.InRange(y[i * rows + r] - expected[i * rows + r], -bound, bound);
            }
        }
    }

    /// <summary>A row alone takes its rounded values and their errors through one walk over the weights, rows of a batch take two.</summary>
    [Theory]
    [InlineData((int)TensorFormat.PackedInt8, 70, 20)]
    [InlineData((int)TensorFormat.PackedInt8, 257, 130)]
    [InlineData((int)TensorFormat.NarrowInt8, 70, 33)]
    [InlineData((int)TensorFormat.GroupedInt8, 70, 33)]
    [InlineData((int)TensorFormat.PackedInt4, 70, 33)]
    public void A_row_of_few_large_values_gives_alone_the_bits_it_has_in_a_batch(int packing, int columns, int rows)
    {
        var format = (TensorFormat)packing;
        var random = new Random(columns);
        var x = Numbers.Random(random, 3 * columns);
        for (var i = 0; i < 3; i++) x[i * columns + i] = -1000;
        var packed = Weights.Pack(format, Numbers.Random(random, rows * columns), rows, columns, out var w);
        foreach (var bias in (float[]?[])[Numbers.Random(random, rows), null])
        {
            var batch = Run(x);
            if (format != TensorFormat.PackedInt4) Numbers.Close(Naive(x, w, bias ?? new float[rows], rows, columns), batch, 1e-4, "Y");
            for (var i = 0; i < 3; i++) Numbers.AssertSameBits(batch.AsSpan(i * rows, rows), Run(x.AsSpan(i * columns, columns).ToArray()), $"row {i}");

            float[] Run(float[] inputs)
            {
                var harness = new OperatorHarness().Dense([inputs.Length / columns, columns], inputs).Packed(format, rows, columns, packed);
                if (bias is not null) harness.Dense([rows], bias);
                return harness.Run(new Linear())[0].As<float>();
            }
        }
    }

    [Fact]
    public void An_input_of_another_width_is_refused()
    {
        var packed = Float32Format.Pack(new float[12], 3, 4);
        var error = Assert.Throws<ArgumentException>(() =>
            new OperatorHarness().Dense([2, 5], new float[10]).Packed(TensorFormat.PackedFloat32, 3, 4, packed).Run(new Linear()));
        Assert.Contains("3 × 5", error.Message);
    }

    private static double[] Naive(float[] x, float[] w, float[] bias, int rows, int columns)
    {
        var y = new double[x.Length / columns * rows];
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = bias[i % rows];
            for (var k = 0; k < columns; k++) y[i] += (double)w[i % rows * columns + k] * x[i / rows * columns + k];
        }

        return y;
    }
}
