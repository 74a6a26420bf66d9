using System.Runtime.InteropServices;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Streams;

namespace SeqRuntime;

/// <summary>
/// Many independent streams through one graph, stepped together on one core: weights are read once a step for all. Streams join and
/// leave between steps, and each gets, bit for bit, what a <see cref="SeqSession"/> of its own would give it. Made by
/// <see cref="SeqModel.CreateStreams"/>; afterwards nothing allocates. Belongs to one thread at a time; for several cores make several.
/// </summary>
/// <remarks>
/// A step costs what the streams that take part in it cost, and least where their slots are neighbours (then nothing is gathered):
/// <see cref="Join"/> gives the lowest free slot. Any graph can be used, whatever its batch dimension is: each stream is one run of it.
/// </remarks>
/// <example>
/// <code>
/// using var streams = model.CreateStreams(capacity: 200);
/// var slot = streams.Join();                       // a caller has come
/// frame.CopyTo(streams.Input&lt;float&gt;(slot, 0));
/// streams.Step();                                  // all streams, or Step(slots) for those that have a frame
/// var y = streams.Output&lt;float&gt;(slot, 0);
/// streams.Leave(slot);                             // and gone
/// </code>
/// </example>
public sealed unsafe class SeqStreams : IDisposable
{
    private readonly ModelLease _lease;
    private readonly SessionMemory _memory;
    private readonly StreamsPlan _plan;
    private readonly StreamRows[] _states;
    private readonly StreamRows[] _inputs;
    private readonly Result[] _outputs;
    private readonly Result[] _updates;
    private readonly bool _exchangesStates;
    private readonly bool[] _isJoined;
    private readonly long[] _lastStep;
    private readonly int[] _slots;
    private readonly int[] _sizes;
    private StateMark _mark;
    private long _step;
    private int _width;
    private bool _isStale;

    internal SeqStreams(SeqModel model, ModelMemory modelMemory, StreamsPlan plan, KernelSet kernels)
    {
        Model = model;
        _plan = plan;
        _lease = new ModelLease(modelMemory, nameof(SeqStreams)) { Parts = plan };
        try
        {
            _memory = new SessionMemory(plan.Bytes);
        }
        catch
        {
            Dispose();
            throw;
        }

        var graph = plan.One.Graph;
        plan.Bind(_memory.Start);
        _states = Array.ConvertAll(graph.States, s => plan.RowsOf(s.Value)!);
        _inputs = Array.ConvertAll(graph.Inputs, i => plan.RowsOf(i)!);
        _outputs = [.. graph.Outputs.Select((value, i) => new Result(plan.RowsOf(value), plan.One.Values[value], plan.Outputs[i]))];
        _updates = [.. graph.States.Select((state, i) => new Result(plan.RowsOf(state.Update), plan.One.Values[state.Update], plan.States[i]))];
        _exchangesStates = plan.ExchangesStates;
        _isJoined = new bool[plan.Capacity];
        _lastStep = new long[plan.Capacity];
        _slots = new int[plan.Capacity];
        _sizes = (int[])plan.One.MaxSizes.Clone();
        _width = plan.Capacity;
        _mark = StateMark.Of(plan.One);
        Graph = graph.Name;
        KernelSet = kernels.Name;
    }

    /// <summary>The model these streams run.</summary>
    public SeqModel Model { get; }

    /// <summary>Name of the graph.</summary>
    public string Graph { get; }

    /// <summary>Name of the kernel set in use.</summary>
    public string KernelSet { get; }

    /// <summary>Most streams at a time.</summary>
    public int Capacity => _plan.Capacity;

    /// <summary>Streams that have joined and not left.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Whether every layer with weights computes all streams of a step in one product, reading its weights once. Where false, at least
    /// one layer runs stream after stream (its weights then come from cache); results are the same. After <see cref="SetSize"/> it may
    /// be another from the next step on.
    /// </summary>
    public bool IsBatched => _plan.IsBatched;

    /// <summary>Bytes held for all streams together. It never grows.</summary>
    public long MemoryBytes => _plan.TotalBytes;

    /// <summary>Bytes of <see cref="SaveState"/>; the same as <see cref="SeqSession.StateBytes"/>.</summary>
    public int StateBytes => StateMark.Bytes + (int)_plan.One.StateBytes;

    /// <summary>Number of inputs.</summary>
    public int InputCount => _plan.Inputs.Length;

    /// <summary>Number of outputs.</summary>
    public int OutputCount => _plan.Outputs.Length;

    /// <summary>Number of states.</summary>
    public int StateCount => _plan.States.Length;

    /// <summary>Index of an input by name; keep it for the hot path.</summary>
    /// <exception cref="ArgumentException">There is no such input.</exception>
    public int InputIndex(string name) => IndexOf(_plan.Inputs, name, "input");

    /// <summary>Index of an output by name.</summary>
    /// <exception cref="ArgumentException">There is no such output.</exception>
    public int OutputIndex(string name) => IndexOf(_plan.Outputs, name, "output");

    /// <summary>Index of a state by name.</summary>
    /// <exception cref="ArgumentException">There is no such state.</exception>
    public int StateIndex(string name)
    {
        ThrowIfDisposed();
        var states = _plan.One.Graph.States;
        for (var i = 0; i < states.Length; i++)
        {
            if (states[i].Name == name) return i;
        }

        throw SessionError.NoSuch("state", name, states.Select(s => s.Name));
    }

    /// <summary>Name of an input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public string InputName(int index) => At(_plan.Inputs, index, "input").One.Name;

    /// <summary>Name of an output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    public string OutputName(int index) => At(_plan.Outputs, index, "output").One.Name;

    /// <summary>Element type of an input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public ElementType InputType(int index) => At(_plan.Inputs, index, "input").One.Type;

    /// <summary>Element type of an output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    public ElementType OutputType(int index) => At(_plan.Outputs, index, "output").One.Type;

    /// <summary>Current shape of one stream's input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public ReadOnlySpan<int> InputShape(int index) => At(_plan.Inputs, index, "input").One.Shape.AsSpan();

    /// <summary>Current shape of one stream's output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public ReadOnlySpan<int> OutputShape(int index)
    {
        var output = At(_plan.Outputs, index, "output");
        if (_isStale) InferAgain();
        return output.One.Shape.AsSpan();
    }

    /// <summary>Name of a state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public string StateName(int index)
    {
        _ = At(_plan.States, index, "state");
        return _plan.One.Graph.States[index].Name;
    }

    /// <summary>Element type of a state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public ElementType StateType(int index) => At(_plan.States, index, "state").One.Type;

    /// <summary>Current shape of one stream's state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public ReadOnlySpan<int> StateShape(int index) => At(_plan.States, index, "state").One.Shape.AsSpan();

    /// <summary>Whether a stream has this slot.</summary>
    public bool IsJoined(int slot) => (uint)slot < (uint)_isJoined.Length && _isJoined[slot];

    /// <summary>A new stream: its states are the first ones, its inputs and outputs zeros. Returns its slot, the lowest free one, which is its name until it leaves.</summary>
    /// <exception cref="InvalidOperationException">All slots are taken, which <see cref="TryJoin"/> says without an exception; or another thread is using the streams.</exception>
    public int Join() => TryJoin(out var slot) ? slot : throw SessionError.StreamsFull(Capacity);

    /// <summary>As <see cref="Join"/>, or false where all slots are taken.</summary>
    /// <param name="slot">The stream's slot, or -1.</param>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public bool TryJoin(out int slot)
    {
        _lease.Enter();
        slot = Array.IndexOf(_isJoined, false);
        if (slot >= 0) Begin(slot);
        _lease.Leave();
        GC.KeepAlive(this);
        return slot >= 0;
    }

    /// <summary>Ends a stream; its slot is free for another.</summary>
    /// <param name="slot">The stream.</param>
    /// <exception cref="ArgumentException">No stream has this slot.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void Leave(int slot)
    {
        Check(slot);
        _lease.Enter();
        _isJoined[slot] = false;
        Count--;
        _lease.Leave();
    }

    /// <summary>A stream's input, row-major. Write it before a step; it stays as it is until written again, and its place is the same until the stream leaves, or <see cref="SetSize"/>.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The input's index.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such input, or its elements are of another type.</exception>
    public Span<T> Input<T>(int slot, int index)
        where T : unmanaged => Elements<T>(At(_plan.Inputs, index, "input"), slot);

    /// <inheritdoc cref="Input{T}(int, int)"/>
    /// <param name="slot">The stream.</param>
    /// <param name="name">The input's name; on the hot path keep its index instead.</param>
    public Span<T> Input<T>(int slot, string name)
        where T : unmanaged => Input<T>(slot, InputIndex(name));

    /// <summary>A stream's output, row-major, as the last step that it took part in left it.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The output's index.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such output, its elements are of another type, or shapes do not fit at the sizes set.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public ReadOnlySpan<T> Output<T>(int slot, int index)
        where T : unmanaged
    {
        var output = At(_plan.Outputs, index, "output");
        if (_isStale) InferAgain();
        return Elements<T>(output, slot);
    }

    /// <inheritdoc cref="Output{T}(int, int)"/>
    /// <param name="slot">The stream.</param>
    /// <param name="name">The output's name; on the hot path keep its index instead.</param>
    public ReadOnlySpan<T> Output<T>(int slot, string name)
        where T : unmanaged => Output<T>(slot, OutputIndex(name));

    /// <summary>A stream's state; may be read and written between steps.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The state's index, in the graph's order.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such state, or its elements are of another type.</exception>
    public Span<T> State<T>(int slot, int index)
        where T : unmanaged => Elements<T>(At(_plan.States, index, "state"), slot);

    /// <inheritdoc cref="State{T}(int, int)"/>
    /// <param name="slot">The stream.</param>
    /// <param name="name">The state's name; on the hot path keep its index instead.</param>
    public Span<T> State<T>(int slot, string name)
        where T : unmanaged => State<T>(slot, StateIndex(name));

    /// <summary>
    /// Sets a symbolic dimension for all streams, at most to its largest size. Shapes are inferred again at the next step; nothing is
    /// allocated. Contents of inputs and outputs are undefined afterwards; a state whose own shape changes starts anew.
    /// </summary>
    /// <param name="symbol">Name of the symbol.</param>
    /// <param name="size">From 0 (a cache that is still empty) to the largest size the streams were made for.</param>
    /// <exception cref="ArgumentException">No such symbol, or the size is out of range.</exception>
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

    /// <summary>One step of every stream that has joined. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set, or an index input is out of range; the message names the stream. No stream has then moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void Step() => Step(CancellationToken.None);

    /// <summary>As <see cref="Step()"/>, or until it is cancelled.</summary>
    /// <param name="cancellationToken">Looked at before each node of the graph.</param>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set, or an index input is out of range; the message names the stream. No stream has then moved.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void Step(CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            var count = 0;
            for (var slot = 0; slot < _isJoined.Length; slot++)
            {
                if (_isJoined[slot]) _slots[count++] = slot;
            }

            Run(count, cancellationToken);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>One step of these streams only: those that have an input this time. The others wait. Allocates nothing.</summary>
    /// <param name="slots">Streams, each once, in any order.</param>
    /// <exception cref="ArgumentException">No stream has one of the slots, one is given twice, shapes do not fit at the sizes set, or an index input is out of range. No stream has then moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void Step(ReadOnlySpan<int> slots) => Step(slots, CancellationToken.None);

    /// <summary>As <see cref="Step(ReadOnlySpan{int})"/>, or until it is cancelled.</summary>
    /// <param name="slots">Streams, each once, in any order.</param>
    /// <param name="cancellationToken">Looked at before each node of the graph.</param>
    /// <exception cref="ArgumentException">No stream has one of the slots, one is given twice, shapes do not fit at the sizes set, or an index input is out of range. No stream has then moved.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled. No stream has moved.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the streams.</exception>
    public void Step(ReadOnlySpan<int> slots, CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            Choose(slots);
            Run(slots.Length, cancellationToken);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>Puts a stream's states back to their first content.</summary>
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

    /// <summary>Copies a stream's states into <paramref name="destination"/>, as a <see cref="SeqSession"/> of the same graph and sizes does: either can go on from the other's.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="destination">At least <see cref="StateBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">No stream has this slot, or there is too little room.</exception>
    public void SaveState(int slot, Span<byte> destination)
    {
        Check(slot);
        if (destination.Length < StateBytes) throw SessionError.StateRoom(destination.Length, StateBytes);
        destination[..StateBytes].Clear();
        _mark.Write(destination);
        for (var i = 0; i < _plan.States.Length; i++) Bytes(_plan.States[i], slot).CopyTo(destination[(StateMark.Bytes + (int)_plan.One.StateOffset(i))..]);
        GC.KeepAlive(this);
    }

    /// <summary>Brings back what <see cref="SaveState"/>, or <see cref="SeqSession.SaveState"/> of the same graph and sizes, gave.</summary>
    /// <param name="slot">The stream, which may be another than was saved.</param>
    /// <param name="source">The saved bytes.</param>
    /// <exception cref="ArgumentException">No stream has this slot, these are too few bytes, or they were saved of another graph, another model, or at other sizes.</exception>
    public void RestoreState(int slot, ReadOnlySpan<byte> source)
    {
        Check(slot);
        if (source.Length < StateBytes) throw SessionError.StateBytes(source.Length, StateBytes);
        _mark.Check(source, Graph);
        for (var i = 0; i < _plan.States.Length; i++)
        {
            var content = Bytes(_plan.States[i], slot);
            source.Slice(StateMark.Bytes + (int)_plan.One.StateOffset(i), content.Length).CopyTo(content);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Lets go of the model's memory; a step that goes on comes to its end first. Spans that were handed out stay valid, for they keep the streams' own memory.</summary>
    public void Dispose() => _lease.End();

    private int IndexOf(SlotRows[] values, string name, string kind)
    {
        ThrowIfDisposed();
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i].One.Name == name) return i;
        }

        throw SessionError.NoSuch(kind, name, values.Select(v => v.One.Name));
    }

    private SlotRows At(SlotRows[] values, int index, string kind)
    {
        ThrowIfDisposed();
        return (uint)index < (uint)values.Length ? values[index] : throw SessionError.NoIndex(kind, index, values.Length);
    }

    /// <summary>Leaves nothing of one stream where another's will be.</summary>
    private void Clear(SlotRows values) => NativeMemory.Clear(values.Start, (nuint)(values.Bytes * _plan.Capacity));

    private static Span<byte> Bytes(SlotRows values, int slot) => new(values[slot], (int)values.Bytes);

    private Span<T> Elements<T>(SlotRows values, int slot)
        where T : unmanaged
    {
        Check(slot);
        if (ElementTypes.Of<T>() != values.One.Type) throw SessionError.Type<T>(values.One);
        return _memory.Span<T>(values[slot], values.One.Count);
    }

    /// <summary>Makes a slot a new stream's.</summary>
    private void Begin(int slot)
    {
        _isJoined[slot] = true;
        Count++;
        foreach (var input in _plan.Inputs) Bytes(input, slot).Clear();
        foreach (ref readonly var output in _outputs.AsSpan())
        {
            if (output.Rows is null) Buffer.MemoryCopy(output.Shared.Data, output.Slots[slot], output.Slots.Bytes, output.Slots.Bytes);
            else Bytes(output.Slots, slot).Clear();
        }

        ResetStates(slot);
    }

    /// <summary>The streams of the next step, in the order of their slots.</summary>
    private void Choose(ReadOnlySpan<int> slots)
    {
        _step++;
        foreach (var slot in slots)
        {
            Check(slot);
            if (_lastStep[slot] == _step) throw SessionError.StreamTwice(slot);
            _lastStep[slot] = _step;
        }

        var count = 0;
        for (var slot = 0; count < slots.Length; slot++)
        {
            if (_lastStep[slot] == _step) _slots[count++] = slot;
        }
    }

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
        _plan.InferAgain();
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

    private void Run(int count, CancellationToken cancellationToken)
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
            var named = _plan.One.At(nodes[at].Index, fault);
            throw nodes[at].Row < 0 ? named : new ArgumentException($"stream {_slots[nodes[at].Row]}: {named.Message}", fault);
        }
    }

    private bool AreNeighbours(int count)
    {
        for (var i = 1; i < count; i++)
        {
            if (_slots[i] != _slots[0] + i) return false;
        }

        return true;
    }

    /// <summary>Makes rows of what the streams of this step have: in place, or gathered.</summary>
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

    private void Check(int slot)
    {
        ThrowIfDisposed();
        if (!IsJoined(slot)) throw SessionError.NoStream(slot, Capacity);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lease.IsEnded, this);

    /// <summary>Rows that a step leaves (null: the same for all streams) and where each stream's goes.</summary>
    private readonly record struct Result(StreamRows? Rows, Tensor Shared, SlotRows Slots);
}
