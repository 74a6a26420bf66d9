namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Limits the work and the bytes of computed constants in the conversion of one graph. The limits grow with the size of the
/// file and leave room for small files. A small file cannot cost hours or all memory, and a large model still converts.
/// </summary>
internal sealed class Budget
{
    /// <summary>Work of visiting a node. The unit is about a nanosecond.</summary>
    public const long Node = 2_000;

    /// <summary>Work of copying a node of a loop's body or of a branch.</summary>
    public const long Copy = 4_000;

    /// <summary>Work of a branch or of a loop's round, besides its nodes.</summary>
    public const long Body = 100_000;

    private const long LeastWork = 8_000_000_000;
    private const long WorkPerByte = 500;
    private const long WorkPerNode = 100 * Node;
    private const long LeastBytes = 128 << 20;
    private const long BytesPerByte = 24;

    private long _held;
    private long _nodes;
    private long _work;
    private long _made;

    /// <summary>Limit of the bytes of computed constants.</summary>
    public long MostBytes => LeastBytes + BytesPerByte * _held;

    private long MostWork => LeastWork + WorkPerByte * _held + WorkPerNode * _nodes;

    /// <summary>Sets how many bytes of constants and how many nodes the file holds.</summary>
    public void Holds(long bytes, int nodes)
    {
        _held = Math.Max(_held, bytes);
        _nodes = Math.Max(_nodes, nodes);
    }

    /// <summary>A budget of the same size for another purpose, with nothing spent.</summary>
    public Budget Anew() => new() { _held = _held, _nodes = _nodes };

    /// <summary>Counts the bytes of a constant that a file describes without holding them.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="what">What needs them.</param>
    /// <exception cref="ConversionException">The file describes more than one of its size can have.</exception>
    public void Make(long bytes, string what)
    {
        if ((_made += Math.Min(bytes, MostBytes + 1)) > MostBytes) throw new ConversionException($"{what} needs {bytes} bytes that the file does not hold; with others that is more than a file of its size can describe.");
    }

    /// <summary>Whether optional work is cheap enough to do.</summary>
    public bool Allows(long work) => work <= (MostWork - _work) / 4;

    /// <param name="work">About nanoseconds.</param>
    /// <param name="node">The node that needs the work, or its name.</param>
    /// <exception cref="ConversionException">The budget is exceeded.</exception>
    public void Spend(long work, object node)
    {
        _work += work;
        if (_work > MostWork || work > MostWork) throw new ConversionException($"node {node}: converting this file takes more work than a model of its size needs. Loops with many rounds and large values computed from constants cost most: export the model with fewer rounds or smaller constants.");
    }
}
