using System.Runtime.InteropServices;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;
using SeqRuntime.Sessions.Streams;

namespace SeqRuntime;

/// <content>Sizes of the symbolic dimensions, and states of a stream: first content, saved and restored.</content>
public sealed unsafe partial class SeqStreams
{
    /// <summary>
    /// Sets a symbolic dimension for all streams, at most to its largest size. Shapes are inferred again at the next run; nothing is
    /// allocated. Contents of inputs and outputs are undefined afterwards; a state whose own shape changes starts anew.
    /// </summary>
    /// <param name="symbol">Name of the symbol.</param>
    /// <param name="size">From 0 (a cache that is still empty) to the largest size the streams were made for.</param>
    /// <exception cref="SeqSizeException">The size is out of range.</exception>
    /// <exception cref="ArgumentException">No such symbol, or a shape has more elements than a tensor may.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void SetSize(string symbol, int size)
    {
        ThrowIfDisposed();
        var graph = _plan.One.Graph;
        var index = Array.IndexOf(graph.Symbols, symbol);
        if (index < 0) throw SessionError.NoSuch("symbolic dimension", symbol, graph.Symbols);
        if (size < 0 || size > _plan.One.MaxSizes[index]) throw SessionError.Size(symbol, size, _plan.One.MaxSizes[index]);
        if (_sizes[index] == size) return;
        _lease.Enter();
        try
        {
            _sizes[index] = size;
            _isStale = true;
            _plan.SetShapes(_sizes);
            for (var i = 0; i < graph.Inputs.Length; i++)
            {
                if (Has(graph.Inputs[i])) Clear(_plan.Inputs[i]);
            }

            for (var i = 0; i < graph.States.Length; i++)
            {
                for (var slot = 0; slot < Capacity && Has(graph.States[i].Value); slot++)
                {
                    if (_isJoined[slot]) ResetState(slot, i);
                }
            }

            _mark = StateMark.Of(_plan.One);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);

        bool Has(int value) => Array.IndexOf(graph.Values[value].Sizes, -1 - index) >= 0;
    }

    /// <summary>Resets a stream's states to their initial content.</summary>
    /// <param name="slot">The stream.</param>
    /// <exception cref="ArgumentException">No stream has this slot.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void ResetState(int slot)
    {
        Check(slot);
        _lease.Enter();
        ResetStates(slot);
        _lease.Leave();
        GC.KeepAlive(this);
    }

    /// <summary>Copies a stream's states into <paramref name="destination"/>, in the same form as a <see cref="SeqSession"/> of the same graph and sizes: either can restore the other's.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="destination">At least <see cref="StateBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">No stream has this slot, or the destination is too short.</exception>
    public void SaveState(int slot, Span<byte> destination)
    {
        Check(slot);
        if (destination.Length < StateBytes) throw SessionError.StateRoom(destination.Length, StateBytes);
        destination[..StateBytes].Clear();
        _mark.Write(destination);
        for (var i = 0; i < _plan.States.Length; i++) Bytes(_plan.States[i], slot).CopyTo(destination[(StateMark.Bytes + (int)_plan.One.StateOffset(i))..]);
        GC.KeepAlive(this);
    }

    /// <summary>Restores states that <see cref="SaveState"/>, or <see cref="SeqSession.SaveState"/> of the same graph and sizes, wrote.</summary>
    /// <param name="slot">The stream; it need not be the one that was saved.</param>
    /// <param name="source">The saved bytes.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there are too few bytes, or they were saved from another graph, another model, or at other sizes.</exception>
    public void RestoreState(int slot, ReadOnlySpan<byte> source)
    {
        Check(slot);
        if (source.Length < StateBytes) throw SessionError.StateBytes(source.Length, StateBytes);
        _mark.Check(source, Graph.Name);
        for (var i = 0; i < _plan.States.Length; i++)
        {
            var content = Bytes(_plan.States[i], slot);
            source.Slice(StateMark.Bytes + (int)_plan.One.StateOffset(i), content.Length).CopyTo(content);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Clears the memory of a stream for the next one.</summary>
    private void Clear(SlotRows values) => NativeMemory.Clear(values.Start, (nuint)(values.Bytes * _plan.Capacity));

    private static Span<byte> Bytes(SlotRows values, int slot) => new(values[slot], (int)values.Bytes);

    private void ResetStates(int slot)
    {
        for (var i = 0; i < _plan.States.Length; i++) ResetState(slot, i);
    }

    private void ResetState(int slot, int index)
    {
        var content = Bytes(_plan.States[index], slot);
        var initial = _plan.One.Graph.States[index].Initial;
        if (initial < 0) content.Clear();
        else new ReadOnlySpan<byte>(_plan.One.ModelTensors[initial].Data, content.Length).CopyTo(content);
    }
}
