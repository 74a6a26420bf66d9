namespace SeqRuntime.Tests;

/// <summary>
/// Counts the managed bytes of the calling thread. Code that the JIT has not optimized yet may box, and .NET may allocate on a thread
/// whose method it replaces. Both end after enough runs. So a path is run until a round allocates nothing. A path that allocates in every
/// call, or in every second one, does so in each round and is found.
/// </summary>
internal static class Allocation
{
    // A method is optimized after 30 calls, and again after 30 more calls with instrumentation, each time after a pause without new code.
    private const int Rounds = 120;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(25);

    /// <summary>Fails unless two consecutive calls of the path allocate nothing.</summary>
    public static void None(Action path, int rounds = Rounds) => None(() => Bytes(path) + Bytes(path), rounds);

    /// <summary>The same for rounds with preparation that does not count: the path returns the bytes that count.</summary>
    public static void None(Func<long> round, int rounds = Rounds)
    {
        var least = long.MaxValue;
        for (var i = 0; i < rounds && least > 0; i++)
        {
            if (i > 0) Thread.Sleep(s_pause);
            least = Math.Min(least, round());
        }

        Assert.True(least == 0, $"Allocated at least {least} managed bytes in each of {rounds} rounds.");
    }

    /// <summary>Bytes of one call.</summary>
    public static long Bytes(Action path)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        path();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
