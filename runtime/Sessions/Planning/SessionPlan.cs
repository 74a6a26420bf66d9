using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Sessions.Planning;

/// <summary>The plan of a session: the place of each value of a graph in one block, computed before the block is allocated.</summary>
/// <remarks>
/// Layout of the block: states, contiguous so that saving is one copy; inputs; places where old states and outputs
/// are kept; all other values, packed by lifetime; scratch, shared by all nodes; memory of a second thread.
/// </remarks>
internal sealed unsafe class SessionPlan : GraphPlan, IDisposable
{
    private readonly Places _places;
    private readonly long?[] _staging;
    private readonly long?[] _held;
    private readonly long[] _scratchOffset;
    private readonly long _secondScratch;
    private readonly long _parallelOffset;
    private readonly Func<Operator, int, Operator>? _instrument;

    /// <exception cref="ArgumentException">The graph does not fit together at its largest sizes, or the limit of memory or of work is exceeded.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid at any sizes.</exception>
    public SessionPlan(LoadedGraph graph, Tensor[] tensors, KernelSet kernels, SeqSessionOptions options)
        : base(graph, tensors, kernels, options)
    {
        _instrument = options.Instrument;
        Parallel = Array.ConvertAll(Groups, group => ParallelStep.Of(graph, Contexts, group, options.LeastSharedWork));
        try
        {
            foreach (var step in Parallel) ScratchBytes = Math.Max(ScratchBytes, step.EachScratchBytes);
            _places = new Places(this, root => Values[root].Bytes);
            foreach (var state in graph.States) _places.Keep(state.Value);
            foreach (var input in graph.Inputs) _places.Keep(input);
            _staging = PlaceStaging();
            _held = Array.ConvertAll(graph.Outputs, PlaceHeld);
            _places.Pack(); // Views and overwrites have their root's size, so the root's own is enough.
            _scratchOffset = PlaceScratch();
            if (Parallel.Length > 0) _secondScratch = _places.Reserve(ScratchBytes);
            Bytes = _parallelOffset = _places.Bytes;
            foreach (var step in Parallel) Bytes = checked(Bytes + step.OwnBytes);
            if (TotalBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, TotalBytes, options.MemoryLimitBytes);
            CheckStateBytes();
            MarkPrepared();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Groups of nodes that two threads run together, in the order of <see cref="GraphPlan.Groups"/>.</summary>
    public ParallelStep[] Parallel { get; }

    /// <summary>Bytes of the block.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of a session: its block and what the plan itself holds.</summary>
    public long TotalBytes => Bytes + KnownBlockBytes + ObjectBytes;

    /// <summary>Points every tensor into a session's block.</summary>
    public void Bind(byte* block)
    {
        BindStill();
        for (var i = 0; i < Values.Length; i++)
        {
            if (!IsStill(i)) Values[i].Data = block + _places[i];
        }

        for (var i = 0; i < Contexts.Length; i++) Contexts[i].Scratch = block + _scratchOffset[i];
        var own = block + _parallelOffset;
        foreach (var step in Parallel)
        {
            step.Bind(block + _secondScratch, own);
            own += step.OwnBytes;
        }
    }

    /// <summary>The steps of a run in order: nodes, and groups of nodes that two threads share.</summary>
    public IEnumerable<(Operator Operator, NodeContext Context, int Node)> Steps() => OwnSteps().Select(step => (_instrument?.Invoke(step.Operator, step.Node) ?? step.Operator, step.Context, step.Node));

    /// <summary>The staging place for the update of state <paramref name="state"/>, if that update is the old content of another state.</summary>
    public long? StagingOffset(int state) => _staging[state];

    /// <summary>
    /// Where output <paramref name="output"/> is kept, if its memory is an input's or a state's, so that it stays as the run left
    /// it while the state changes and the caller writes the next input; or if it lies outside the session's block.
    /// </summary>
    public long? HeldOffset(int output) => _held[output];

    public void Dispose()
    {
        foreach (var step in Parallel) step.Dispose();
    }

    /// <summary>The steps by the graph's own operators.</summary>
    private IEnumerable<(Operator Operator, NodeContext Context, int Node)> OwnSteps()
    {
        foreach (var i in RunOrder)
        {
            if (GroupOf(i) is { } group)
            {
                var step = Parallel[Array.IndexOf(Groups, group)];
                if (group[0] == i) yield return (step, step.Context, i);
            }
            else if (!IsKnownNode[i] && !IsViewNode[i])
            {
                yield return (Graph.Nodes[i].Operator, Contexts[i], i);
            }
        }
    }

    /// <summary>A later run leaves out the fixed nodes, so that moving ones find nothing that those have prepared.</summary>
    private void MarkPrepared()
    {
        if (Parallel.Length > 0 || !SharesMemory) return;
        foreach (var isFixed in (ReadOnlySpan<bool>)[true, false]) SharedPreparation.Mark(OwnSteps().Where(step => IsFixedNode[step.Node] == isFixed).Select(step => (step.Operator, step.Context)));
    }

    private long?[] PlaceStaging()
    {
        var isState = new bool[Values.Length];
        foreach (var state in Graph.States) isState[state.Value] = true;
        return Array.ConvertAll(Graph.States, state =>
        {
            var home = RootOf(state.Update);
            return home != state.Value && isState[home] ? _places.Reserve(Values[home].Bytes) : (long?)null;
        });
    }

    private long? PlaceHeld(int output)
    {
        var home = RootOf(output);
        if (IsStill(home)) return _places.Reserve(Math.Max(Values[home].Bytes, Inference.KnownBytes));
        return Graph.Values[home].Kind == ValueKind.Shaped ? _places.Reserve(Values[home].Bytes) : null;
    }

    /// <summary>One scratch place, large enough for every node; or one for each node if values must not share memory.</summary>
    private long[] PlaceScratch()
    {
        var offset = new long[Contexts.Length];
        if (SharesMemory) Array.Fill(offset, _places.Reserve(ScratchBytes));
        else for (var i = 0; i < offset.Length; i++) offset[i] = _places.Reserve(ScratchBytes);
        return offset;
    }
}
