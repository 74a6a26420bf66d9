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
    /// <summary>Most elements of a value that is computed while shapes are inferred.</summary>
    private const int KnownElements = 64;
    private const int KnownBytes = KnownElements * sizeof(long);
    private const int InferenceScratch = 4096;

    private readonly KernelSet _kernels;
    private readonly long[] _offset;
    private readonly int[] _root;
    private readonly (int Overwritten, int By)[] _overwrites;
    private readonly long?[] _staging;
    private readonly long?[] _held;
    private readonly bool[] _isState;
    private readonly SessionMemory _known;
    private long _scratchBytes;
    private long _parallelOffset;

    public SessionPlan(LoadedGraph graph, Tensor[] tensors, KernelSet kernels, SeqSessionOptions options)
    {
        Graph = graph;
        ModelTensors = tensors;
        _kernels = kernels;
        MaxSizes = [.. graph.Symbols.Select(symbol => options.MaxSizes.TryGetValue(symbol, out var size) ? size : 1)];
        foreach (var name in options.MaxSizes.Keys)
        {
            if (Array.IndexOf(graph.Symbols, name) < 0)
                throw new ArgumentException($"Graph '{graph.Name}' has no symbolic dimension '{name}'; it has: {(graph.Symbols.Length == 0 ? "none" : string.Join(", ", graph.Symbols))}.");
        }

        for (var i = 0; i < MaxSizes.Length; i++)
        {
            if (MaxSizes[i] < 1) throw SessionError.LargestSize(graph.Name, graph.Symbols[i], MaxSizes[i]);
        }

        _isState = new bool[graph.Values.Length];
        foreach (var state in graph.States) _isState[state.Value] = true;
        Values = [.. graph.Values.Select(value => value.Constant ?? new Tensor { Name = value.Name, Format = TensorFormat.Dense })];
        Contexts = [.. graph.Nodes.Select(node => new NodeContext(kernels, Pick(node.Inputs), Pick(node.Outputs)))];
        IsKnownNode = FindKnownNodes();
        KnownBlockBytes = InferenceScratch + Math.Max(IsKnownNode.Select((known, i) => known ? (long)graph.Nodes[i].Outputs.Length : 0).Sum(), 1) * (KnownBytes + KernelSet.ReadSlack);
        if (KnownBlockBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, KnownBlockBytes, options.MemoryLimitBytes);
        _known = new SessionMemory(KnownBlockBytes);
        try
        {
            PlaceKnown();
            InferAtLargest(options);
            IsViewNode = [.. Contexts.Select((context, i) => !IsKnownNode[i] && graph.Nodes[i].Operator.IsViewAt(context))];
            Parallel = options.Threads > 1 ? ShareOut(options.LeastSharedWork) : [];
            IsFixedNode = FindFixedNodes(options.FixedInputs);

            (_root, _overwrites) = FindRoots();
            _offset = new long[Values.Length];
            _staging = new long?[graph.States.Length];
            _held = new long?[graph.Outputs.Length];
            (StateBytes, Bytes) = Place();
            if (Bytes + KnownBlockBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, Bytes + KnownBlockBytes, options.MemoryLimitBytes);
            if (StateBytes > int.MaxValue) throw new ArgumentException($"The states of graph '{graph.Name}' take {StateBytes} bytes; at most {int.MaxValue} are possible.");
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

    /// <summary>Nodes that run while shapes are inferred, and not again.</summary>
    public bool[] IsKnownNode { get; private set; }

    /// <summary>Nodes whose output 0 is their input 0 in memory.</summary>
    public bool[] IsViewNode { get; private set; }

    /// <summary>Nodes whose outputs depend on fixed inputs alone: they keep their memory from run to run.</summary>
    public bool[] IsFixedNode { get; } = [];

    /// <summary>Groups of nodes that two threads run together.</summary>
    public ParallelStep[] Parallel { get; }

    /// <summary>Bytes of the block.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of the states at the block's start.</summary>
    public long StateBytes { get; }

    public long KnownBlockBytes { get; }

    /// <summary>Bytes of scratch, the most that a node needs.</summary>
    public long ScratchBytes => _scratchBytes;

    private long ScratchOffset { get; set; }

    /// <summary>Points every tensor into a session's block.</summary>
    public void Bind(byte* block)
    {
        for (var i = 0; i < Values.Length; i++)
        {
            var root = _root[i];
            if (Graph.Values[root].Kind == ValueKind.Constant || IsKnownValue(root)) Values[i].Data = Values[root].Data;
            else Values[i].Data = block + _offset[root];
            if (Graph.Values[i].Kind != ValueKind.Constant && !IsKnownValue(i)) Values[i].Capacity = Values[i].Bytes;
        }

        foreach (var context in Contexts) context.Scratch = block + ScratchOffset;
        var own = block + _parallelOffset;
        foreach (var step in Parallel)
        {
            step.Bind(block + ScratchOffset + Arena.Round(_scratchBytes), own);
            own += step.OwnBytes;
        }
    }

    /// <summary>What a run does, in order: nodes, and groups of them that two threads share.</summary>
    public IEnumerable<(Operator Operator, NodeContext Context, int Node)> Steps()
    {
        for (var i = 0; i < Contexts.Length; i++)
        {
            if (Array.Find(Parallel, step => step.First == i) is { } parallel)
            {
                yield return (parallel, parallel.Context, i);
                i = parallel.Last;
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
    public void InferAgain()
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

        foreach (var (overwritten, by) in _overwrites)
        {
            if (Values[overwritten].Bytes < Values[by].Bytes) throw new ArgumentException($"'{Values[by].Name}' broadcasts '{Values[overwritten].Name}' at these sizes but not at the largest ones; make the session for other sizes.");
        }

        CheckStates();
    }

    /// <summary>Where the update of state <paramref name="state"/> waits, if it is the old content of another state, so that both can change at once.</summary>
    public long? StagingOffset(int state) => _staging[state];

    /// <summary>
    /// Where output <paramref name="output"/> is kept, if its memory is an input's or a state's, so that it stays as the run left
    /// it while the state moves on and the caller writes the next input.
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
    public int RootOf(int value) => _root[value];

    /// <summary>Where a state lies from the block's start on.</summary>
    public long StateOffset(int state) => _offset[Graph.States[state].Value];

    /// <summary>Index of the last node that reads each root, or the number of nodes where it must last until the next run.</summary>
    public int[] LastUses() => LastUses(_root);

    public bool IsKnownValue(int value) => Graph.Values[value].Kind == ValueKind.Computed && Values[value].IsKnown;

    public void Dispose()
    {
        _known.Dispose();
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
            nodes[i] = Array.TrueForAll(node.Inputs, input => input < 0 || isFixed[input]) && !Array.Exists(Parallel, step => step.First <= i && i <= step.Last);
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
            throw SizesException.Explain(Graph, MaxSizes, options.MaxSizes.Keys, fault, sizes =>
            {
                var trial = new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = options.MemoryLimitBytes, IsTrial = true };
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
                IsKnownNode[i] = FitsInference(node, context);
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
        if (node.Operator.ScratchBytes(context) > InferenceScratch) return false;
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

    private void CheckStates()
    {
        foreach (var state in Graph.States)
        {
            var now = Values[state.Value];
            var next = Values[state.Update];
            if (next.Format != TensorFormat.Dense || now.Type != next.Type || now.Count != next.Count)
                throw new SeqFormatException($"graph '{Graph.Name}': state '{state.Name}' is {now.Type.Name()} {now.Shape} and becomes {next.Type.Name()} {next.Shape}.");
            if (state.Initial >= 0 && (ModelTensors[state.Initial].Format != TensorFormat.Dense || ModelTensors[state.Initial].Type != now.Type || ModelTensors[state.Initial].Count != now.Count))
                throw new SeqFormatException($"graph '{Graph.Name}': the first content of state '{state.Name}' does not have its type and shape.");
        }
    }

    /// <summary>
    /// For each value the one whose memory it uses: itself, what it is a view of, or an input that its node may overwrite because
    /// nothing reads it afterwards.
    /// </summary>
    private (int[] Root, (int Overwritten, int By)[] Overwrites) FindRoots()
    {
        var root = Enumerable.Range(0, Values.Length).ToArray();
        var overwrites = new List<(int, int)>();
        for (var i = 0; i < Graph.Nodes.Length; i++)
        {
            var node = Graph.Nodes[i];
            if (IsViewNode[i] && node.Inputs.Length > 0 && node.Inputs[0] >= 0 && node.Outputs.Length > 0 && node.Outputs[0] >= 0)
                root[node.Outputs[0]] = root[node.Inputs[0]];
        }

        var lastUse = LastUses(root);
        for (var i = 0; i < Graph.Nodes.Length; i++)
        {
            var node = Graph.Nodes[i];
            if (IsKnownNode[i] || IsViewNode[i] || node.Outputs.Length != 1 || node.Outputs[0] < 0) continue;
            for (var n = 0; n < node.Inputs.Length; n++)
            {
                var input = node.Inputs[n];
                if (input < 0 || !node.Operator.CanOverwrite(n)) continue;
                var home = Home(root, input);
                var output = node.Outputs[0];
                if (IsReadElsewhere(root, node, n, home)) continue;
                if (lastUse[home] != i || Graph.Values[home].Kind != ValueKind.Computed || IsKnownValue(home) || Values[input].Bytes != Values[output].Bytes) continue;
                lastUse[home] = lastUse[output];
                root[output] = home;
                overwrites.Add((input, output));
                break;
            }
        }

        for (var i = 0; i < root.Length; i++) root[i] = Home(root, i);
        return (root, [.. overwrites]);
    }

    /// <summary>Whether another input of the node is the same memory, which it might still read after writing over it.</summary>
    private static bool IsReadElsewhere(int[] root, LoadedNode node, int input, int home)
    {
        for (var n = 0; n < node.Inputs.Length; n++)
        {
            if (n != input && node.Inputs[n] >= 0 && Home(root, node.Inputs[n]) == home) return true;
        }

        return false;
    }

    private static int Home(int[] root, int value)
    {
        while (root[value] != value) value = root[value];
        return value;
    }

    /// <summary>Index of the last node that reads each root, or the number of nodes where it must last until the next run.</summary>
    private int[] LastUses(int[] root)
    {
        var last = new int[Values.Length];
        Array.Fill(last, -1);
        for (var i = 0; i < Graph.Nodes.Length; i++)
        {
            // What two threads run together needs its memory until both are done.
            var end = Array.Find(Parallel, step => step.First <= i && i <= step.Last)?.Last ?? i;
            foreach (var value in Graph.Nodes[i].Inputs.Concat(Graph.Nodes[i].Outputs))
            {
                if (value >= 0) last[Home(root, value)] = end;
            }
        }

        foreach (var (i, node) in Graph.Nodes.Index())
        {
            foreach (var output in IsFixedNode[i] ? node.Outputs : [])
            {
                if (output >= 0) last[Home(root, output)] = Graph.Nodes.Length;
            }
        }

        foreach (var output in Graph.Outputs) last[Home(root, output)] = Graph.Nodes.Length;
        foreach (var state in Graph.States) last[Home(root, state.Update)] = Graph.Nodes.Length;
        return last;
    }

    private (long StateBytes, long Bytes) Place()
    {
        var arena = new Arena();
        foreach (var state in Graph.States) _offset[state.Value] = arena.Take(Values[state.Value].Bytes);
        var stateBytes = arena.Bytes;
        foreach (var input in Graph.Inputs) _offset[input] = arena.Take(Values[input].Bytes);

        for (var i = 0; i < _staging.Length; i++)
        {
            var home = _root[Graph.States[i].Update];
            if (home != Graph.States[i].Value && _isState[home]) _staging[i] = arena.Take(Values[home].Bytes);
        }

        for (var i = 0; i < _held.Length; i++)
        {
            var home = _root[Graph.Outputs[i]];
            if (Graph.Values[home].Kind == ValueKind.Shaped) _held[i] = arena.Take(Values[home].Bytes);
        }

        var last = LastUses(_root);
        var placed = new bool[Values.Length];
        var dying = new List<int>[Graph.Nodes.Length + 1];
        for (var i = 0; i < Graph.Nodes.Length; i++)
        {
            foreach (var output in Graph.Nodes[i].Outputs)
            {
                if (output < 0) continue;
                var root = _root[output];
                if (placed[root] || Graph.Values[root].Kind != ValueKind.Computed || IsKnownValue(root)) continue;
                placed[root] = true;
                _offset[root] = arena.Take(LargestBytes(root));
                (dying[last[root]] ??= []).Add(root);
            }

            foreach (var root in dying[i] ?? []) arena.Return(_offset[root], LargestBytes(root));
        }

        ScratchOffset = arena.Bytes;
        _scratchBytes = LargestScratch();
        if (Parallel.Length == 0) return (stateBytes, checked(arena.Bytes + Arena.Round(_scratchBytes)));
        foreach (var step in Parallel) _scratchBytes = Math.Max(_scratchBytes, step.EachScratchBytes);
        _parallelOffset = checked(arena.Bytes + 2 * Arena.Round(_scratchBytes));
        return (stateBytes, checked(_parallelOffset + Parallel.Sum(step => step.OwnBytes)));
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

    private long LargestScratch()
    {
        var largest = 0L;
        for (var i = 0; i < Contexts.Length; i++)
        {
            if (IsKnownNode[i]) continue;
            try
            {
                largest = Math.Max(largest, Graph.Nodes[i].Operator.ScratchBytes(Contexts[i]));
            }
            catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
            {
                throw At(i, fault);
            }
        }

        return largest;
    }

    /// <summary>Views and overwrites have their root's size, so the root's own is enough.</summary>
    private long LargestBytes(int root) => Values[root].Bytes;
}
