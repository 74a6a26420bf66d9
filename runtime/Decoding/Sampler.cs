using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Sessions;

namespace SeqRuntime.Decoding;

/// <summary>Draws one token from logits: temperature, then the k likeliest, then the likeliest that reach p. Integer and IEEE arithmetic only.</summary>
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

    public void Seed(ulong seed) => _state = seed;

    /// <param name="logProbabilities">Of each token; one that is not allowed is -∞.</param>
    /// <returns>The token, or -1 where none is allowed.</returns>
    public int Draw(ReadOnlySpan<float> logProbabilities)
    {
        var p = new Span<float>(_memory.Start, logProbabilities.Length);
        var best = float.NegativeInfinity;
        foreach (var logProbability in logProbabilities)
        {
            if (logProbability > best) best = logProbability;
        }

        if (best == float.NegativeInfinity) return -1;

        // Where the temperature is so low that even the likeliest would leave the range of numbers, it becomes the zero of the scale.
        var zero = float.IsFinite(best / _options.Temperature) ? 0 : best;
        for (var i = 0; i < p.Length; i++)
        {
            // NaN and what is not allowed alike.
            p[i] = logProbabilities[i] > float.NegativeInfinity ? (logProbabilities[i] - zero) / _options.Temperature : float.NegativeInfinity;
        }

        _kernels.Softmax((float*)_memory.Start, (float*)_memory.Start, p.Length, logarithm: false);

        // Likeliest first, and of equals the one of the lowest index: the bits of a float from 0 up are in its order.
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

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    private double Uniform()
    {
        _state += SplitMix.Step;
        return (SplitMix.Mix(_state) >> 11) * (1.0 / (1UL << 53));
    }
}
