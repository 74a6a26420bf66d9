using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class LayerNormalizationTests
{
    [Theory]
    [InlineData(-1, false)]
    [InlineData(1, false)]
    [InlineData(0, false)]
    [InlineData(-1, true)]
    [InlineData(1, true)]
    public void Normalizes_from_the_axis_on(int axis, bool rms)
    {
        int[] shape = [4, 5, 33];
        var random = new Random(3);
        var x = Numbers.Random(random, 4 * 5 * 33, 3);
        var tail = shape.Skip((axis + 3) % 3).ToArray();
        var size = Numbers.Count(tail);
        float[] scale = Numbers.Random(random, size), bias = Numbers.Random(random, size);
        var harness = new OperatorHarness().Dense(shape, x).Dense(tail, scale);
        if (!rms) harness.Dense(tail, bias);
        var op = new LayerNormalization(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.Epsilon, 1e-3f), rms);
        Numbers.Close(Naive(x, size, scale, rms ? null : bias, rms, 1e-3), harness.Run(op)[0].As<float>(), 1e-5, "Y");
    }

    [Fact]
    public void A_scale_of_another_shape_is_refused() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2, 3], new float[6]).Dense([2], new float[2]).Run(new LayerNormalization(new Attributes(), rms: false)));

    internal static double[] Naive(float[] x, int size, float[]? scale, float[]? bias, bool rms, double epsilon)
    {
        var y = new double[x.Length];
        for (var start = 0; start < x.Length; start += size)
        {
            var line = x.AsSpan(start, size).ToArray();
            var mean = rms ? 0 : line.Average(v => (double)v);
            var variance = line.Average(v => Math.Pow(v - mean, 2));
            for (var i = 0; i < size; i++)
                y[start + i] = (line[i] - mean) / Math.Sqrt(variance + epsilon) * (scale?[i] ?? 1) + (bias?[i] ?? 0);
        }

        return y;
    }
}
