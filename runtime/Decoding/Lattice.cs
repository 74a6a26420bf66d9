namespace SeqRuntime.Decoding;

/// <summary>All hypotheses of a sentence as a graph of back pointers: which token each row took at each step, and from which row.</summary>
internal sealed class Lattice(int width, int steps, int alignmentStride, DecoderMemory memory)
{
    private readonly int[] _tokens = memory.Array<int>("hypotheses", width, steps);
    private readonly int[] _parents = memory.Array<int>("hypotheses", width, steps);
    private readonly float[] _alignments = memory.Array<float>("alignments of hypotheses", width, steps, alignmentStride);

    public int AlignmentStride => alignmentStride;

    /// <summary>Alignments of the rows that step <paramref name="step"/> ran.</summary>
    public Span<float> Alignments(int step) => _alignments.AsSpan(step * width * alignmentStride, width * alignmentStride);

    /// <summary>Alignment that row <paramref name="row"/> of step <paramref name="step"/> had, for the token taken after it.</summary>
    public ReadOnlySpan<float> Alignment(int step, int row) => _alignments.AsSpan((step * width + row) * alignmentStride, alignmentStride);

    /// <summary>Notes that row <paramref name="row"/> takes a token at a step, going on from a row of that step's run.</summary>
    public void Take(int step, int row, int token, int parent)
    {
        _tokens[step * width + row] = token;
        _parents[step * width + row] = parent;
    }

    /// <summary>Tokens that the first rows took at a step.</summary>
    public ReadOnlySpan<int> Tokens(int step, int rows) => _tokens.AsSpan(step * width, rows);

    /// <summary>Rows that they go on from.</summary>
    public ReadOnlySpan<int> Parents(int step, int rows) => _parents.AsSpan(step * width, rows);

    public int Parent(int step, int row) => _parents[step * width + row];

    /// <summary>
    /// Writes the <paramref name="length"/> tokens of the hypothesis that stands in <paramref name="row"/> when step
    /// <paramref name="length"/> runs, and the rows it stood in before each.
    /// </summary>
    public void Trace(int row, int length, Span<int> tokens, Span<int> rows)
    {
        for (var step = length - 1; step >= 0; step--)
        {
            tokens[step] = _tokens[step * width + row];
            row = _parents[step * width + row];
            rows[step] = row;
        }
    }
}
