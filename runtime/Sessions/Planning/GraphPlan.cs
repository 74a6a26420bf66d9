using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// The plan of a graph at its largest sizes, before its values have places: their shapes, the nodes to run and their order, and which memory each value
/// uses and until when. Sessions and streams then place the values in different ways (<see cref="Places"/>).
/// </summary>
internal class GraphPlan
{
    /// <summary>Approximate managed bytes of a value or a node. They matter only for hostile files with millions of nodes.</summary>
    private const long BytesOfObject = 400;
    private const int UncountedObjects = 1 << 12;

    private readonly Inference _inference;
    private readonly KernelSet _kernels;
    private readonly long _workLimit;
    private readonly int[] _groupOf;
    private readonly long[] _stateOffset;

    public GraphPlan(LoadedGraph graph, Tensor[] tensors, KernelSet kernels, SeqSessionOptions options)
    {
        (Graph, ModelTensors, SharesMemory) = (graph, tensors, options.SharesMemory);
        (_kernels, _workLimit) = (kernels, options.WorkLimit);
        Caches = Caches.Of(graph);
        MaxSizes = LargestSizes(graph, options.MaxSizes);
        ObjectBytes = Math.Max(graph.Values.Length + (long)graph.Nodes.Length - UncountedObjects, 0) * BytesOfObject;
        if (ObjectBytes > options.MemoryLimitBytes) throw SessionError.Memory(graph.Name, ObjectBytes, options.MemoryLimitBytes);
        _inference = new Inference(graph, tensors, Caches, kernels, options.MemoryLimitBytes);
        InferAtLargest(options);
        IsViewNode = new bool[Contexts.Length];
        for (var i = 0; i < IsViewNode.Length; i++) IsViewNode[i] = SharesMemory && !IsKnownNode[i] && graph.Nodes[i].Operator.IsViewAt(Contexts[i]);
        CheckWork();

        (var order, Groups) = options.Threads > 1 ? ParallelGroups.Find(graph, Contexts, IsViewNode) : ([.. Enumerable.Range(0, Contexts.Length)], []);
        _groupOf = GroupsOfNodes(order);
        IsFixedNode = FindFixedNodes(options.FixedInputs);
        RunOrder = [.. order.Where(i => IsFixedNode[i]), .. order.Where(i => !IsFixedNode[i])];
        Lifetimes = new Lifetimes(this);
        for (var i = 0; i < Contexts.Length; i++) ScratchBytes = Math.Max(ScratchBytes, IsKnownNode[i] ? 0 : ScratchOf(i));

        _stateOffset = new long[graph.States.Length];
        for (var i = 0; i < _stateOffset.Length; i++)
        {
            _stateOffset[i] = StateBytes;
            StateBytes = checked(StateBytes + Arena.Round(Values[graph.States[i].Value].Bytes));
        }
    }

    public LoadedGraph Graph { get; }

    public Tensor[] ModelTensors { get; }

    public Tensor[] Values => _inference.Values;

    public NodeContext[] Contexts => _inference.Contexts;

    public int[] MaxSizes { get; }

    /// <summary>False gives every value its own memory.</summary>
    public bool SharesMemory { get; }

    /// <summary>The growing states.</summary>
    public Caches Caches { get; }

    /// <summary>Nodes that run during shape inference only.</summary>
    public bool[] IsKnownNode => _inference.IsKnownNode;

    /// <summary>Nodes whose output 0 is a view of their input 0.</summary>
    public bool[] IsViewNode { get; }

    /// <summary>Nodes whose outputs depend only on fixed inputs. They run once; outputs that other nodes read keep their memory from run to run.</summary>
    public bool[] IsFixedNode { get; }

    /// <summary>Node indices in the order of running: fixed nodes before all others. Shapes are inferred in the graph's order.</summary>
    public int[] RunOrder { get; }

    /// <summary>Recurrent layers that two threads run together, lowest first. In <see cref="RunOrder"/> only views lie between them.</summary>
    public int[][] Groups { get; }

    /// <summary>For each value: whose memory it uses, and until when.</summary>
    public Lifetimes Lifetimes { get; }

    /// <summary>Bytes of all saved states.</summary>
    public long StateBytes { get; }

    /// <summary>Bytes of the block of known values.</summary>
    public long KnownBlockBytes => _inference.BlockBytes;

    /// <summary>Bytes of the objects for values and nodes, counted if there are unusually many.</summary>
    public long ObjectBytes { get; }

    /// <summary>Operations of a run at the current sizes (<see cref="Operator.Work"/>).</summary>
    public double Work { get; private set; }

    /// <summary>Bytes of scratch: the most that one node needs.</summary>
    public long ScratchBytes { get; protected init; }

    /// <summary>Sets input and state shapes from the sizes of the symbols.</summary>
    public void SetShapes(ReadOnlySpan<int> sizes) => _inference.SetShapes(sizes);

    /// <summary>Infers all shapes again, within the memory planned for the largest sizes. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit together at these sizes, or not into the planned memory.</exception>
    public void InferAgain()
    {
        try
        {
            _inference.InferAgain(IsViewNode, ScratchBytes);
            foreach (var (overwritten, by) in Lifetimes.Overwrites)
            {
                if (Values[overwritten].Bytes < Values[by].Bytes) throw new ArgumentException($"'{Values[by].Name}' is larger than '{Values[overwritten].Name}', which it overwrites, at these sizes but not at the largest sizes. Create the session with other MaxSizes.");
            }

            _inference.CheckStates();
            CheckWork();
        }
        catch (SeqFormatException fault)
        {
            // The graph was valid at the largest sizes.
            throw new ArgumentException(fault.Message, fault);
        }
    }

    /// <exception cref="ArgumentException">The states take more bytes than can be saved.</exception>
    public void CheckStateBytes()
    {
        if (StateBytes > int.MaxValue - StateMark.Bytes) throw new ArgumentException($"The states of graph '{Graph.Name}' take {StateBytes} bytes; the limit is {int.MaxValue - StateMark.Bytes}.");
    }

    /// <summary>Offset of a state among the saved states.</summary>
    public long StateOffset(int state) => _stateOffset[state];

    /// <summary>Whether states have the same places as in <paramref name="other"/>, a plan of the same graph. They differ if the largest sizes differ.</summary>
    public bool HasStatesOf(GraphPlan other) => StateBytes == other.StateBytes && _stateOffset.AsSpan().SequenceEqual(other._stateOffset);

    /// <summary>The value whose memory a value uses: the value itself, the value it is a view of, or the value that its node overwrites.</summary>
    public int RootOf(int value) => Lifetimes.RootOf(value);

    /// <summary>The group of layers of a node that two threads run together, or null.</summary>
    public int[]? GroupOf(int node) => _groupOf[node] < 0 ? null : Groups[_groupOf[node]];

    /// <summary>Whether runs never change a value: a constant, or a value computed from shapes. Its memory belongs to the model or the plan.</summary>
    public bool IsStill(int value) => Graph.Values[RootOf(value)].Kind == ValueKind.Constant || IsKnownValue(RootOf(value));

    public bool IsKnownValue(int value) => Graph.Values[value].Kind == ValueKind.Computed && Values[value].IsKnown;

    /// <summary>Whether runs compute a value.</summary>
    public bool IsComputed(int value) => Graph.Values[value].Kind == ValueKind.Computed && !Values[value].IsKnown;

    /// <summary>Points views of unchanging values to those values, and records the capacity of the other values.</summary>
    public unsafe void BindStill()
    {
        for (var i = 0; i < Values.Length; i++)
        {
            if (IsStill(i)) Values[i].Data = Values[RootOf(i)].Data;
            if (Graph.Values[i].Kind != ValueKind.Constant && !IsKnownValue(i)) Values[i].Capacity = Values[i].Bytes;
        }
    }

    private static int[] LargestSizes(LoadedGraph graph, IDictionary<string, int> given)
    {
        foreach (var name in given.Keys)
        {
            if (Array.IndexOf(graph.Symbols, name) < 0)
                throw new ArgumentException($"Graph '{graph.Name}' has no symbolic dimension '{name}'; it has: {(graph.Symbols.Length == 0 ? "none" : string.Join(", ", graph.Symbols))}.");
        }

        var sizes = new int[graph.Symbols.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            sizes[i] = given.TryGetValue(graph.Symbols[i], out var size) ? size : Math.Max(graph.MostSteps(i), 1);
            if (sizes[i] < 1) throw SessionError.LargestSize(graph.Name, graph.Symbols[i], sizes[i]);
        }

        return sizes;
    }

    private void InferAtLargest(SeqSessionOptions options)
    {
        try
        {
            SetShapes(MaxSizes);
            _inference.InferFirst();
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

    private int[] GroupsOfNodes(int[] order)
    {
        var group = new int[order.Length];
        Array.Fill(group, -1);
        for (var i = 0; i < Groups.Length; i++)
        {
            var (first, last) = (Array.IndexOf(order, Groups[i][0]), Array.IndexOf(order, Groups[i][^1]));
            foreach (var node in order.AsSpan(first, last - first + 1)) group[node] = i;
        }

        return group;
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
            nodes[i] = Array.TrueForAll(node.Inputs, input => input < 0 || isFixed[input]) && GroupOf(i) is null;
            foreach (var output in node.Outputs)
            {
                if (output >= 0) isFixed[output] = nodes[i] || IsKnownNode[i];
            }
        }

        return nodes;
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
        if (!(all <= _workLimit)) throw SessionError.Work($"A run of graph '{Graph.Name}' (most of it in node '{Graph.Nodes[heaviest].Name}', {Graph.Nodes[heaviest].Kind})", all, _workLimit);
    }

    private long ScratchOf(int node)
    {
        try
        {
            return Graph.Nodes[node].Operator.ScratchBytes(Contexts[node]);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
        {
            throw Graph.At(node, fault);
        }
    }
}
