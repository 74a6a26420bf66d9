namespace SeqRuntime.Decoding;

/// <summary>
/// What one call of <see cref="SeqDecoder.Decode(ReadOnlySpan{char}, DecodeRequest?, CancellationToken)"/> asks for besides the source. It is
/// read while the call goes on and holds for no other; a request may be changed and given again, so that nothing is allocated.
/// </summary>
public sealed class DecodeRequest
{
    /// <summary>Tokens that every result begins with. Default: none.</summary>
    public ReadOnlyMemory<int> Prefix { get; set; }

    /// <summary>The only sequences that results may be, prefix included; null (the default) for any.</summary>
    public TokenTrie? AllowedSequences { get; set; }

    /// <summary>
    /// Told of each token; null (the default) for nobody. It must not use the decoder. Where it returns false, hypotheses still open compete
    /// with the complete ones by their score; <see cref="DecodeResult.IsComplete"/> tells them apart.
    /// </summary>
    public TokenCallback? OnToken { get; set; }

    /// <summary>Starts the random generator of sampling anew; null (the default) lets it go on from the last call.</summary>
    public ulong? Seed { get; set; }
}
