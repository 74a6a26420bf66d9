namespace SeqRuntime.Decoding;

/// <summary>The exceptions of decoders.</summary>
internal static class DecodingError
{
    public static InvalidOperationException AtWork(string callback) =>
        new($"The decoder is in use. Its {callback} callback and other threads must not call it. In the callback, store what you need and call the decoder after it returns; for several threads, make one decoder each.");

    public static ArgumentOutOfRangeException NoRank(int rank, int count) => new(
        nameof(rank),
        count == 0 ? $"There is no result {rank}: the decoder has no results." : $"Result {rank} is outside the results (0 to {count - 1}).");

    public static ArgumentOutOfRangeException NoSource(int index, int count) => new(nameof(index), $"There is no source {index}: the last call had {Count(count, "source")}.");

    /// <summary>A source of a batch was refused.</summary>
    public static ArgumentException OfSource(int index, ArgumentException fault) => new($"Source {index} of the batch: {fault.Message}", fault);

    public static ArgumentException NoDecoderOfCaches(string graph) =>
        new($"Graph '{graph}' keeps caches that grow, which only decoders of language models (CreateGenerator) support: convert it without --cache.");

    /// <summary>A number of things: "1 token", "2 tokens".</summary>
    public static string Count(long count, string one) => $"{count} {one}{(count == 1 ? "" : "s")}";

    public static InvalidOperationException NoResult() => new("This result is a default value; take results from a decoder's Results.");

    public static InvalidOperationException OldResult() => new("The decoder has been called since it gave this result. Copy what you need before the next call.");

    public static InvalidOperationException NoTargetTable() => new("The model has no target table; results are token indices.");
}
