namespace SeqRuntime.Decoding;

/// <summary>All hypotheses of a sentence as back pointers: for each step and row the token taken and the row it came from.</summary>
internal sealed class Lattice(int width, int steps, int alignmentStride, DecoderMemory memory)
{
    private readonly int[] _tokens = memory.Array<int>("hypotheses", width, steps);
    private readonly int[] _parents = memory.Array<int>("hypotheses", width, steps);
    private readonly float[] _alignments = memory.Array<float>("alignments of hypotheses", width, steps, alignmentStride);

    public int AlignmentStride => alignmentStride;

    /// <summary>Alignments of the rows of step <paramref name="step"/>.</summary>
    public Span<float> Alignments(int step) => _alignments.AsSpan(step * width * alignmentStride, width * alignmentStride);

    /// <summary>Alignment of row <paramref name="row"/> at step <paramref name="step"/>, for the token taken then.</summary>
    public ReadOnlySpan<float> Alignment(int step, int row) => _alignments.AsSpan((step * width + row) * alignmentStride, alignmentStride);

    /// <summary>Records that row <paramref name="row"/> takes a token at a step and continues the row <paramref name="parent"/> of that step's run.</summary>
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
    /// Writes the <paramref name="length"/> tokens of the hypothesis in <paramref name="row"/> at the run of step
    /// <paramref name="length"/>, and its row before each token.
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
