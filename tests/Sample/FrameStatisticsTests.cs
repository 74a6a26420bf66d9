using NativeAotSample;

namespace SeqRuntime.Tests.Sample;

public class FrameStatisticsTests
{
    [Fact]
    public void Counts_every_byte_that_a_frame_allocates()
    {
        var statistics = new FrameStatistics(2);
        Allocation.None(() =>
        {
            statistics = new FrameStatistics(2);
            Frame(statistics, () => { });
            return statistics.AllocatedBytes;
        });
        Frame(statistics, () => s_escaped = new byte[1000]);
        Assert.InRange(statistics.AllocatedBytes, 1000, 1100);
        Assert.Equal(2, statistics.Count);
        Assert.Equal(1000, s_escaped!.Length);
    }

    [Fact]
    public void Shares_are_ordered()
    {
        var statistics = new FrameStatistics(100);
        for (var i = 0; i < 100; i++) Frame(statistics, () => Thread.SpinWait(i * 10));
        Assert.True(statistics.Microseconds(0.5) <= statistics.Microseconds(0.99));
        Assert.True(statistics.Microseconds(0.99) <= statistics.Microseconds(1));
        Assert.InRange(statistics.TotalSeconds * 1e6, statistics.Microseconds(1), statistics.Microseconds(1) * 100);
    }

    private static byte[]? s_escaped;

    private static void Frame(FrameStatistics statistics, Action work)
    {
        statistics.Begin();
        statistics.BeginFrame();
        work();
        statistics.EndFrame();
        statistics.End();
    }
}
