using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Streams;

/// <summary>
/// What many streams of one graph need, worked out from the plan of one before any memory is allocated: every value has a row for
/// each stream, every node runs over all rows.
/// </summary>
/// <remarks>
/// Layout of the block: by slot, states, inputs and outputs, each value's rows one after the other; then rows of a step: states and
/// inputs (used where the streams of a step are not neighbours), all other values, packed by when they live; scratch.
/// </remarks>
internal sealed unsafe class StreamsPlan : IDisposable
{
    /// <summary>Bytes that are noted of each stream: whether it has joined, when it last stepped, its place in a step.</summary>
    private const long NotedBytes = sizeof(bool) + sizeof(long) + sizeof(int);

    private readonly StreamRows?[] _rows;
    private readonly long[] _offset;
    private readonly long _limit;
    private readonly long _workLimit;
    private long _scratchOffset;
    private long _scratchBytes;

    public StreamsPlan(SessionPlan one, KernelSet kernels, int capacity, long limit, long workLimit)
    {
        One = one;
        Capacity = capacity;
        (_limit, _workLimit) = (limit, workLimit);
        try
        {
            var graph = one.Graph;
            if (one.Caches.Symbols is [var cache, ..]) throw SessionError.NoStreamsOfCaches(graph.Name, one.Caches.NameOf(cache));
            _offset = new long[graph.Values.Length];
            _rows = new StreamRows?[graph.Values.Length];
            for (var i = 0; i < _rows.Length; i++)
            {
                if (IsOwn(i)) _rows[i] = new StreamRows { Bytes = one.Values[one.RootOf(i)].Bytes };
            }

            for (var i = 0; i < _rows.Length; i++) _rows[i] = _rows[one.RootOf(i)];
            Nodes = [.. one.RunOrder.Where(i => !one.IsKnownNode[i] && !one.IsViewNode[i]).Select(i => MakeNode(graph.Nodes[i], i, kernels))];
            States = Array.ConvertAll(graph.States, s => Slots(one.Values[s.Value]));
            Inputs = Array.ConvertAll(graph.Inputs, i => Slots(one.Values[i]));
            Outputs = Array.ConvertAll(graph.Outputs, i => Slots(one.Values[i]));
            Bytes = Place();
            if (TotalBytes > limit) throw SessionError.StreamsMemory(graph.Name, capacity, TotalBytes, limit);
            CheckWork();
        }
        catch
        {
            one.Dispose();
            throw;
        }
    }

    /// <summary>The plan of one stream.</summary>
    public SessionPlan One { get; }

    /// <summary>Most streams.</summary>
    public int Capacity { get; }

    public StreamNode[] Nodes { get; }

    /// <summary>Places of each state by slot.</summary>
    public SlotRows[] States { get; }

    public SlotRows[] Inputs { get; }

    public SlotRows[] Outputs { get; }

    /// <summary>Bytes of the block.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of everything: with the plan's own, and what is noted of each stream.</summary>
    public long TotalBytes => Bytes + One.KnownBlockBytes + 2 * One.ObjectBytes + Capacity * NotedBytes;

    /// <summary>Whether every node with weights computes all streams in one go, at the current sizes.</summary>
    public bool IsBatched => Array.TrueForAll(Nodes, node => node.IsTogether || !node.HasWeights);

    /// <summary>Whether some state becomes another state's old content, which must then last until all have been copied.</summary>
    public bool ExchangesStates => Array.Exists(One.Graph.States, s => One.RootOf(s.Update) != s.Value && Array.Exists(One.Graph.States, other => other.Value == One.RootOf(s.Update)));

    /// <summary>Rows of a value in a step, or null where all streams share it.</summary>
    public StreamRows? RowsOf(int value) => _rows[value];

    /// <summary>Points everything into a block.</summary>
    public void Bind(byte* block)
    {
        for (var i = 0; i < _rows.Length; i++)
        {
            if (_rows[i] is { } rows) rows.Place(block + _offset[One.RootOf(i)]);
            else if (One.RootOf(i) != i) One.Values[i].Data = One.Values[One.RootOf(i)].Data;
        }

        foreach (var slots in States.Concat(Inputs).Concat(Outputs)) slots.Start = block + slots.Offset;
        for (var i = 0; i < One.Values.Length; i++)
        {
            if (One.Graph.Values[i].Kind != ValueKind.Constant && !One.IsKnownValue(i)) One.Values[i].Capacity = One.Values[i].Bytes;
        }

        foreach (var node in Nodes) node.Bind(block + _scratchOffset, _scratchBytes);
    }

    /// <summary>Sets input and state shapes from the sizes of the symbols.</summary>
    public void SetShapes(ReadOnlySpan<int> sizes)
    {
        One.SetShapes(sizes);
        foreach (var slots in States) slots.Bytes = slots.One.Bytes;
        foreach (var slots in Inputs) slots.Bytes = slots.One.Bytes;
    }

    /// <summary>Infers all shapes again in memory that was planned for the largest ones, where rows then lie closer. Allocates nothing.</summary>
    public void InferAgain()
    {
        One.InferAgain();
        CheckWork();
        for (var i = 0; i < _rows.Length; i++)
        {
            if (_rows[i] is not { } rows) continue;
            var root = One.Values[One.RootOf(i)];
            if (One.Values[i].Bytes != root.Bytes)
                throw new ArgumentException($"graph '{One.Graph.Name}': '{One.Values[i].Name}' takes less memory than '{root.Name}' at these sizes but not at the largest ones; make the streams for other sizes.");
            rows.Bytes = root.Bytes;
        }

        foreach (var node in Nodes) node.Fit();
    }

    public void Dispose() => One.Dispose();

    private void CheckWork()
    {
        if (One.Work * Capacity > _workLimit) throw SessionError.Work($"graph '{One.Graph.Name}': a step of {Capacity} streams", One.Work * Capacity, _workLimit);
    }

    private static SlotRows Slots(Tensor one) => new(one, one.Bytes);

    /// <summary>Whether a value differs from stream to stream.</summary>
    private bool IsOwn(int value)
    {
        var root = One.RootOf(value);
        return One.Graph.Values[root].Kind != ValueKind.Constant && !One.IsKnownValue(root);
    }

    private StreamNode MakeNode(LoadedNode node, int index, KernelSet kernels)
    {
        var one = One.Contexts[index];
        (Tensor, StreamRows)[] own = [.. node.Inputs.Concat(node.Outputs).Where(v => v >= 0 && _rows[v] is not null).Distinct().Select(v => (One.Values[v], _rows[v]!))];
        var alone = new SerialNode(node.Operator, index, one, own) { HasWeights = HasWeights(node) };
        return MakeBatch(node, one, alone, kernels) is { IsTogether: true } batch ? batch : alone;
    }

    private bool HasWeights(LoadedNode node) => node.Operator.Multiplies(node.Inputs.Length) && Array.Exists(node.Inputs, i => i >= 0 && _rows[i] is null);

    /// <summary>The node over all streams, where its operator allows that at the largest sizes.</summary>
    private BatchNode? MakeBatch(LoadedNode node, NodeContext one, SerialNode alone, KernelSet kernels)
    {
        var isShared = Array.ConvertAll(node.Inputs, i => i < 0 || _rows[i] is null);
        var (inputLayouts, outputLayouts) = (new BatchLayout?[node.Inputs.Length], new BatchLayout?[node.Outputs.Length]);
        if (!Batching.Find(node.Operator, one, isShared, inputLayouts, outputLayouts)) return null;
        var (inputs, outputs) = (Ports(node.Inputs, inputLayouts, isOutput: false), Ports(node.Outputs, outputLayouts, isOutput: true));
        var all = new NodeContext(kernels, Seen(node.Inputs, inputs), Seen(node.Outputs, outputs));
        return new BatchNode(node.Operator, one, isShared, inputs, outputs, all, alone) { HasWeights = alone.HasWeights };
    }

    private StreamPort?[] Ports(int[] values, BatchLayout?[] layouts, bool isOutput) =>
        [.. values.Select((value, i) => value < 0 || layouts[i] is null ? null : new StreamPort(One.Values[value], _rows[value], isOutput, Capacity))];

    private Tensor?[] Seen(int[] values, StreamPort?[] ports) => [.. values.Select((value, i) => value < 0 ? null : ports[i]?.All ?? One.Values[value])];

    private long Place()
    {
        var arena = new Arena();
        foreach (var slots in States.Concat(Inputs).Concat(Outputs)) slots.Offset = arena.Take(All(slots.Bytes));
        foreach (var value in One.Graph.States.Select(s => s.Value).Concat(One.Graph.Inputs)) _offset[value] = arena.Take(AllBytes(value));

        One.Lifetimes.Place(arena, _offset, AllBytes);
        _scratchBytes = One.ScratchBytes; // For nodes that must run stream after stream at other sizes.
        foreach (var node in Nodes) _scratchBytes = Math.Max(_scratchBytes, node.ScratchBytes);
        _scratchOffset = arena.TakeNew(_scratchBytes);
        return arena.Bytes;
    }

    private long AllBytes(int root) => All(_rows[root]!.Bytes);

    /// <summary>Bytes for all streams, where so many can be.</summary>
    private long All(long bytes)
    {
        const double most = 1L << 50;
        return (double)bytes * Capacity <= most ? bytes * Capacity : throw SessionError.StreamsMemory(One.Graph.Name, Capacity, (double)bytes * Capacity, _limit);
    }
}

/// <summary>Places of a state, input or output by slot.</summary>
internal sealed unsafe class SlotRows(Tensor one, long bytes)
{
    /// <summary>Name, type and shape of one stream's.</summary>
    public Tensor One { get; } = one;

    /// <summary>Bytes of one slot, at the current sizes.</summary>
    public long Bytes { get; set; } = bytes;

    public long Offset { get; set; }

    public byte* Start { get; set; }

    public byte* this[int slot] => Start + slot * Bytes;
}
