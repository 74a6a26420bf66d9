namespace SeqRuntime.Decoding;

/// <summary>
/// A graph that hypotheses go through in rows: all in one batch where the graph has a symbolic dimension that counts them, else one by
/// one. Rows are reordered, copied and dropped between runs; what is to outlast a run is kept in numbered slots.
/// </summary>
internal sealed class RowGraph : IDisposable
{
    private readonly Port[] _states;
    private readonly Port[] _outputs = [];
    private readonly int[] _inputAxes;
    private readonly string? _batch;
    private readonly int[] _steps;
    private int _rows;

    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="batch">The symbolic dimension that counts hypotheses, or null where the graph takes one at a time.</param>
    /// <param name="width">Hypotheses at once.</param>
    /// <param name="slots">Hypotheses that are kept.</param>
    /// <param name="keepsOutputs">Whether outputs are kept besides states; no value may then be shared by the rows.</param>
    /// <param name="options">Of the session; the batch is added.</param>
    /// <param name="sizes">The options that set the largest sizes, for the message if shapes do not fit.</param>
    /// <param name="memory">The decoder's memory.</param>
    public RowGraph(SeqModel model, SeqGraphInfo graph, string? batch, int width, long slots, bool keepsOutputs, SeqSessionOptions options, string sizes, DecoderMemory memory)
    {
        (Graph, _batch) = (graph, batch);
        MaxRows = _rows = batch is null ? 1 : width;
        if (batch is not null) options.MaxSizes[batch] = MaxRows;
        Session = memory.Session(model, graph.Name, options, sizes);
        try
        {
            _steps = memory.Array<int>("states and outputs of hypotheses", slots, Session.CacheCount);
            _inputAxes = [.. graph.Inputs.Select(AxisOf)];
            _states = [.. graph.States.Select((s, i) => MakePort(i, AxisOf(s), Session.States[i].Type, Session.LargestStateBytes(i), slots, memory))];
            if (!keepsOutputs) return;
            _outputs = MakeOutputs(slots, memory);
            RefuseShared();
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

    /// <summary>The symbolic dimension that counts hypotheses: the first of an input that has a row for each. Null where they go one by one.</summary>
    public static string? BatchOf(SeqPortInfo input) => input.Dimensions!.FirstOrDefault(d => d.Symbol is not null).Symbol;

    /// <summary>The slots that a search of a number of hypotheses needs. In a batch they are there for reordering rows; one by one, for the states of all hypotheses before and after a step.</summary>
    public static long SlotsOf(string? batch, int width) => width == 1 ? 0 : batch is null ? 2L * width : width;

    /// <summary>Sets the number of rows, whose content is then undefined.</summary>
    public void SetRows(int rows)
    {
        _rows = rows;
        if (_batch is not null) Session.SetSize(_batch, rows);
    }

    /// <summary>Makes one row with first states.</summary>
    public void Begin()
    {
        SetRows(1);
        Session.ResetState();
    }

    /// <summary>Makes row i go on from what was row <paramref name="parents"/>[i]. Takes the slots, of which there must be as many.</summary>
    public void Reorder(ReadOnlySpan<int> parents)
    {
        MoveStates(parents.Length, parents, [], isLoad: false);
        SetRows(parents.Length);
        MoveStates(parents.Length, [], [], isLoad: true);
    }

    /// <summary>Makes as many rows as slots, with the states that they keep.</summary>
    public void Load(ReadOnlySpan<int> slots)
    {
        SetRows(slots.Length);
        MoveStates(slots.Length, [], slots, isLoad: true);
    }

    /// <summary>Keeps the states of each row in a slot, and its outputs where these are kept.</summary>
    public void Save(ReadOnlySpan<int> slots)
    {
        SaveStates(slots);
        foreach (ref readonly var output in _outputs.AsSpan())
        {
            var content = Session.OutputBytes(output.Index);
            var block = output.Block(Session.Outputs[output.Index].Shape);
            for (var row = 0; row < slots.Length; row++) Move(content, _rows, row, output.Slot(slots[row]), 1, 0, block);
        }
    }

    /// <summary>Keeps the states of each row in a slot.</summary>
    public void SaveStates(ReadOnlySpan<int> slots) => MoveStates(slots.Length, [], slots, isLoad: false);

    /// <summary>Bytes of an output that a slot keeps.</summary>
    public ReadOnlySpan<byte> Output(int index, int slot) => _outputs[index].Slot(slot);

    /// <summary>Writes bytes into a row of an input.</summary>
    public void SetInput(int input, int row, ReadOnlySpan<byte> bytes)
    {
        var to = Session.InputBytes(input);
        if ((long)bytes.Length * _rows != to.Length) throw new ArgumentException($"A row of '{Session.Inputs[input].Name}' of graph '{Graph.Name}' has {to.Length / _rows} bytes; {bytes.Length} were given.");
        Move(bytes, 1, 0, to, _rows, row, Port.Block(Session.Inputs[input].Shape, _inputAxes[input], Session.Inputs[input].Type));
    }

    /// <summary>Puts bytes into every row of an input; into all of it where the rows share it.</summary>
    /// <returns>False where they do not fill it.</returns>
    public bool TryFillInput(int input, ReadOnlySpan<byte> bytes) =>
        TryFill(Session.InputBytes(input), _inputAxes[input], Port.Block(Session.Inputs[input].Shape, _inputAxes[input], Session.Inputs[input].Type), bytes);

    /// <summary>The same for a state.</summary>
    /// <returns>False where they do not fill it.</returns>
    public bool TryFillState(int state, ReadOnlySpan<byte> bytes) =>
        TryFill(Session.StateContent(state), _states[state].Axis, _states[state].Block(Session.States[state].Shape), bytes);

    public void Dispose() => Session.Dispose();

    /// <summary>Copies one row of a value with several rows along an axis. A block is the bytes of all inner axes.</summary>
    private static void Move(ReadOnlySpan<byte> from, int fromRows, int fromRow, Span<byte> to, int toRows, int toRow, int block)
    {
        if (fromRows == 1 && toRows == 1)
        {
            from.CopyTo(to);
            return;
        }

        for (int source = fromRow * block, target = toRow * block; source < from.Length && target < to.Length; source += fromRows * block, target += toRows * block)
            from.Slice(source, block).CopyTo(to[target..]);
    }

    private bool TryFill(Span<byte> to, int axis, int block, ReadOnlySpan<byte> bytes)
    {
        var rows = axis < 0 ? 1 : _rows;
        if ((long)bytes.Length * rows != to.Length) return false;
        for (var row = 0; row < rows; row++) Move(bytes, 1, 0, to, rows, row, block);
        return true;
    }

    /// <summary>Moves states between rows and slots; where <paramref name="rows"/> or <paramref name="slots"/> is empty it is in order.</summary>
    private void MoveStates(int count, ReadOnlySpan<int> rows, ReadOnlySpan<int> slots, bool isLoad)
    {
        MoveSteps(count, slots, isLoad);
        foreach (ref readonly var state in _states.AsSpan())
        {
            if (state.Axis < 0 && MaxRows > 1) continue; // All rows share it.
            var content = Session.StateContent(state.Index);
            var block = state.Block(Session.States[state.Index].Shape);
            for (var i = 0; i < count; i++)
            {
                var row = rows.IsEmpty ? i : rows[i];
                var slot = state.Slot(slots.IsEmpty ? i : slots[i])[..(content.Length / _rows)];
                if (isLoad) Move(slot, 1, 0, content, _rows, row, block);
                else Move(content, _rows, row, slot, 1, 0, block);
            }
        }
    }

    /// <summary>Keeps the number of steps of caches, or gives them those that were kept. Rows that run together have the same numbers.</summary>
    private void MoveSteps(int count, ReadOnlySpan<int> slots, bool isLoad)
    {
        if (Session.CacheCount == 0) return;
        for (var i = 0; i < (isLoad ? Math.Min(count, 1) : count); i++)
        {
            var kept = _steps.AsSpan((slots.IsEmpty ? i : slots[i]) * Session.CacheCount, Session.CacheCount);
            if (isLoad) Session.SetCacheSteps(kept);
            else Session.CopyCacheSteps(kept);
        }
    }

    /// <summary>The axis of an input's or a state's rows, or -1 where all rows share it.</summary>
    private int AxisOf(SeqPortInfo value)
    {
        for (var i = 0; i < value.Dimensions!.Count; i++)
        {
            if (_batch is not null && value.Dimensions[i].Symbol == _batch) return i;
        }

        return -1;
    }

    /// <param name="index">Of the state or output.</param>
    /// <param name="axis">Of its rows.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="bytes">Its bytes at the largest sizes.</param>
    /// <param name="slots">Rows that are kept.</param>
    /// <param name="memory">The decoder's memory.</param>
    private Port MakePort(int index, int axis, ElementType type, long bytes, long slots, DecoderMemory memory)
    {
        var isKept = axis >= 0 || MaxRows == 1;
        return new Port(index, axis, type, (int)(bytes / MaxRows), memory.Array<byte>("states and outputs of hypotheses", isKept ? slots : 0, bytes / MaxRows));
    }

    /// <summary>Finds which axis of each output has its rows: the one that grows with them.</summary>
    private Port[] MakeOutputs(long slots, DecoderMemory memory)
    {
        var bytes = Array.ConvertAll(Each(Graph.Outputs), i => Session.OutputBytes(i).Length);
        var (one, two) = (OutputShapes(1), OutputShapes(Math.Min(2, MaxRows)));
        SetRows(1);
        return Array.ConvertAll(Each(Graph.Outputs), i =>
        {
            var type = Session.Outputs[i].Type;
            if (slots > 0 && type.Size() != sizeof(float)) throw new ArgumentException($"Output '{Graph.Outputs[i].Name}' of graph '{Graph.Name}' is {type}; a decoder needs float32 or int32.");
            return MakePort(i, Array.FindIndex([.. one[i].Zip(two[i])], sizes => sizes.First != sizes.Second), type, bytes[i], slots, memory);
        });
    }

    private int[][] OutputShapes(int rows)
    {
        SetRows(rows);
        return Array.ConvertAll(Each(Graph.Outputs), i => Session.Outputs[i].Shape.ToArray());
    }

    private void RefuseShared()
    {
        if (MaxRows == 1) return;
        var shared = Each(Graph.Inputs).Where(i => _inputAxes[i] < 0).Select(i => Graph.Inputs[i].Name)
            .Concat(_states.Where(s => s.Axis < 0).Select(s => Graph.States[s.Index].Name)).Concat(_outputs.Where(o => o.Axis < 0).Select(o => Graph.Outputs[o.Index].Name));
        if (shared.FirstOrDefault() is { } name) throw new ArgumentException($"'{name}' of graph '{Graph.Name}' has no dimension that grows with '{_batch}', the number of hypotheses.");
    }

    private static int[] Each<T>(IReadOnlyList<T> list) => [.. Enumerable.Range(0, list.Count)];

    /// <summary>A state or an output.</summary>
    /// <param name="Index">Of it.</param>
    /// <param name="Axis">Of its rows; -1 where all rows share it.</param>
    /// <param name="Type">Of its elements.</param>
    /// <param name="Bytes">Of one row, at the largest sizes.</param>
    /// <param name="Kept">The rows that are kept.</param>
    private readonly record struct Port(int Index, int Axis, ElementType Type, int Bytes, byte[] Kept)
    {
        public Span<byte> Slot(int slot) => Kept.AsSpan(slot * Bytes, Bytes);

        public int Block(ReadOnlySpan<int> shape) => Block(shape, Axis, Type);

        /// <summary>Bytes of all that lies behind an axis.</summary>
        public static int Block(ReadOnlySpan<int> shape, int axis, ElementType type) => PortIO.Count(shape[(axis + 1)..]) * type.Size();
    }
}
