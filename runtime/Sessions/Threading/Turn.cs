using System.Runtime.CompilerServices;

namespace SeqRuntime.Sessions.Threading;

/// <summary>The check that one thread at a time uses an object: a second user is refused and does not wait.</summary>
internal struct Turn
{
    private volatile int _isTaken;

    public readonly bool IsTaken => _isTaken != 0;

    /// <returns>False if another user has the turn.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryTake() => Interlocked.CompareExchange(ref _isTaken, 1, 0) == 0;

    public void Leave() => _isTaken = 0;
}
