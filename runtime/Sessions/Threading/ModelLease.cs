using System.Runtime.CompilerServices;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// A session's hold on the model's memory and its second thread, and the check that one thread at a time uses it: with two threads, each could
/// overwrite the other's values, even indices that were already checked. The lease ends when the session is disposed. If that happens
/// on another thread during a run, it ends after the run. If the session is never disposed, the finalizer ends it.
/// </summary>
/// <remarks>
/// The end of a run needs no fence, because <see cref="End"/>, which is rare, makes all processors execute one. So either End sees the run,
/// or the run sees the end.
/// </remarks>
internal sealed class ModelLease
{
    private readonly ModelMemory _memory;
    private readonly string _owner;
    private readonly bool _isCounted;
    private Turn _turn;
    private volatile bool _isEnded;
    private int _isReleased;

    /// <param name="memory">The model's memory.</param>
    /// <param name="owner">Name of the owner, for messages.</param>
    public ModelLease(ModelMemory memory, string owner)
    {
        (_memory, _owner) = (memory, owner);
        memory.DangerousAddRef(ref _isCounted);
    }

    /// <summary>Ends the lease if the session was never disposed.</summary>
    ~ModelLease()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0) return;
        Helper?.End();
        if (_isCounted) _memory.DangerousRelease();
    }

    /// <summary>The second thread, or null.</summary>
    public HelperThread? Helper { get; set; }

    /// <summary>Objects that runs use; disposed when the lease ends.</summary>
    public IDisposable? Parts { get; set; }

    public bool IsEnded => _isEnded;

    /// <summary>Begins a use of the model's and the session's memory.</summary>
    /// <exception cref="ObjectDisposedException">The lease has ended.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using it.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Enter()
    {
        if (!_turn.TryTake()) RefuseSecond();
        if (_isEnded) Refuse();
    }

    /// <summary>Ends the use that <see cref="Enter"/> began.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Leave()
    {
        _turn.Leave();
        if (_isEnded) Release();
    }

    /// <summary>Ends the lease, now or after the current run.</summary>
    public void End()
    {
        if (_isEnded) return;
        _isEnded = true;
        Interlocked.MemoryBarrierProcessWide();
        if (!_turn.IsTaken) Release();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RefuseSecond() => throw (_isEnded ? new ObjectDisposedException(_owner) : SessionError.InUse(_owner));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Refuse()
    {
        Leave();
        throw new ObjectDisposedException(_owner);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Release()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0) return;
        Helper?.Dispose();
        Parts?.Dispose();
        if (_isCounted) _memory.DangerousRelease();
    }
}
