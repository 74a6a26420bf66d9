namespace SeqRuntime.Decoding;

/// <summary>How sequences are searched for, and how long they may be.</summary>
public sealed class SeqDecoderOptions
{
    /// <summary>Hypotheses that are followed at once, in one batch where the model has one. 1: greedy, or sampling. Default: 1.</summary>
    public int BeamWidth { get; init; } = 1;

    /// <summary>
    /// Results to give at most, best first; greedily there is one. May be more than <see cref="BeamWidth"/>: then the beam goes on until so
    /// many hypotheses have ended, the later ones of them less likely than a wider beam would find. Default: 1.
    /// </summary>
    public int MaxResults { get; init; } = 1;

    /// <summary>Longest source in tokens, begin and end tokens included. Default: 64.</summary>
    public int MaxSourceLength { get; init; } = 64;

    /// <summary>
    /// Most tokens of a result, the end token not counted. A hypothesis of so many tokens is complete where the end is the likeliest to
    /// come; otherwise it is cut, and competes with the complete ones by its score. Null: what the model says, else 128.
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
    /// Stops as soon as <see cref="MaxResults"/> results are complete. Otherwise (the default) the search goes on until no hypothesis
    /// can still overtake them.
    /// </summary>
    public bool StopEarly { get; init; }

    /// <summary>Draws tokens at random instead of taking the best; needs a beam width of 1.</summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>A decoder that needs more bytes than this, all that it holds together, is refused. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>
    /// A decoder whose encoder or step may take more operations than this in one run is refused (<see cref="SeqSessionOptions.WorkLimit"/>), and
    /// so is one whose longest search, all its <see cref="MaxTokens"/> steps together, may take more than ten times as many. Default: 20,000,000,000.
    /// </summary>
    public long WorkLimit { get; init; } = SeqSessionOptions.DefaultWorkLimit;

    /// <summary>False for sessions whose values have memory of their own, and that compute everything at each step: what shares memory is compared with them.</summary>
    internal bool SharesMemory { get; init; } = true;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BeamWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxResults, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSourceLength, 1);
        if (MaxTokens is { } max) ArgumentOutOfRangeException.ThrowIfLessThan(max, 1, nameof(MaxTokens));
        if (!float.IsFinite(LengthPenalty)) throw new ArgumentException("The length penalty is no finite number.");
        if (!float.IsFinite(CoveragePenalty) || CoveragePenalty < 0) throw new ArgumentException("The coverage penalty is no finite number from 0 up.");
        if (Sampling is null) return;
        if (BeamWidth != 1) throw new ArgumentException("Sampling follows one hypothesis; set the beam width to 1.");
        Sampling.Check();
    }
}

/// <summary>How tokens are drawn. The same seed gives the same tokens on every machine.</summary>
public sealed class SamplingOptions
{
    /// <summary>Logits are divided by this. Below 1 likely tokens become likelier. Default: 1.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Only so many of the likeliest tokens may be drawn; 0 (the default): all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens whose probabilities reach this sum may be drawn (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020). Default: 1, all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>First state of the random generator.</summary>
    public ulong Seed { get; init; }

    internal void Check()
    {
        if (!(Temperature > 0) || !float.IsFinite(Temperature)) throw new ArgumentException("The temperature is no finite number above 0; for the best token at each step use no sampling.");
        ArgumentOutOfRangeException.ThrowIfNegative(TopK);
        if (!(TopP > 0 && TopP <= 1)) throw new ArgumentException("Top-p is no number above 0 and up to 1.");
    }
}
