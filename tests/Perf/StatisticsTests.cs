using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Tests.Perf;

/// <summary>Medians and percentiles of known rows.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(new double[] { 3 }, 3)]
    [InlineData(new double[] { 9, 1, 5 }, 5)]
    [InlineData(new double[] { 4, 1, 3, 100 }, 3.5)]
    public void The_median_is_the_middle(double[] values, double expected) => Assert.Equal(expected, Statistics.Median(values));

    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(0.995, 100)]
    [InlineData(0.9999, 100)]
    [InlineData(1, 100)]
    [InlineData(0, 1)]
    public void A_percentile_is_a_value_that_was_measured(double part, double expected)
    {
        double[] values = [.. Enumerable.Range(1, 100).Reverse().Select(i => (double)i)];
        Assert.Equal(expected, Statistics.Percentile(values, part));
    }

    [Fact]
    public void Nothing_has_no_median()
    {
        Assert.Throws<ArgumentException>(() => Statistics.Median([]));
        Assert.Throws<ArgumentException>(() => Statistics.Percentile([], 0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.Percentile([1], 1.5));
    }

    [Fact]
    public void A_ratio_is_the_median_over_pairs_and_not_the_ratio_of_medians()
    {
        var ours = new BlockTimes([1e-6, 2e-6, 8e-6]);
        var theirs = new BlockTimes([4e-6, 4e-6, 8e-6]);
        Assert.Equal(2, ours.RatioOf(theirs), 1e-12);
        Assert.Equal(2, ours.Median, 1e-12);
        Assert.Equal(1, ours.Minimum, 1e-12);
        Assert.Equal(4, theirs.Median, 1e-12);
    }

    [Fact]
    public void Interleaved_blocks_find_the_longer_work_and_what_it_allocates()
    {
        var sink = Array.Empty<byte>();
        var times = Interleaved.Measure([() => Thread.SpinWait(50), () => Thread.SpinWait(1000)], 5, 0.0002);
        Assert.All(times, t => Assert.Equal(5, t.Seconds.Length));
        Assert.True(times[0].RatioOf(times[1]) > 3, $"{times[0].RatioOf(times[1])}");
        Assert.True(Interleaved.Bytes(() => sink = new byte[1000]) >= 1000);
        Assert.Equal(0, Interleaved.Bytes(() => Thread.SpinWait(1)));
        GC.KeepAlive(sink);
    }
}
