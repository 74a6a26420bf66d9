namespace SeqRuntime.Decoding;

/// <summary>What decoders throw, by reason.</summary>
internal static class DecodingError
{
    public static InvalidOperationException AtWork(string callback) =>
        new($"The decoder is at work: its {callback} callback must not use it, nor another thread. Note what the callback is told, and go on when the call that it is told by has returned; for several threads make a decoder for each.");

    public static ArgumentOutOfRangeException NoRank(int rank, int count) => new(
        nameof(rank),
        count == 0 ? $"There is no result {rank}: nothing was decoded, or nothing was found." : $"There is no result {rank}; there are {count}, from 0 for the best.");
}
