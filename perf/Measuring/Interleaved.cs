using System.Diagnostics;

namespace SeqRuntime.Perf.Measuring;

/// <summary>
/// Times several pieces of work side by side: short blocks of each in turn, so that a change in the machine's speed affects all of
/// them. Ratios are medians over the rounds. Each block starts with one run that is not counted, so that the previous block's effect
/// on the caches does not matter.
/// </summary>
internal static class Interleaved
{
    /// <summary>Tiered compilation has two stages. Each starts after a tenth of a second.</summary>
    private const int WarmPasses = 3;
    private const double WarmSeconds = 0.05;
    private static readonly TimeSpan s_compilation = TimeSpan.FromMilliseconds(130);

    /// <summary>Seconds of one run of each work in each round.</summary>
    /// <param name="works">What to time.</param>
    /// <param name="rounds">Number of blocks of each.</param>
    /// <param name="blockSeconds">Approximate time of a block. A single run may take longer.</param>
    public static BlockTimes[] Measure(IReadOnlyList<Action> works, int rounds, double blockSeconds = 0.0015)
    {
        Warm(works);
        var counts = works.Select(work => Calibrate(work, blockSeconds)).ToArray();
        var times = works.Select(_ => new double[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < works.Count; i++)
            {
                works[i]();
                times[i][round] = Block(works[i], counts[i]);
            }
        }

        return Array.ConvertAll(times, seconds => new BlockTimes(seconds));
    }

    /// <summary>Managed bytes that one run allocates, over 100 runs.</summary>
    public static long Bytes(Action work)
    {
        const int runs = 100;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < runs; i++) work();
        return (GC.GetAllocatedBytesForCurrentThread() - before + runs - 1) / runs;
    }

    /// <summary>
    /// Runs each work until its code is fully compiled. The pauses give the compiler's thread time; on a busy machine it would otherwise wait
    /// for a processor until the measurement is over.
    /// </summary>
    public static void Warm(IReadOnlyList<Action> works)
    {
        for (var pass = 0; pass < WarmPasses; pass++)
        {
            foreach (var work in works)
            {
                var clock = Stopwatch.StartNew();
                do work();
                while (clock.Elapsed.TotalSeconds < WarmSeconds);
            }

            Thread.Sleep(s_compilation);
        }
    }

    /// <summary>The number of runs that fill a block, after warm-up.</summary>
    public static int Calibrate(Action work, double blockSeconds)
    {
        work();
        for (var count = 1; ;)
        {
            var seconds = Block(work, count) * count;
            if (seconds >= 0.8 * blockSeconds) return count;
            count = Math.Max(count + 1, (int)(count * Math.Min(8, blockSeconds / Math.Max(seconds, 1e-7))));
        }
    }

    /// <summary>Seconds of one of <paramref name="count"/> runs.</summary>
    public static double Block(Action work, int count)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++) work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / count;
    }
}

/// <summary>Seconds of one run, block by block.</summary>
internal sealed record BlockTimes(double[] Seconds)
{
    /// <summary>Microseconds of the median block.</summary>
    public double Median => Statistics.Median(Seconds) * 1e6;

    /// <summary>Microseconds of the fastest block.</summary>
    public double Minimum => Seconds.Min() * 1e6;

    /// <summary>How many times longer the other work takes: the median over the rounds of one run.</summary>
    public double RatioOf(BlockTimes other) => Statistics.Median([.. Seconds.Zip(other.Seconds, (ours, theirs) => theirs / ours)]);
}

/// <summary>The statistics that reports use.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two middle values.</summary>
    public static double Median(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) throw new ArgumentException("The median of an empty list is undefined.");
        var sorted = Sorted(values);
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The smallest value that at least the share <paramref name="part"/> (0 to 1) of all values does not exceed (nearest rank, no interpolation).</summary>
    public static double Percentile(ReadOnlySpan<double> values, double part)
    {
        if (values.IsEmpty) throw new ArgumentException("A percentile of an empty list is undefined.");
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, 1);
        var rank = (int)Math.Ceiling(part * values.Length - 1e-9);
        return Sorted(values)[Math.Max(rank, 1) - 1];
    }

    private static double[] Sorted(ReadOnlySpan<double> values)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted;
    }
}
