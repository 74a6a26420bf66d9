using System.Runtime.ExceptionServices;

namespace SeqRuntime.Sessions.Threading;

/// <summary>What a session's second thread does.</summary>
internal interface IShared
{
    /// <summary>The helper's part of the work.</summary>
    void Help();
}

/// <summary>
/// A session's second thread: made with it, parked between runs, ended with it. Knows nothing of the session, so that one that was
/// never disposed can be finalized and end it.
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

    /// <summary>Pieces of work begun.</summary>
    public long Jobs { get; private set; }

    /// <summary>Whether the thread has not ended.</summary>
    public bool IsAlive => _thread.IsAlive;

    /// <summary>Lets the helper begin its part.</summary>
    public void Start(IShared job)
    {
        Jobs++;
        _job = job;
        _work.Post();
    }

    /// <summary>Waits until the helper has done its part; throws what it threw.</summary>
    public void Finish()
    {
        while (_job is not null) _done.Wait();
        if (_fault is not { } fault) return;
        _fault = null;
        ExceptionDispatchInfo.Throw(fault);
    }

    /// <summary>Asks the thread to end, without waiting: for finalizers.</summary>
    public void End()
    {
        _isEnding = true;
        _work.Post();
    }

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
#pragma warning disable CA1031 // Whatever it is, the caller's thread is to throw it.
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
