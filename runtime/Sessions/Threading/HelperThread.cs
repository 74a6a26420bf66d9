using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace SeqRuntime.Sessions.Threading;

/// <summary>Work for a session's second thread.</summary>
internal interface IShared
{
    /// <summary>The helper's part of the work.</summary>
    void Help();
}

/// <summary>
/// A session's second thread: created with the session, parked between runs, ended with it. It has no reference to the session, so that a session that was
/// never disposed can be finalized and end the thread.
/// </summary>
internal sealed class HelperThread : IDisposable
{
    private readonly Signal _work = new();
    private readonly Signal _done = new();
    private readonly Thread _thread;
    private volatile IShared? _job;
    private volatile bool _isEnding;
    private Exception? _fault;

    public HelperThread()
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "SeqRuntime helper" };
        _thread.Start();
    }

    /// <summary>Number of pieces of work started.</summary>
    public long Jobs { get; private set; }

    /// <summary>Whether the thread is running.</summary>
    public bool IsAlive => _thread.IsAlive;

    /// <summary>Starts the helper's part.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Start(IShared job)
    {
        Jobs++;
        _job = job;
        _work.Post();
    }

    /// <summary>Waits until the helper has done its part, and rethrows its exception.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Finish()
    {
        while (_job is not null) _done.Wait();
        if (_fault is not { } fault) return;
        _fault = null;
        ExceptionDispatchInfo.Throw(fault);
    }

    /// <summary>Asks the thread to end, without waiting: for finalizers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void End()
    {
        _isEnding = true;
        _work.Post();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Dispose()
    {
        End();
        _thread.Join();
        _work.Dispose();
        _done.Dispose();
    }

    private void Loop()
    {
        while (true)
        {
            _work.Wait();
            if (_job is { } job)
            {
                try
                {
                    job.Help();
                }
#pragma warning disable CA1031 // The caller's thread rethrows every exception.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    _fault = fault;
                }

                _job = null;
                _done.Post();
            }

            if (_isEnding) return;
        }
    }
}
