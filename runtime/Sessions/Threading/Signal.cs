using System.Diagnostics;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// One thread waits for news of another: first awake for a few microseconds, then parked. News that comes before the wait is kept;
/// several are one, so the waiter looks again at what it waits for.
/// </summary>
internal sealed class Signal : IDisposable
{
    private const int None = 0;
    private const int News = 1;
    private const int Parked = 2;

    /// <summary>Longest time awake, in seconds: about what parking and waking take together.</summary>
    private const double Awake = 4e-6;

    private static readonly long s_awakeTicks = (long)(Awake * Stopwatch.Frequency);
    private readonly AutoResetEvent _wake = new(false);
    private int _state;

    public void Post()
    {
        if (Interlocked.Exchange(ref _state, News) == Parked) _wake.Set();
    }

    public void Wait()
    {
        var end = Stopwatch.GetTimestamp() + s_awakeTicks;
        while (Volatile.Read(ref _state) != News)
        {
            if (Stopwatch.GetTimestamp() < end) Thread.SpinWait(8);
            else if (Interlocked.CompareExchange(ref _state, Parked, None) == None) _wake.WaitOne();
        }

        Interlocked.Exchange(ref _state, None);
    }

    public void Dispose() => _wake.Dispose();
}
