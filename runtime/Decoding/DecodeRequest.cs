namespace SeqRuntime.Decoding;

/// <summary>
/// Settings of one call of <see cref="SeqDecoder.Decode(ReadOnlySpan{char}, DecodeRequest?, CancellationToken)"/> besides the source, or of
/// <see cref="SeqGenerator.Generate(ReadOnlySpan{char}, DecodeRequest?, CancellationToken)"/> besides the prompt. They hold for that call only. A request may be changed and reused, so that nothing is allocated.
/// </summary>
public sealed class DecodeRequest
{
    /// <summary>Tokens that every result begins with. Default: none.</summary>
    public ReadOnlyMemory<int> Prefix { get; set; }

    /// <summary>Most tokens of a result; null (the default) for as many as <see cref="SeqDecoderOptions.MaxTokens"/>, which is the limit.</summary>
    public int? MaxTokens { get; set; }

    /// <summary>The sequences that results are limited to, prefix included; null (the default) for no limit.</summary>
    public TokenTrie? AllowedSequences { get; set; }

    /// <summary>
    /// Called for each token; null (the default) for no callback. It must not call the decoder. If it returns false, the search ends and open hypotheses compete
    /// with the complete ones by their score; <see cref="DecodeResult.IsComplete"/> tells them apart.
    /// </summary>
    public TokenCallback? OnToken { get; set; }

    /// <summary>Restarts the random generator of sampling with a seed; null (the default) continues from the last call.</summary>
    public ulong? Seed { get; set; }
}
