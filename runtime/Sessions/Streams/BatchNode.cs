using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Streams;

/// <summary>Runs a node for all streams at once, so that weights are read once. At sizes for which the operator does not allow that, it runs stream after stream.</summary>
internal sealed unsafe class BatchNode : StreamNode
{
    private readonly NodeContext _one;
    private readonly NodeContext _all;
    private readonly bool[] _isShared;
    private readonly StreamPort?[] _inputs;
    private readonly StreamPort?[] _outputs;
    private readonly BatchLayout?[] _inputLayouts;
    private readonly BatchLayout?[] _outputLayouts;
    private readonly StreamPort[] _ports;
    private readonly SerialNode _alone;
    private byte* _scratch;
    private long _room = long.MaxValue;
    private bool _isTogether;

    /// <param name="op">The node's operator.</param>
    /// <param name="one">The node's values for one stream.</param>
    /// <param name="isShared">Whether input i is the same for all streams.</param>
    /// <param name="inputs">Inputs that differ from stream to stream, or must be repeated for each.</param>
    /// <param name="outputs">All outputs.</param>
    /// <param name="all">The values for all streams: own rows and shared values.</param>
    /// <param name="alone">The node that runs stream after stream.</param>
    public BatchNode(Operator op, NodeContext one, bool[] isShared, StreamPort?[] inputs, StreamPort?[] outputs, NodeContext all, SerialNode alone)
        : base(op, alone.Index)
    {
        (_one, _all, _isShared, _inputs, _outputs, _alone) = (one, all, isShared, inputs, outputs, alone);
        _inputLayouts = new BatchLayout?[inputs.Length];
        _outputLayouts = new BatchLayout?[outputs.Length];
        _ports = [.. inputs.Concat(outputs).OfType<StreamPort>()];
        Fit();
    }

    public override bool IsTogether => _isTogether;

    public override int Row => _isTogether ? -1 : _alone.Row;

    public override long ScratchBytes
    {
        get
        {
            var cursor = new ScratchCursor(null);
            cursor.Take(Operator.ScratchBytes(_all));
            foreach (var port in _ports) cursor.Take(port.CopyBytes);
            return cursor.Bytes;
        }
    }

    public override void Bind(byte* scratch, long room)
    {
        _scratch = scratch;
        _room = room;
        _alone.Bind(scratch, room);
        Place();
    }

    public override void Fit()
    {
        _isTogether = TryFit();
        if (_isTogether && _scratch != null) Place();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Resize(int streams)
    {
        if (!_isTogether) return;
        foreach (var port in _ports) port.Resize(streams);
        if (_all.Kept is not null) Operator.Infer(_all); // What an operator keeps, such as the view that a Slice copies, has a row for each stream.
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(int streams)
    {
        if (!_isTogether)
        {
            _alone.Execute(streams);
            return;
        }

        foreach (var port in _ports) port.Load(streams);
        Operator.Execute(_all);
        foreach (var port in _ports) port.Store(streams);
    }

    private static bool TrySee(StreamPort?[] ports, BatchLayout?[] layouts)
    {
        for (var i = 0; i < ports.Length; i++)
        {
            if (ports[i] is null != layouts[i] is null) return false;
            if (layouts[i] is { } layout) ports[i]!.See(layout);
        }

        return true;
    }

    /// <summary>Whether the operator allows one batch and infers the same shapes as its layouts.</summary>
    private bool TryFit()
    {
        try
        {
            if (!Batching.Find(Operator, _one, _isShared, _inputLayouts, _outputLayouts)) return false;
            if (!TrySee(_inputs, _inputLayouts) || !TrySee(_outputs, _outputLayouts)) return false;
            Operator.Infer(_all);
            foreach (var output in _outputs)
            {
                if (output is { IsAsSeen: false }) return false;
            }

            return ScratchBytes <= _room;
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            return false; // For all streams this is more elements than a tensor may have.
        }
    }

    private void Place()
    {
        var cursor = new ScratchCursor(_scratch);
        _all.Scratch = cursor.Take(Operator.ScratchBytes(_all));
        foreach (var port in _ports) port.Place(cursor.Take(port.CopyBytes));
    }
}

/// <summary>A value of a <see cref="BatchNode"/>: the rows themselves, or a copy of them in the node's order.</summary>
/// <param name="one">The value for one stream.</param>
/// <param name="rows">Its rows; null for a value that all streams share, which is then repeated.</param>
/// <param name="isOutput">Whether it is written, not read.</param>
/// <param name="capacity">Most streams.</param>
/// <param name="isGathered">Whether streams share rows, so that they must be copied.</param>
internal sealed unsafe class StreamPort(Tensor one, StreamRows? rows, bool isOutput, int capacity, bool isGathered)
{
    private BatchLayout _layout;
    private bool _isCopied;
    private int _outer;
    private long _block;

    /// <summary>The value for all streams.</summary>
    public Tensor All { get; } = new() { Name = one.Name, Format = one.Format };

    public long CopyBytes => _isCopied ? checked(one.Bytes * capacity) : 0;

    /// <summary>Whether type and shape for the most streams still match the layout.</summary>
    public bool IsAsSeen => All.Type == one.Type && All.Shape.Equals(_layout.For(capacity));

    /// <summary>Sets the layout in which the node reads the rows, with the shape for the most streams.</summary>
    public void See(BatchLayout layout)
    {
        _layout = layout;
        _outer = layout.Outer;
        _block = one.Bytes / _outer;
        _isCopied = _outer > 1 || rows is null || isGathered;
        Resize(capacity);
    }

    public void Place(byte* copy) => All.Data = copy;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Resize(int streams) => All.Set(one.Type, _layout.For(streams));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Load(int streams)
    {
        if (!_isCopied) All.Data = rows!.Start;
        else if (!isOutput) Copy(streams);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int streams)
    {
        if (_isCopied && isOutput) Copy(streams);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(int streams)
    {
        for (var outer = 0L; outer < _outer; outer++)
        {
            for (var row = 0L; row < streams; row++)
            {
                var own = (rows is null ? one.Data : rows.At(row)) + outer * _block;
                var all = All.Data + (outer * streams + row) * _block;
                Buffer.MemoryCopy(isOutput ? all : own, isOutput ? own : all, _block, _block);
            }
        }
    }
}
