using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>Draws one token from logits: temperature, then top-k, then top-p. It uses only integer and IEEE arithmetic, so every machine draws the same.</summary>
internal sealed unsafe class Sampler
{
    private readonly SamplingOptions _options;
    private readonly KernelSet _kernels;
    private readonly SessionMemory _memory;
    private readonly ulong[] _order;
    private ulong _state;

    public Sampler(SamplingOptions options, KernelSet kernels, int vocabulary, DecoderMemory memory)
    {
        _options = options;
        _kernels = kernels;
        _order = memory.Array<ulong>("probabilities", vocabulary);
        _memory = memory.Block("probabilities", (long)vocabulary * sizeof(float) + KernelSet.ReadSlack);
        Seed(options.Seed);
    }

    /// <summary>The sampler of a decoder; null if it takes the best tokens.</summary>
    public static Sampler? Of(SeqDecoderOptions options, KernelSet kernels, int vocabulary, DecoderMemory memory) =>
        options.Sampling is { } sampling ? new Sampler(sampling, kernels, vocabulary, memory) : null;

    public void Seed(ulong seed) => _state = seed;

    /// <param name="logProbabilities">One for each token; -∞ for a token that is not allowed.</param>
    /// <returns>The token, or -1 if no token is allowed.</returns>
    public int Draw(ReadOnlySpan<float> logProbabilities)
    {
        var p = new Span<float>(_memory.Start, logProbabilities.Length);
        var best = float.NegativeInfinity;
        foreach (var logProbability in logProbabilities)
        {
            if (logProbability > best) best = logProbability;
        }

        if (best == float.NegativeInfinity) return -1;

        // If the temperature is so low that the best score overflows, scores are taken relative to the best.
        var zero = float.IsFinite(best / _options.Temperature) ? 0 : best;
        for (var i = 0; i < p.Length; i++)
        {
            // This catches NaN and tokens that are not allowed.
            p[i] = logProbabilities[i] > float.NegativeInfinity ? (logProbabilities[i] - zero) / _options.Temperature : float.NegativeInfinity;
        }

        _kernels.Softmax((float*)_memory.Start, (float*)_memory.Start, 1, p.Length, logarithm: false);

        // Sorts by probability, then by lowest index: the bits of non-negative floats sort like their values.
        for (var i = 0; i < p.Length; i++) _order[i] = ((ulong)~BitConverter.SingleToUInt32Bits(p[i]) << 32) | (uint)i;
        _order.AsSpan().Sort();
        var count = _options.TopK > 0 ? Math.Min(_options.TopK, p.Length) : p.Length;
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            sum += p[(int)(uint)_order[i]];
            if (_options.TopP < 1 && sum >= _options.TopP) count = i + 1;
        }

        var threshold = Uniform() * sum;
        var reached = 0.0;
        var last = (int)(uint)_order[0];
        for (var i = 0; i < count; i++)
        {
            var token = (int)(uint)_order[i];
            if (p[token] == 0) break;
            last = token;
            reached += p[token];
            if (reached > threshold) break;
        }

        return last;
    }

    /// <summary>A uniform number in [0, 1) with 53 bits.</summary>
    private double Uniform()
    {
        _state += SplitMix.Step;
        return (SplitMix.Mix(_state) >> 11) * (1.0 / (1UL << 53));
    }
}
