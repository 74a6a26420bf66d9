using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;
using SeqRuntime.Sessions.Streams;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <summary>
/// Many independent streams through one graph, run together on one core, so that weights are read once a run for all. Streams join and
/// leave between runs, and each gets, bit for bit, what a <see cref="SeqSession"/> of its own would give it. Made by
/// <see cref="SeqModel.CreateStreams"/>; afterwards nothing allocates. Belongs to one thread at a time; for several cores make several.
/// </summary>
/// <remarks>
/// The cost of a run depends only on the streams that take part in it. It is lowest if their slots are neighbours, because then nothing is gathered:
/// <see cref="Join"/> returns the lowest free slot. Any graph can be used, whatever its batch dimension is: each stream is one run of it.
/// </remarks>
/// <example>
/// <code>
/// using var streams = model.CreateStreams(capacity: 200);
/// var slot = streams.Join();                       // a caller has come
/// frame.CopyTo(streams.Input&lt;float&gt;(slot, 0));
/// streams.Run();                                   // all streams, or Run(slots) for those that have a frame
/// var y = streams.Output&lt;float&gt;(slot, 0);
/// streams.Leave(slot);                             // and gone
/// </code>
/// </example>
public sealed unsafe partial class SeqStreams : IDisposable, IPortOwner
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
    private readonly long[] _lastRun;
    private readonly int[] _slots;
    private readonly int[] _sizes;
    private StateMark _mark;
    private long _run;
    private int _width;
    private bool _isStale;

    internal SeqStreams(SeqModel model, ModelMemory modelMemory, StreamsPlan plan, KernelSet kernels)
    {
        Model = model;
        _plan = plan;
        _lease = new ModelLease(modelMemory, nameof(SeqStreams));
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
        _lastRun = new long[plan.Capacity];
        _slots = new int[plan.Capacity];
        _sizes = (int[])plan.One.MaxSizes.Clone();
        _width = plan.Capacity;
        _mark = StateMark.Of(plan.One);
        Graph = model.InfoOf(graph.Name);
        KernelSet = kernels.Name;
        Inputs = new(this, SeqPortCollection.InputKind, Array.ConvertAll(plan.Inputs, slots => slots.One));
        Outputs = new(this, SeqPortCollection.OutputKind, Array.ConvertAll(plan.Outputs, slots => slots.One));
        States = new(this, SeqPortCollection.StateKind, Array.ConvertAll(plan.States, slots => slots.One), graph.States);
    }

    /// <summary>The model these streams run.</summary>
    public SeqModel Model { get; }

    /// <summary>The graph, as its file declares it.</summary>
    public SeqGraphInfo Graph { get; }

    /// <summary>Name of the kernel set in use.</summary>
    public string KernelSet { get; }

    /// <summary>Most streams at a time.</summary>
    public int Capacity => _plan.Capacity;

    /// <summary>Streams that have joined and not left.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Whether every layer with weights computes all streams of a run in one product, reading its weights once. If false, at least
    /// one layer runs stream after stream (its weights then come from cache); results are the same. <see cref="SetSize"/> may change it
    /// from the next run on.
    /// </summary>
    public bool IsBatched => _plan.IsBatched;

    /// <summary>Bytes held for all streams together. It never grows.</summary>
    public long MemoryBytes => _plan.TotalBytes;

    /// <summary>Bytes of <see cref="SaveState"/>; the same as <see cref="SeqSession.StateBytes"/>.</summary>
    public int StateBytes => StateMark.Bytes + (int)_plan.One.StateBytes;

    /// <summary>Values that the caller sets, in the graph's order: name, type, and current shape of one stream's.</summary>
    public SeqPortCollection Inputs { get; }

    /// <summary>Values that the caller reads after a run.</summary>
    public SeqPortCollection Outputs { get; }

    /// <summary>Values that each stream keeps from run to run.</summary>
    public SeqPortCollection States { get; }

    /// <summary>Whether a stream has this slot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool IsJoined(int slot) => (uint)slot < (uint)_isJoined.Length && _isJoined[slot];

    /// <summary>Adds a stream with initial states, and inputs and outputs of zeros. Returns its slot, the lowest free one, which identifies it until it leaves.</summary>
    /// <exception cref="InvalidOperationException">All slots are taken (<see cref="TryJoin"/> returns false instead), or another thread is using the streams.</exception>
    public int Join() => TryJoin(out var slot) ? slot : throw SessionError.StreamsFull(Capacity);

    /// <summary>As <see cref="Join"/>, but returns false if all slots are taken.</summary>
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

    /// <summary>Removes a stream and frees its slot.</summary>
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

    /// <summary>A stream's input, row-major. Write it before a run. It keeps its content until written again, and its place until the stream leaves or <see cref="SetSize"/> is called.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The input's index.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such input, or its elements are of another type.</exception>
    public Span<T> Input<T>(int slot, int index)
        where T : unmanaged => Elements<T>(At(_plan.Inputs, index, "input"), slot);

    /// <inheritdoc cref="Input{T}(int, int)"/>
    /// <param name="slot">The stream.</param>
    /// <param name="name">The input's name; on the hot path keep its index instead.</param>
    public Span<T> Input<T>(int slot, string name)
        where T : unmanaged => Input<T>(slot, Inputs[name].Index);

    /// <summary>A stream's output, row-major, of the last run in which it took part.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The output's index.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such output, or its elements are of another type.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set.</exception>
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
        where T : unmanaged => Output<T>(slot, Outputs[name].Index);

    /// <summary>A stream's state; may be read and written between runs.</summary>
    /// <param name="slot">The stream.</param>
    /// <param name="index">The state's index, in the graph's order.</param>
    /// <exception cref="ArgumentException">No stream has this slot, there is no such state, or its elements are of another type.</exception>
    public Span<T> State<T>(int slot, int index)
        where T : unmanaged => Elements<T>(At(_plan.States, index, "state"), slot);

    /// <inheritdoc cref="State{T}(int, int)"/>
    /// <param name="slot">The stream.</param>
    /// <param name="name">The state's name; on the hot path keep its index instead.</param>
    public Span<T> State<T>(int slot, string name)
        where T : unmanaged => State<T>(slot, States[name].Index);

    /// <summary>Releases the model's memory, after the current run if there is one. Existing spans stay valid: they keep the streams' own memory.</summary>
    public void Dispose() => _lease.End();

    /// <inheritdoc/>
    void IPortOwner.BringUpToDate(bool withOutputs)
    {
        ThrowIfDisposed();
        if (withOutputs && _isStale) InferAgain();
    }

    private SlotRows At(SlotRows[] values, int index, string kind)
    {
        ThrowIfDisposed();
        return (uint)index < (uint)values.Length ? values[index] : throw SessionError.NoIndex(kind, index, values.Length);
    }

    private Span<T> Elements<T>(SlotRows values, int slot)
        where T : unmanaged
    {
        Check(slot);
        if (ElementTypes.Of<T>() != values.One.Type) throw SessionError.Type<T>(values.One);
        return _memory.Span<T>(values[slot], values.One.Count);
    }

    /// <summary>Prepares a slot for a new stream.</summary>
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Check(int slot)
    {
        ThrowIfDisposed();
        if (!IsJoined(slot)) throw SessionError.NoStream(slot, Capacity);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lease.IsEnded, this);
}
