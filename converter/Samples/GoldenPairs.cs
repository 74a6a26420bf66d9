using SeqRuntime.Format;
using SeqRuntime.Verifying;

namespace SeqRuntime.Converter.Samples;

/// <summary>Recorded runs of a model, and the graphs that have none.</summary>
/// <param name="Graphs">The runs by graph.</param>
/// <param name="Missing">For each graph without runs, its name and why.</param>
internal sealed record GoldenPairs(IReadOnlyList<GoldenGraph> Graphs, IReadOnlyList<(string Graph, string Why)> Missing)
{
    /// <summary>Runs of a graph that keeps states, and of one that does not.</summary>
    private const int StreamRuns = 3, SingleRuns = 2;

    /// <summary>Operations of a graph's runs at one size. One run may take more.</summary>
    private const double Budget = 3e8;

    /// <summary>Operations above which a run is left out where another size takes fewer: a small device would need minutes.</summary>
    private const double Limit = 3e9;

    /// <summary>Sizes besides those of samples: a single step, and an odd number of steps, in a batch if there is one.</summary>
    private static readonly (int Count, int Batch)[][] s_others = [[(1, 1), (2, 1)], [(7, 2), (7, 1), (3, 1), (4, 1), (5, 1), (9, 1)]];

    /// <summary>Number of recorded runs.</summary>
    public int Runs => Graphs.Sum(g => g.Cases.Sum(c => c.Runs));

    /// <summary>Runs each graph at several sizes.</summary>
    /// <param name="model">The model whose bits are recorded.</param>
    public static GoldenPairs Of(SeqModel model)
    {
        var graphs = new List<GoldenGraph>();
        var missing = new List<(string Graph, string Why)>();
        var left = GoldenRun.MostWork(new SeqSessionOptions());
        foreach (var (index, graph) in model.Graphs.Index())
        {
            try
            {
                var facts = GeneratedSamples.FactsOf(model, graph);
                var cases = new List<GoldenCase>();
                foreach (var sizes in SizesOf(model, graph)) cases.Add(Case(model, graph, facts, sizes, cases.Count, ref left));
                graphs.Add(new GoldenGraph(index, facts, [.. cases]));
            }
            catch (Exception fault) when (fault is ConversionException or SeqDataException or ArgumentException)
            {
                missing.Add((graph.Name, fault.Message));
            }
        }

        return new GoldenPairs(graphs, missing);
    }

    private static List<SampleSizes> SizesOf(SeqModel model, SeqGraphInfo graph)
    {
        List<SampleSizes> all = [SampleSizes.Of(model, graph)];
        if (all[0].Sizes.Count == 0) return all;
        foreach (var others in s_others)
        {
            var other = others.Select(o => SampleSizes.At(model, graph, o.Count, o.Batch)).FirstOrDefault(sizes => sizes is not null && !all.Exists(a => a.Sizes.All(s => sizes.Sizes[s.Key] == s.Value)));
            if (other is not null) all.Add(other);
        }

        return all.Exists(sizes => sizes.Work <= Limit) ? all.FindAll(sizes => sizes.Work <= Limit) : [all.MinBy(sizes => sizes.Work)!];
    }

    private static GoldenCase Case(SeqModel model, SeqGraphInfo graph, InputFact[] facts, SampleSizes sizes, int seed, ref double left)
    {
        var caches = SampleSizes.CachesOf(model, graph);
        var wanted = graph.States.Count == 0 ? SingleRuns : StreamRuns;
        if (sizes.Most is { } most) wanted = Math.Clamp(most / sizes.Length, 1, wanted);
        var runs = (int)Math.Clamp(Budget / Math.Max(sizes.Work, 1), 1, wanted);
        int[] all = [.. graph.Symbols.Select(s => caches.TryGetValue(s, out var steps) ? steps : sizes.Sizes[s])];
        var length = GeneratedSamples.LengthOf(graph, sizes);
        return new GoldenCase(all, length, seed, runs, GoldenRun.Sums(model, graph, facts, new GoldenCase(all, length, seed, runs, []), new SeqSessionOptions(), ref left, CancellationToken.None));
    }
}
