using System.Diagnostics;

namespace NativeAotSample;

/// <summary>Measures the time of each frame and the managed bytes of all. It allocates nothing after it is created.</summary>
internal sealed class FrameStatistics(int capacity)
{
    private readonly long[] _ticks = new long[capacity];
    private long _frameStart;
    private long _bytesStart;
    private long _bytes;
    private bool _sorted;

    public int Count { get; private set; }

    /// <summary>Managed bytes that this thread allocated between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public long AllocatedBytes => _bytes;

    public double BytesPerFrame => Count == 0 ? 0 : (double)_bytes / Count;

    /// <summary>Starts counting bytes.</summary>
    public void Begin() => _bytesStart = GC.GetAllocatedBytesForCurrentThread();

    /// <summary>Stops counting bytes.</summary>
    public void End() => _bytes += GC.GetAllocatedBytesForCurrentThread() - _bytesStart;

    public void BeginFrame() => _frameStart = Stopwatch.GetTimestamp();

    public void EndFrame() => _ticks[Count++] = Stopwatch.GetTimestamp() - _frameStart;

    /// <summary>Seconds spent in all frames.</summary>
    public double TotalSeconds
    {
        get
        {
            var sum = 0L;
            for (var i = 0; i < Count; i++) sum += _ticks[i];
            return (double)sum / Stopwatch.Frequency;
        }
    }

    /// <summary>The percentile of the frames' microseconds for a share of all frames (nearest rank): 0.5, 0.99, or 1 for the longest.</summary>
    public double Microseconds(double share)
    {
        if (Count == 0) return 0;
        if (!_sorted) Array.Sort(_ticks, 0, Count);
        _sorted = true;
        var rank = Math.Clamp((int)Math.Ceiling(share * Count) - 1, 0, Count - 1);
        return _ticks[rank] * 1e6 / Stopwatch.Frequency;
    }
}
