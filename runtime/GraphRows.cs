using System.Runtime.CompilerServices;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Streams;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <summary>
/// A graph that runs for many rows at once, like <see cref="SeqStreams"/>, but for decoders: a row may go on from any row of the run before, also several from
/// one, and rows of one source share its inputs and all that is computed from them alone. Each row gets, bit for bit, what a session gives it.
/// </summary>
/// <remarks>
/// A run reads states from the slots that it is told and leaves the next states in the first slots, in the order of its rows. Inputs
/// and outputs have no slots: they lie in the rows of the run.
/// </remarks>
internal sealed unsafe class GraphRows : IDisposable, IPortOwner
{
    private readonly ModelLease _lease;
    private readonly SessionMemory _memory;
    private readonly StreamsPlan _plan;
    private readonly StreamRows[] _states;
    private readonly StreamRows[] _inputs;
    private readonly int[] _sizes;
    private readonly bool _exchangesStates;
    private int _width = -1;
    private int _sources = -1;
    private bool _isStale;

    internal GraphRows(SeqModel model, ModelMemory modelMemory, StreamsPlan plan)
    {
        _plan = plan;
        _lease = new ModelLease(modelMemory, nameof(GraphRows));
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
        _sizes = (int[])plan.One.MaxSizes.Clone();
        _exchangesStates = plan.ExchangesStates;
        Graph = model.InfoOf(graph.Name);
        Inputs = new(this, SeqPortCollection.InputKind, Array.ConvertAll(graph.Inputs, i => plan.One.Values[i]));
        Outputs = new(this, SeqPortCollection.OutputKind, Array.ConvertAll(graph.Outputs, i => plan.One.Values[i]));
        States = new(this, SeqPortCollection.StateKind, Array.ConvertAll(graph.States, s => plan.One.Values[s.Value]), graph.States);
    }

    public SeqGraphInfo Graph { get; }

    /// <summary>Bytes held for all rows. It never grows.</summary>
    public long MemoryBytes => _plan.TotalBytes;

    /// <summary>Operations of a run of the most rows, at the sizes last inferred.</summary>
    public double Work => _plan.One.Work * _plan.Capacity;

    /// <summary>Inputs with the shape of one row.</summary>
    public SeqPortCollection Inputs { get; }

    /// <inheritdoc cref="Inputs"/>
    public SeqPortCollection Outputs { get; }

    /// <inheritdoc cref="Inputs"/>
    public SeqPortCollection States { get; }

    /// <summary>Sets a symbolic dimension. The content of inputs is undefined afterwards.</summary>
    public void SetSize(string symbol, int size)
    {
        var index = Array.IndexOf(_plan.One.Graph.Symbols, symbol);
        if (index < 0) throw SessionError.NoSuch("symbolic dimension", symbol, _plan.One.Graph.Symbols);
        if (size < 0 || size > _plan.One.MaxSizes[index]) throw SessionError.Size(symbol, size, _plan.One.MaxSizes[index]);
        if (_sizes[index] == size) return;
        _sizes[index] = size;
        _isStale = true;
        _plan.SetShapes(_sizes);
        foreach (ref readonly var input in _plan.One.Graph.Inputs.AsSpan()) _plan.RowsOf(input)!.Bytes = _plan.One.Values[input].Bytes;
    }

    /// <summary>The bytes of an input of a row, or of a source if it is one of the fixed inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<byte> Input(int index, int row) => Bytes(_inputs[index].Own + row * _inputs[index].Bytes, _inputs[index].Bytes);

    /// <summary>The state in a slot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<byte> State(int index, int slot) => Bytes(_plan.States[index][slot], _plan.States[index].Bytes);

    /// <summary>A row's output of the last run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ReadOnlySpan<byte> Output(int index, int row)
    {
        var value = _plan.One.Graph.Outputs[index];
        var one = _plan.One.Values[value];
        return Bytes(_plan.RowsOf(value) is { } rows ? rows.At(row) : one.Data, one.Bytes);
    }

    /// <summary>Gives the states in a slot their first content.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ResetStates(int slot)
    {
        for (var i = 0; i < _plan.States.Length; i++)
        {
            var content = State(i, slot);
            var initial = _plan.One.Graph.States[i].Initial;
            if (initial < 0) content.Clear();
            else new ReadOnlySpan<byte>(_plan.One.ModelTensors[initial].Data, content.Length).CopyTo(content);
        }
    }

    /// <summary>Computes what depends on the inputs of sources alone, for the first sources.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void RunSources(int count, CancellationToken cancellation)
    {
        _lease.Enter();
        try
        {
            if (_isStale) Refresh();
            _plan.SourceOfRow?.Clear();
            if (_sources != count) Resize(0, _plan.FixedNodes, _sources = count);
            Execute(0, _plan.FixedNodes, count, cancellation);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>Runs rows. The next states are then in the first slots.</summary>
    /// <param name="from">The slot of the states that each row goes on from.</param>
    /// <param name="sources">The source of each row.</param>
    /// <param name="cancellation">Checked before each node.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(ReadOnlySpan<int> from, ReadOnlySpan<int> sources, CancellationToken cancellation)
    {
        _lease.Enter();
        try
        {
            if (_isStale) Refresh();
            var count = from.Length;
            _plan.SourceOfRow?.Set(sources);
            TakeStates(from);
            if (_width != count) Resize(_plan.FixedNodes, _plan.Nodes.Length, _width = count);
            Execute(_plan.FixedNodes, _plan.Nodes.Length, count, cancellation);
            for (var i = 0; i < _states.Length; i++) KeepState(i, count);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    public void Dispose() => _lease.End();

    /// <inheritdoc/>
    void IPortOwner.BringUpToDate(bool withOutputs)
    {
        if (withOutputs && _isStale) Refresh();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsInOrder(ReadOnlySpan<int> slots)
    {
        for (var i = 0; i < slots.Length; i++)
        {
            if (slots[i] != i) return false;
        }

        return true;
    }

    private Span<byte> Bytes(byte* start, long count) => _memory.Span<byte>(start, (int)count);

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

        _isStale = false;
        _width = _sources = -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Resize(int first, int end, int rows)
    {
        foreach (var node in _plan.Nodes.AsSpan(first, end - first)) node.Resize(rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Execute(int first, int end, int rows, CancellationToken cancellation)
    {
        var nodes = _plan.Nodes;
        var canStop = cancellation.CanBeCanceled;
        var at = first;
        try
        {
            for (; at < end; at++)
            {
                if (canStop) cancellation.ThrowIfCancellationRequested();
                nodes[at].Execute(rows);
            }
        }
        catch (ArgumentException fault)
        {
            throw SessionError.Data(_plan.One.Graph, nodes[at].Index, slot: null, fault);
        }
    }

    /// <summary>The states of the rows: in the slots themselves, or copied from them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeStates(ReadOnlySpan<int> slots)
    {
        var isInPlace = !_exchangesStates && IsInOrder(slots);
        for (var i = 0; i < _states.Length; i++)
        {
            var kept = _plan.States[i];
            var rows = _states[i];
            rows.Start = isInPlace ? kept.Start : rows.Own;
            for (var row = 0; row < slots.Length && !isInPlace; row++) Buffer.MemoryCopy(kept[slots[row]], rows.Start + row * kept.Bytes, kept.Bytes, kept.Bytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void KeepState(int index, int count)
    {
        var update = _plan.One.Graph.States[index].Update;
        var (rows, kept) = (_plan.RowsOf(update), _plan.States[index]);
        if (rows is { IsOfSource: false })
        {
            if (rows.Start != kept.Start) Buffer.MemoryCopy(rows.Start, kept.Start, kept.Bytes * count, kept.Bytes * count);
            return;
        }

        for (var row = 0; row < count; row++) Buffer.MemoryCopy(rows is null ? _plan.One.Values[update].Data : rows.At(row), kept[row], kept.Bytes, kept.Bytes);
    }
}
