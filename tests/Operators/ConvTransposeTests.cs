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

    [Fact]
    public void Weights_for_other_channels_are_refused()
    {
        var op = new ConvTranspose(new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 4], new float[12]).Dense([2, 1, 2], new float[4]).Run(op));
    }
}
