using System.Diagnostics;

namespace SeqRuntime.Perf;

/// <summary>
/// Times two pieces of work side by side: short blocks of each in turn, so that a change in the machine's speed meets both.
/// The ratio is the median over the pairs of blocks; times are medians of blocks.
/// </summary>
internal static class PairedTimer
{
    private const double BlockSeconds = 0.004;

    public static Paired Measure(Action ours, Action theirs, int pairs)
    {
        var oursCount = Calibrate(ours);
        var theirsCount = Calibrate(theirs);
        var oursTimes = new double[pairs];
        var theirsTimes = new double[pairs];
        var ratios = new double[pairs];
        for (var i = 0; i < pairs; i++)
        {
            oursTimes[i] = Block(ours, oursCount);
            theirsTimes[i] = Block(theirs, theirsCount);
            ratios[i] = theirsTimes[i] / oursTimes[i];
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) ours();
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 100;
        return new Paired(Median(oursTimes) * 1e6, Median(theirsTimes) * 1e6, Median(ratios), bytes);
    }

    private static int Calibrate(Action work)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < 0.15) work();
        var count = 1;
        while (true)
        {
            var seconds = Block(work, count) * count;
            if (seconds >= BlockSeconds) return count;
            count = Math.Max(count + 1, (int)(count * Math.Min(8, 1.2 * BlockSeconds / Math.Max(seconds, 1e-7))));
        }
    }

    private static double Block(Action work, int count)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++) work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / count;
    }

    private static double Median(double[] values)
    {
        var sorted = (double[])values.Clone();
        Array.Sort(sorted);
        return sorted[sorted.Length / 2];
    }
}

/// <summary>Medians in microseconds, theirs/ours, and managed bytes that one run of ours allocates.</summary>
internal sealed record Paired(double OursMicroseconds, double TheirsMicroseconds, double Ratio, long OursBytes);
