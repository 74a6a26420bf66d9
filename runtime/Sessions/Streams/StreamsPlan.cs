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
    private readonly StreamRows?[] _rows;
    private readonly long[] _offset;
    private long _scratchOffset;

    public StreamsPlan(SessionPlan one, KernelSet kernels, int capacity, long limit)
    {
        One = one;
        Capacity = capacity;
        try
        {
            var graph = one.Graph;
            _offset = new long[graph.Values.Length];
            _rows = new StreamRows?[graph.Values.Length];
            for (var i = 0; i < _rows.Length; i++)
            {
                if (IsOwn(i)) _rows[i] = new StreamRows(one.Values[one.RootOf(i)].Bytes);
            }

            for (var i = 0; i < _rows.Length; i++) _rows[i] = _rows[one.RootOf(i)];
            Nodes = [.. graph.Nodes.Index().Where(n => !one.IsKnownNode[n.Index] && !one.IsViewNode[n.Index]).Select(n => MakeNode(n.Item, n.Index, kernels))];
            States = Array.ConvertAll(graph.States, s => Slots(one.Values[s.Value]));
            Inputs = Array.ConvertAll(graph.Inputs, i => Slots(one.Values[i]));
            Outputs = Array.ConvertAll(graph.Outputs, i => Slots(one.Values[i]));
            Bytes = Place();
            if (Bytes + one.KnownBlockBytes > limit) throw SessionError.Memory(graph.Name, Bytes + one.KnownBlockBytes, limit);
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

    /// <summary>Nodes with weights that run stream after stream.</summary>
    public int SerialWeightNodes { get; private set; }

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
        foreach (var node in Nodes) node.Bind(block + _scratchOffset);
    }

    public void Dispose() => One.Dispose();

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
        if (MakeBatch(node, index, one, kernels) is { } batch) return batch;
        if (HasWeights(node)) SerialWeightNodes++;
        return new SerialNode(node.Operator, index, one, [.. node.Inputs.Concat(node.Outputs).Where(v => v >= 0 && _rows[v] is not null).Distinct().Select(v => (One.Values[v], _rows[v]!))]);
    }

    private bool HasWeights(LoadedNode node) =>
        node.Kind is OpKind.Linear or OpKind.MatMul or OpKind.Conv or OpKind.ConvTranspose or OpKind.Rnn or OpKind.Gru or OpKind.Lstm
        && Array.Exists(node.Inputs, i => i >= 0 && _rows[i] is null);

    /// <summary>The node over all streams, where a rule allows it and the operator infers the very shapes that the rule says.</summary>
    private BatchNode? MakeBatch(LoadedNode node, int index, NodeContext one, KernelSet kernels)
    {
        var isShared = Array.ConvertAll(node.Inputs, i => i < 0 || _rows[i] is null);
        if (StreamRules.Find(node, one, isShared) is not { } layouts) return null;
        var ports = new List<StreamPort>();
        try
        {
            var inputs = See(node.Inputs, layouts.Inputs, isOutput: false, ports);
            var outputs = See(node.Outputs, layouts.Outputs, isOutput: true, ports);
            var all = new NodeContext(kernels, inputs, outputs);
            var expected = Array.ConvertAll(outputs, o => o?.Shape);
            node.Operator.Infer(all);
            for (var o = 0; o < outputs.Length; o++)
            {
                if (outputs[o] is { } output && (!output.Shape.Equals(expected[o]!.Value) || output.Type != one.Output(o).Type)) return null;
            }

            return new BatchNode(node.Operator, index, all, [.. ports]);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            return null; // More elements than one tensor may have, for so many streams.
        }
    }

    private Tensor?[] See(int[] values, StreamLayout?[] layouts, bool isOutput, List<StreamPort> ports)
    {
        var seen = new Tensor?[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] < 0) continue;
            var one = One.Values[values[i]];
            if (layouts[i] is not { } layout)
            {
                seen[i] = one;
                continue;
            }

            var port = new StreamPort(one, _rows[values[i]] ?? Shared(one), layout, isOutput, Capacity);
            ports.Add(port);
            seen[i] = port.All;
        }

        return seen;
    }

    /// <summary>The same row for every stream.</summary>
    private static StreamRows Shared(Tensor one) => new(0) { Start = one.Data };

    private long Place()
    {
        var arena = new Arena();
        foreach (var slots in States.Concat(Inputs).Concat(Outputs)) slots.Offset = arena.Take(checked(slots.Bytes * Capacity));
        foreach (var value in One.Graph.States.Select(s => s.Value).Concat(One.Graph.Inputs)) _offset[value] = arena.Take(AllBytes(value));

        var last = One.LastUses();
        var placed = new bool[_rows.Length];
        var dying = new List<int>[One.Graph.Nodes.Length + 1];
        for (var i = 0; i < One.Graph.Nodes.Length; i++)
        {
            foreach (var output in One.Graph.Nodes[i].Outputs)
            {
                if (output < 0) continue;
                var root = One.RootOf(output);
                if (placed[root] || One.Graph.Values[root].Kind != ValueKind.Computed || _rows[root] is null) continue;
                placed[root] = true;
                _offset[root] = arena.Take(AllBytes(root));
                (dying[last[root]] ??= []).Add(root);
            }

            foreach (var root in dying[i] ?? []) arena.Return(_offset[root], AllBytes(root));
        }

        _scratchOffset = arena.Bytes;
        var scratch = 0L;
        foreach (var node in Nodes) scratch = Math.Max(scratch, node.ScratchBytes);
        return checked(arena.Bytes + Arena.Round(scratch));
    }

    private long AllBytes(int root) => checked(_rows[root]!.Bytes * Capacity);
}

/// <summary>Places of a state, input or output by slot.</summary>
internal sealed unsafe class SlotRows(Tensor one, long bytes)
{
    /// <summary>Name, type and shape of one stream's.</summary>
    public Tensor One { get; } = one;

    public long Bytes { get; } = bytes;

    public long Offset { get; set; }

    public byte* Start { get; set; }

    public byte* this[int slot] => Start + slot * Bytes;
}
