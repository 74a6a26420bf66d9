using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Streams;

/// <summary>The source that each row of a step goes on from, where several rows share one (hypotheses of a decoder).</summary>
/// <param name="capacity">Most rows.</param>
internal sealed class SourceOfRow(int capacity)
{
    private readonly int[] _sources = new int[capacity];

    /// <summary>Whether values of a source are read by the rows of a step. If not, the rows are the sources themselves.</summary>
    public bool IsOn { get; private set; }

    public int this[long row]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsOn ? _sources[row] : (int)row;
    }

    public void Set(ReadOnlySpan<int> sources)
    {
        sources.CopyTo(_sources);
        IsOn = true;
    }

    public void Clear() => IsOn = false;
}

/// <summary>The rows of a value, one for each stream, or one for each source where streams share it.</summary>
/// <param name="sources">The source of each stream's row; null where each stream has its own.</param>
internal sealed unsafe class StreamRows(SourceOfRow? sources = null)
{
    /// <summary>Whether streams of one source share a row.</summary>
    public bool IsOfSource => sources is not null;

    /// <summary>Row of the first stream of a step.</summary>
    public byte* Start { get; set; }

    /// <summary>Memory planned for the rows. A state or an input may be used in its own place instead.</summary>
    public byte* Own { get; private set; }

    /// <summary>Bytes of one stream's row, at the current sizes.</summary>
    public long Bytes { get; set; }

    public void Place(byte* own) => Start = Own = own;

    /// <summary>The row of a stream of the step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(long stream) => Start + (sources is null ? stream : sources[stream]) * Bytes;
}

/// <summary>A node that runs over the rows of all streams of a step.</summary>
internal abstract unsafe class StreamNode(Operator op, int index)
{
    /// <summary>Index of the node in its graph.</summary>
    public int Index { get; } = index;

    /// <summary>Whether the node reads weights.</summary>
    public bool HasWeights { get; init; }

    /// <summary>Whether all streams are computed at once, at the current sizes.</summary>
    public virtual bool IsTogether => false;

    /// <summary>Bytes of scratch for the most streams, at the current sizes.</summary>
    public abstract long ScratchBytes { get; }

    /// <summary>The running stream, or -1 if all run together.</summary>
    public virtual int Row => -1;

    protected Operator Operator { get; } = op;

    /// <param name="scratch">Scratch of all nodes.</param>
    /// <param name="room">Bytes of the scratch.</param>
    public abstract void Bind(byte* scratch, long room);

    /// <summary>Updates shapes from those of one stream. Allocates nothing.</summary>
    public virtual void Fit()
    {
    }

    /// <summary>Sets shapes for a number of streams.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public virtual void Resize(int streams)
    {
    }

    public abstract void Execute(int streams);
}

/// <summary>Runs stream after stream, exactly like separate sessions. The node's weights stay in cache.</summary>
internal sealed unsafe class SerialNode(Operator op, int index, NodeContext one, (Tensor Tensor, StreamRows Rows)[] values) : StreamNode(op, index)
{
    private int _row;

    public override long ScratchBytes => Operator.ScratchBytes(one);

    public override int Row => _row;

    public override void Bind(byte* scratch, long room) => one.Scratch = scratch;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(int streams)
    {
        for (_row = 0; _row < streams; _row++)
        {
            foreach (var (tensor, rows) in values) tensor.Data = rows.At(_row);
            Operator.Execute(one);
        }
    }
}
