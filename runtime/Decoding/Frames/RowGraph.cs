namespace SeqRuntime.Decoding;

/// <summary>
/// A graph that hypotheses go through in rows: all in one batch where its first input has a symbolic dimension, else one by one.
/// States and outputs of a hypothesis are kept in a numbered slot.
/// </summary>
internal sealed class RowGraph : IDisposable
{
    private readonly Port[] _states;
    private readonly Port[] _outputs;
    private readonly int[] _inputBlocks;
    private readonly string? _batch;
    private int _rows;

    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="first">Input whose symbolic dimension, if it has one, counts hypotheses.</param>
    /// <param name="width">Hypotheses at once.</param>
    /// <param name="slots">Hypotheses whose states and outputs are kept.</param>
    /// <param name="workLimit">Of the session.</param>
    /// <param name="memory">Of the decoder.</param>
    public RowGraph(SeqModel model, SeqGraphInfo graph, string first, int width, int slots, long workLimit, DecoderMemory memory)
    {
        Graph = graph;
        var input = graph.Inputs.FirstOrDefault(i => i.Name == first) ?? throw new ArgumentException($"The graph '{graph.Name}' has no input '{first}', which the metadata name.");
        _batch = input.Dimensions!.FirstOrDefault(d => d.Symbol is not null).Symbol;
        MaxRows = _batch is null ? 1 : width;
        var sizes = new SeqSessionOptions { MemoryLimitBytes = memory.Left, WorkLimit = workLimit };
        if (_batch is not null) sizes.MaxSizes[_batch] = MaxRows;
        Session = memory.Session(model, graph.Name, sizes, $"the hypotheses are {nameof(FrameDecoderOptions.BeamWidth)} = {width}");
        try
        {
            _states = [.. graph.States.Select((s, i) => MakePort(s.Name, Session.States[i].Type, i, slots, StateShape, memory))];
            _outputs = [.. graph.Outputs.Select((o, i) => MakePort(o.Name, Session.Outputs[i].Type, i, slots, OutputShape, memory))];
            _inputBlocks = [.. graph.Inputs.Select((v, i) => MakePort(v.Name, Session.Inputs[i].Type, i, 0, InputShape, memory).Block)];
            SetRows(1);
        }
        catch
        {
            Session.Dispose();
            throw;
        }
    }

    public SeqGraphInfo Graph { get; }

    public SeqSession Session { get; }

    /// <summary>Rows of a run at most.</summary>
    public int MaxRows { get; }

    public void SetRows(int rows)
    {
        _rows = rows;
        if (_batch is not null) Session.SetSize(_batch, rows);
    }

    /// <summary>Keeps the states as they are at the start.</summary>
    public void SaveFirst(int slot)
    {
        SetRows(1);
        Session.ResetState();
        foreach (var state in _states) Move(Session.StateContent(state.Index), 1, 0, state.Slot(slot), 1, 0, state.Block);
    }

    /// <summary>Brings a slot's states into a row.</summary>
    public void LoadStates(int slot, int row)
    {
        foreach (var state in _states) Move(state.Slot(slot), 1, 0, Session.StateContent(state.Index), _rows, row, state.Block);
    }

    /// <summary>Keeps a row's states and outputs in a slot.</summary>
    public void SaveRow(int row, int slot)
    {
        foreach (var state in _states) Move(Session.StateContent(state.Index), _rows, row, state.Slot(slot), 1, 0, state.Block);
        foreach (var output in _outputs) Move(Session.OutputBytes(output.Index), _rows, row, output.Slot(slot), 1, 0, output.Block);
    }

    /// <summary>Bytes of an output that a slot keeps.</summary>
    public ReadOnlySpan<byte> Output(int index, int slot) => _outputs[index].Slot(slot);

    /// <summary>Puts bytes into a row of an input.</summary>
    public void SetInput(int input, int row, ReadOnlySpan<byte> bytes)
    {
        var to = Session.InputBytes(input);
        if ((long)bytes.Length * _rows != to.Length) throw new ArgumentException($"{bytes.Length} bytes are to fill a row of '{Session.Inputs[input].Name}' of the graph '{Graph.Name}', which has {to.Length / _rows}.");
        Move(bytes, 1, 0, to, _rows, row, _inputBlocks[input]);
    }

    public void Dispose() => Session.Dispose();

    /// <summary>Moves one row of a value that holds several along an axis; a block is what lies behind the axis.</summary>
    private static void Move(ReadOnlySpan<byte> from, int fromRows, int fromRow, Span<byte> to, int toRows, int toRow, int block)
    {
        for (int source = fromRow * block, target = toRow * block; source < from.Length && target < to.Length; source += fromRows * block, target += toRows * block)
            from.Slice(source, block).CopyTo(to[target..]);
    }

    private int[] InputShape(int index) => Session.Inputs[index].Shape.ToArray();

    private int[] OutputShape(int index) => Session.Outputs[index].Shape.ToArray();

    private int[] StateShape(int index) => Session.States[index].Shape.ToArray();

    /// <summary>Looks which dimension of a value grows with the rows.</summary>
    private Port MakePort(string name, ElementType type, int index, int slots, Func<int, int[]> shape, DecoderMemory memory)
    {
        if (slots > 0 && type.Size() != sizeof(float)) throw new ArgumentException($"'{name}' of the graph '{Graph.Name}' is {type}; float32 or int32 are needed between hypotheses.");
        SetRows(1);
        var one = shape(index);
        var bytes = BlockOf(name, one, type);
        var kept = memory.Array<byte>("states and outputs of hypotheses", slots, bytes);
        if (MaxRows == 1) return new Port(index, bytes, bytes, kept);
        SetRows(2);
        var two = shape(index);
        var axis = Array.FindIndex([.. one.Zip(two)], sizes => sizes.Second == 2 * sizes.First);
        if (axis < 0) throw new ArgumentException($"'{name}' of the graph '{Graph.Name}' has no dimension that grows with '{_batch}', which counts the hypotheses.");
        return new Port(index, bytes, BlockOf(name, one.AsSpan(axis), type), kept);
    }

    private int BlockOf(string name, ReadOnlySpan<int> shape, ElementType type)
    {
        var bytes = (long)PortIO.Count(shape) * type.Size();
        return bytes <= int.MaxValue ? (int)bytes : throw new ArgumentException($"'{name}' of the graph '{Graph.Name}' takes {bytes} bytes; a hypothesis may have {int.MaxValue}.");
    }

    private readonly record struct Port(int Index, int Bytes, int Block, byte[] Kept)
    {
        public Span<byte> Slot(int slot) => Kept.AsSpan(slot * Bytes, Bytes);
    }
}
