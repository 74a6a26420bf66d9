namespace SeqRuntime.Converter.Samples;

/// <summary>Inputs of one graph over some runs that follow each other with kept states. Each sequence begins with the graph's first states.</summary>
internal abstract class SampleSequence
{
    /// <summary>Number of runs, at least 1.</summary>
    public abstract int Runs { get; }

    /// <summary>The size of each symbolic dimension in every run, except those that count the steps of caches.</summary>
    public abstract IReadOnlyDictionary<string, int> Sizes { get; }

    /// <summary>Writes an input of a run.</summary>
    /// <param name="run">Which run, from 0.</param>
    /// <param name="input">Index of the input.</param>
    /// <param name="elements">Its elements, row-major.</param>
    public abstract void Write(int run, int input, Span<byte> elements);
}

/// <summary>Sample inputs of one graph.</summary>
/// <param name="Graph">Name of the graph.</param>
/// <param name="Sequences">The sequences.</param>
/// <param name="What">What the inputs are, in words: "unit noise".</param>
/// <param name="IsGiven">Whether the user gave them.</param>
/// <param name="Time">The symbolic dimension that counts the steps of a run. Null if there is none.</param>
internal sealed record GraphSamples(string Graph, IReadOnlyList<SampleSequence> Sequences, string What, bool IsGiven, string? Time = null)
{
    public int Runs => Sequences.Sum(s => s.Runs);

    /// <summary>Steps of all runs together: a run of a graph without a symbolic time is one.</summary>
    public long Steps => Sequences.Sum(s => (long)s.Runs * (Time is null ? 1 : Math.Max(s.Sizes.GetValueOrDefault(Time, 1), 1)));
}

/// <summary>Sequences of tokens that a decoder reads: the sources of an encoder-decoder, or texts of a language model.</summary>
/// <param name="Lines">The sequences, without begin and end tokens.</param>
/// <param name="What">What they are, in words.</param>
/// <param name="IsGiven">Whether the user gave them.</param>
internal sealed record TokenSamples(IReadOnlyList<int[]> Lines, string What, bool IsGiven);

/// <summary>What the user gave: arrays for graphs, and tokens for a decoder. What is missing is generated.</summary>
/// <param name="Graphs">Samples by graph.</param>
/// <param name="Tokens">Tokens. Null if none were given.</param>
internal sealed record SampleSet(IReadOnlyDictionary<string, GraphSamples> Graphs, TokenSamples? Tokens)
{
    public static SampleSet None { get; } = new(new Dictionary<string, GraphSamples>(), null);
}
