namespace SeqRuntime.Decoding;

/// <summary>How a <see cref="FrameDecoder"/> searches, and how much it may be given.</summary>
public sealed class FrameDecoderOptions
{
    /// <summary>Prefixes that are followed at once, up to 4,096. 1 (the default): greedy, the best label of each frame.</summary>
    public int BeamWidth { get; init; } = 1;

    /// <summary>Results to give, best first; at most the beam. Default: 1.</summary>
    public int MaxResults { get; init; } = 1;

    /// <summary>Most frames of features in one call, where the model leaves the number open. Default: 1,024.</summary>
    public int MaxFrames { get; init; } = 1024;

    /// <summary>Most tokens of a result; later ones are not taken. Null: what the model says, else 1,024.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Most tokens that a transducer may give at one frame, up to 1,024. Default: 8.</summary>
    public int MaxTokensPerFrame { get; init; } = 8;

    /// <summary>Index of the blank. Null: what the model says, else 0.</summary>
    public int? Blank { get; init; }

    /// <summary>N-gram model of tokens that prefixes are ranked by besides their own probability (shallow fusion); needs a beam.</summary>
    public NgramModel? LanguageModel { get; init; }

    /// <summary>Factor of the language model's log probability. Default: 0.5.</summary>
    public float LanguageModelWeight { get; init; } = 0.5f;

    /// <summary>Added for each token: against a language model's, or long labels', liking for short results. Default: 0.</summary>
    public float TokenBonus { get; init; }

    /// <summary>A decoder that needs more bytes than this, all that it holds together, is refused. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;

    /// <summary>A decoder one of whose graphs may take more operations than this in one run is refused (<see cref="SeqSessionOptions.WorkLimit"/>). Default: 20,000,000,000.</summary>
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
        if (!float.IsFinite(LanguageModelWeight) || LanguageModelWeight < 0) throw new ArgumentException("The language model's weight is no finite number from 0 up.");
        if (!float.IsFinite(TokenBonus)) throw new ArgumentException("The bonus of a token is no finite number.");
        if (BeamWidth == 1 && (LanguageModel is not null || TokenBonus != 0)) throw new ArgumentException("A language model or a bonus ranks prefixes against each other; set a beam width above 1.");
    }
}
