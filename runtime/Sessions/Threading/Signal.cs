using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// A signal from one thread to another. The waiter spins for a few microseconds, then parks. A signal before the wait is kept;
/// several signals count as one, so the waiter must check its condition again.
/// </summary>
internal sealed class Signal : IDisposable
{
    private const int None = 0;
    private const int News = 1;
    private const int Parked = 2;

    /// <summary>Longest spin in seconds: about the time of parking and waking.</summary>
    private const double Awake = 4e-6;

    private static readonly long s_awakeTicks = (long)(Awake * Stopwatch.Frequency);
    private readonly AutoResetEvent _wake = new(false);
    private int _state;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Post()
    {
        if (Interlocked.Exchange(ref _state, News) == Parked) _wake.Set();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Dispose() => _wake.Dispose();
}
