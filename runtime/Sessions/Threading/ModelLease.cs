namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// What a session holds of the model's memory and of its second thread, and whose turn it is: a second thread is refused, or both would
/// write over each other's values, indices that have been checked among them. Given back when the session is disposed; where that happens
/// on another thread during a run, when the run ends; where it never is, when nothing refers to the session any more.
/// </summary>
/// <remarks>
/// A run that ends takes no fence: <see cref="End"/>, which is rare, makes all processors take one. So either it sees that a run goes on,
/// or the run sees that it has ended.
/// </remarks>
internal sealed class ModelLease
{
    private readonly ModelMemory _memory;
    private readonly string _owner;
    private readonly bool _isCounted;
    private Turn _turn;
    private volatile bool _isEnded;
    private int _isReleased;

    /// <param name="memory">Of the model.</param>
    /// <param name="owner">What ends, for messages.</param>
    public ModelLease(ModelMemory memory, string owner)
    {
        (_memory, _owner) = (memory, owner);
        memory.DangerousAddRef(ref _isCounted);
    }

    /// <summary>Lets go where the session was never disposed.</summary>
    ~ModelLease()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0) return;
        Helper?.End();
        if (_isCounted) _memory.DangerousRelease();
    }

    /// <summary>The second thread, where there is one.</summary>
    public HelperThread? Helper { get; set; }

    /// <summary>What is used while running, and freed with it.</summary>
    public IDisposable? Parts { get; set; }

    public bool IsEnded => _isEnded;

    /// <summary>Begins to use the model's memory, and the session's.</summary>
    /// <exception cref="ObjectDisposedException">The lease has ended.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using it.</exception>
    public void Enter()
    {
        if (!_turn.TryTake()) RefuseSecond();
        if (_isEnded) Refuse();
    }

    /// <summary>What <see cref="Enter"/> began is done.</summary>
    public void Leave()
    {
        _turn.Leave();
        if (_isEnded) Release();
    }

    /// <summary>Gives everything back, now or when the run that goes on is done.</summary>
    public void End()
    {
        if (_isEnded) return;
        _isEnded = true;
        Interlocked.MemoryBarrierProcessWide();
        if (!_turn.IsTaken) Release();
    }

    private void RefuseSecond() => throw (_isEnded ? new ObjectDisposedException(_owner) : SessionError.InUse(_owner));

    private void Refuse()
    {
        Leave();
        throw new ObjectDisposedException(_owner);
    }

    private void Release()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0) return;
        Helper?.Dispose();
        Parts?.Dispose();
        if (_isCounted) _memory.DangerousRelease();
    }
}
