using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.Soak;

/// <summary>Work that is repeated from the same start. Every round must give the bits of the first one and allocate nothing.</summary>
/// <param name="name">Its name.</param>
/// <param name="round">One round from the start. Returns a hash of all results.</param>
/// <param name="isLife">Whether a round creates and disposes objects, which allocates managed memory.</param>
/// <param name="owned">Objects that it uses and disposes.</param>
internal sealed class SoakWork(string name, Func<ulong> round, bool isLife, params IDisposable[] owned) : IDisposable
{
    private ulong? _first;

    public string Name => name;

    public bool IsLife => isLife;

    public long Rounds { get; private set; }

    /// <summary>Managed bytes of all rounds except the first.</summary>
    public long Bytes { get; private set; }

    /// <summary>Rounds whose bits differed from the first round's.</summary>
    public long Differing { get; private set; }

    public bool IsRight => Differing == 0 && (isLife || Bytes == 0);

    public void Round()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var hash = round();
        if (_first is not null && !isLife) Bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        _first ??= hash;
        if (hash != _first) Differing++;
        Rounds++;
    }

    /// <summary>FNV-1a over the values' bits.</summary>
    public static ulong Add<T>(ulong hash, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        foreach (var part in MemoryMarshal.AsBytes(values)) hash = (hash ^ part) * 0x100000001b3;
        return hash;
    }

    public void Dispose()
    {
        foreach (var item in owned) item.Dispose();
    }
}
