using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>Rows of log probabilities over the vocabulary, computed from a graph's output.</summary>
internal sealed unsafe class LogProbabilityRows
{
    private readonly KernelSet _kernels;
    private readonly SessionMemory _memory;
    private readonly bool _areProbabilities;
    private readonly long _stride;

    /// <param name="kernels">The model's kernels.</param>
    /// <param name="info">Says whether the graph's output is logits (which include log probabilities) or probabilities.</param>
    /// <param name="rows">Most rows.</param>
    /// <param name="vocabulary">Length of a row.</param>
    /// <param name="memory">The decoder's memory.</param>
    public LogProbabilityRows(KernelSet kernels, DecodingInfo info, int rows, int vocabulary, DecoderMemory memory)
    {
        _kernels = kernels;
        _areProbabilities = info.Text(DecodingKeys.Scores) switch
        {
            null or DecodingKeys.ScoresLogits => false,
            DecodingKeys.ScoresProbabilities => true,
            var other => throw new ArgumentException($"The model's metadata '{DecodingKeys.Scores}' is '{other}'; it must be '{DecodingKeys.ScoresLogits}' or '{DecodingKeys.ScoresProbabilities}'."),
        };
        Vocabulary = vocabulary;
        _stride = vocabulary + 16L;
        _memory = memory.Block("scores", rows * _stride * sizeof(float) + KernelSet.ReadSlack);
    }

    public int Vocabulary { get; }

    public Span<float> this[int row] => _memory.Span<float>(_memory.Start + row * _stride * sizeof(float), Vocabulary);

    /// <summary>Turns a row of logits or probabilities into log probabilities.</summary>
    public void Set(int row, ReadOnlySpan<float> scores)
    {
        if (scores.Length != Vocabulary) throw new ArgumentException($"A row has {scores.Length} scores at these sizes, but {Vocabulary} at the largest sizes; their number must not change.");
        var to = this[row];
        scores.CopyTo(to);
        fixed (float* at = to)
        {
            if (_areProbabilities) _kernels.Unary(UnaryFunction.Log, at, at, Vocabulary, 0, 0);
            else _kernels.Softmax(at, at, 1, Vocabulary, logarithm: true);
        }
    }
}
