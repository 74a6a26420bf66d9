namespace SeqRuntime.Converter.Graph;

/// <summary>
/// What the conversion of one graph may cost: work, and bytes of constants that are worked out. Both are in proportion to what the
/// file holds, with room for small files: a few bytes that ask for hours or for all memory are refused, a large model is not.
/// </summary>
internal sealed class Budget
{
    /// <summary>Looking at a node. The unit of work is about a nanosecond.</summary>
    public const long Node = 2_000;

    /// <summary>Copying a node of a loop's body or of a branch.</summary>
    public const long Copy = 4_000;

    /// <summary>A branch, or a round of a loop, beside its nodes.</summary>
    public const long Body = 100_000;

    private const long LeastWork = 8_000_000_000;
    private const long WorkPerByte = 500;
    private const long WorkPerNode = 100 * Node;
    private const long LeastBytes = 128 << 20;
    private const long BytesPerByte = 24;

    private long _held;
    private long _nodes;
    private long _work;

    /// <summary>Bytes of the constants that may be worked out beside those that the file holds.</summary>
    public long MostBytes => LeastBytes + BytesPerByte * _held;

    private long MostWork => LeastWork + WorkPerByte * _held + WorkPerNode * _nodes;

    /// <summary>Tells how many bytes of constants and how many nodes the file holds.</summary>
    public void Holds(long bytes, int nodes)
    {
        _held = Math.Max(_held, bytes);
        _nodes = Math.Max(_nodes, nodes);
    }

    /// <summary>The same for work of another purpose, none of which is done.</summary>
    public Budget Anew() => new() { _held = _held, _nodes = _nodes };

    /// <summary>Whether something that need not be done is cheap enough to do.</summary>
    public bool Allows(long work) => work <= (MostWork - _work) / 4;

    /// <param name="work">Nanoseconds, or so.</param>
    /// <param name="node">The node that it is for, or its name.</param>
    /// <exception cref="ConversionException">All work that the file may ask for is done.</exception>
    public void Spend(long work, object node)
    {
        _work += work;
        if (_work > MostWork || work > MostWork) throw new ConversionException($"node {node}: converting this file takes more work than a model of its size needs. Loops that go round often, and large values that follow from constants, cost most: export the model with fewer rounds or smaller constants.");
    }
}
