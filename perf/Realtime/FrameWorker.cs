using System.Diagnostics;
using SeqRuntime.Perf.Measuring;

namespace SeqRuntime.Perf.Realtime;

/// <summary>A program that processes a frame, and the time of each frame.</summary>
internal sealed class FrameWorker(string work, string name, double periodMilliseconds, int frames, Action<int> process, params IDisposable[] owned) : IDisposable
{
    private readonly double[] _microseconds = new double[frames];
    private int _count;
    private long _bytes;

    /// <summary>Processes frame <paramref name="index"/> of the sound and records its time and this thread's allocations.</summary>
    public void Process(int index)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        process(index);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        _bytes += GC.GetAllocatedBytesForCurrentThread() - bytes;
        if (_count < _microseconds.Length) _microseconds[_count++] = elapsed;
    }

    /// <summary>Clears the records.</summary>
    public void Restart() => (_count, _bytes) = (0, 0);

    public FrameTimes Times()
    {
        var times = _microseconds.AsSpan(0, _count);
        var longest = 0.0;
        foreach (var time in times) longest = Math.Max(longest, time);
        return new FrameTimes(
            work,
            name,
            periodMilliseconds,
            _count,
            Statistics.Percentile(times, 0.5),
            Statistics.Percentile(times, 0.99),
            Statistics.Percentile(times, 0.9999),
            longest,
            (double)_bytes / _count);
    }

    public void Dispose()
    {
        foreach (var item in owned) item.Dispose();
    }
}

/// <summary>Microseconds of processing one frame.</summary>
internal sealed record FrameTimes(string Work, string Name, double PeriodMilliseconds, int Frames, double P50, double P99, double P9999, double Maximum, double ManagedBytesPerFrame);
