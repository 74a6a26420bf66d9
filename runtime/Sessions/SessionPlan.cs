using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Sessions;

/// <summary>
/// Everything a session needs, worked out at its largest sizes before any memory is allocated: tensors, node contexts, and an
/// offset in one block for each value.
/// </summary>
/// <remarks>
/// Layout of the block: states, one after the other (so that saving is one copy); inputs; places where old states and outputs
/// wait or stay; all other values, packed by when they live; scratch, shared by all nodes. Values computed from shapes alone
/// have a small block of their own, since inference needs it first.
/// </remarks>
internal sealed unsafe class SessionPlan : IDisposable
{
    /// <summary>Managed bytes of a value or a node, about. As many as models have are not worth counting; a hostile file may have millions.</summary>
    private const long BytesOfObject = 400;
    private const int UncountedObjects = 1 << 12;

    /// <summary>Most elements of a value that is computed while shapes are inferred.</summary>
    private const int KnownElements = 64;
    private const int KnownBytes = KnownElements * sizeof(long);
    private const int InferenceScratch = 4096;

    /// <summary>Most operations of a node that runs while shapes are inferred, and of all of them: computing shapes takes no time.</summary>
    private const double KnownWork = 1e6;
    private const double AllKnownWork = 1e8;

    private readonly KernelSet _kernels;
    private readonly bool _sharesMemory;
    private readonly long _workLimit;
    private readonly long[] _offset;
    private readonly long?[] _staging;
    private readonly long?[] _held;
    private readonly long[] _scratchOffset;
    private readonly SessionMemory _known;
    private double _knownWork;
    private long _scratchBytes;
    private long _parallelOffset;

    public SessionPlan(LoadedGraph graph, Tensor[] tensors, KernelSet kernels, SeqSessionOptions options)
    {
        Graph = graph;
        ModelTensors = tensors;
        _kernels = kernels;
        Caches = Caches.Of(graph);
        MaxSizes = new int[graph.Symbols.Length];
        for (var i = 0; i < MaxSizes.Length; i++) MaxSizes[i] = options.MaxSizes.TryGetValue(graph.Symbols[i], out var size) ? size : Math.Max(graph.MostSteps(i), 1);
        foreach (var name in options.MaxSizes.Keys)
        {
            if (Array.IndexOf(graph.Symbols, name) < 0)
                throw new ArgumentException($"Graph '{graph.Name}' has no symbolic dimension '{name}'; it has: {(graph.Symbols.Length == 0 ? "none" : string.Join(", ", graph.Symbols))}.");
        }

        for (var i = 0; i < MaxSizes.Length; i++)
        {
            if (MaxSizes[i] < 1) throw SessionError.LargestSize(graph.Name, graph.Symbols[i], MaxSizes[i]);
        }

        (_sharesMemory, _workLimit) = (options.SharesMemory, options.WorkLimit);
        ObjectBytes = Math.Max(graph.Values.Length + (long)graph.Nodes.Length - UncountedObjects, 0) * BytesOfObject;
        if (ObjectBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, ObjectBytes, options.MemoryLimitBytes);
        Values = [.. graph.Values.Select(value => value.Constant ?? new Tensor { Name = value.Name, Format = TensorFormat.Dense })];
        Contexts = [.. graph.Nodes.Select(node => new NodeContext(kernels, Pick(node.Inputs), Pick(node.Outputs)))];
        IsKnownNode = FindKnownNodes();
        var known = 0L;
        for (var i = 0; i < IsKnownNode.Length; i++) known += IsKnownNode[i] ? graph.Nodes[i].Outputs.Length : 0;
        KnownBlockBytes = InferenceScratch + Math.Max(known, 1) * (KnownBytes + KernelSet.ReadSlack);
        if (KnownBlockBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, KnownBlockBytes, options.MemoryLimitBytes);
        _known = new SessionMemory(KnownBlockBytes);
        try
        {
            PlaceKnown();
            InferAtLargest(options);
            IsViewNode = new bool[Contexts.Length];
            for (var i = 0; i < IsViewNode.Length; i++) IsViewNode[i] = _sharesMemory && !IsKnownNode[i] && graph.Nodes[i].Operator.IsViewAt(Contexts[i]);
            CheckWork();
            Parallel = options.Threads > 1 ? ShareOut(options.LeastSharedWork) : [];
            IsFixedNode = FindFixedNodes(options.FixedInputs);
            RunOrder = FixedFirst(IsFixedNode);

            Lifetimes = new Lifetimes(this, _sharesMemory);
            _offset = new long[Values.Length];
            _staging = new long?[graph.States.Length];
            _held = new long?[graph.Outputs.Length];
            _scratchOffset = new long[Contexts.Length];
            (StateBytes, Bytes) = Place();
            if (TotalBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, TotalBytes, options.MemoryLimitBytes);
            if (StateBytes > int.MaxValue - StateMark.Bytes) throw new ArgumentException($"The states of graph '{graph.Name}' take {StateBytes} bytes; at most {int.MaxValue - StateMark.Bytes} are possible.");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The graph; nodes that two threads share stand side by side.</summary>
    public LoadedGraph Graph { get; private set; }

    public Tensor[] ModelTensors { get; }

    public Tensor[] Values { get; }

    public NodeContext[] Contexts { get; private set; }

    public int[] MaxSizes { get; }

    /// <summary>States that grow.</summary>
    public Caches Caches { get; }

    /// <summary>Nodes that run while shapes are inferred, and not again.</summary>
    public bool[] IsKnownNode { get; private set; }

    /// <summary>Nodes whose output 0 is their input 0 in memory.</summary>
    public bool[] IsViewNode { get; private set; }

    /// <summary>Nodes whose outputs depend on fixed inputs alone: they run once, and what others read of them keeps its memory from run to run.</summary>
    public bool[] IsFixedNode { get; } = [];

    /// <summary>Indices of the nodes as they run: all fixed ones before all others. Shapes are inferred in the graph's order.</summary>
    public int[] RunOrder { get; } = [];

    /// <summary>Which value's memory each value uses, and until when.</summary>
    public Lifetimes Lifetimes { get; } = null!;

    /// <summary>Groups of nodes that two threads run together.</summary>
    public ParallelStep[] Parallel { get; }

    /// <summary>Bytes of the block.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of the states at the block's start.</summary>
    public long StateBytes { get; }

    public long KnownBlockBytes { get; }

    /// <summary>Bytes of the objects that stand for values and nodes, where these are unusually many.</summary>
    public long ObjectBytes { get; }

    /// <summary>Bytes of a session: its block and what the plan itself holds.</summary>
    public long TotalBytes => Bytes + KnownBlockBytes + ObjectBytes;

    /// <summary>Operations of a run at the current sizes (<see cref="Operator.Work"/>).</summary>
    public double Work { get; private set; }

    /// <summary>Bytes of scratch, the most that a node needs.</summary>
    public long ScratchBytes => _scratchBytes;

    /// <summary>Points every tensor into a session's block.</summary>
    public void Bind(byte* block)
    {
        for (var i = 0; i < Values.Length; i++)
        {
            var root = RootOf(i);
            if (Graph.Values[root].Kind == ValueKind.Constant || IsKnownValue(root)) Values[i].Data = Values[root].Data;
            else Values[i].Data = block + _offset[root];
            if (Graph.Values[i].Kind != ValueKind.Constant && !IsKnownValue(i)) Values[i].Capacity = Values[i].Bytes;
        }

        for (var i = 0; i < Contexts.Length; i++) Contexts[i].Scratch = block + _scratchOffset[i];
        var own = block + _parallelOffset;
        foreach (var step in Parallel)
        {
            step.Bind(block + _parallelOffset - Arena.Round(_scratchBytes), own);
            own += step.OwnBytes;
        }
    }

    /// <summary>What a run does, in order: nodes, and groups of them that two threads share.</summary>
    public IEnumerable<(Operator Operator, NodeContext Context, int Node)> Steps()
    {
        foreach (var i in RunOrder)
        {
            if (ParallelOf(i) is { } parallel)
            {
                if (parallel.First == i) yield return (parallel, parallel.Context, i);
            }
            else if (!IsKnownNode[i] && !IsViewNode[i])
            {
                yield return (Graph.Nodes[i].Operator, Contexts[i], i);
            }
        }
    }

    /// <summary>Sets input and state shapes from the sizes of the symbols.</summary>
    public void SetShapes(ReadOnlySpan<int> sizes)
    {
        foreach (var input in Graph.Inputs) SetShape(input, sizes);
        foreach (var state in Graph.States) SetShape(state.Value, sizes);
    }

    /// <summary>Infers all shapes again in memory that was planned for the largest ones. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">They do not fit together at these sizes, or not into that memory.</exception>
    public void InferAgain()
    {
        try
        {
            InferAtSizes();
        }
        catch (SeqFormatException fault)
        {
            // At the largest sizes the graph was valid.
            throw new ArgumentException(fault.Message, fault);
        }
    }

    /// <summary>Where the update of state <paramref name="state"/> waits, if it is the old content of another state, so that both can change at once.</summary>
    public long? StagingOffset(int state) => _staging[state];

    /// <summary>
    /// Where output <paramref name="output"/> is kept, if its memory is an input's or a state's, so that it stays as the run left
    /// it while the state moves on and the caller writes the next input; or if it lies outside of the session's block.
    /// </summary>
    public long? HeldOffset(int output) => _held[output];

    /// <summary>Whether states lie at the same places as in <paramref name="other"/>, a plan of the same graph: not if they were made for other largest sizes.</summary>
    public bool HasStatesOf(SessionPlan other)
    {
        foreach (var state in Graph.States)
        {
            if (_offset[state.Value] != other._offset[state.Value]) return false;
        }

        return StateBytes == other.StateBytes;
    }

    /// <summary>The value whose memory a value uses: itself, what it is a view of, or what its node writes over.</summary>
    public int RootOf(int value) => Lifetimes.RootOf(value);

    /// <summary>Where a state lies from the block's start on.</summary>
    public long StateOffset(int state) => _offset[Graph.States[state].Value];

    /// <summary>The group of nodes run by two threads that a node is in.</summary>
    public ParallelStep? ParallelOf(int node) => Array.Find(Parallel, step => step.First <= node && node <= step.Last);

    /// <summary>Whether runs leave a value as it is: a constant, or one that shapes decide. Its memory is the model's or the plan's.</summary>
    public bool IsStill(int value) => Graph.Values[RootOf(value)].Kind == ValueKind.Constant || IsKnownValue(RootOf(value));

    public bool IsKnownValue(int value) => Graph.Values[value].Kind == ValueKind.Computed && Values[value].IsKnown;

    public void Dispose()
    {
        foreach (var step in Parallel ?? []) step.Dispose();
    }

    /// <summary>A fault while inferring or running node <paramref name="node"/>, named.</summary>
    public Exception At(int node, Exception fault)
    {
        var message = $"graph '{Graph.Name}', node '{Graph.Nodes[node].Name}' ({Graph.Nodes[node].Kind}): {fault.Message}";
        return fault is SeqFormatException ? new SeqFormatException(message, fault) : new ArgumentException(message, fault);
    }

    private Tensor?[] Pick(int[] indices) => Array.ConvertAll(indices, i => i < 0 ? null : Values[i]);

    private void SetShape(int value, ReadOnlySpan<int> sizes)
    {
        var declared = Graph.Values[value].Sizes;
        Span<int> actual = stackalloc int[Shape.MaxRank];
        for (var i = 0; i < declared.Length; i++) actual[i] = declared[i] < 0 ? sizes[-1 - declared[i]] : declared[i];
        try
        {
            Values[value].Set(Graph.Values[value].Type, new Shape(actual[..declared.Length]));
        }
        catch (ArgumentException fault)
        {
            throw new ArgumentException($"graph '{Graph.Name}', '{Values[value].Name}': {fault.Message}", fault);
        }
    }

    private bool[] FindKnownNodes()
    {
        var known = new bool[Values.Length];
        for (var i = 0; i < Values.Length; i++) known[i] = Graph.Values[i].Kind == ValueKind.Constant;
        var nodes = new bool[Graph.Nodes.Length];
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = Graph.Nodes[i];
            nodes[i] = node.Operator.DependsOnShapesOnly || (node.Operator.CanRunAtInference && Array.TrueForAll(node.Inputs, input => input < 0 || known[input]));
            foreach (var output in node.Outputs)
            {
                if (output >= 0) known[output] = nodes[i];
            }
        }

        return nodes;
    }

    private bool[] FindFixedNodes(IReadOnlyCollection<string> inputs)
    {
        var nodes = new bool[Graph.Nodes.Length];
        if (inputs.Count == 0) return nodes;
        var isFixed = Array.ConvertAll(Graph.Values, value => value.Kind == ValueKind.Constant);
        foreach (var input in Graph.Inputs) isFixed[input] = inputs.Contains(Values[input].Name);
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = Graph.Nodes[i];
            nodes[i] = Array.TrueForAll(node.Inputs, input => input < 0 || isFixed[input]) && ParallelOf(i) is null;
            foreach (var output in node.Outputs)
            {
                if (output >= 0) isFixed[output] = nodes[i] || IsKnownNode[i];
            }
        }

        return nodes;
    }

    private void PlaceKnown()
    {
        var next = _known.Start + InferenceScratch;
        for (var i = 0; i < Contexts.Length; i++)
        {
            if (!IsKnownNode[i]) continue;
            for (var o = 0; o < Contexts[i].OutputCount; o++, next += KnownBytes + KernelSet.ReadSlack)
            {
                if (Contexts[i].OptionalOutput(o) is not { } output) continue;
                output.Data = next;
                output.Capacity = KnownBytes;
            }
        }
    }

    private void InferAtLargest(SeqSessionOptions options)
    {
        try
        {
            SetShapes(MaxSizes);
            InferFirst();
        }
        catch (Exception fault) when (!options.IsTrial && Graph.Symbols.Length > 0 && fault is ArgumentException or SeqFormatException)
        {
            throw SizeAdvice.Explain(Graph, MaxSizes, options.MaxSizes.Keys, fault, sizes =>
            {
                var trial = new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = options.MemoryLimitBytes, WorkLimit = options.WorkLimit, IsTrial = true };
                new SessionPlan(Graph, ModelTensors, _kernels, trial).Dispose();
            });
        }
    }

    private void InferFirst()
    {
        for (var i = 0; i < Contexts.Length; i++)
        {
            var node = Graph.Nodes[i];
            var context = Contexts[i];
            try
            {
                node.Operator.Infer(context);
                for (var o = 0; o < context.OutputCount; o++)
                {
                    if (context.OptionalOutput(o) is { } output && output.Type.Size() == 0) throw new SeqFormatException($"The operator has no output {o}, which '{output.Name}' is to be.");
                }

                if (!IsKnownNode[i]) continue;
                _knownWork += node.Operator.Work(context);
                IsKnownNode[i] = _knownWork <= AllKnownWork && FitsInference(node, context);
                if (IsKnownNode[i]) RunKnown(i);
            }
            catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
            {
                throw At(i, fault);
            }
        }

        CheckStates();
    }

    /// <summary>Small enough, and every input is really known: an input's own node may have proved too large.</summary>
    private bool FitsInference(LoadedNode node, NodeContext context)
    {
        if (node.Operator.ScratchBytes(context) > InferenceScratch || node.Operator.Work(context) > KnownWork) return false;
        for (var o = 0; o < context.OutputCount; o++)
        {
            if (context.OptionalOutput(o) is { } output && (output.Count > KnownElements || output.Bytes > KnownBytes)) return false;
        }

        return node.Operator.DependsOnShapesOnly || Array.TrueForAll(node.Inputs, input => input < 0 || Values[input].IsKnown);
    }

    private void RunKnown(int index)
    {
        var node = Graph.Nodes[index];
        var context = Contexts[index];
        if (node.Operator.IsView)
        {
            context.Output(0).Data = context.Input(0).Data;
        }
        else
        {
            var scratch = context.Scratch;
            context.Scratch = _known.Start;
            node.Operator.Execute(context);
            context.Scratch = scratch;
        }

        for (var o = 0; o < context.OutputCount; o++)
        {
            if (context.OptionalOutput(o) is { } output) output.IsKnown = true;
        }
    }

    private void InferAtSizes()
    {
        for (var i = 0; i < Contexts.Length; i++)
        {
            try
            {
                var context = Contexts[i];
                Graph.Nodes[i].Operator.Infer(context);
                if (IsViewNode[i] && !Graph.Nodes[i].Operator.IsViewAt(context)) throw new ArgumentException("It moves elements at these sizes but not at the largest ones; make the session for other sizes.");
                for (var o = 0; o < context.OutputCount; o++)
                {
                    if (context.OptionalOutput(o) is { } output && output.Bytes > output.Capacity)
                        throw new ArgumentException($"'{output.Name}' of shape {output.Shape} needs {output.Bytes} bytes; {output.Capacity} were planned for the largest sizes.");
                }

                var scratch = Graph.Nodes[i].Operator.ScratchBytes(context);
                var planned = IsKnownNode[i] ? InferenceScratch : _scratchBytes;
                if (scratch > planned) throw new ArgumentException($"It needs {scratch} bytes of scratch; {planned} were planned for the largest sizes.");
                if (IsKnownNode[i]) RunKnown(i);
            }
            catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
            {
                throw At(i, fault);
            }
        }

        foreach (var (overwritten, by) in Lifetimes.Overwrites)
        {
            if (Values[overwritten].Bytes < Values[by].Bytes) throw new ArgumentException($"'{Values[by].Name}' broadcasts '{Values[overwritten].Name}' at these sizes but not at the largest ones; make the session for other sizes.");
        }

        CheckStates();
        CheckWork();
    }

    private void CheckWork()
    {
        var (all, most, heaviest) = (0.0, -1.0, 0);
        for (var i = 0; i < Contexts.Length; i++)
        {
            if (IsKnownNode[i] || IsViewNode[i]) continue;
            var work = Graph.Nodes[i].Operator.Work(Contexts[i]);
            all += work;
            if (work > most) (most, heaviest) = (work, i);
        }

        Work = all;
        if (!(all <= _workLimit)) throw SessionError.Work($"graph '{Graph.Name}': a run, most of it node '{Graph.Nodes[heaviest].Name}' ({Graph.Nodes[heaviest].Kind}),", all, _workLimit);
    }

    private void CheckStates()
    {
        for (var i = 0; i < Graph.States.Length; i++)
        {
            var state = Graph.States[i];
            var now = Values[state.Value];
            var next = Values[state.Update];
            if (next.Format != TensorFormat.Dense || now.Type != next.Type || (Caches.Axes[i] < 0 ? now.Count != next.Count : !Caches.Fits(i, Values)))
                throw new SeqFormatException($"graph '{Graph.Name}': state '{state.Name}' is {now.Type.Name()} {now.Shape} and becomes {next.Type.Name()} {next.Shape}.");
            if (state.Initial >= 0 && (ModelTensors[state.Initial].Format != TensorFormat.Dense || ModelTensors[state.Initial].Type != now.Type || ModelTensors[state.Initial].Count != now.Count))
                throw new SeqFormatException($"graph '{Graph.Name}': the first content of state '{state.Name}' does not have its type and shape.");
        }
    }

    private (long StateBytes, long Bytes) Place()
    {
        var arena = new Arena();
        foreach (var state in Graph.States) _offset[state.Value] = arena.Take(Values[state.Value].Bytes);
        var stateBytes = arena.Bytes;
        foreach (var input in Graph.Inputs) _offset[input] = arena.Take(Values[input].Bytes);

        var isState = new bool[Values.Length];
        foreach (var state in Graph.States) isState[state.Value] = true;
        for (var i = 0; i < _staging.Length; i++)
        {
            var home = RootOf(Graph.States[i].Update);
            if (home != Graph.States[i].Value && isState[home]) _staging[i] = arena.Take(Values[home].Bytes);
        }

        for (var i = 0; i < _held.Length; i++)
        {
            var home = RootOf(Graph.Outputs[i]);
            if (IsStill(home)) _held[i] = arena.Take(Math.Max(Values[home].Bytes, KnownBytes));
            else if (Graph.Values[home].Kind == ValueKind.Shaped) _held[i] = arena.Take(Values[home].Bytes);
        }

        // Views and overwrites have their root's size, so the root's own is enough.
        Lifetimes.Place(arena, _offset, root => Values[root].Bytes);
        PlaceScratch(arena);
        if (Parallel.Length == 0) return (stateBytes, arena.Bytes);
        _ = arena.TakeNew(_scratchBytes);
        _parallelOffset = arena.Bytes;
        var end = _parallelOffset;
        foreach (var step in Parallel) end = checked(end + step.OwnBytes);
        return (stateBytes, end);
    }

    /// <summary>The nodes in the order in which they run: those that run once, then the others.</summary>
    private static int[] FixedFirst(bool[] isFixed)
    {
        var order = new List<int>(isFixed.Length);
        foreach (var turn in (ReadOnlySpan<bool>)[true, false])
        {
            for (var i = 0; i < isFixed.Length; i++)
            {
                if (isFixed[i] == turn) order.Add(i);
            }
        }

        return [.. order];
    }

    /// <summary>One place that the nodes use in turn, large enough for each; or a place for each, where nothing shares memory.</summary>
    private void PlaceScratch(Arena arena)
    {
        var bytes = new long[Contexts.Length];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = IsKnownNode[i] ? 0 : ScratchOf(i);
        foreach (var most in bytes) _scratchBytes = Math.Max(_scratchBytes, most);
        foreach (var step in Parallel) _scratchBytes = Math.Max(_scratchBytes, step.EachScratchBytes);
        if (_sharesMemory) Array.Fill(_scratchOffset, arena.TakeNew(_scratchBytes));
        else for (var i = 0; i < bytes.Length; i++) _scratchOffset[i] = arena.TakeNew(_scratchBytes);
    }

    private long ScratchOf(int node)
    {
        try
        {
            return Graph.Nodes[node].Operator.ScratchBytes(Contexts[node]);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
        {
            throw At(node, fault);
        }
    }

    /// <summary>Finds what two threads can share and puts the nodes in an order that lets them.</summary>
    private ParallelStep[] ShareOut(long leastShared)
    {
        var (order, groups) = ParallelGroups.Find(Graph, Contexts, IsViewNode);
        Graph = Graph with { Nodes = [.. order.Select(i => Graph.Nodes[i])] };
        Contexts = [.. order.Select(i => Contexts[i])];
        IsKnownNode = [.. order.Select(i => IsKnownNode[i])];
        IsViewNode = [.. order.Select(i => IsViewNode[i])];
        return Array.ConvertAll(groups, group => MakeParallel(group, leastShared));
    }

    private ParallelStep MakeParallel(int[] nodes, long leastShared)
    {
        var first = nodes[0];
        if (nodes.Length == 1) return new TwoDirections((Recurrent)Graph.Nodes[first].Operator, first, Contexts[first]) { LeastShared = leastShared };
        return new Wavefront(nodes.Select(i => new LayerInPieces((Recurrent)Graph.Nodes[i].Operator, Contexts[i])), first, nodes[^1], Contexts[first]) { LeastShared = leastShared };
    }
}
