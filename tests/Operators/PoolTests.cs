using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class PoolTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Takes_the_maximum_or_mean_of_every_window(int seed)
    {
        var random = new Random(seed);
        var spatial = new SpatialCase(random, 1 + seed % 3, pads: random.Next(2) == 0);
        bool ceil = random.Next(2) == 0, countPads = random.Next(2) == 0;
        int batch = random.Next(1, 3), channels = random.Next(1, 4), rank = spatial.Rank;
        var sizes = Enumerable.Range(0, rank).Select(i =>
        {
            var room = spatial.Input[i] + spatial.Pads[i] + spatial.Pads[rank + i] - (spatial.Kernel[i] - 1) * spatial.Dilations[i] - 1;
            var size = (int)(ceil ? Math.Ceiling((double)room / spatial.Strides[i]) : Math.Floor((double)room / spatial.Strides[i])) + 1;
            return ceil && (size - 1) * spatial.Strides[i] >= spatial.Input[i] + spatial.Pads[i] ? size - 1 : size;
        }).ToArray();
        int inputs = Numbers.Count(spatial.Input), count = Numbers.Count(sizes);
        var x = Numbers.Random(random, batch * channels * inputs);
        double[] maximum = new double[batch * channels * count], mean = new double[batch * channels * count];
        for (var i = 0; i < maximum.Length; i++)
        {
            var window = SpatialCase.Unflatten(i % count, sizes);
            double best = double.NegativeInfinity, sum = 0;
            var counted = 0;
            for (var k = 0; k < spatial.Taps; k++)
            {
                var tap = SpatialCase.Unflatten(k, spatial.Kernel);
                var at = spatial.InputIndex(window, tap, spatial.Input);
                if (countPads && Enumerable.Range(0, rank).All(a => window[a] * spatial.Strides[a] + tap[a] * spatial.Dilations[a] < spatial.Input[a] + spatial.Pads[a] + spatial.Pads[rank + a])) counted++;
                if (at < 0) continue;
                if (!countPads) counted++;
                best = Math.Max(best, x[i / count * inputs + at]);
                sum += x[i / count * inputs + at];
            }

            maximum[i] = double.IsInfinity(best) ? 0 : best;
            mean[i] = counted == 0 ? 0 : sum / counted;
        }

        var harness = new OperatorHarness().Dense([batch, channels, .. spatial.Input], x);
        Attributes Make(PoolFunction function) => spatial.Attributes.Set(AttributeKey.Function, function).Set(AttributeKey.CeilMode, ceil).Set(AttributeKey.CountIncludePad, countPads);
        var largest = harness.Run(new Pool(Make(PoolFunction.Max)))[0];
        Assert.Equal([batch, channels, .. sizes], largest.Shape);
        Numbers.Close(maximum, largest.As<float>(), 0, "maximum");
        Numbers.Close(mean, harness.Run(new Pool(Make(PoolFunction.Average)))[0].As<float>(), 1e-6, "mean");
    }

    [Fact]
    public void Global_pools_reduce_all_spatial_dimensions()
    {
        var x = Numbers.Random(new Random(1), 2 * 3 * 35);
        var harness = new OperatorHarness().Dense([2, 3, 5, 7], x);
        var largest = harness.Run(new Pool(new Attributes().Set(AttributeKey.Function, PoolFunction.GlobalMax)))[0];
        var mean = harness.Run(new Pool(new Attributes().Set(AttributeKey.Function, PoolFunction.GlobalAverage)))[0];
        Assert.Equal([2, 3, 1, 1], largest.Shape);
        var rows = x.Chunk(35).ToArray();
        Assert.Equal(rows.Select(r => r.Max()), largest.As<float>());
        Numbers.Close([.. rows.Select(r => r.Average(v => (double)v))], mean.As<float>(), 1e-6, "mean");
    }

    [Fact]
    public void Bytes_have_a_maximum_but_no_mean()
    {
        var attributes = new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }).Set(AttributeKey.Strides, new[] { 2 });
        var harness = new OperatorHarness().Dense<sbyte>([1, 1, 4], -5, -7, 3, 9);
        Assert.Equal(new sbyte[] { -5, 9 }, harness.Run(new Pool(attributes))[0].As<sbyte>());
        Assert.Throws<ArgumentException>(() => harness.Run(new Pool(attributes.Set(AttributeKey.Function, PoolFunction.Average))));
    }

    [Fact]
    public void Pads_as_large_as_the_window_are_refused() =>
        Assert.Throws<SeqFormatException>(() => new Pool(new Attributes().Set(AttributeKey.KernelShape, new[] { 2 }).Set(AttributeKey.Pads, new[] { 2, 0 })));
}
