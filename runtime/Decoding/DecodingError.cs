namespace SeqRuntime.Decoding;

/// <summary>What decoders throw, by reason.</summary>
internal static class DecodingError
{
    public static ArgumentOutOfRangeException NoRank(int rank, int count) => new(
        nameof(rank),
        count == 0 ? $"There is no result {rank}: nothing was decoded, or nothing was found." : $"There is no result {rank}; there are {count}, from 0 for the best.");
}
