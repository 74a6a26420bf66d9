using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;

namespace SeqRuntime;

/// <content>States: first content, saved and restored, copied from another session, and caches that grow.</content>
public sealed unsafe partial class SeqSession
{
    /// <summary>Resets every state to its initial content.</summary>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void ResetState()
    {
        _lease.Enter();
        EmptyCaches();
        for (var i = 0; i < _states.Length; i++) ResetState(i);
        _lease.Leave();
        GC.KeepAlive(this);
    }

    /// <summary>Copies all states into <paramref name="destination"/> (<see cref="StateBytes"/> bytes).</summary>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public void SaveState(Span<byte> destination)
    {
        ThrowIfDisposed();
        if (destination.Length < StateBytes) throw SessionError.StateRoom(destination.Length, StateBytes);
        _mark.Write(destination);
        StateBlock.CopyTo(destination[StateMark.Bytes..]);
        CopyCacheSteps(MemoryMarshal.Cast<byte, int>(destination[(StateBytes - CacheCount * sizeof(int))..StateBytes]));
    }

    /// <summary>Restores states that <see cref="SaveState"/> of a session or of streams with the same graph and sizes wrote.</summary>
    /// <exception cref="ArgumentException">There are too few bytes, or they were saved from another graph, another model, or at other sizes.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void RestoreState(ReadOnlySpan<byte> source)
    {
        ThrowIfDisposed();
        if (source.Length < StateBytes) throw SessionError.StateBytes(source.Length, StateBytes);
        _mark.Check(source, Graph.Name);
        var steps = MemoryMarshal.Cast<byte, int>(source[(StateBytes - _plan.Caches.Symbols.Length * sizeof(int))..StateBytes]);
        for (var i = 0; i < steps.Length; i++)
        {
            if ((uint)steps[i] > (uint)_plan.MaxSizes[_plan.Caches.Symbols[i]]) throw SessionError.StateOfOtherSizes(Graph.Name);
        }

        _lease.Enter();
        SetCacheSteps(steps);
        source.Slice(StateMark.Bytes, (int)_plan.StateBytes).CopyTo(StateBlock);
        _lease.Leave();
        GC.KeepAlive(this);
    }

    /// <summary>Copies the states of another session of the same graph, model and current sizes, so that this session continues its stream.</summary>
    /// <exception cref="ArgumentException">The other session is of another graph, model or size.</exception>
    /// <exception cref="SeqSizeException">The other session has a cache longer than this session's largest size.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void CopyStateFrom(SeqSession other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ThrowIfDisposed();
        if (!ReferenceEquals(other._plan.Graph.Values, _plan.Graph.Values) || !HasSizesOf(other)) throw SessionError.OtherGraph();
        other.ThrowIfDisposed();
        _lease.Enter();
        try
        {
            TakeCachesOf(other);
            if (_plan.HasStatesOf(other._plan))
                other.StateBlock.CopyTo(StateBlock);
            else
                for (var i = 0; i < _states.Length; i++) Buffer.MemoryCopy(other._states[i].Data, _states[i].Data, _states[i].Bytes, _states[i].Bytes);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
        GC.KeepAlive(other);
    }

    /// <summary>All states, contiguous and without the header of <see cref="SaveState"/>.</summary>
    internal Span<byte> StateBlock => _memory.Span<byte>(_memory.Start, (int)_plan.StateBytes);

    /// <summary>Number of symbolic dimensions that count the steps of caches.</summary>
    internal int CacheCount => _plan.Caches.Symbols.Length;

    /// <summary>Bytes of a state at the largest sizes.</summary>
    internal long LargestStateBytes(int index) => _states[index].Capacity;

    /// <summary>Copies the number of steps of each cache.</summary>
    internal void CopyCacheSteps(Span<int> steps)
    {
        for (var i = 0; i < steps.Length; i++) steps[i] = _sizes[_plan.Caches.Symbols[i]];
    }

    /// <summary>Gives caches other numbers of steps, whose contents are then undefined.</summary>
    internal void SetCacheSteps(ReadOnlySpan<int> steps)
    {
        for (var i = 0; i < steps.Length; i++) _sizes[_plan.Caches.Symbols[i]] = steps[i];
        if (steps.Length > 0) SizeCaches();
    }

    private void ResetState(int index)
    {
        var tensor = _states[index];
        var initial = _plan.Graph.States[index].Initial;
        var bytes = new Span<byte>(tensor.Data, (int)tensor.Bytes);
        if (initial < 0) bytes.Clear();
        else new ReadOnlySpan<byte>(_plan.ModelTensors[initial].Data, bytes.Length).CopyTo(bytes);
    }

    /// <summary>Whether sizes are the same except for the steps of caches.</summary>
    private bool HasSizesOf(SeqSession other)
    {
        for (var i = 0; i < _sizes.Length; i++)
        {
            if (_sizes[i] != other._sizes[i] && Array.IndexOf(_plan.Caches.Symbols, i) < 0) return false;
        }

        return true;
    }

    /// <summary>Gives caches the number of steps of another session's.</summary>
    private void TakeCachesOf(SeqSession other)
    {
        var symbols = _plan.Caches.Symbols;
        foreach (var symbol in symbols)
        {
            if (other._sizes[symbol] > _plan.MaxSizes[symbol]) throw SessionError.CacheFull(Graph.Name, _plan.Caches.NameOf(symbol), _plan.Graph.Symbols[symbol], other._sizes[symbol], _plan.MaxSizes[symbol]);
        }

        foreach (var symbol in symbols) _sizes[symbol] = other._sizes[symbol];
        if (symbols.Length > 0) SizeCaches();
    }

    private void EmptyCaches()
    {
        if (_plan.Caches.Symbols.Length == 0) return;
        foreach (var symbol in _plan.Caches.Symbols) _sizes[symbol] = 0;
        SizeCaches();
    }

    /// <summary>Gives growing states, and inputs with the same dimension, the shapes for the current number of steps. Outputs stay as the run left them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SizeCaches()
    {
        _plan.SetShapes(_sizes);
        _hasGrown = true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CheckRoom()
    {
        foreach (var symbol in _plan.Caches.Symbols)
        {
            var next = _plan.Caches.Next(symbol, _plan.Values);
            if (next > _plan.MaxSizes[symbol]) throw SessionError.CacheFull(Graph.Name, _plan.Caches.NameOf(symbol), _plan.Graph.Symbols[symbol], next, _plan.MaxSizes[symbol]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Grow()
    {
        foreach (var symbol in _plan.Caches.Symbols) _sizes[symbol] = _plan.Caches.Next(symbol, _plan.Values);
        SizeCaches();
    }
}
