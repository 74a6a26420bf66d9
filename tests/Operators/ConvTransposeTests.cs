using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ConvTransposeTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 45)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Spreads_each_input_over_its_window(int seed)
    {
        var random = new Random(seed);
        var spatial = new SpatialCase(random, 1 + seed % 3, pads: random.Next(2) == 0);
        int groups = random.Next(1, 4), channels = random.Next(1, 5), outputs = random.Next(1, 6), batch = random.Next(1, 3);
        var input = Enumerable.Range(0, spatial.Rank).Select(_ => random.Next(2, spatial.Rank == 1 ? 90 : 6)).ToArray();
        var extra = Enumerable.Range(0, spatial.Rank).Select(i => random.Next(0, spatial.Strides[i])).ToArray();
        var sizes = Enumerable.Range(0, spatial.Rank).Select(i =>
            (input[i] - 1) * spatial.Strides[i] + (spatial.Kernel[i] - 1) * spatial.Dilations[i] + 1 + extra[i] - spatial.Pads[i] - spatial.Pads[spatial.Rank + i]).ToArray();
        if (sizes.Any(s => s < 1)) sizes = [.. sizes.Select(s => Math.Max(s, 0))];
        int inputs = Numbers.Count(input), count = Numbers.Count(sizes);
        var x = Numbers.Random(random, batch * groups * channels * inputs);
        var w = Numbers.Random(random, groups * channels * outputs * spatial.Taps);
        var bias = random.Next(2) == 0 ? Numbers.Random(random, groups * outputs) : null;

        var y = new double[batch * groups * outputs * count];
        if (bias is not null)
        {
            bias[0] = -0f;
            for (var i = 0; i < y.Length; i++) y[i] = bias[i / count % (groups * outputs)];
        }

        for (var i = 0; i < x.Length; i++)
        {
            int p = i % inputs, c = i / inputs % (groups * channels), n = i / inputs / (groups * channels);
            var position = SpatialCase.Unflatten(p, input);
            for (var m = 0; m < outputs; m++)
            {
                for (var k = 0; k < spatial.Taps; k++)
                {
                    var at = spatial.InputIndex(position, SpatialCase.Unflatten(k, spatial.Kernel), sizes);
                    if (at >= 0) y[((n * groups + c / channels) * outputs + m) * count + at] += (double)w[(c * outputs + m) * spatial.Taps + k] * x[i];
                }
            }
        }

        var harness = new OperatorHarness().Dense([batch, groups * channels, .. input], x).Dense([groups * channels, outputs, .. spatial.Kernel], w);
        var op = new ConvTranspose(spatial.Attributes.Set(AttributeKey.Group, groups).Set(AttributeKey.OutputPadding, extra));
        var result = RecurrentCase.Optional(harness, bias, groups * outputs).Run(op)[0];
        Assert.Equal([batch, groups * outputs, .. sizes], result.Shape);
        Numbers.Close(y, result.As<float>(), 1e-5, "Y");

        // A product of all channels of a group is one chain; an output adds those that reach it in order of positions.
        var bits = new float[y.Length];
        for (var i = 0; i < bits.Length && bias is not null; i++) bits[i] = bias[i / count % (groups * outputs)];
        for (var row = 0; row < batch * groups; row++)
        {
            var g = row % groups;
            for (var p = 0; p < inputs; p++)
            {
                var position = SpatialCase.Unflatten(p, input);
                for (var mk = 0; mk < outputs * spatial.Taps; mk++)
                {
                    var at = spatial.InputIndex(position, SpatialCase.Unflatten(mk % spatial.Taps, spatial.Kernel), sizes);
                    if (at < 0) continue;
                    var product = 0f;
                    for (var c = 0; c < channels; c++) product = MathF.FusedMultiplyAdd(w[(g * channels + c) * outputs * spatial.Taps + mk], x[(row * channels + c) * inputs + p], product);
                    bits[(row * outputs + mk / spatial.Taps) * count + at] += product;
                }
            }
        }

        Numbers.AssertSameBits(bits, result.As<float>(), "Y");
    }

    [Theory]
    [InlineData(1, 1, 1, 2, 16, 1)]
    [InlineData(1, 1, 1, 5, 2, 1)]
    [InlineData(3, 1, 1, 7, 4, 1)]
    [InlineData(2, 70, 1, 64, 1, 5)]
    [InlineData(2, 200, 1, 64, 2, 9)]
    [InlineData(1, 64, 1, 64, 1, 1)]
    [InlineData(2, 9, 4, 6, 1, 8)]
    [InlineData(2, 30, 6, 4, 2, 8)]
    [InlineData(2, 8, 3, 70, 1, 4)]
    [InlineData(1, 150, 3, 70, 2, 6)]
    public void Any_stride_and_dilation_equals_plain_loops(int outputs, int kernel, int dilation, int stride, int height, int width)
    {
        var random = new Random(kernel + stride);
        foreach (var (pad, extra) in new[] { (0, 0), (Math.Min(kernel - 1, 3), 0), (0, stride - 1) })
        {
            var size = (width - 1) * stride + (kernel - 1) * dilation + 1 + extra - pad;
            float[] x = Numbers.Random(random, 2 * height * width), w = Numbers.Random(random, 2 * outputs * kernel);
            var expected = new float[outputs * height * size];
            for (var m = 0; m < outputs; m++)
            {
                for (var at = 0; at < height * width; at++)
                {
                    for (var k = 0; k < kernel; k++)
                    {
                        var o = at % width * stride + k * dilation - pad;
                        if (o < 0 || o >= size) continue;
                        var product = 0f;
                        for (var c = 0; c < 2; c++) product = MathF.FusedMultiplyAdd(w[(c * outputs + m) * kernel + k], x[c * height * width + at], product);
                        expected[(m * height + at / width) * size + o] += product;
                    }
                }
            }

            var op = new ConvTranspose(new Attributes()
                .Set(AttributeKey.KernelShape, new[] { 1, kernel }).Set(AttributeKey.Strides, new[] { 1, stride }).Set(AttributeKey.Dilations, new[] { 1, dilation })
                .Set(AttributeKey.Pads, new[] { 0, pad, 0, 0 }).Set(AttributeKey.OutputPadding, new[] { 0, extra }));
            var y = new OperatorHarness().Dense([1, 2, height, width], x).Dense([2, outputs, 1, kernel], w).Run(op)[0];
            Assert.Equal([1, outputs, height, size], y.Shape);
            Numbers.AssertSameBits(expected, y.As<float>(), $"Y, padding {pad}, {extra}");
        }
    }

    [Fact]
    public void Weights_for_other_channels_are_refused()
    {
        var op = new ConvTranspose(new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 4], new float[12]).Dense([2, 1, 2], new float[4]).Run(op));
    }
}
