using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <summary>
/// One stream through one graph: its states, its inputs and outputs, its scratch. Made by <see cref="SeqModel.CreateSession"/>;
/// afterwards nothing allocates. Belongs to one thread at a time; many sessions may share a model.
/// </summary>
/// <example>
/// <code>
/// x.CopyTo(session.Input&lt;float&gt;("x"));
/// session.Run();
/// var y = session.Output&lt;float&gt;("y");
/// </code>
/// </example>
public sealed unsafe class SeqSession : IDisposable
{
    private readonly ModelLease _lease;
    private readonly SessionMemory _memory;
    private readonly SessionPlan _plan;
    private readonly Step[] _steps;
    private readonly StateCopy[] _copies;
    private readonly Tensor[] _inputs;
    private readonly Tensor[] _outputs;
    private readonly Tensor[] _states;
    private readonly Held[] _held;
    private readonly int[] _sizes;
    private readonly Step[] _movingSteps;
    private StateMark _mark;
    private bool _areFixedDone;
    private bool _stale;
    private bool _hasGrown;

    internal SeqSession(SeqModel model, ModelMemory modelMemory, SessionPlan plan, KernelSet kernels)
    {
        Model = model;
        _plan = plan;
        _lease = new ModelLease(modelMemory, nameof(SeqSession)) { Parts = plan };
        try
        {
            _memory = new SessionMemory(plan.Bytes);
        }
        catch
        {
            Dispose();
            throw;
        }

        var graph = plan.Graph;
        plan.Bind(_memory.Start);
        _sizes = (int[])plan.MaxSizes.Clone();
        _inputs = Array.ConvertAll(graph.Inputs, i => plan.Values[i]);
        _outputs = Array.ConvertAll(graph.Outputs, i => plan.Values[i]);
        _states = Array.ConvertAll(graph.States, s => plan.Values[s.Value]);
        _held = HoldOutputs(plan);
        _steps = [.. plan.Steps().Select(s => new Step(s.Operator, s.Context, s.Node))];
        _movingSteps = Array.FindAll(_steps, step => !plan.IsFixedNode[step.Node]);
        _copies = MakeCopies(plan);
        Graph = graph.Name;
        KernelSet = kernels.Name;
        _mark = StateMark.Of(plan);
        _stale = plan.Caches.Symbols.Length > 0;
        ResetState();
        if (plan.Parallel.Length == 0) return;
        _lease.Helper = new HelperThread();
        foreach (var step in plan.Parallel) step.Helper = _lease.Helper;
    }

    /// <summary>The model this session runs.</summary>
    public SeqModel Model { get; }

    /// <summary>Name of the graph.</summary>
    public string Graph { get; }

    /// <summary>Name of the kernel set in use.</summary>
    public string KernelSet { get; }

    /// <summary>Threads that <see cref="Run()"/> may use: 2 where the options allow it and the graph has something to share.</summary>
    public int Threads => Helper is null ? 1 : 2;

    /// <summary>Bytes this session holds: states, inputs, outputs, intermediate values and scratch. It never grows. Objects count where a graph has thousands of nodes.</summary>
    public long MemoryBytes => _plan.TotalBytes;

    /// <summary>Bytes of <see cref="SaveState"/>: the states, behind 16 that tell which graph, model and sizes they are of; and how many steps caches have.</summary>
    public int StateBytes => StateMark.Bytes + (int)_plan.StateBytes + _plan.Caches.Symbols.Length * sizeof(int);

    /// <summary>Number of inputs.</summary>
    public int InputCount => _inputs.Length;

    /// <summary>Number of outputs.</summary>
    public int OutputCount => _outputs.Length;

    /// <summary>Number of states.</summary>
    public int StateCount => _states.Length;

    /// <summary>Index of an input by name; keep it for the hot path.</summary>
    /// <exception cref="ArgumentException">There is no such input.</exception>
    public int InputIndex(string name) => IndexOf(_inputs, name, "input");

    /// <summary>Index of an output by name.</summary>
    /// <exception cref="ArgumentException">There is no such output.</exception>
    public int OutputIndex(string name) => IndexOf(_outputs, name, "output");

    /// <summary>Index of a state by name.</summary>
    /// <exception cref="ArgumentException">There is no such state.</exception>
    public int StateIndex(string name)
    {
        ThrowIfDisposed();
        var states = _plan.Graph.States;
        for (var i = 0; i < states.Length; i++)
        {
            if (states[i].Name == name) return i;
        }

        throw SessionError.NoSuch("state", name, states.Select(s => s.Name));
    }

    /// <summary>An input's elements, row-major, at the current sizes. Write them, then <see cref="Run()"/>; they stay as they are until written again.</summary>
    /// <exception cref="ArgumentException">There is no such input, or its elements are of another type.</exception>
    public Span<T> Input<T>(int index)
        where T : unmanaged => Elements<T>(At(_inputs, index, "input"));

    /// <inheritdoc cref="Input{T}(int)"/>
    public Span<T> Input<T>(string name)
        where T : unmanaged => Input<T>(InputIndex(name));

    /// <summary>An output's elements, row-major, as the last <see cref="Run()"/> left them; valid until the next one.</summary>
    /// <exception cref="ArgumentException">There is no such output, its elements are of another type, or shapes do not fit at the sizes set.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public ReadOnlySpan<T> Output<T>(int index)
        where T : unmanaged
    {
        var output = At(_outputs, index, "output");
        if (_stale) InferAgain();
        return Elements<T>(output);
    }

    /// <inheritdoc cref="Output{T}(int)"/>
    public ReadOnlySpan<T> Output<T>(string name)
        where T : unmanaged => Output<T>(OutputIndex(name));

    /// <summary>A state's elements; may be read and written between runs.</summary>
    /// <exception cref="ArgumentException">There is no such state, or its elements are of another type.</exception>
    public Span<T> State<T>(int index)
        where T : unmanaged => Elements<T>(At(_states, index, "state"));

    /// <inheritdoc cref="State{T}(int)"/>
    public Span<T> State<T>(string name)
        where T : unmanaged => State<T>(StateIndex(name));

    /// <summary>Element type of an input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public ElementType InputType(int index) => At(_inputs, index, "input").Type;

    /// <summary>Element type of an output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    public ElementType OutputType(int index) => At(_outputs, index, "output").Type;

    /// <summary>Name of an input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public string InputName(int index) => At(_inputs, index, "input").Name;

    /// <summary>Name of an output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    public string OutputName(int index) => At(_outputs, index, "output").Name;

    /// <summary>Current shape of an input.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public ReadOnlySpan<int> InputShape(int index) => At(_inputs, index, "input").Shape.AsSpan();

    /// <summary>Current shape of an output.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public ReadOnlySpan<int> OutputShape(int index)
    {
        var output = At(_outputs, index, "output");
        if (_stale) InferAgain();
        return output.Shape.AsSpan();
    }

    /// <summary>Element type of a state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public ElementType StateType(int index) => At(_states, index, "state").Type;

    /// <summary>Name of a state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public string StateName(int index)
    {
        _ = At(_states, index, "state");
        return _plan.Graph.States[index].Name;
    }

    /// <summary>Current shape of a state.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such state.</exception>
    public ReadOnlySpan<int> StateShape(int index) => At(_states, index, "state").Shape.AsSpan();

    /// <summary>
    /// Sets a symbolic dimension, at most to its largest size. Shapes are inferred again at the next run; nothing is allocated.
    /// Contents of inputs and outputs are undefined afterwards; a state whose own shape changes starts anew.
    /// </summary>
    /// <param name="symbol">Name of the symbol.</param>
    /// <param name="size">From 0 (a cache that is still empty) to the largest size the session was made for.</param>
    /// <exception cref="ArgumentException">No such symbol, the size is out of range, or it counts the steps of a cache that the session keeps.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void SetSize(string symbol, int size)
    {
        ThrowIfDisposed();
        var index = Array.IndexOf(_plan.Graph.Symbols, symbol);
        if (index < 0) throw SessionError.NoSuch("symbolic dimension", symbol, _plan.Graph.Symbols);
        if (Array.IndexOf(_plan.Caches.Symbols, index) >= 0) throw SessionError.CacheSize(symbol, _plan.Caches.NameOf(index));
        if (size < 0 || size > _plan.MaxSizes[index]) throw SessionError.Size(symbol, size, _plan.MaxSizes[index]);
        if (_sizes[index] == size) return;
        _lease.Enter();
        try
        {
            _sizes[index] = size;
            _stale = true;
            _plan.SetShapes(_sizes);
            for (var i = 0; i < _states.Length; i++)
            {
                if (Array.IndexOf(_plan.Graph.Values[_plan.Graph.States[i].Value].Sizes, -1 - index) < 0) continue;
                if (_plan.Caches.Axes[i] >= 0) EmptyCaches();
                ResetState(i);
            }

            _mark = StateMark.Of(_plan);
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>Computes the outputs from the inputs and the states, then moves the states on. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set, an index input is out of range, or a cache has no room for what the run adds; states are then unchanged.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void Run() => Run(CancellationToken.None);

    /// <summary>As <see cref="Run()"/>, or until it is cancelled.</summary>
    /// <param name="cancellationToken">Looked at before each node of the graph; how long one takes at most, <see cref="SeqSessionOptions.WorkLimit"/> bounds.</param>
    /// <exception cref="ArgumentException">Shapes do not fit at the sizes set, an index input is out of range, or a cache has no room for what the run adds; states are then unchanged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; states are unchanged.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            if (_stale || _hasGrown) Refresh();
            CheckRoom();
            Execute(cancellationToken);
            Grow();
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>Puts every state back to its first content.</summary>
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
    /// <exception cref="ArgumentException">There is too little room.</exception>
    public void SaveState(Span<byte> destination)
    {
        ThrowIfDisposed();
        if (destination.Length < StateBytes) throw SessionError.StateRoom(destination.Length, StateBytes);
        _mark.Write(destination);
        StateBlock.CopyTo(destination[StateMark.Bytes..]);
        var steps = MemoryMarshal.Cast<byte, int>(destination[(StateBytes - _plan.Caches.Symbols.Length * sizeof(int))..StateBytes]);
        for (var i = 0; i < steps.Length; i++) steps[i] = _sizes[_plan.Caches.Symbols[i]];
    }

    /// <summary>Brings back what <see cref="SaveState"/> of a session, or of streams, of the same graph and sizes gave.</summary>
    /// <exception cref="ArgumentException">These are too few bytes, or they were saved of another graph, another model, or at other sizes.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void RestoreState(ReadOnlySpan<byte> source)
    {
        ThrowIfDisposed();
        if (source.Length < StateBytes) throw SessionError.StateBytes(source.Length, StateBytes);
        _mark.Check(source, Graph);
        var steps = MemoryMarshal.Cast<byte, int>(source[(StateBytes - _plan.Caches.Symbols.Length * sizeof(int))..StateBytes]);
        for (var i = 0; i < steps.Length; i++)
        {
            if ((uint)steps[i] > (uint)_plan.MaxSizes[_plan.Caches.Symbols[i]]) throw SessionError.StateOfOtherSizes(Graph);
        }

        _lease.Enter();
        for (var i = 0; i < steps.Length; i++) _sizes[_plan.Caches.Symbols[i]] = steps[i];
        if (steps.Length > 0) SizeCaches();
        source.Slice(StateMark.Bytes, (int)_plan.StateBytes).CopyTo(StateBlock);
        _lease.Leave();
        GC.KeepAlive(this);
    }

    /// <summary>Takes over the states of another session of the same graph, model and current sizes: a fork of its stream.</summary>
    /// <exception cref="ArgumentException">The other session is of another graph, model or size, or has a longer cache than there is room for.</exception>
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

    /// <summary>All states one after the other, for who keeps them beside: without what tells whose they are.</summary>
    internal Span<byte> StateBlock => _memory.Span<byte>(_memory.Start, (int)_plan.StateBytes);

    /// <summary>The second thread, where there is one.</summary>
    internal HelperThread? Helper => _lease.Helper;

    /// <summary>Operations of a run at the current sizes, or at the last that were inferred.</summary>
    internal double Work => _plan.Work;

    /// <summary>The next run computes anew what depends on <see cref="SeqSessionOptions.FixedInputs"/> alone.</summary>
    internal void FixedInputsChanged() => _areFixedDone = false;

    /// <summary>An input as bytes, whatever its type.</summary>
    internal Span<byte> InputBytes(int index) => Bytes(_inputs[index]);

    /// <summary>An output as bytes, whatever its type.</summary>
    internal ReadOnlySpan<byte> OutputBytes(int index)
    {
        ThrowIfDisposed();
        if (_stale) InferAgain();
        return Bytes(_outputs[index]);
    }

    /// <summary>A state as bytes, whatever its type.</summary>
    internal Span<byte> StateContent(int index) => Bytes(_states[index]);

    /// <summary>Lets go of the model's memory and ends the second thread; a run that goes on comes to its end first. Spans that were handed out stay valid, for they keep the session's own memory.</summary>
    public void Dispose() => _lease.End();

    private int IndexOf(Tensor[] tensors, string name, string kind)
    {
        ThrowIfDisposed();
        for (var i = 0; i < tensors.Length; i++)
        {
            if (tensors[i].Name == name) return i;
        }

        throw SessionError.NoSuch(kind, name, tensors.Select(t => t.Name));
    }

    private Tensor At(Tensor[] tensors, int index, string kind)
    {
        ThrowIfDisposed();
        return (uint)index < (uint)tensors.Length ? tensors[index] : throw SessionError.NoIndex(kind, index, tensors.Length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<T> Elements<T>(Tensor tensor)
        where T : unmanaged
    {
        if (ElementTypes.Of<T>() != tensor.Type) throw SessionError.Type<T>(tensor);
        return _memory.Span<T>(tensor.Data, tensor.Count);
    }

    private Span<byte> Bytes(Tensor tensor)
    {
        ThrowIfDisposed();
        return _memory.Span<byte>(tensor.Data, tensor.Bytes <= int.MaxValue ? (int)tensor.Bytes : throw SessionError.TooManyBytes(tensor));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Execute(CancellationToken cancellationToken)
    {
        var steps = _areFixedDone ? _movingSteps : _steps;
        var canStop = cancellationToken.CanBeCanceled;
        var at = 0;
        try
        {
            for (; at < steps.Length; at++)
            {
                if (canStop) cancellationToken.ThrowIfCancellationRequested();
                steps[at].Operator.Execute(steps[at].Context);
            }
        }
        catch (ArgumentException fault)
        {
            throw _plan.At(steps[at].Node, fault);
        }

        _areFixedDone = true;
        foreach (ref readonly var copy in _copies.AsSpan()) Buffer.MemoryCopy(copy.From, copy.To, copy.Update.Bytes, copy.Update.Bytes);
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

    /// <summary>Whether sizes are the same but for the steps of caches.</summary>
    private bool HasSizesOf(SeqSession other)
    {
        for (var i = 0; i < _sizes.Length; i++)
        {
            if (_sizes[i] != other._sizes[i] && Array.IndexOf(_plan.Caches.Symbols, i) < 0) return false;
        }

        return true;
    }

    /// <summary>Makes caches as long as another session's.</summary>
    private void TakeCachesOf(SeqSession other)
    {
        var symbols = _plan.Caches.Symbols;
        foreach (var symbol in symbols)
        {
            if (other._sizes[symbol] > _plan.MaxSizes[symbol]) throw SessionError.CacheFull(Graph, _plan.Caches.NameOf(symbol), _plan.Graph.Symbols[symbol], other._sizes[symbol], _plan.MaxSizes[symbol]);
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

    /// <summary>States, and inputs of their length, take the shapes of the steps that there are. Outputs stay as the run left them.</summary>
    private void SizeCaches()
    {
        _plan.SetShapes(_sizes);
        _hasGrown = true;
    }

    private void CheckRoom()
    {
        foreach (var symbol in _plan.Caches.Symbols)
        {
            var next = _plan.Caches.Next(symbol, _plan.Values);
            if (next > _plan.MaxSizes[symbol]) throw SessionError.CacheFull(Graph, _plan.Caches.NameOf(symbol), _plan.Graph.Symbols[symbol], next, _plan.MaxSizes[symbol]);
        }
    }

    private void Grow()
    {
        if (_plan.Caches.Symbols.Length == 0) return;
        foreach (var symbol in _plan.Caches.Symbols) _sizes[symbol] = _plan.Caches.Next(symbol, _plan.Values);
        SizeCaches();
    }

    private void Refresh()
    {
        _plan.InferAgain();
        foreach (ref readonly var held in _held.AsSpan()) held.Fit();
        _stale = _hasGrown = false;
        _areFixedDone = false;
    }

    private void ResetState(int index)
    {
        var tensor = _states[index];
        var initial = _plan.Graph.States[index].Initial;
        var bytes = new Span<byte>(tensor.Data, (int)tensor.Bytes);
        if (initial < 0) bytes.Clear();
        else new ReadOnlySpan<byte>(_plan.ModelTensors[initial].Data, bytes.Length).CopyTo(bytes);
    }

    /// <summary>Gives outputs that lie in an input's or a state's memory, or outside of the session's, a place of their own.</summary>
    private Held[] HoldOutputs(SessionPlan plan)
    {
        var held = new List<Held>();
        for (var i = 0; i < _outputs.Length; i++)
        {
            if (plan.HeldOffset(i) is not { } offset) continue;
            var value = _outputs[i];
            var copy = new Tensor { Name = value.Name, Format = value.Format, Data = _memory.Start + offset, Capacity = value.Bytes };
            held.Add(new Held(value, copy, plan.IsStill(plan.Graph.Outputs[i])));
            held[^1].Fit();
            _outputs[i] = copy;
        }

        return [.. held];
    }

    /// <summary>
    /// What to copy when a run ends; until then states keep their old content, also where a node fails. A state that becomes another
    /// state's old content goes through a staging place, filled before any state changes.
    /// </summary>
    private StateCopy[] MakeCopies(SessionPlan plan)
    {
        List<StateCopy> staged = [];
        var direct = new List<StateCopy>();
        foreach (var held in _held)
        {
            if (!held.IsStill) staged.Add(new StateCopy(held.Value, held.Value.Data, held.Copy.Data));
        }

        for (var i = 0; i < _states.Length; i++)
        {
            var update = plan.Values[plan.Graph.States[i].Update];
            var state = _states[i];
            if (update.Data == state.Data) continue;
            var from = update.Data;
            if (plan.StagingOffset(i) is { } offset)
            {
                from = _memory.Start + offset;
                staged.Add(new StateCopy(update, update.Data, from));
            }

            direct.Add(new StateCopy(update, from, state.Data));
        }

        return [.. staged, .. direct];
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lease.IsEnded, this);

    /// <summary>An output and where it is kept: filled when a run ends, or, where runs do not change it, when its shape is inferred.</summary>
    private readonly record struct Held(Tensor Value, Tensor Copy, bool IsStill)
    {
        public void Fit()
        {
            Copy.Set(Value.Type, Value.Shape);
            if (IsStill) Buffer.MemoryCopy(Value.Data, Copy.Data, Value.Bytes, Value.Bytes);
        }
    }

    private readonly record struct Step(Operator Operator, NodeContext Context, int Node);

    private readonly struct StateCopy(Tensor update, byte* from, byte* to)
    {
        public readonly Tensor Update = update;
        public readonly byte* From = from;
        public readonly byte* To = to;
    }
}
