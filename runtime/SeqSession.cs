using System.Runtime.CompilerServices;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;
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
public sealed unsafe partial class SeqSession : IDisposable, IPortOwner
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
    private readonly bool _hasCaches;
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
        Graph = model.InfoOf(graph.Name);
        KernelSet = kernels.Name;
        Inputs = new(this, SeqPortCollection.InputKind, _inputs);
        Outputs = new(this, SeqPortCollection.OutputKind, _outputs);
        States = new(this, SeqPortCollection.StateKind, _states, graph.States);
        _mark = StateMark.Of(plan);
        _stale = _hasCaches = plan.Caches.Symbols.Length > 0;
        ResetState();
        if (plan.Parallel.Length == 0) return;
        _lease.Helper = new HelperThread();
        foreach (var step in plan.Parallel) step.Helper = _lease.Helper;
    }

    /// <summary>The model this session runs.</summary>
    public SeqModel Model { get; }

    /// <summary>The graph, as its file declares it.</summary>
    public SeqGraphInfo Graph { get; }

    /// <summary>Name of the kernel set in use.</summary>
    public string KernelSet { get; }

    /// <summary>Threads that <see cref="Run()"/> may use: 2 if the options allow it and the graph has layers to share.</summary>
    public int Threads => Helper is null ? 1 : 2;

    /// <summary>Bytes that this session holds: states, inputs, outputs, intermediate values and scratch; for graphs with thousands of nodes also objects. It never grows.</summary>
    public long MemoryBytes => _plan.TotalBytes;

    /// <summary>Bytes that <see cref="SaveState"/> writes: a header of 16 bytes that identifies graph, model and sizes; the states; and the number of steps of caches.</summary>
    public int StateBytes => StateMark.Bytes + (int)_plan.StateBytes + _plan.Caches.Symbols.Length * sizeof(int);

    /// <summary>Values that the caller sets, in the graph's order: name, type, current shape.</summary>
    public SeqPortCollection Inputs { get; }

    /// <summary>Values that the caller reads after a run.</summary>
    public SeqPortCollection Outputs { get; }

    /// <summary>Values that the session keeps from run to run.</summary>
    public SeqPortCollection States { get; }

    /// <summary>An input's elements, row-major, at the current sizes. Write them, then call <see cref="Run()"/>. They keep their content until written again.</summary>
    /// <exception cref="ArgumentException">There is no such input, or its elements are of another type.</exception>
    public Span<T> Input<T>(int index)
        where T : unmanaged => Elements<T>(At(_inputs, index, "input"));

    /// <inheritdoc cref="Input{T}(int)"/>
    public Span<T> Input<T>(string name)
        where T : unmanaged => Input<T>(Inputs[name].Index);

    /// <summary>An output's elements, row-major, of the last <see cref="Run()"/>; valid until the next run.</summary>
    /// <exception cref="ArgumentException">There is no such output, or its elements are of another type.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set.</exception>
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
        where T : unmanaged => Output<T>(Outputs[name].Index);

    /// <summary>A state's elements; may be read and written between runs.</summary>
    /// <exception cref="ArgumentException">There is no such state, or its elements are of another type.</exception>
    public Span<T> State<T>(int index)
        where T : unmanaged => Elements<T>(At(_states, index, "state"));

    /// <inheritdoc cref="State{T}(int)"/>
    public Span<T> State<T>(string name)
        where T : unmanaged => State<T>(States[name].Index);

    /// <summary>
    /// Sets a symbolic dimension, at most to its largest size. Shapes are inferred again at the next run; nothing is allocated.
    /// Contents of inputs and outputs are undefined afterwards; a state whose own shape changes starts anew.
    /// </summary>
    /// <param name="symbol">Name of the symbol.</param>
    /// <param name="size">From 0 (a cache that is still empty) to the largest size the session was made for.</param>
    /// <exception cref="SeqSizeException">The size is out of range.</exception>
    /// <exception cref="ArgumentException">No such symbol, it counts the steps of a cache that the session keeps, or a shape has more elements than a tensor may.</exception>
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

    /// <summary>Computes the outputs from the inputs and the states, then updates the states. Allocates nothing.</summary>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table; states are unchanged.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set, or a cache has no room for the new steps; states are unchanged.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    public void Run() => Run(CancellationToken.None);

    /// <summary>As <see cref="Run()"/>, with cancellation.</summary>
    /// <param name="cancellationToken">Checked before each node of the graph; <see cref="SeqSessionOptions.WorkLimit"/> bounds the time of one node.</param>
    /// <exception cref="SeqDataException">An input holds a value that a node cannot use, such as an index outside a table; states are unchanged.</exception>
    /// <exception cref="SeqSizeException">Shapes do not fit at the sizes set, or a cache has no room for the new steps; states are unchanged.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; states are unchanged.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(CancellationToken cancellationToken)
    {
        _lease.Enter();
        try
        {
            if (_stale || _hasGrown) Refresh();
            if (_hasCaches) CheckRoom();
            Execute(cancellationToken);
            if (_hasCaches) Grow();
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    /// <summary>Releases the model's memory and ends the second thread, after the current run if there is one. Existing spans stay valid: they keep the session's own memory.</summary>
    public void Dispose() => _lease.End();

    /// <inheritdoc/>
    void IPortOwner.BringUpToDate(bool withOutputs)
    {
        ThrowIfDisposed();
        if (withOutputs && _stale) InferAgain();
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

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lease.IsEnded, this);
}
