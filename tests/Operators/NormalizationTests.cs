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
    public void NormalizesFromTheAxisOn(int axis, bool rms)
    {
        int[] shape = [4, 5, 33];
        var random = new Random(3);
        var x = Weights.Random(random, 4 * 5 * 33, 3);
        var tail = shape.Skip((axis + 3) % 3).ToArray();
        var size = tail.Aggregate(1, (a, b) => a * b);
        float[] scale = Weights.Random(random, size), bias = Weights.Random(random, size);
        var harness = new OperatorHarness().Dense(shape, x).Dense(tail, scale);
        if (!rms) harness.Dense(tail, bias);
        var op = new LayerNormalization(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.Epsilon, 1e-3f), rms);
        Weights.Close(Naive(x, size, scale, rms ? null : bias, rms, 1e-3), harness.Run(op)[0].As<float>(), 1e-5, "Y");
    }

    [Fact]
    public void AScaleOfAnotherShapeIsRefused() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([2, 3], new float[6]).Dense([2], new float[2]).Run(new LayerNormalization(new Attributes(), false)));

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

public class GroupNormalizationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void NormalizesGroupsThenScalesChannels(int groups)
    {
        var random = new Random(4);
        var x = Weights.Random(random, 2 * 6 * 20, 3);
        float[] scale = Weights.Random(random, 6), bias = Weights.Random(random, 6);
        var expected = LayerNormalizationTests.Naive(x, 6 / groups * 20, null, null, false, 1e-5);
        for (var i = 0; i < expected.Length; i++) expected[i] = expected[i] * scale[i / 20 % 6] + bias[i / 20 % 6];
        var harness = new OperatorHarness().Dense([2, 6, 4, 5], x).Dense([6], scale).Dense([6], bias);
        Weights.Close(expected, harness.Run(new GroupNormalization(new Attributes().Set(AttributeKey.NumGroups, groups), false))[0].As<float>(), 1e-5, "Y");
        if (groups == 6) Weights.Close(expected, harness.Run(new GroupNormalization(new Attributes(), true))[0].As<float>(), 1e-5, "instance");
    }

    [Fact]
    public void GroupsThatDoNotDivideTheChannelsAreRefused() =>
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense([1, 3, 1], new float[3]).Dense([3], new float[3]).Dense([3], new float[3])
            .Run(new GroupNormalization(new Attributes().Set(AttributeKey.NumGroups, 2), false)));
}

public class LpNormalizationTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(-1, 1)]
    public void DividesEachLineByItsNorm(int axis, int p)
    {
        int[] shape = [3, 18];
        var x = Weights.Random(new Random(5), 54);
        Array.Clear(x, 0, 18);
        var expected = new double[54];
        for (var i = 0; i < 54; i++)
        {
            var line = axis == 0 ? Enumerable.Range(0, 3).Select(r => x[r * 18 + i % 18]) : x.Skip(i / 18 * 18).Take(18);
            var norm = p == 1 ? line.Sum(v => Math.Abs((double)v)) : Math.Sqrt(line.Sum(v => (double)v * v));
            expected[i] = norm == 0 ? 0 : x[i] / norm;
        }

        var op = new LpNormalization(new Attributes().Set(AttributeKey.Axis, axis).Set(AttributeKey.P, p));
        Weights.Close(expected, new OperatorHarness().Dense(shape, x).Run(op)[0].As<float>(), 1e-6, "Y");
    }
}
