using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Mathematics;

namespace SeqRuntime.Decoding;

/// <summary>The best complete hypotheses, best first, with their tokens, scores and alignments.</summary>
internal sealed class Results
{
    private readonly Lattice _lattice;
    private readonly RankedList<Entry> _entries;
    private readonly int[] _tokens;
    private readonly float[] _alignments;
    private readonly int[] _rows;
    private readonly float[] _lengthPenalty;
    private readonly float[] _coverage;
    private readonly float _coveragePenalty;
    private readonly KernelSet _kernels;
    private readonly int _steps;

    public Results(Lattice lattice, int count, int steps, SeqDecoderOptions options, KernelSet kernels, DecoderMemory memory)
    {
        _lattice = lattice;
        _steps = steps;
        _kernels = kernels;
        _coveragePenalty = options.CoveragePenalty;
        _entries = new RankedList<Entry>("results", count, memory);
        _tokens = memory.Array<int>("results", count, steps);
        _rows = memory.Array<int>("results", steps);
        _alignments = memory.Array<float>("alignments of results", count, steps, lattice.AlignmentStride);
        _coverage = memory.Array<float>("coverage", lattice.AlignmentStride + (long)KernelSet.ReadSlack);

        // lengthPenalty[n] is for n tokens, the end token among them.
        _lengthPenalty = memory.Array<float>("length penalties", steps + 1L);
        for (var n = 0; n <= steps; n++) _lengthPenalty[n] = options.LengthPenalty == 0 ? 1 : ScalarMath.Pow((5 + n) / 6f, options.LengthPenalty);
        IsGrowing = options.LengthPenalty >= 0;
    }

    /// <summary>Number of results; 0 during a search.</summary>
    public int Count { get; private set; }

    public bool IsFull => _entries.IsFull;

    /// <summary>Whether the length penalty divides longer hypotheses by more.</summary>
    private bool IsGrowing { get; }

    public ref readonly Entry this[int rank]
    {
        get
        {
            if ((uint)rank >= (uint)Count) throw DecodingError.NoRank(rank, Count);
            return ref _entries[rank];
        }
    }

    public void Clear()
    {
        _entries.Clear();
        Count = 0;
    }

    /// <summary>Whether a hypothesis with this log probability and length can still become a result.</summary>
    public bool CanEnter(double logProbability, int length) =>
        !IsFull || logProbability / _lengthPenalty[IsGrowing ? _steps : Math.Min(length + 1, _steps - 1)] > _entries.Rank(_entries.Count - 1);

    /// <summary>Adds a hypothesis to the results if its score is high enough.</summary>
    /// <param name="row">Row of the run at step <paramref name="length"/>; for a complete hypothesis that run gave the end token.</param>
    /// <param name="length">Tokens without the end.</param>
    /// <param name="logProbability">Sum over the tokens, with the end token if it is complete.</param>
    /// <param name="isComplete">Whether it ends with the end token.</param>
    /// <param name="sourceLength">Alignment weights of a row.</param>
    public void Offer(int row, int length, double logProbability, bool isComplete, int sourceLength)
    {
        var score = (float)(logProbability / _lengthPenalty[Math.Min(length + (isComplete ? 1 : 0), _steps)]);
        if (_coveragePenalty > 0 && _lattice.AlignmentStride > 0) score += _coveragePenalty * Coverage(row, length, isComplete, sourceLength);
        if (IsFull ? _entries.Takes(score) : !float.IsNaN(score)) _entries.Add(score, new Entry(row, length, score, (float)logProbability, isComplete), out _);
    }

    /// <summary>Copies tokens and alignments of all results from the lattice. After this, results can be read.</summary>
    public void Finish(int sourceLength)
    {
        var stride = _lattice.AlignmentStride;
        for (var rank = 0; rank < _entries.Count; rank++)
        {
            var entry = _entries[rank];
            _lattice.Trace(entry.Row, entry.Length, _tokens.AsSpan(rank * _steps), _rows);
            _rows.AsSpan(entry.Length, entry.IsComplete ? 1 : 0).Fill(entry.Row);
            for (var step = 0; stride > 0 && step < entry.AlignmentRows; step++) _lattice.Alignment(step, _rows[step])[..sourceLength].CopyTo(_alignments.AsSpan(((rank * _steps) + step) * stride));
        }

        Count = _entries.Count;
    }

    public ReadOnlySpan<int> Tokens(int rank) => _tokens.AsSpan(rank * _steps, this[rank].Length);

    public ReadOnlySpan<float> Alignment(int rank, int step, int sourceLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, this[rank].AlignmentRows);
        return _lattice.AlignmentStride == 0 ? [] : _alignments.AsSpan(((rank * _steps) + step) * _lattice.AlignmentStride, sourceLength);
    }

    /// <summary>Σ_i log(min(Σ_j a_ij, 1)) over source places i and steps j.</summary>
    private unsafe float Coverage(int row, int length, bool isComplete, int sourceLength)
    {
        var sums = _coverage.AsSpan(0, sourceLength);
        sums.Clear();
        if (isComplete) Add(sums, _lattice.Alignment(length, row));
        for (var step = length - 1; step >= 0; step--)
        {
            row = _lattice.Parent(step, row);
            Add(sums, _lattice.Alignment(step, row));
        }

        foreach (ref var sum in sums) sum = MathF.Min(sum, 1);
        fixed (float* at = sums)
        {
            _kernels.Unary(UnaryFunction.Log, at, at, sourceLength, 0, 0);
            return _kernels.Reduce(ReduceFunction.Sum, at, sourceLength);
        }
    }

    private static void Add(Span<float> sums, ReadOnlySpan<float> weights)
    {
        for (var i = 0; i < sums.Length; i++) sums[i] += weights[i];
    }

    /// <summary>One result and its place in the lattice.</summary>
    public readonly record struct Entry(int Row, int Length, float Score, float LogProbability, bool IsComplete)
    {
        public int AlignmentRows => Length + (IsComplete ? 1 : 0);
    }
}
