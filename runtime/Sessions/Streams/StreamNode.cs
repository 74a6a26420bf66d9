using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Streams;

/// <summary>Where a value's rows lie, one stream after the other.</summary>
internal sealed unsafe class StreamRows(long bytes)
{
    /// <summary>Row of the first stream of a step.</summary>
    public byte* Start { get; set; }

    /// <summary>Memory planned for the rows; a state or an input may instead be used where it lies.</summary>
    public byte* Own { get; private set; }

    /// <summary>Bytes of one stream's row.</summary>
    public long Bytes { get; } = bytes;

    public void Place(byte* own) => Start = Own = own;
}

/// <summary>One node over the rows of all streams of a step.</summary>
internal abstract unsafe class StreamNode(Operator op, int index)
{
    /// <summary>Index of the node in its graph.</summary>
    public int Index { get; } = index;

    /// <summary>Scratch it needs for the most streams.</summary>
    public abstract long ScratchBytes { get; }

    /// <summary>The stream being run, or -1 where they run together.</summary>
    public virtual int Row => -1;

    protected Operator Operator { get; } = op;

    public abstract void Bind(byte* scratch);

    /// <summary>Sets shapes for as many streams.</summary>
    public virtual void Resize(int streams)
    {
    }

    public abstract void Execute(int streams);
}

/// <summary>Stream after stream, exactly as a session of its own would: the node's weights stay in cache from one to the next.</summary>
internal sealed unsafe class SerialNode(Operator op, int index, NodeContext one, (Tensor Tensor, StreamRows Rows)[] values) : StreamNode(op, index)
{
    private int _row;

    public override long ScratchBytes => Operator.ScratchBytes(one);

    public override int Row => _row;

    public override void Bind(byte* scratch) => one.Scratch = scratch;

    public override void Execute(int streams)
    {
        for (_row = 0; _row < streams; _row++)
        {
            foreach (var (tensor, rows) in values) tensor.Data = rows.Start + _row * rows.Bytes;
            Operator.Execute(one);
        }
    }
}

/// <summary>All streams in one go: weights are read once.</summary>
internal sealed unsafe class BatchNode(Operator op, int index, NodeContext all, StreamPort[] ports) : StreamNode(op, index)
{
    private readonly long _ownBytes = op.ScratchBytes(all);

    public override long ScratchBytes
    {
        get
        {
            var cursor = new ScratchCursor(null);
            cursor.Take(_ownBytes);
            foreach (var port in ports) cursor.Take(port.CopyBytes);
            return cursor.Bytes;
        }
    }

    public override void Bind(byte* scratch)
    {
        var cursor = new ScratchCursor(scratch);
        all.Scratch = cursor.Take(_ownBytes);
        foreach (var port in ports) port.Place(cursor.Take(port.CopyBytes));
    }

    public override void Resize(int streams)
    {
        foreach (var port in ports) port.Resize(streams);
    }

    public override void Execute(int streams)
    {
        foreach (var port in ports) port.Load(streams);
        Operator.Execute(all);
        foreach (var port in ports) port.Store(streams);
    }
}

/// <summary>A value of a <see cref="BatchNode"/>: the rows themselves, or a copy of them in the node's order.</summary>
internal sealed unsafe class StreamPort
{
    private readonly StreamRows _rows;
    private readonly StreamLayout _layout;
    private readonly bool _isOutput;
    private readonly bool _isCopied;
    private readonly int _outer;
    private readonly long _block;

    /// <param name="one">The value for one stream.</param>
    /// <param name="rows">Where its rows are.</param>
    /// <param name="layout">How the node sees them.</param>
    /// <param name="isOutput">Written, not read.</param>
    /// <param name="capacity">Most streams.</param>
    public StreamPort(Tensor one, StreamRows rows, StreamLayout layout, bool isOutput, int capacity)
    {
        _rows = rows;
        _layout = layout;
        _isOutput = isOutput;
        _outer = layout.Outer;
        _block = one.Bytes / _outer;
        _isCopied = _outer > 1 || rows.Bytes == 0;
        CopyBytes = _isCopied ? one.Bytes * capacity : 0;
        All = new Tensor { Name = one.Name, Format = one.Format };
        All.Set(one.Type, layout.For(capacity));
    }

    /// <summary>The value for all streams.</summary>
    public Tensor All { get; }

    public long CopyBytes { get; }

    public void Place(byte* copy) => All.Data = copy;

    public void Resize(int streams) => All.Set(All.Type, _layout.For(streams));

    public void Load(int streams)
    {
        if (!_isCopied) All.Data = _rows.Start;
        else if (!_isOutput) Copy(streams);
    }

    public void Store(int streams)
    {
        if (_isCopied && _isOutput) Copy(streams);
    }

    private void Copy(int streams)
    {
        for (var outer = 0L; outer < _outer; outer++)
        {
            for (var row = 0L; row < streams; row++)
            {
                var own = _rows.Start + row * _rows.Bytes + outer * _block;
                var all = All.Data + (outer * streams + row) * _block;
                Buffer.MemoryCopy(_isOutput ? all : own, _isOutput ? own : all, _block, _block);
            }
        }
    }
}
