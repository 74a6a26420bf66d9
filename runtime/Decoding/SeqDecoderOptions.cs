using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>How a <see cref="SeqDecoder"/> or a <see cref="SeqGenerator"/> searches for sequences, and how long they may be.</summary>
public sealed class SeqDecoderOptions
{
    /// <summary>The work limit of a search, in multiples of the work limit of a run.</summary>
    private const double MostRuns = 10;

    /// <summary>Number of hypotheses, run as one batch (of a language model, if it has a batch dimension). 1: greedy decoding or sampling. Default: 1.</summary>
    public int BeamWidth { get; init; } = 1;

    /// <summary>
    /// Most sources of one call of <see cref="SeqDecoder.DecodeBatch(ReadOnlySpan{string}, DecodeRequest?, CancellationToken)"/>, whose hypotheses run as one
    /// batch, so that weights are read once a step for all. A <see cref="SeqGenerator"/> does not use it. Default: 1.
    /// </summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>
    /// Most results, best first; greedy decoding gives one. May be more than <see cref="BeamWidth"/>: then the beam goes on until
    /// that many hypotheses have ended. A wider beam would find better ones. Default: 1.
    /// </summary>
    public int MaxResults { get; init; } = 1;

    /// <summary>Longest source, or prompt of a language model, in tokens, begin and end tokens included. Default: 64.</summary>
    public int MaxSourceLength { get; init; } = 64;

    /// <summary>
    /// Most tokens of a result without the end token. A hypothesis of this length is complete if the end token is the most likely
    /// next; otherwise it is cut and competes with complete ones by its score. Null: the model's value, else 128, or fewer where a language model
    /// holds no more.
    /// </summary>
    public int? MaxTokens { get; init; }

    /// <summary>
    /// α of the length penalty of Wu et al., "Google's Neural Machine Translation System", 2016, eq. 14: the log probability is divided
    /// by ((5 + |Y|) / 6)^α, |Y| with the end token. 0 (the default) divides by 1.
    /// </summary>
    public float LengthPenalty { get; init; }

    /// <summary>β of the coverage penalty of the same paper: β · Σ_i log(min(Σ_j alignment_ij, 1)) is added. 0 (the default): none.</summary>
    public float CoveragePenalty { get; init; }

    /// <summary>
    /// Stops as soon as <see cref="MaxResults"/> results are complete. The default, false, searches until no hypothesis
    /// can overtake them.
    /// </summary>
    public bool StopEarly { get; init; }

    /// <summary>Draws tokens at random instead of taking the best; needs <see cref="BeamWidth"/> 1.</summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>Most bytes of the whole decoder; one that needs more is refused. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Most operations of one run of the encoder or the step (<see cref="SeqSessionOptions.WorkLimit"/>). The longest search, with
    /// all <see cref="MaxTokens"/> steps, may take ten times as many. A decoder that may need more is refused. Default: 20,000,000,000.
    /// </summary>
    public long WorkLimit { get; init; } = SeqSessionOptions.DefaultWorkLimit;

    /// <summary>False gives every session value its own memory and recomputes everything at each step; tests compare the two.</summary>
    internal bool SharesMemory { get; init; } = true;

    /// <summary>Most tokens of a result: these options' number, else the model's.</summary>
    internal int MaxTokensOf(DecodingInfo info)
    {
        var max = MaxTokens ?? Math.Max(info.Number(DecodingKeys.Max) ?? 128, 1);
        return max <= 1 << 20 ? max : throw new ArgumentException($"{nameof(MaxTokens)} is {max}; it must be at most {1 << 20}.");
    }

    /// <summary>Refuses a search that may take more operations than these options allow.</summary>
    internal void CheckWork(int tokens, double work)
    {
        if (work > MostRuns * WorkLimit) throw SessionError.Work($"A search of {DecodingError.Count(tokens, "token")}", work, MostRuns * WorkLimit);
    }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BeamWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
        if ((long)BeamWidth * BatchSize > int.MaxValue) throw new ArgumentException($"{nameof(BeamWidth)} · {nameof(BatchSize)} is {(long)BeamWidth * BatchSize}; it must be at most {int.MaxValue}.");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxResults, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSourceLength, 1);
        if (MaxTokens is { } max) ArgumentOutOfRangeException.ThrowIfLessThan(max, 1, nameof(MaxTokens));
        if (!float.IsFinite(LengthPenalty)) throw new ArgumentException("LengthPenalty must be a finite number.");
        if (!float.IsFinite(CoveragePenalty) || CoveragePenalty < 0) throw new ArgumentException("CoveragePenalty must be a finite number of at least 0.");
        if (Sampling is null) return;
        if (BeamWidth != 1) throw new ArgumentException("Sampling needs BeamWidth 1.");
        Sampling.Check();
    }
}

/// <summary>How to draw tokens. The same seed gives the same tokens on every machine.</summary>
public sealed class SamplingOptions
{
    /// <summary>Divides the logits. Below 1, likely tokens become more likely. Default: 1.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Draws only from this many most likely tokens; 0 (the default): from all.</summary>
    public int TopK { get; init; }

    /// <summary>Draws only from the most likely tokens whose probabilities reach this sum (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020). Default: 1, all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Seed of the random generator.</summary>
    public ulong Seed { get; init; }

    internal void Check()
    {
        if (!(Temperature > 0) || !float.IsFinite(Temperature)) throw new ArgumentException("Temperature must be a finite number above 0. To take the best token at each step, do not set Sampling.");
        ArgumentOutOfRangeException.ThrowIfNegative(TopK);
        if (!(TopP > 0 && TopP <= 1)) throw new ArgumentException("TopP must be in (0, 1].");
    }
}
