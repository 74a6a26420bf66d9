using SeqRuntime.Converter;
using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Operators;

public class ConvTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 90)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Packed_and_dense_weights_match_the_formula(int seed)
    {
        var random = new Random(seed);
        var spatial = new SpatialCase(random, 1 + seed % 3, pads: random.Next(2) == 0);
        int groups = random.Next(1, 4), channels = random.Next(1, 5), outputs = random.Next(1, 20), batch = random.Next(1, 3);
        if (seed % 5 == 0) channels = 1;
        var x = Numbers.Random(random, batch * groups * channels * Numbers.Count(spatial.Input));
        var columns = channels * spatial.Taps;
        var w = Numbers.Random(random, groups * outputs * columns);
        var bias = random.Next(2) == 0 ? Numbers.Random(random, groups * outputs) : null;
        var attributes = spatial.Attributes.Set(AttributeKey.Group, groups);
        int[] shape = [batch, groups * channels, .. spatial.Input];

        foreach (var format in Weights.Formats.Select(f => (TensorFormat)f.Data))
        {
            var effective = new float[w.Length];
            var packed = Enumerable.Range(0, groups).Select(g =>
            {
                var bytes = Weights.Pack(format, w.AsSpan(g * outputs * columns, outputs * columns).ToArray(), outputs, columns, out var part);
                part.CopyTo(effective, g * outputs * columns);
                return bytes;
            }).ToArray();
            var (expected, sizes) = Naive(spatial, batch, groups, channels, outputs, x, effective, bias);
            var harness = new OperatorHarness().Dense(shape, x).Packed(format, outputs, columns, packed);
            var result = RecurrentCase.Optional(harness, bias, groups * outputs).Run(new Conv(attributes))[0];
            Assert.Equal([batch, groups * outputs, .. sizes], result.Shape);

            // int8: half a step of an input in [-1, 1], times at most this many weights in [-1, 1].
            Numbers.Close(expected, result.As<float>(), Weights.IsInteger(format) ? columns / 254.0 : 1e-5, format.ToString());
        }

        var (dense, _) = Naive(spatial, batch, groups, channels, outputs, x, w, bias);
        var denseHarness = new OperatorHarness().Dense(shape, x).Dense([groups * outputs, channels, .. spatial.Kernel], w);
        Numbers.Close(dense, RecurrentCase.Optional(denseHarness, bias, groups * outputs).Run(new Conv(attributes))[0].As<float>(), 1e-5, "dense");
    }

    [Theory]
    [InlineData((int)TensorFormat.Dense, 1, 8, 1, 3, 2)]
    [InlineData((int)TensorFormat.Dense, 8, 8, 1, 5, 1)]
    [InlineData((int)TensorFormat.Dense, 6, 12, 3, 4, 3)]
    [InlineData((int)TensorFormat.PackedFloat32, 4, 20, 1, 3, 1)]
    [InlineData((int)TensorFormat.PackedFloat32, 6, 12, 2, 4, 2)]
    [InlineData((int)TensorFormat.PackedInt8, 4, 20, 1, 3, 2)]
    [InlineData((int)TensorFormat.PackedInt8, 1, 17, 1, 8, 1)]
    [InlineData((int)TensorFormat.NarrowInt8, 1, 17, 1, 8, 1)]
    [InlineData((int)TensorFormat.PackedFloat32, 5, 5, 1, 1, 1)]
    [InlineData((int)TensorFormat.PackedFloat16, 4, 20, 1, 3, 1)]
    [InlineData((int)TensorFormat.PackedBFloat16, 4, 20, 1, 3, 1)]
    [InlineData((int)TensorFormat.GroupedInt8, 14, 20, 1, 3, 2)]
    [InlineData((int)TensorFormat.PackedInt4, 14, 20, 1, 3, 2)]
    [InlineData((int)TensorFormat.PackedInt4, 1, 17, 1, 8, 1)]
    public void Streaming_with_state_gives_the_bits_of_the_whole_sequence(int packing, int channels, int outputs, int groupsOrAll, int kernel, int dilation)
    {
        var format = (TensorFormat)packing;
        var random = new Random(kernel);
        var groups = format == TensorFormat.Dense && groupsOrAll == 1 ? channels : groupsOrAll;
        var columns = channels / groups * kernel;
        var w = Numbers.Random(random, outputs * columns);
        var bias = Numbers.Random(random, outputs);
        var op = new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { kernel }).Set(AttributeKey.Dilations, new[] { dilation }).Set(AttributeKey.Group, groups));
        var reach = (kernel - 1) * dilation;
        const int Batch = 2;
        const int Steps = 23;
        var x = Numbers.Random(random, Batch * channels * Steps);
        var initial = Numbers.Random(random, Batch * channels * reach);

        OperatorHarness.Result[] Run(float[] part, int steps, float[] state)
        {
            var harness = new OperatorHarness().Dense([Batch, channels, steps], part);
            if (format == TensorFormat.Dense)
            {
                harness.Dense([outputs, channels / groups, kernel], w);
            }
            else
            {
                var rows = outputs / groups;
                harness.Packed(format, rows, columns, [.. Enumerable.Range(0, groups).Select(g => Weights.Pack(format, w.AsSpan(g * rows * columns, rows * columns).ToArray(), rows, columns, out _))]);
            }

            return harness.Dense([outputs], bias).Dense([Batch, channels, reach], state).Run(op, 2);
        }

        float[] Columns(float[] all, int width, int start, int count) =>
            [.. Enumerable.Range(0, all.Length / width).SelectMany(row => all.AsSpan(row * width + start, count).ToArray())];

        var whole = Run(x, Steps, initial);
        Assert.Equal([Batch, outputs, Steps], whole[0].Shape);
        var state = initial;
        for (int start = 0, size = 1; start < Steps; start += size)
        {
            size = Math.Min(1 + start % 4, Steps - start);
            var part = Run(Columns(x, Steps, start, size), size, state);
            Assert.Equal(Columns(whole[0].As<float>(), Steps, start, size), part[0].As<float>());
            state = part[1].As<float>();
        }

        Assert.Equal(whole[1].As<float>(), state);
        if (format is not (TensorFormat.Dense or TensorFormat.PackedFloat32)) return;
        var padded = new float[Batch * channels * (reach + Steps)];
        for (var row = 0; row < Batch * channels; row++)
        {
            initial.AsSpan(row * reach, reach).CopyTo(padded.AsSpan(row * (reach + Steps)));
            x.AsSpan(row * Steps, Steps).CopyTo(padded.AsSpan(row * (reach + Steps) + reach));
        }

        for (var i = 0; i < Batch * outputs * Steps; i++)
        {
            int n = i / Steps / outputs, m = i / Steps % outputs, t = i % Steps, per = channels / groups;
            var sum = (double)bias[m];
            for (var c = 0; c < per; c++)
            {
                for (var k = 0; k < kernel; k++)
                    sum += w[(m * per + c) * kernel + k] * padded[(n * channels + m / (outputs / groups) * per + c) * (reach + Steps) + t + k * dilation];
            }

            Assert.Equal(sum, whole[0].As<float>()[i], 1e-4);
        }
    }

    /// <summary>Parts of lines that begin before their line, end behind it, or are outside of it, of all lengths around a vector's.</summary>
    [Fact]
    public unsafe void Parts_of_lines_have_zeros_outside_of_the_line()
    {
        for (var width = 1; width < 12; width++)
        {
            for (var length = 1; length < 12; length++)
            {
                for (var start = -length - 2; start < width + 3; start++)
                {
                    const int Lines = 3;
                    var x = Numbers.Random(new Random(width), (Lines + 2) * width + 16);
                    var result = new float[Lines * length + 8];
                    fixed (float* from = x, to = result) ConvPlane.CopyLines(from, width, Lines, start, length, to);
                    for (var i = 0; i < Lines * length; i++)
                    {
                        int line = i / length, place = start + i % length;
                        Assert.Equal(place < 0 || place >= width ? 0 : x[line * width + place], result[i]);
                    }
                }
            }
        }
    }

    /// <summary>Windows in lanes and windows in rows, short and long lines, with and without padding: each sum is one chain in the order of the weights.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_sum_is_one_chain(int seed)
    {
        var random = new Random(seed);
        var spatial = new SpatialCase(random, 1 + seed % 3, pads: seed % 2 == 0);
        if (seed % 4 == 1) spatial.Kernel.AsSpan().Fill(1);
        spatial.Input[^1] = (spatial.Kernel[^1] - 1) * spatial.Dilations[^1] + 1 + random.Next(seed % 7 == 0 ? 4 : 90);
        int groups = random.Next(1, 4), channels = random.Next(1, 5), outputs = random.Next(1, seed % 9 == 0 ? 70 : 7), batch = random.Next(1, 3);
        var columns = channels * spatial.Taps;
        var x = Numbers.Random(random, batch * groups * channels * Numbers.Count(spatial.Input));
        var w = Numbers.Random(random, groups * outputs * columns);
        var bias = random.Next(2) == 0 ? Numbers.Random(random, groups * outputs) : null;
        var sizes = Enumerable.Range(0, spatial.Rank).Select(i => (spatial.Input[i] + spatial.Pads[i] + spatial.Pads[spatial.Rank + i] - (spatial.Kernel[i] - 1) * spatial.Dilations[i] - 1) / spatial.Strides[i] + 1).ToArray();
        int count = Numbers.Count(sizes), inputs = Numbers.Count(spatial.Input);
        foreach (var format in (TensorFormat[])[TensorFormat.Dense, TensorFormat.PackedFloat32, TensorFormat.PackedFloat16, TensorFormat.PackedBFloat16])
        {
            var effective = w;
            var harness = new OperatorHarness().Dense([batch, groups * channels, .. spatial.Input], x);
            if (format == TensorFormat.Dense)
            {
                harness.Dense([groups * outputs, channels, .. spatial.Kernel], w);
            }
            else
            {
                effective = new float[w.Length];
                harness.Packed(format, outputs, columns, [.. Enumerable.Range(0, groups).Select(g =>
                {
                    var bytes = Weights.Pack(format, w.AsSpan(g * outputs * columns, outputs * columns).ToArray(), outputs, columns, out var part);
                    part.CopyTo(effective, g * outputs * columns);
                    return bytes;
                })]);
            }

            var expected = new float[batch * groups * outputs * count];
            for (var i = 0; i < expected.Length; i++)
            {
                int p = i % count, m = i / count % (groups * outputs), n = i / count / (groups * outputs);
                var window = SpatialCase.Unflatten(p, sizes);
                var sum = bias is null ? 0 : bias[m];
                for (var k = 0; k < columns; k++)
                {
                    var at = spatial.InputIndex(window, SpatialCase.Unflatten(k % spatial.Taps, spatial.Kernel), spatial.Input);
                    sum = MathF.FusedMultiplyAdd(effective[m * columns + k], at < 0 ? 0 : x[((n * groups + m / outputs) * channels + k / spatial.Taps) * inputs + at], sum);
                }

                expected[i] = sum;
            }

            var result = RecurrentCase.Optional(harness, bias, groups * outputs).Run(new Conv(spatial.Attributes.Set(AttributeKey.Group, groups)))[0];
            Numbers.AssertSameBits(expected, result.As<float>(), format.ToString());
        }
    }

    [Fact]
    public void An_input_smaller_than_the_window_is_refused()
    {
        var op = new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 5 }));
        var error = Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 1, 4], new float[4]).Dense([1, 1, 5], new float[5]).Run(op));
        Assert.Contains("for a window of 5", error.Message);
    }

    /// <summary>The memory of the largest sizes is enough for all others, such as many batch rows of a single window.</summary>
    [Fact]
    public void A_session_runs_smaller_sizes_in_the_memory_of_the_largest()
    {
        const int batch = 128, channels = 16;
        var onnx = new OnnxBuilder().Input("x", OnnxBuilder.Float, "n", channels, "t").Random("w", 1, 1, channels, channels, 3).Node("Conv", "x w", "y", ("pads", new long[] { 1, 1 })).Output("y");
        using var model = SeqModel.Load(onnx.Convert(new ConversionOptions { Weights = WeightKind.Int8 }).File);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["n"] = batch, ["t"] = 100 } });
        foreach (var steps in (int[])[100, 3, 2, 1])
        {
            session.SetSize("t", steps);
            session.Input<float>(0).Fill(1);
            session.Run();
            var y = session.Output<float>(0);
            Assert.Equal(batch * channels * steps, y.Length);
            Assert.True(y[..(channels * steps)].SequenceEqual(y[^(channels * steps)..]));
        }
    }

    [Fact]
    public void Weights_that_do_not_fit_are_refused()
    {
        var op = new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 4], new float[12]).Dense([1, 2, 2], new float[4]).Run(op));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 4], new float[12]).Packed(TensorFormat.PackedFloat32, 2, 4, Float32Format.Pack(new float[8], 2, 4)).Run(op));
        Assert.Throws<SeqFormatException>(() => new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }).Set(AttributeKey.Pads, new[] { 1 })));
        Assert.Throws<SeqFormatException>(() => new Conv(new Attributes().Set(AttributeKey.KernelShape, new[] { 65536, 65536 })));
    }

    private static (double[] Y, int[] Sizes) Naive(SpatialCase spatial, int batch, int groups, int channels, int outputs, float[] x, float[] w, float[]? bias)
    {
        var sizes = Enumerable.Range(0, spatial.Rank)
            .Select(i => (spatial.Input[i] + spatial.Pads[i] + spatial.Pads[spatial.Rank + i] - (spatial.Kernel[i] - 1) * spatial.Dilations[i] - 1) / spatial.Strides[i] + 1).ToArray();
        int count = Numbers.Count(sizes), inputs = Numbers.Count(spatial.Input);
        var y = new double[batch * groups * outputs * count];
        for (var i = 0; i < y.Length; i++)
        {
            int p = i % count, m = i / count % (groups * outputs), n = i / count / (groups * outputs);
            var window = SpatialCase.Unflatten(p, sizes);
            y[i] = bias is null ? 0 : bias[m];
            for (var c = 0; c < channels; c++)
            {
                for (var k = 0; k < spatial.Taps; k++)
                {
                    var at = spatial.InputIndex(window, SpatialCase.Unflatten(k, spatial.Kernel), spatial.Input);
                    if (at >= 0) y[i] += (double)w[(m * channels + c) * spatial.Taps + k] * x[((n * groups + m / outputs) * channels + c) * inputs + at];
                }
            }
        }

        return (y, sizes);
    }
}
