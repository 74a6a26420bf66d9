namespace SeqRuntime.Decoding;

/// <summary>What decoders throw, by reason.</summary>
internal static class DecodingError
{
    public static InvalidOperationException AtWork(string callback) =>
        new($"The decoder is at work: its {callback} callback must not use it, nor another thread. Note what the callback is told, and go on when the call that it is told by has returned; for several threads make a decoder for each.");

    public static ArgumentOutOfRangeException NoRank(int rank, int count) => new(
        nameof(rank),
        count == 0 ? $"There is no result {rank}: nothing was decoded, or nothing was found." : $"There is no result {rank}; there are {count}, from 0 for the best.");

    public static ArgumentException NoDecoderOfCaches(string graph) =>
        new($"Graph '{graph}' keeps caches that grow, which decoders cannot: convert it without --cache.");

    public static InvalidOperationException NoResult() => new("This result is of no decoder; results come from a decoder's Results.");

    public static InvalidOperationException OldResult() => new("The decoder has been called again since it gave this result. Copy what is to last longer.");

    public static InvalidOperationException NoTargetTable() => new("The model has no target table; results are token indices.");
}
