using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>Rows of log probabilities over the vocabulary, made from what a graph puts out.</summary>
internal sealed unsafe class LogProbabilityRows : IDisposable
{
    private readonly KernelSet _kernels;
    private readonly SessionMemory _memory;
    private readonly bool _areProbabilities;
    private readonly int _stride;

    /// <param name="kernels">Of the model.</param>
    /// <param name="info">Says whether the graph puts out logits (log probabilities are such too) or probabilities.</param>
    /// <param name="rows">Rows at most.</param>
    /// <param name="vocabulary">Numbers of a row.</param>
    public LogProbabilityRows(KernelSet kernels, DecodingInfo info, int rows, int vocabulary)
    {
        _kernels = kernels;
        _areProbabilities = info.Text(DecodingKeys.Scores) switch
        {
            null or DecodingKeys.ScoresLogits => false,
            DecodingKeys.ScoresProbabilities => true,
            var other => throw new ArgumentException($"The model's metadata '{DecodingKeys.Scores}' is '{other}'; there are '{DecodingKeys.ScoresLogits}' and '{DecodingKeys.ScoresProbabilities}'."),
        };
        Vocabulary = vocabulary;
        _stride = vocabulary + 16;
        Bytes = (long)rows * _stride * sizeof(float) + KernelSet.ReadSlack;
        _memory = new SessionMemory(Bytes);
    }

    public int Vocabulary { get; }

    public long Bytes { get; }

    public Span<float> this[int row] => new((float*)_memory.Start + (long)row * _stride, Vocabulary);

    /// <summary>Turns a row of logits or probabilities into log probabilities.</summary>
    public void Set(int row, ReadOnlySpan<float> scores)
    {
        var to = this[row];
        scores.CopyTo(to);
        fixed (float* at = to)
        {
            if (_areProbabilities) _kernels.Unary(UnaryFunction.Log, at, at, Vocabulary, 0, 0);
            else _kernels.Softmax(at, at, Vocabulary, logarithm: true);
        }
    }

    public void Dispose() => _memory.Dispose();
}
