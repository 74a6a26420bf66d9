namespace SeqRuntime.Decoding;

/// <summary>How a <see cref="FrameDecoder"/> searches, and its limits.</summary>
public sealed class FrameDecoderOptions
{
    /// <summary>Number of prefixes in the beam, up to 4,096. 1 (the default): greedy, the best label of each frame.</summary>
    public int BeamWidth { get; init; } = 1;

    /// <summary>Most results, best first; at most <see cref="BeamWidth"/>. Default: 1.</summary>
    public int MaxResults { get; init; } = 1;

    /// <summary>Most frames of features in one call, if the model leaves the number open. Default: 1,024.</summary>
    public int MaxFrames { get; init; } = 1024;

    /// <summary>Most tokens of a result; later ones are dropped. Null: the model's value, else 1,024.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Most tokens that a transducer may give at one frame, up to 1,024. Default: 8.</summary>
    public int MaxTokensPerFrame { get; init; } = 8;

    /// <summary>Index of the blank. Null: the model's value, else 0.</summary>
    public int? Blank { get; init; }

    /// <summary>N-gram model of tokens that helps rank prefixes (shallow fusion); needs a beam.</summary>
    public NgramModel? LanguageModel { get; init; }

    /// <summary>Factor of the language model's log probability. Default: 0.5.</summary>
    public float LanguageModelWeight { get; init; } = 0.5f;

    /// <summary>Added to the rank for each token, because a language model prefers short results. Default: 0.</summary>
    public float TokenBonus { get; init; }

    /// <summary>Most bytes of the whole decoder; one that needs more is refused. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>Most operations of one run of a graph (<see cref="SeqSessionOptions.WorkLimit"/>). A decoder that may need more is refused. Default: 20,000,000,000.</summary>
    public long WorkLimit { get; init; } = SeqSessionOptions.DefaultWorkLimit;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BeamWidth, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BeamWidth, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxResults, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxResults, BeamWidth);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxFrames, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTokensPerFrame, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxTokensPerFrame, 1024);
        if (MaxTokens is { } max) ArgumentOutOfRangeException.ThrowIfLessThan(max, 1, nameof(MaxTokens));
        if (Blank is { } blank) ArgumentOutOfRangeException.ThrowIfNegative(blank, nameof(Blank));
        if (!float.IsFinite(LanguageModelWeight) || LanguageModelWeight < 0) throw new ArgumentException("LanguageModelWeight must be a finite number of at least 0.");
        if (!float.IsFinite(TokenBonus)) throw new ArgumentException("TokenBonus must be a finite number.");
        if (BeamWidth == 1 && (LanguageModel is not null || TokenBonus != 0)) throw new ArgumentException("A language model or a token bonus needs BeamWidth above 1.");
    }
}
