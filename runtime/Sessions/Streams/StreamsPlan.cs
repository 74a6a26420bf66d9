using SeqRuntime.Kernels;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Planning;

namespace SeqRuntime.Sessions.Streams;

/// <summary>
/// The plan of many streams in one block, computed before the block is allocated: every value of the graph has a row
/// for each stream, and every node runs over all rows.
/// </summary>
/// <remarks>
/// Layout of the block: first the rows of states, inputs and outputs, by slot; then the rows of a step: states and
/// inputs (used if the streams of a step are not neighbours), all other values, packed by lifetime; scratch.
/// The rows of a decoder (<see cref="GraphRows"/>) have slots for states only, and sources: fixed inputs and all that depends only on them have one row for
/// each source, which the nodes that compute it run over.
/// </remarks>
internal sealed unsafe class StreamsPlan
{
    /// <summary>Bytes recorded for each stream: whether it has joined, its last step, its place in a step.</summary>
    private const long NotedBytes = sizeof(bool) + sizeof(long) + sizeof(int);

    private readonly StreamRows?[] _rows;
    private readonly Places _places;
    private readonly SeqSessionOptions _limits;
    private readonly SourceOfRow? _sourceOfRow;
    private readonly int _sources;
    private readonly long _scratchBytes;
    private readonly long _scratchOffset;

    /// <exception cref="ArgumentException">The graph does not fit together at its largest sizes, keeps caches, or the limit of memory or of work is exceeded.</exception>
    /// <exception cref="SeqFormatException">The graph is not valid at any sizes.</exception>
    /// <param name="graph">The graph.</param>
    /// <param name="tensors">The model's constants.</param>
    /// <param name="kernels">The kernels of all nodes.</param>
    /// <param name="capacity">Most streams, or rows of a decoder.</param>
    /// <param name="options">Largest sizes and limits; of a decoder also the inputs of a source.</param>
    /// <param name="sources">Most sources of a decoder's rows; null for streams.</param>
    public StreamsPlan(LoadedGraph graph, Tensor[] tensors, KernelSet kernels, int capacity, SeqSessionOptions options, int? sources = null)
    {
        (Capacity, _sources) = (capacity, sources ?? 0);
        _limits = new SeqSessionOptions
        {
            MaxSizes = options.MaxSizes,
            MemoryLimitBytes = options.MemoryLimitBytes,
            WorkLimit = options.WorkLimit,
            FixedInputs = sources is null ? [] : options.FixedInputs,
            SharesMemory = sources is null || options.SharesMemory,
        };
        One = new GraphPlan(graph, tensors, kernels, _limits);
        if (One.Caches.Symbols is [var cache, ..]) throw SessionError.NoStreamsOfCaches(graph.Name, One.Caches.NameOf(cache));
        if (_limits.FixedInputs.Count > 0)
        {
            if ((long)capacity * sizeof(int) > options.MemoryLimitBytes) throw SessionError.StreamsMemory(graph.Name, capacity, (double)capacity * sizeof(int), options.MemoryLimitBytes);
            _sourceOfRow = new SourceOfRow(capacity);
        }

        var isOfSource = FindValuesOfSources();
        _rows = new StreamRows?[graph.Values.Length];
        for (var i = 0; i < _rows.Length; i++)
        {
            if (!One.IsStill(i)) _rows[i] = new StreamRows(isOfSource[One.RootOf(i)] ? _sourceOfRow : null) { Bytes = One.Values[One.RootOf(i)].Bytes };
        }

        for (var i = 0; i < _rows.Length; i++) _rows[i] = _rows[One.RootOf(i)];
        int[] run = [.. One.RunOrder.Where(i => !One.IsKnownNode[i] && !One.IsViewNode[i])];
        Nodes = Array.ConvertAll(run, i => MakeNode(graph.Nodes[i], i, kernels));
        FixedNodes = run.Count(i => One.IsFixedNode[i]);
        _places = new Places(One, root => All(_rows[root]!.Bytes, _rows[root]!.IsOfSource ? _sources : capacity));
        States = Array.ConvertAll(graph.States, s => Place(One.Values[s.Value]));
        Inputs = sources is null ? Array.ConvertAll(graph.Inputs, i => Place(One.Values[i])) : [];
        Outputs = sources is null ? Array.ConvertAll(graph.Outputs, i => Place(One.Values[i])) : [];
        foreach (var state in graph.States) _places.Keep(state.Value);
        foreach (var input in graph.Inputs) _places.Keep(input);
        _places.Pack();
        _scratchBytes = One.ScratchBytes; // For nodes that must run stream after stream at other sizes.
        foreach (var node in Nodes) _scratchBytes = Math.Max(_scratchBytes, node.ScratchBytes);
        _scratchOffset = _places.Reserve(_scratchBytes);
        if (TotalBytes > options.MemoryLimitBytes) throw SessionError.StreamsMemory(graph.Name, capacity, TotalBytes, options.MemoryLimitBytes);
        One.CheckStateBytes();
        CheckWork();
    }

    /// <summary>The graph, for one stream.</summary>
    public GraphPlan One { get; }

    /// <summary>Most streams.</summary>
    public int Capacity { get; }

    public StreamNode[] Nodes { get; }

    /// <summary>Number of nodes, the first, that run over sources.</summary>
    public int FixedNodes { get; }

    /// <summary>The source of each row of a step; null where no value is shared by rows.</summary>
    public SourceOfRow? SourceOfRow => _sourceOfRow;

    /// <summary>Places of each state by slot.</summary>
    public SlotRows[] States { get; }

    public SlotRows[] Inputs { get; }

    public SlotRows[] Outputs { get; }

    /// <summary>Bytes of the block.</summary>
    public long Bytes => _places.Bytes;

    /// <summary>All bytes: the block, the plan, and the record of each stream.</summary>
    public long TotalBytes => Bytes + One.KnownBlockBytes + 2 * One.ObjectBytes + Capacity * NotedBytes;

    /// <summary>Whether every node with weights computes all streams at once, at the current sizes.</summary>
    public bool IsBatched => Array.TrueForAll(Nodes, node => node.IsTogether || !node.HasWeights);

    /// <summary>Whether some state takes another state's old content, which must then last until all states are copied.</summary>
    public bool ExchangesStates => Array.Exists(One.Graph.States, s => One.RootOf(s.Update) != s.Value && Array.Exists(One.Graph.States, other => other.Value == One.RootOf(s.Update)));

    /// <summary>Rows of a value in a step, or null if all streams share it.</summary>
    public StreamRows? RowsOf(int value) => _rows[value];

    /// <summary>Points everything into a block.</summary>
    public void Bind(byte* block)
    {
        One.BindStill();
        for (var i = 0; i < _rows.Length; i++) _rows[i]?.Place(block + _places[i]);
        foreach (var slots in States.Concat(Inputs).Concat(Outputs)) slots.Start = block + slots.Offset;
        foreach (var node in Nodes) node.Bind(block + _scratchOffset, _scratchBytes);
    }

    /// <summary>Sets input and state shapes from the sizes of the symbols.</summary>
    public void SetShapes(ReadOnlySpan<int> sizes)
    {
        One.SetShapes(sizes);
        foreach (var slots in States) slots.Bytes = slots.One.Bytes;
        foreach (var slots in Inputs) slots.Bytes = slots.One.Bytes;
    }

    /// <summary>Infers all shapes again within the memory planned for the largest sizes; smaller rows lie closer together. Allocates nothing.</summary>
    public void InferAgain()
    {
        One.InferAgain();
        CheckWork();
        for (var i = 0; i < _rows.Length; i++)
        {
            if (_rows[i] is not { } rows) continue;
            var root = One.Values[One.RootOf(i)];
            if (One.Values[i].Bytes != root.Bytes)
                throw new ArgumentException($"graph '{One.Graph.Name}': '{One.Values[i].Name}' and '{root.Name}' share memory at the largest sizes, but differ in size at these sizes. Create the streams with other MaxSizes.");
            rows.Bytes = root.Bytes;
        }

        foreach (var node in Nodes) node.Fit();
    }

    private void CheckWork()
    {
        if (One.Work * Capacity > _limits.WorkLimit) throw SessionError.Work($"A step of {Capacity} streams of graph '{One.Graph.Name}'", One.Work * Capacity, _limits.WorkLimit);
    }

    /// <summary>For each root: whether it has one row for each source.</summary>
    private bool[] FindValuesOfSources()
    {
        var graph = One.Graph;
        var isOfSource = new bool[graph.Values.Length];
        foreach (var input in graph.Inputs) isOfSource[input] = _limits.FixedInputs.Contains(One.Values[input].Name);
        for (var i = 0; i < graph.Nodes.Length; i++)
        {
            foreach (var output in graph.Nodes[i].Outputs)
            {
                if (output >= 0 && One.IsFixedNode[i]) isOfSource[One.RootOf(output)] = true;
            }
        }

        return isOfSource;
    }

    private SlotRows Place(Tensor one) => new(one) { Offset = _places.Reserve(All(one.Bytes, Capacity)) };

    private StreamNode MakeNode(LoadedNode node, int index, KernelSet kernels)
    {
        var one = One.Contexts[index];
        (Tensor, StreamRows)[] own = [.. node.Inputs.Concat(node.Outputs).Where(v => v >= 0 && _rows[v] is not null).Distinct().Select(v => (One.Values[v], _rows[v]!))];
        var alone = new SerialNode(node.Operator, index, one, own) { HasWeights = HasWeights(node) };
        return MakeBatch(node, one, alone, kernels) is { IsTogether: true } batch ? batch : alone;
    }

    private bool HasWeights(LoadedNode node) => node.Operator.Multiplies(node.Inputs.Length) && Array.Exists(node.Inputs, i => i >= 0 && _rows[i] is null);

    /// <summary>The node for all streams at once, if its operator allows that at the largest sizes.</summary>
    private BatchNode? MakeBatch(LoadedNode node, NodeContext one, SerialNode alone, KernelSet kernels)
    {
        var isShared = Array.ConvertAll(node.Inputs, i => i < 0 || _rows[i] is null);
        var (inputLayouts, outputLayouts) = (new BatchLayout?[node.Inputs.Length], new BatchLayout?[node.Outputs.Length]);
        if (!Batching.Find(node.Operator, one, isShared, inputLayouts, outputLayouts)) return null;
        var isFixed = One.IsFixedNode[alone.Index];
        var (inputs, outputs) = (Ports(node.Inputs, inputLayouts, isOutput: false, isFixed), Ports(node.Outputs, outputLayouts, isOutput: true, isFixed));
        var all = new NodeContext(kernels, Seen(node.Inputs, inputs), Seen(node.Outputs, outputs));
        return new BatchNode(node.Operator, one, isShared, inputs, outputs, all, alone) { HasWeights = alone.HasWeights };
    }

    private StreamPort?[] Ports(int[] values, BatchLayout?[] layouts, bool isOutput, bool isFixed) =>
        [.. values.Select((value, i) => value < 0 || layouts[i] is null ? null : new StreamPort(One.Values[value], _rows[value], isOutput, isFixed ? _sources : Capacity, !isFixed && _rows[value] is { IsOfSource: true }))];

    private Tensor?[] Seen(int[] values, StreamPort?[] ports) => [.. values.Select((value, i) => value < 0 ? null : ports[i]?.All ?? One.Values[value])];

    /// <summary>Bytes for all streams or sources; refused if they are too many.</summary>
    private long All(long bytes, int count)
    {
        const double most = 1L << 50;
        return (double)bytes * count <= most ? bytes * count : throw SessionError.StreamsMemory(One.Graph.Name, Capacity, (double)bytes * count, _limits.MemoryLimitBytes);
    }
}

/// <summary>Places of a state, input or output by slot.</summary>
internal sealed unsafe class SlotRows(Tensor one)
{
    /// <summary>Name, type and shape of one stream's.</summary>
    public Tensor One { get; } = one;

    /// <summary>Bytes of one slot, at the current sizes.</summary>
    public long Bytes { get; set; } = one.Bytes;

    public long Offset { get; init; }

    public byte* Start { get; set; }

    public byte* this[int slot] => Start + slot * Bytes;
}
