using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>Reductions, softmax, normalization and quantization of rows.</summary>
public sealed unsafe class RowKernelTests
{
    public static TheoryData<string> Reductions => [.. Enum.GetNames<ReduceFunction>()];

    [Theory]
    [MemberData(nameof(Reductions))]
    public void Reductions_follow_the_tree_of16_on_every_set(string name)
    {
        var function = Enum.Parse<ReduceFunction>(name);
        var random = new Random(1);
        for (var i = 0; i < 400; i++)
        {
            int n = i < 70 ? i : KernelTesting.Size(random, 1100), rows = i % 3 == 0 ? 1 : random.Next(0, 40);
            using var x = new GuardedMemory<float>(KernelTesting.Values(random, rows * n, i % 4 == 0 ? 30 : 0), random.Next(4));
            var expected = new float[rows];
            for (var row = 0; row < rows; row++) expected[row] = Reference(function, x.Span.Slice(row * n, n));
            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(rows, random.Next(4));
                kernels.Reduce(function, x.Pointer, rows, n, y.Pointer);
                Numbers.AssertSameBits(expected, y.Span, $"{function} of {rows} rows of {n} on {kernels.Name}");
                y.Check(kernels.Name);
            }
        }
    }

    /// <summary>Rows of one element are added in lanes, to 0: of -0 the sum is 0.</summary>
    [Fact]
    public void Sums_of_rows_of_one_element_start_from_zero()
    {
        float[] data = [.. Enumerable.Repeat<float[]>([-0f, 0f, 1.5f, float.NaN, float.NegativeInfinity, -float.Epsilon, -2f], 7).SelectMany(v => v)];
        foreach (var function in new[] { ReduceFunction.Sum, ReduceFunction.Mean })
        {
            for (var rows = 0; rows <= data.Length; rows++)
            {
                using var x = new GuardedMemory<float>(data.AsSpan(0, rows).ToArray());
                float[] expected = [.. data.Take(rows).Select(v => 0 + v)];
                foreach (var kernels in KernelTesting.Sets)
                {
                    using var y = new GuardedMemory<float>(rows);
                    kernels.Reduce(function, x.Pointer, rows, 1, y.Pointer);
                    Numbers.AssertSameBits(expected, y.Span, $"{function} of {rows} rows on {kernels.Name}");
                    y.Check(kernels.Name);
                }
            }
        }
    }

    [Fact]
    public void Max_and_min_pass_over_NaN()
    {
        using var x = new GuardedMemory<float>([float.NaN, 3f, float.NaN, -2f, float.NaN]);
        foreach (var kernels in KernelTesting.Sets)
        {
            Assert.Equal(3f, kernels.Reduce(ReduceFunction.Max, x.Pointer, 5));
            Assert.Equal(-2f, kernels.Reduce(ReduceFunction.Min, x.Pointer, 5));
            Assert.Equal(float.NegativeInfinity, kernels.Reduce(ReduceFunction.Max, x.Pointer, 0));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Softmax_is_that_of_double_arithmetic_and_the_same_on_every_set(bool logarithm)
    {
        var random = new Random(2);
        for (var i = 0; i < 200; i++)
        {
            int n = i < 40 ? i + 1 : KernelTesting.Size(random, 1100), rows = i % 3 == 0 ? 1 : random.Next(2, 20);
            var oneIn = i % 5 == 0 ? 20 : 0;
            var data = KernelTesting.Values(random, rows * n, oneIn, i % 2 == 0 ? 2 : 60);
            using var x = new GuardedMemory<float>(data, random.Next(4));
            using var expected = new GuardedMemory<float>(rows * n);
            for (var row = 0; row < rows; row++) KernelRegistry.Portable.Softmax(x.Pointer + row * n, expected.Pointer + row * n, 1, n, logarithm);
            for (var row = 0; row < rows && oneIn == 0; row++)
            {
                var max = data.Skip(row * n).Take(n).Max();
                var sum = data.Skip(row * n).Take(n).Sum(v => Math.Exp((double)v - max));
                for (var j = row * n; j < (row + 1) * n; j++)
                {
                    var exact = logarithm ? (double)data[j] - max - Math.Log(sum) : Math.Exp((double)data[j] - max) / sum;
                    // The shifted element is rounded to float before exp; half an ulp of it is a relative error of the result.
                    var tolerance = 1e-6 + Math.Abs(data[j] - max) * 1.2e-7;
                    Assert.Equal(exact, expected.Pointer[j], tolerance * Math.Max(logarithm ? 1 : 0, Math.Abs(exact)) + 1e-44);
                }
            }

            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(rows * n, random.Next(4));
                kernels.Softmax(x.Pointer, y.Pointer, rows, n, logarithm);
                Numbers.AssertSameBits(expected.Span, y.Span, $"softmax of {rows} rows of {n} on {kernels.Name}");
                y.Check(kernels.Name);
                using var inPlace = new GuardedMemory<float>(data);
                kernels.Softmax(inPlace.Pointer, inPlace.Pointer, rows, n, logarithm);
                Numbers.AssertSameBits(expected.Span, inPlace.Span, $"softmax in place of {rows} rows of {n} on {kernels.Name}");
            }
        }
    }

    [Fact]
    public void Normalize_is_that_of_double_arithmetic_and_the_same_on_every_set()
    {
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            int n = i < 40 ? i + 1 : KernelTesting.Size(random, 1100), rows = i % 5 == 0 ? 1 : random.Next(2, 20);
            var rms = i % 3 == 0;
            var oneIn = i % 10 == 0 ? 20 : 0;
            var data = KernelTesting.Values(random, rows * n, oneIn);
            using var x = new GuardedMemory<float>(data, random.Next(4));
            using var gain = new GuardedMemory<float>(KernelTesting.Values(random, n));
            using var bias = new GuardedMemory<float>(KernelTesting.Values(random, n));
            var g = i % 2 == 0 ? gain.Pointer : null;
            var b = i % 4 < 2 ? bias.Pointer : null;
            using var expected = new GuardedMemory<float>(rows * n);
            for (var row = 0; row < rows; row++) KernelRegistry.Portable.Normalize(x.Pointer + row * n, g, b, expected.Pointer + row * n, 1, n, 1e-5f, rms);
            for (var row = 0; row < rows && oneIn == 0; row++)
            {
                var line = data.AsSpan(row * n, n).ToArray();
                var mean = rms ? 0 : line.Average(v => (double)v);
                var factor = 1 / Math.Sqrt(line.Average(v => (v - mean) * (v - mean)) + 1e-5);
                for (var j = 0; j < n; j++)
                {
                    var exact = (line[j] - mean) * factor * (g == null ? 1 : g[j]) + (b == null ? 0 : b[j]);
                    Assert.Equal(exact, expected.Pointer[row * n + j], 2e-5 * Math.Max(1, Math.Abs(line[j] * factor)) + (n == 1 ? 1e-3 : 0));
                }
            }

            foreach (var kernels in KernelTesting.Sets)
            {
                using var y = new GuardedMemory<float>(rows * n, random.Next(4));
                kernels.Normalize(x.Pointer, g, b, y.Pointer, rows, n, 1e-5f, rms);
                Numbers.AssertSameBits(expected.Span, y.Span, $"normalize of {rows} rows of {n} on {kernels.Name}");
                y.Check(kernels.Name);
            }
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f / 127)]
    [InlineData(0.25f)]
    public void Quantization_rounds_half_to_even_and_pads_with_zeros(float fixedScale)
    {
        var random = new Random(4);
        for (var i = 0; i < 200; i++)
        {
            int m = random.Next(1, 4), k = i < 70 ? i + 1 : KernelTesting.Size(random, 1100), ldx = k + random.Next(3);
            var stride = (int)KernelSet.QuantizedStride(k);
            using var x = new GuardedMemory<float>(KernelTesting.Values(random, m * ldx, i % 3 == 0 ? 10 : 0, i % 2 == 0 ? 1 : 100), random.Next(4));
            if (i % 11 == 0) x.Span.Fill((i % 4) switch { 0 => 0f, 1 => 1e-31f, 2 => -3e-37f, _ => float.Epsilon });
            var expected = new sbyte[m * stride];
            var expectedScales = new float[m];
            for (var r = 0; r < m; r++) expectedScales[r] = QuantizeReference(x.Span.Slice(r * ldx, k), fixedScale, expected.AsSpan(r * stride));
            foreach (var kernels in KernelTesting.Sets)
            {
                using var q = new GuardedMemory<sbyte>(m * stride);
                using var scales = new GuardedMemory<float>(m);
                kernels.QuantizeRows(x.Pointer, ldx, m, k, fixedScale, q.Pointer, scales.Pointer);
                Numbers.AssertSameBits(expectedScales, scales.Span, $"scales of {m}×{k} on {kernels.Name}");
                Assert.True(q.Span.SequenceEqual(expected), $"quantized {m}×{k} on {kernels.Name}");
                q.Check(kernels.Name);
                scales.Check(kernels.Name);
            }
        }
    }

    /// <summary>Rows quantized together are those quantized one by one, with the sums of their squares.</summary>
    [Fact]
    public void Many_rows_are_quantized_like_single_ones_and_measured()
    {
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            int m = random.Next(1, 20), k = i < 70 ? i + 1 : KernelTesting.Size(random, KernelSet.MostMeasured), ldx = k + random.Next(3);
            var stride = (int)KernelSet.QuantizedStride(k);
            using var x = new GuardedMemory<float>(KernelTesting.Values(random, m * ldx, i % 3 == 0 ? 10 : 0, i % 2 == 0 ? 1 : 100), random.Next(4));
            if (i % 11 == 0) x.Span.Fill((i % 4) switch { 0 => 0f, 1 => 1e-31f, 2 => -3e-37f, _ => 70f });
            var (expected, scales, squares) = (new sbyte[m * stride], new float[m], new float[m]);
            for (var r = 0; r < m; r++)
            {
                scales[r] = QuantizeReference(x.Span.Slice(r * ldx, k), 0, expected.AsSpan(r * stride));
                squares[r] = expected.AsSpan(r * stride, k).ToArray().Sum(step => step * step);
            }

            foreach (var kernels in KernelTesting.Sets)
            {
                using var q = new GuardedMemory<sbyte>(m * stride);
                using var ownScales = new GuardedMemory<float>(m);
                using var ownSquares = new GuardedMemory<float>(m);
                kernels.QuantizeMany(x.Pointer, ldx, m, k, q.Pointer, ownScales.Pointer, ownSquares.Pointer);
                Numbers.AssertSameBits(scales, ownScales.Span, $"scales of {m}×{k} on {kernels.Name}");
                Numbers.AssertSameBits(squares, ownSquares.Span, $"squares of {m}×{k} on {kernels.Name}");
                Assert.True(q.Span.SequenceEqual(expected), $"quantized {m}×{k} on {kernels.Name}");
                q.Check(kernels.Name);
                ownScales.Check(kernels.Name);
                ownSquares.Check(kernels.Name);
            }
        }
    }

    [Fact]
    public void A_row_is_within_bounds_by_its_largest_number()
    {
        var random = new Random(5);
        for (var n = 0; n < 150; n++)
        {
            foreach (var largest in (float[])[0.499999f, 0.5f, 0.75f, 1.000001f, 1.000002f, float.PositiveInfinity])
            {
                var values = Numbers.Random(random, n, 0.25f);
                if (n > 0) values[random.Next(n)] = random.Next(2) == 0 ? largest : -largest;
                if (n > 1) values[Array.FindIndex(values, value => MathF.Abs(value) < largest)] = float.NaN;
                using var x = new GuardedMemory<float>(values, random.Next(4));
                var expected = n > 0 && largest is >= 0.5f and <= 1.000001f;
                foreach (var kernels in KernelTesting.Sets) Assert.True(expected == kernels.IsWithin(x.Pointer, n, 0.5f, 1.000001f), $"{largest} of {n} on {kernels.Name}");
            }
        }
    }

    private static float QuantizeReference(ReadOnlySpan<float> x, float fixedScale, Span<sbyte> q)
    {
        var absmax = 0f;
        foreach (var value in x)
        {
            if (!float.IsNaN(value)) absmax = MathF.Max(absmax, MathF.Min(MathF.Abs(value), float.MaxValue));
        }

        var range = MathF.Max(absmax, MathF.ScaleB(1, -119));
        var inverse = fixedScale != 0 ? 1 / fixedScale : 127 / range;
        for (var k = 0; k < x.Length; k++)
        {
            var value = float.IsNaN(x[k]) ? 0 : x[k];
            q[k] = (sbyte)Math.Clamp(MathF.Round(value * inverse, MidpointRounding.ToEven), -127, 127);
        }

        return fixedScale != 0 ? fixedScale : absmax == 0 ? 0 : range / 127;
    }

    private static float Reference(ReduceFunction function, ReadOnlySpan<float> x)
    {
        var portable = KernelRegistry.Portable;
        var max = Tree(x, float.NegativeInfinity, (a, v) => v > a ? v : a, (a, b) => b > a ? b : a);
        if (!float.IsFinite(max)) max = 0;
        return function switch
        {
            ReduceFunction.Sum => Sum(x),
            ReduceFunction.Mean => Sum(x) / x.Length,
            ReduceFunction.Max => Tree(x, float.NegativeInfinity, (a, v) => v > a ? v : a, (a, b) => b > a ? b : a),
            ReduceFunction.Min => Tree(x, float.PositiveInfinity, (a, v) => v < a ? v : a, (a, b) => b < a ? b : a),
            ReduceFunction.Prod => Tree(x, 1, (a, v) => a * v, (a, b) => a * b),
            ReduceFunction.L1 => Tree(x, 0, (a, v) => a + MathF.Abs(v), (a, b) => a + b),
            ReduceFunction.L2 => MathF.Sqrt(Tree(x, 0, (a, v) => MathF.FusedMultiplyAdd(v, v, a), (a, b) => a + b)),
            ReduceFunction.SumSquare => Tree(x, 0, (a, v) => MathF.FusedMultiplyAdd(v, v, a), (a, b) => a + b),
            ReduceFunction.LogSum => One(portable, UnaryFunction.Log, Sum(x)),
            ReduceFunction.LogSumExp => One(portable, UnaryFunction.Log, Tree(x, 0, (a, v) => a + One(portable, UnaryFunction.Exp, v - max), (a, b) => a + b)) + max,
            _ => throw new ArgumentOutOfRangeException(nameof(function)),
        };
    }

    private static float Sum(ReadOnlySpan<float> x) => Tree(x, 0, (a, v) => a + v, (a, b) => a + b);

    private static float One(KernelSet kernels, UnaryFunction function, float x)
    {
        float y;
        kernels.Unary(function, &x, &y, 1, 0, 0);
        return y;
    }

    private static float Tree(ReadOnlySpan<float> x, float identity, Func<float, float, float> add, Func<float, float, float> join)
    {
        var partials = new float[16];
        partials.AsSpan().Fill(identity);
        for (var i = 0; i < x.Length; i++) partials[i % 16] = add(partials[i % 16], x[i]);
        for (var half = 8; half > 0; half /= 2)
        {
            for (var j = 0; j < half; j++) partials[j] = join(partials[j], partials[j + half]);
        }

        return partials[0];
    }
}
