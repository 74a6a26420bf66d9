using SeqRuntime.Format;
using SeqRuntime.Verifying;

namespace SeqRuntime.Converter.Samples;

/// <summary>
/// Makes sample inputs from what a graph tells: tokens within their table, noise, lengths, masks. The numbers depend only on the graph's inputs
/// and are the same on every machine. A graph with states gets one long stream, another graph many sequences.
/// </summary>
internal static class GeneratedSamples
{
    /// <summary>Fewest runs or steps of a graph.</summary>
    public const int Least = 50;

    /// <summary>Most steps of a graph: more hardly change the figures.</summary>
    private const int Most = 2000;

    /// <summary>Operations for one graph. A small model reaches <see cref="Most"/> with less, a large one takes <see cref="Least"/>.</summary>
    private const double Budget = 2e8;

    /// <summary>Operations for one graph that not even <see cref="Least"/> may exceed.</summary>
    private const double Limit = 2e10;

    /// <summary>Samples of a graph.</summary>
    /// <param name="model">The model in fp32.</param>
    /// <param name="graph">The graph.</param>
    /// <exception cref="ConversionException">No sizes were found at which it runs.</exception>
    public static GraphSamples Of(SeqModel model, SeqGraphInfo graph)
    {
        var facts = FactsOf(model, graph);
        var sizes = SampleSizes.Of(model, graph);
        var runs = RunsOf(sizes);
        var room = sizes.Most is { } most ? Math.Max(most / sizes.Steps, 1) : int.MaxValue;
        var stream = graph.States.Count == 0 ? 1 : Math.Min(runs, room);
        var length = LengthOf(graph, sizes);
        var sequences = Enumerable.Range(0, (runs + stream - 1) / stream).Select(i => (SampleSequence)new GeneratedSequence(graph, facts, sizes.Sizes, stream, i, length));
        return new GraphSamples(graph.Name, [.. sequences], InWords(graph, facts), IsGiven: false, sizes.IsSignal ? null : sizes.Time);
    }

    /// <summary>What each input of a graph holds.</summary>
    public static InputFact[] FactsOf(SeqModel model, SeqGraphInfo graph) =>
        InputTracing.Of(Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!, model.Metadata.Keys.Any(key => key.StartsWith("audio.", StringComparison.Ordinal)));

    /// <summary>The length of the sequences of a run: the symbolic time, or the first axis behind the batch that is longer than 1.</summary>
    public static int LengthOf(SeqGraphInfo graph, SampleSizes sizes) => sizes.Time is not null
        ? sizes.Length
        : graph.Inputs.Where(i => i.Dimensions!.Count > 1).Select(i => i.Dimensions!.Skip(1).Select(d => d.Size ?? 1).FirstOrDefault(size => size > 1, 1)).Append(1).Max();

    /// <summary>Random tokens for a decoder: sources of an encoder-decoder, or the starts of texts.</summary>
    /// <param name="fact">The range of tokens.</param>
    /// <param name="without">Tokens that no text has.</param>
    /// <param name="lengths">Shortest and longest sequence.</param>
    public static TokenSamples Lines(InputFact fact, IReadOnlyCollection<int> without, (int Least, int Most) lengths)
    {
        var tokens = Enumerable.Range(fact.Least, (int)Math.Min((long)fact.Most - fact.Least + 1, 1 << 20)).Except(without).ToArray();
        if (tokens.Length == 0) throw new ConversionException("the model has no tokens besides the special ones");
        var lines = Enumerable.Range(0, Least).Select(line => Enumerable.Range(0, lengths.Least + (int)(Noise.Bits(line, 0, 0) % (uint)(lengths.Most - lengths.Least + 1)))
            .Select(i => tokens[Noise.Bits(line, 1, i) % (uint)tokens.Length]).ToArray());
        return new TokenSamples([.. lines], $"random tokens {fact.Least} to {fact.Most}", IsGiven: false);
    }

    private static int RunsOf(SampleSizes sizes)
    {
        int least = (Least + sizes.Steps - 1) / sizes.Steps, most = Math.Max((Most + sizes.Steps - 1) / sizes.Steps, least);
        var affordable = (int)Math.Clamp(Budget / Math.Max(sizes.Work, 1), least, most);
        return (int)Math.Clamp(Limit / Math.Max(sizes.Work, 1), 1, affordable);
    }

    /// <summary>What the inputs hold, in words. Names are given only if inputs differ.</summary>
    private static string InWords(SeqGraphInfo graph, InputFact[] facts)
    {
        var groups = facts.Index().GroupBy(f => f.Item.InWords()).ToList();
        if (groups.Count == 0) return "no inputs";
        return groups.Count == 1 ? groups[0].Key : string.Join(", ", groups.Select(g => $"{g.Key} for {string.Join(", ", g.Select(f => $"'{graph.Inputs[f.Index].Name}'"))}"));
    }

    private sealed class GeneratedSequence(SeqGraphInfo graph, InputFact[] facts, Dictionary<string, int> sizes, int runs, int number, int length) : SampleSequence
    {
        public override int Runs => runs;

        public override IReadOnlyDictionary<string, int> Sizes => sizes;

        public override void Write(int run, int input, Span<byte> elements) => GeneratedInput.Fill(graph.Inputs[input].Type!.Value, facts[input], elements, (number, run, input), length);
    }
}
