namespace SeqRuntime.Converter.Samples;

/// <summary>Sizes of a graph's symbolic dimensions for generated samples.</summary>
/// <param name="Sizes">A size of each dimension, except those that count the steps of caches.</param>
/// <param name="Time">The dimension that counts the steps of a run. Null if there is none.</param>
/// <param name="Work">Operations of a run.</param>
/// <param name="Most">Most steps that the graph's caches hold. Null if it has none.</param>
internal sealed record SampleSizes(Dictionary<string, int> Sizes, string? Time, double Work, int? Most)
{
    /// <summary>Steps of a run of a graph that keeps states, and of one that does not.</summary>
    private const int StreamSteps = 10, SequenceSteps = 50;

    /// <summary>Steps of a run whose steps are single numbers, such as samples of sound.</summary>
    private const int SignalSteps = 576;

    private static readonly int[] s_others = [64, 32, 16, 8, 4, 2, 1, 128, 256, 512, 1024, 4096];
    private static readonly HashSet<string> s_batches = new(["n", "b", "bs", "batch"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Size of the symbolic time; 1 if there is none.</summary>
    public int Length => Time is null ? 1 : Sizes[Time];

    /// <summary>Whether the symbolic time counts single numbers, such as samples of sound, of which a run takes many.</summary>
    public bool IsSignal { get; private init; }

    /// <summary>Steps of one run.</summary>
    public int Steps => IsSignal ? 1 : Length;

    /// <summary>The dimension that counts independent sequences: a state has it, or its name says so.</summary>
    public static string? BatchOf(SeqGraphInfo graph, IReadOnlyCollection<string> caches)
    {
        var symbols = graph.Symbols.Where(s => !caches.Contains(s)).ToList();
        return symbols.Find(symbol => graph.States.Any(state => state.Dimensions!.Any(d => d.Symbol == symbol)))
            ?? symbols.Find(symbol => s_batches.Contains(symbol) || symbol.Contains("batch", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The dimensions that count the steps of caches, and how many fit.</summary>
    public static Dictionary<string, int> CachesOf(SeqModel model, SeqGraphInfo graph)
    {
        var loaded = Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!;
        return loaded.Symbols.Index().Where(s => loaded.MostSteps(s.Index) > 0).ToDictionary(s => s.Item, s => loaded.MostSteps(s.Index));
    }

    /// <summary>The dimension that counts the steps of a run: the last of an input that is neither the batch nor a cache.</summary>
    public static string? TimeOf(SeqGraphInfo graph, string? batch, IReadOnlyCollection<string> caches) =>
        graph.Inputs.SelectMany(i => i.Dimensions!).Select(d => d.Symbol).OfType<string>().LastOrDefault(symbol => symbol != batch && !caches.Contains(symbol));

    /// <summary>Sizes at which a run is possible.</summary>
    /// <exception cref="ConversionException">No sizes were found.</exception>
    public static SampleSizes Of(SeqModel model, SeqGraphInfo graph)
    {
        var caches = CachesOf(model, graph);
        var batch = BatchOf(graph, caches.Keys);
        var time = TimeOf(graph, batch, caches.Keys);
        var symbols = graph.Symbols.Where(s => !caches.ContainsKey(s)).ToList();
        int? most = caches.Count == 0 ? null : caches.Values.Min();
        var isSignal = IsSignalOf(graph, time);
        var steps = isSignal ? SignalSteps : graph.States.Count > 0 ? StreamSteps : SequenceSteps;
        SeqSizeException? refusal = null;
        foreach (var count in s_others.Prepend(steps).Select(count => Math.Min(count, most ?? count)).Distinct())
        {
            var sizes = symbols.ToDictionary(s => s, s => s == batch ? 1 : count);
            if (Try(model, graph, sizes, caches, ref refusal) is { } work) return new SampleSizes(sizes, time, work, most) { IsSignal = isSignal };
            if (refusal?.FittingSizes is { } fitting && symbols.TrueForAll(fitting.ContainsKey))
            {
                var fits = symbols.ToDictionary(s => s, s => fitting[s]);
                if (Try(model, graph, fits, caches, ref refusal) is { } found) return new SampleSizes(fits, time, found, most) { IsSignal = isSignal };
            }

            if (time is null) break;
        }

        throw new ConversionException($"no sizes were found at which graph '{graph.Name}' runs{(refusal is null ? "" : $" ({refusal.Cause.TrimEnd('.')})")}");
    }

    /// <summary>The same size of all symbolic dimensions but the batch and the steps of caches. Null if no run is possible.</summary>
    public static SampleSizes? At(SeqModel model, SeqGraphInfo graph, int count, int batch)
    {
        var caches = CachesOf(model, graph);
        var batches = BatchOf(graph, caches.Keys);
        var time = TimeOf(graph, batches, caches.Keys);
        SeqSizeException? refusal = null;
        var sizes = graph.Symbols.Where(s => !caches.ContainsKey(s)).ToDictionary(s => s, s => s == batches ? batch : count);
        return Try(model, graph, sizes, caches, ref refusal) is { } work ? new SampleSizes(sizes, time, work, caches.Count == 0 ? null : caches.Values.Min()) { IsSignal = IsSignalOf(graph, time) } : null;
    }

    private static double? Try(SeqModel model, SeqGraphInfo graph, Dictionary<string, int> sizes, Dictionary<string, int> caches, ref SeqSizeException? refusal)
    {
        try
        {
            var all = new Dictionary<string, int>(sizes);
            foreach (var (symbol, most) in caches) all[symbol] = most;
            return model.GetRunWork(graph.Name, all);
        }
        catch (SeqSizeException fault)
        {
            refusal = fault;
            return null;
        }
    }

    /// <summary>Whether each step of an input is a single number.</summary>
    public static bool IsSignalOf(SeqGraphInfo graph, string? time) =>
        time is not null && graph.Inputs.Any(i => i.Type == ElementType.Float32 && i.Dimensions!.Count > 0 && i.Dimensions[^1].Symbol == time && i.Dimensions.SkipLast(1).All(d => d.Size is 1 or null));
}
