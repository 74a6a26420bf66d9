namespace SeqRuntime.Perf.LongRuns;

/// <summary>A thread that acts like the rest of a program: it allocates objects of many sizes, keeps some for a while, and drops them.</summary>
internal sealed class GarbageMaker : IDisposable
{
    private const int Kept = 4096;
    private const int Burst = 64;
    private readonly Thread _thread;
    private volatile bool _stop;
    private long _bytes;

    public GarbageMaker()
    {
        _thread = new Thread(Make) { IsBackground = true, Name = "garbage" };
        _thread.Start();
    }

    /// <summary>Bytes allocated so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
    }

    private void Make()
    {
        var random = new Random(3);
        var kept = new byte[Kept][];
        while (!_stop)
        {
            for (var i = 0; i < Burst; i++)
            {
                // Mostly small objects, now and then one for the large object heap.
                var size = random.Next(100) == 0 ? 100_000 : random.Next(16, 8192);
                var made = new byte[size];
                if (random.Next(4) == 0) kept[random.Next(Kept)] = made;
                Interlocked.Add(ref _bytes, size);
            }

            Thread.Sleep(1);
        }

        GC.KeepAlive(kept);
    }
}
