namespace SeqRuntime.Sessions.Threading;

/// <summary>Who may use an object that belongs to one thread at a time: a second user is refused, it does not wait.</summary>
internal struct Turn
{
    private volatile int _isTaken;

    public readonly bool IsTaken => _isTaken != 0;

    /// <returns>False where another has the turn.</returns>
    public bool TryTake() => Interlocked.CompareExchange(ref _isTaken, 1, 0) == 0;

    public void Leave() => _isTaken = 0;
}
