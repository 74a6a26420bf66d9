namespace SeqRuntime.Tests;

/// <summary>
/// Counts the managed bytes of the calling thread. Code that the JIT has not optimized yet may box, and the runtime may allocate
/// on a thread whose method it replaces; both end when the path has run often enough. So a path is run until a round is clean:
/// what allocates at its every call, or every second one, does so in each round and is found.
/// </summary>
internal static class Allocation
{
    // A method is optimized after 30 calls and then again 30 calls with instrumentation, each time after a pause without new code.
    private const int Rounds = 120;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(25);

    /// <summary>Fails unless two calls of the path in a row allocate nothing.</summary>
    public static void None(Action path) => None(() => Bytes(path) + Bytes(path));

    /// <summary>The same where a round must prepare something that does not count: it returns the bytes that do.</summary>
    public static void None(Func<long> round)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Rounds && least > 0; i++)
        {
            if (i > 0) Thread.Sleep(s_pause);
            least = Math.Min(least, round());
        }

        Assert.True(least == 0, $"Allocated at least {least} managed bytes in each of {Rounds} rounds.");
    }

    /// <summary>Bytes of one call.</summary>
    public static long Bytes(Action path)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        path();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
