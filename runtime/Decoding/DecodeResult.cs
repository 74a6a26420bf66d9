using System.Collections;

namespace SeqRuntime.Decoding;

/// <summary>
/// One result of a decoder: a small value that reads the decoder's memory without copying. It is valid until the decoder
/// is called again; copy what must last longer.
/// </summary>
public readonly struct DecodeResult
{
    private readonly IResultSource? _source;
    private readonly int _version;

    internal DecodeResult(IResultSource source, int rank) => (_source, _version, Rank) = (source, source.Version, rank);

    /// <summary>0 for the best result, 1 for the next …</summary>
    public int Rank { get; }

    /// <summary>The tokens, without begin and end tokens or blanks.</summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public ReadOnlySpan<int> Tokens => Source.Tokens(Rank);

    /// <summary>The text of the tokens, a new string each time.</summary>
    /// <exception cref="InvalidOperationException">The model has no target table, or the decoder has been called again since.</exception>
    public string Text => NeedTarget().Decode(Tokens);

    /// <summary>The score that ranks results: the log probability with penalties, or with a language model and bonus.</summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public float Score => Source.Score(Rank);

    /// <summary>
    /// Natural log of the probability. Of an encoder-decoder or a language model: the sum over all tokens, including the end token. Of frames: summed over the
    /// alignments that the beam followed; in greedy decoding that of the only alignment.
    /// </summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public float LogProbability => Source.LogProbability(Rank);

    /// <summary>
    /// Whether the result is complete: that of an encoder-decoder or a language model ends with the end token, not with the most tokens or where the callback ended the
    /// search; a result of frames has read the last frame (<see cref="FrameDecoder.Finish"/>).
    /// </summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public bool IsComplete => Source.IsComplete(Rank);

    /// <summary>For each token the row of the encoder's output that gave it; empty for an encoder-decoder and a language model.</summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public ReadOnlySpan<int> Frames => Source.Frames(Rank);

    /// <summary>Steps with an alignment: the tokens, and the end token of a complete result. 0 if the model gives none.</summary>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public int AlignmentCount => Source.AlignmentCount(Rank);

    /// <summary>Attention weights over <see cref="SeqDecoder.SourceTokens"/> at the step that took a token; empty if the model gives none.</summary>
    /// <param name="step">From 0 to below <see cref="AlignmentCount"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such step.</exception>
    /// <exception cref="InvalidOperationException">The decoder has been called again since.</exception>
    public ReadOnlySpan<float> Alignment(int step) => Source.Alignment(Rank, step);

    /// <summary>Writes the text of the tokens; allocates nothing.</summary>
    /// <param name="destination">Where the characters go.</param>
    /// <returns>Characters written.</returns>
    /// <exception cref="InvalidOperationException">The model has no target table, or the decoder has been called again since.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public int CopyTextTo(Span<char> destination) => NeedTarget().Decode(Tokens, destination);

    private IResultSource Source
    {
        get
        {
            if (_source is null) throw DecodingError.NoResult();
            if (_source.Version != _version) throw DecodingError.OldResult();
            return _source;
        }
    }

    private TokenTable NeedTarget() => Source.TargetTable ?? throw DecodingError.NoTargetTable();
}

/// <summary>The results of a decoder's last call, best first. All calls fill the same object.</summary>
public sealed class DecodeResultCollection : IReadOnlyList<DecodeResult>
{
    private readonly IResultSource _source;

    internal DecodeResultCollection(IResultSource source) => _source = source;

    /// <summary>Number of results; 0 before the first call, during a call, and after a failed one.</summary>
    public int Count => _source.ResultCount;

    /// <summary>A result.</summary>
    /// <param name="rank">0 for the best.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such result.</exception>
    public DecodeResult this[int rank] => (uint)rank < (uint)Count ? new DecodeResult(_source, rank) : throw DecodingError.NoRank(rank, Count);

    /// <summary>The results, best first. Allocates nothing.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <inheritdoc/>
    IEnumerator<DecodeResult> IEnumerable<DecodeResult>.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Enumerates the results.</summary>
    public struct Enumerator : IEnumerator<DecodeResult>
    {
        private readonly DecodeResultCollection _results;
        private int _rank;

        internal Enumerator(DecodeResultCollection results) => (_results, _rank) = (results, -1);

        /// <inheritdoc/>
        public readonly DecodeResult Current => _results[_rank];

        /// <inheritdoc/>
        readonly object IEnumerator.Current => Current;

        /// <inheritdoc/>
        public bool MoveNext() => ++_rank < _results.Count;

        /// <inheritdoc/>
        public void Reset() => _rank = -1;

        /// <inheritdoc/>
        public readonly void Dispose()
        {
        }
    }
}

/// <summary>A decoder as the source of results. Callers check ranks against <see cref="ResultCount"/>.</summary>
internal interface IResultSource
{
    /// <summary>Increases with each call that replaces the results.</summary>
    int Version { get; }

    int ResultCount { get; }

    TokenTable? TargetTable { get; }

    ReadOnlySpan<int> Tokens(int rank);

    float Score(int rank);

    float LogProbability(int rank);

    bool IsComplete(int rank);

    ReadOnlySpan<int> Frames(int rank);

    int AlignmentCount(int rank);

    ReadOnlySpan<float> Alignment(int rank, int step);
}
