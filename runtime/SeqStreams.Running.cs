using System.Runtime.CompilerServices;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Streams;

namespace SeqRuntime;

/// <content>One run of all streams or of some: their rows lie side by side, and every node runs over all rows.</content>
public sealed unsafe partial class SeqStreams
{
    /// <summary>One run of every stream that has joined. Allocates nothing.</summary>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table. No stream has moved.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run() => Run(CancellationToken.None);

    /// <summary>As <see cref="Run()"/>, with cancellation.</summary>
    /// <param name="cancellationToken">Checked before each node of the graph.</param>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table. No stream has moved.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set. No stream has moved.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            var count = 0;
            for (var slot = 0; slot < _isJoined.Length; slot++)
            {
                if (_isJoined[slot]) _slots[count++] = slot;
            }

            RunChosen(count, cancellationToken);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>One run of these streams only. The other streams keep their states. Allocates nothing.</summary>
    /// <param name="slots">Streams, each once, in any order.</param>
    /// <exception cref="ArgumentException">No stream has one of the slots, or one is given twice.</exception>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table. No stream has moved.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(ReadOnlySpan<int> slots) => Run(slots, CancellationToken.None);

    /// <summary>As <see cref="Run(ReadOnlySpan{int})"/>, with cancellation.</summary>
    /// <param name="slots">Streams, each once, in any order.</param>
    /// <param name="cancellationToken">Checked before each node of the graph.</param>
    /// <exception cref="ArgumentException">No stream has one of the slots, or one is given twice.</exception>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table. No stream has moved.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set. No stream has moved.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(ReadOnlySpan<int> slots, CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            Choose(slots);
            RunChosen(slots.Length, cancellationToken);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>The streams of the next run, in the order of their slots.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Choose(ReadOnlySpan<int> slots)
    {
        _run++;
        foreach (var slot in slots)
        {
            Check(slot);
            if (_lastRun[slot] == _run) throw SessionError.StreamTwice(slot);
            _lastRun[slot] = _run;
        }

        var count = 0;
        for (var slot = 0; count < slots.Length; slot++)
        {
            if (_lastRun[slot] == _run) _slots[count++] = slot;
        }
    }

    private void InferAgain()
    {
        _lease.Enter();
        try
        {
            Refresh();
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    private void Refresh()
    {
        try
        {
            _plan.InferAgain();
        }
        catch (ArgumentException fault)
        {
            throw SessionError.Misfit(_plan.One.Graph.Symbols, _sizes, _plan.One.MaxSizes, fault);
        }

        foreach (ref readonly var output in _outputs.AsSpan())
        {
            var slots = output.Slots;
            if (slots.Bytes != slots.One.Bytes)
            {
                slots.Bytes = slots.One.Bytes;
                Clear(slots);
            }

            for (var slot = 0; slot < Capacity && output.Rows is null; slot++) Buffer.MemoryCopy(output.Shared.Data, slots[slot], slots.Bytes, slots.Bytes);
        }

        _isStale = false;
        _width = -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunChosen(int count, CancellationToken cancellationToken)
    {
        if (count == 0) return;
        if (_isStale) Refresh();
        var areNeighbours = AreNeighbours(count);
        Take(_plan.States, _states, count, areNeighbours && !_exchangesStates);
        Take(_plan.Inputs, _inputs, count, areNeighbours);
        Execute(count, cancellationToken);
        foreach (ref readonly var output in _outputs.AsSpan()) Give(output, count, areNeighbours);
        foreach (ref readonly var update in _updates.AsSpan()) Give(update, count, areNeighbours);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Execute(int count, CancellationToken cancellationToken)
    {
        var nodes = _plan.Nodes;
        if (_width != count)
        {
            foreach (var node in nodes) node.Resize(count);
            _width = count;
        }

        var canStop = cancellationToken.CanBeCanceled;
        var at = 0;
        try
        {
            for (; at < nodes.Length; at++)
            {
                if (canStop) cancellationToken.ThrowIfCancellationRequested();
                nodes[at].Execute(count);
            }
        }
        catch (ArgumentException fault)
        {
            throw SessionError.Data(_plan.One.Graph, nodes[at].Index, nodes[at].Row < 0 ? null : _slots[nodes[at].Row], fault);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool AreNeighbours(int count)
    {
        for (var i = 1; i < count; i++)
        {
            if (_slots[i] != _slots[0] + i) return false;
        }

        return true;
    }

    /// <summary>Prepares the rows of the streams of this run: in place, or gathered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take(SlotRows[] slots, StreamRows[] rows, int count, bool isInPlace)
    {
        for (var v = 0; v < slots.Length; v++)
        {
            var from = slots[v];
            rows[v].Start = isInPlace ? from[_slots[0]] : rows[v].Own;
            if (isInPlace) continue;
            for (var i = 0; i < count; i++) Buffer.MemoryCopy(from[_slots[i]], rows[v].Start + i * from.Bytes, from.Bytes, from.Bytes);
        }
    }

    /// <summary>Gives each stream its row of a result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Give(in Result result, int count, bool areNeighbours)
    {
        var to = result.Slots;
        var from = result.Rows is null ? result.Shared.Data : result.Rows.Start;
        var step = result.Rows is null ? 0 : to.Bytes;
        if (from == to[_slots[0]]) return;
        if (areNeighbours && step != 0)
        {
            Buffer.MemoryCopy(from, to[_slots[0]], to.Bytes * count, to.Bytes * count);
            return;
        }

        for (var i = 0; i < count; i++) Buffer.MemoryCopy(from + i * step, to[_slots[i]], to.Bytes, to.Bytes);
    }

    /// <summary>Result rows of a run (null: the same for all streams) and their destinations.</summary>
    private readonly record struct Result(StreamRows? Rows, Tensor Shared, SlotRows Slots);
}
