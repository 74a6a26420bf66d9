namespace SeqRuntime;

/// <summary>What a session is made for.</summary>
public sealed class SeqSessionOptions
{
    /// <summary>Largest size of each symbolic dimension by name, for example <c>T</c> = 100. A symbol that is not named has at most 1.</summary>
    public IDictionary<string, int> MaxSizes { get; init; } = new Dictionary<string, int>();

    /// <summary>A session that needs more bytes than this is refused before anything is allocated. Default: 1 GiB.</summary>
    public long MemoryLimitBytes { get; init; } = 1L << 30;
}
