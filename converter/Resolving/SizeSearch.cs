using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>The result of resolving a graph at one set of sizes. The fault is null if it succeeded.</summary>
internal sealed record Trial(Sizes Sizes, ConversionException? Fault)
{
    public bool Fits => Fault is null;

    /// <summary>Whether the trial says nothing about which sizes fit: a shape is too large, or an operator is unsupported.</summary>
    public bool IsOutOfReach => Fault is not null and not ShapeFault { IsTooLarge: false };

    public bool IsMisfit => !Fits && !IsOutOfReach;

    /// <summary>The number of nodes after the fault. Fewer means that more of the graph fits.</summary>
    public int Left => Fault switch { null => -1, ShapeFault fault => fault.Left, _ => int.MaxValue };
}

/// <summary>
/// Finds by trial the sizes of symbolic dimensions at which a graph's shapes fit together. Each dimension has its own size. The tried
/// sizes are small ones, powers of two, and those that faults of other trials point to.
/// </summary>
internal sealed class SizeSearch
{
    /// <summary>A size above the usual position tables that limit lengths, and below the limits of shapes.</summary>
    private const int Large = 16000;

    /// <summary>A size of a few frames, where small sizes make none: they then all fail alike, at one place.</summary>
    private const int Middle = 1000;

    /// <summary>Limits of trials and of the nodes of all trials. The search then ends with what it found.</summary>
    private const int MostTrials = 1500;
    private const int MostNodes = 500_000;
    private const int MostPoints = 12;
    private const int MostNumbers = 64;
    private static readonly int[] s_sizes = [.. Enumerable.Range(1, 16), 24, 32, 48, 50, 64, 100, 128, 256, 333, 500, 512, 576, 1000, 1024, 4000, Large];

    private readonly IrGraph _graph;
    private readonly Lazy<List<int>> _numbers;
    private readonly Dictionary<string, Trial> _trials = [];
    private readonly WorkMeter _work = new();
    private readonly int _share;

    /// <param name="graph">The graph.</param>
    /// <param name="isThorough">Whether the search may take its full time. False if it only checks whether an option helps.</param>
    public SizeSearch(IrGraph graph, bool isThorough) => (_graph, Symbols, _numbers, _share) = (graph, graph.Symbols(), new(() => Numbers(graph)), isThorough ? 1 : 3);

    public List<string> Symbols { get; }

    private bool IsSpent => _trials.Count >= MostTrials / _share || (_trials.Count >= 8 && _work.Nodes >= MostNodes / _share);

    /// <summary>Small sizes that differ between dimensions. Null if some do not fit.</summary>
    public List<Sizes>? Small()
    {
        List<Sizes> points = [All(1), new Sizes(Symbols, i => 2 + i), new Sizes(Symbols, i => 7 + 3 * i)];
        return points.TrueForAll(p => Try(p).Fits) ? points : null;
    }

    /// <summary>Adds a large size of each dimension to small ones. Null if one does not fit.</summary>
    public List<Sizes>? WithLarge(List<Sizes> small)
    {
        var points = new List<Sizes>(small);
        foreach (var symbol in Symbols)
        {
            var large = Try(small[1].With(symbol, Large));
            if (large.IsMisfit) return null;
            if (large.Fits) points.Add(large.Sizes);
        }

        return points;
    }

    /// <summary>Sizes at which everything fits, preferably small ones. Sizes of 1 come last because they hide misfits. Null if there are none.</summary>
    public Sizes? Start()
    {
        var first = new[] { new Sizes(Symbols, i => 2 + i), All(2), All(3), All(4) }.Concat(Enumerable.Range(5, 12).Select(All)).Append(All(1)).Select(Try);
        var found = first.FirstOrDefault(t => t.Fits);
        if (found is not null && found.Sizes.Sum > Symbols.Count) return found.Sizes;
        if (found is null && HasOneFault() && !FitsAtMiddle() && HasOneFault()) return null;
        return Climb(All(2)) ?? Climb(new Sizes(Symbols, i => 2 + i)) ?? found?.Sizes ?? Climb(All(1));
    }

    /// <summary>The same sizes with the batch (the first dimension of an input) at 1. Null if that does not fit or changes nothing.</summary>
    public Sizes? WithoutBatch(Sizes start)
    {
        var batch = _graph.Inputs.Where(i => i.Shape.Length > 1).Select(i => i.Shape[0].Symbol).OfType<string>().Distinct().ToList();
        if (batch.Count == Symbols.Count || batch.TrueForAll(symbol => start[symbol] == 1)) return null;
        return Climb(batch.Aggregate(start, (sizes, symbol) => sizes.With(symbol, 1)), [.. batch]);
    }

    /// <summary>The sizes of one dimension that fit while the others stay.</summary>
    public SizeRange Range(string symbol, Sizes start)
    {
        if (IsSpent) return new SizeRange(symbol);
        foreach (var size in s_sizes) Try(start.With(symbol, size));
        var misfits = Misfitting(symbol, start);
        if (misfits.Count == 0) return new SizeRange(symbol);
        if (StepOf(Fitting(symbol, start)) is 0 or > 16) TryMore(symbol, start);
        var fits = Fitting(symbol, start);
        var step = Math.Max(1, StepOf(fits));
        if (step > 1)
        {
            foreach (var size in new[] { 1, 2, 1000 / step, Large / step }) Try(start.With(symbol, fits[0] + size * step));
            fits = Fitting(symbol, start);
        }

        misfits = Misfitting(symbol, start).FindAll(m => (m - fits[0]) % step == 0);
        if (fits.Count == 1 || (fits.Count == 2 && step > 1) || misfits.Exists(m => m > fits[0] && m < fits[^1])) return new SizeRange(symbol, fits[0], fits[^1]) { Only = fits };
        var least = Bound(symbol, start, fits[0], misfits.FindLast(m => m < fits[0]), step);
        int? most = misfits.Find(m => m > fits[^1]) is > 0 and var above ? Bound(symbol, start, fits[^1], above, step) : null;
        return new SizeRange(symbol, least, most, step);
    }

    /// <summary>Dimensions of equal size that must change together with this one. Null if that does not help.</summary>
    public SizeRange? Alike(string symbol, Sizes start)
    {
        var size = start[symbol] + 1;
        var all = Symbols.FindAll(s => start[s] == start[symbol]);
        foreach (var group in new[] { all.FindAll(s => AxisOf(s) == AxisOf(symbol)), all })
        {
            if (group.Count == 1 || !Try(Moved(start, group, size)).Fits || !Try(Moved(start, group, size + 1)).Fits) continue;
            foreach (var other in group.ToList())
            {
                if (other != symbol && Try(Moved(start, group.FindAll(s => s != other), size)).Fits) group.Remove(other);
            }

            return group.Count == 1 ? null : Together(symbol, group.FindAll(s => s != symbol), [start, Moved(start, group, size)]);
        }

        return null;
    }

    /// <summary>A dimension that is the sum of two others wherever everything fits, unless it is 1.</summary>
    public SizeRange? Sum()
    {
        var fits = _trials.Values.Where(t => t.Fits).Select(t => t.Sizes).ToList();
        foreach (var sum in Symbols)
        {
            var some = fits.FindAll(f => f[sum] > 1);
            if (some.Select(f => f[sum]).Distinct().Count() < 2) continue;
            foreach (var (i, a) in Symbols.Index())
            {
                var b = Symbols.Skip(i).FirstOrDefault(b => a != sum && b != sum && some.TrueForAll(f => f[sum] == f[a] + f[b]));
                if (b is not null && Try(some[0].With(a, 5).With(b, 9).With(sum, 14)).Fits) return new SizeRange(sum) { With = [a, b], Follows = $"{a} + {b}" };
            }
        }

        return null;
    }

    /// <summary>How a dimension changes together with others outside its range. Null if it does not.</summary>
    public SizeRange? Joint(SizeRange range, Sizes start)
    {
        var symbol = range.Symbol;
        int[] sizes = range.Only is null ? range.Most is { } most ? [most + range.Step] : [] : [start[symbol] + 1, start[symbol] + 2, 2 * start[symbol]];
        foreach (var size in sizes)
        {
            if (Climb(start.With(symbol, size), symbol) is not { } found) continue;
            var others = Symbols.FindAll(s => s != symbol && found[s] != start[s]);
            if (others.Count > 0) return Together(symbol, others, [start, found]);
        }

        return null;
    }

    /// <summary>Whether two dimensions have equal sizes in every trial that fits.</summary>
    public bool AreEqual(string a, string b) =>
        _trials.Values.Where(t => t.Fits).ToList() is { Count: > 1 } fits && fits.TrueForAll(t => t.Sizes[a] == t.Sizes[b]) && fits.Select(t => t.Sizes[a]).Distinct().Count() > 1
        && _trials.Values.Any(t => t.IsMisfit && t.Sizes[a] > t.Sizes[b]) && _trials.Values.Any(t => t.IsMisfit && t.Sizes[a] < t.Sizes[b]);

    /// <summary>A few sizes that fit, smallest first. Each dimension has small and large ones.</summary>
    public List<Sizes> Spread(Sizes start)
    {
        var fits = _trials.Values.Where(t => t.Fits).Select(t => t.Sizes).OrderBy(s => s.Sum).ThenBy(s => s.ToString(), StringComparer.Ordinal).ToList();
        var points = new List<Sizes> { fits[0] };
        void Add(Sizes? sizes)
        {
            if (sizes is not null && points.Count < MostPoints && !points.Contains(sizes)) points.Add(sizes);
        }

        Add(start);
        foreach (var symbol in Symbols) Add(fits.MaxBy(s => s[symbol]));
        for (var i = 1; i <= 2; i++)
        {
            var mixed = start;
            foreach (var (index, symbol) in Symbols.Index())
            {
                var own = Fitting(symbol, start);
                mixed = mixed.With(symbol, own[(i + index) % own.Count]);
            }

            if (Try(mixed).Fits) Add(mixed);
        }

        foreach (var symbol in Symbols) Add(fits.Find(s => s[symbol] != points[0][symbol] && s[symbol] != points[^1][symbol]));
        return points;
    }

    /// <exception cref="UnsupportedException">Operators are unsupported at every size.</exception>
    public void ThrowIfUnsupported()
    {
        if (Try(All(1)).Fault is UnsupportedException fault && Try(new Sizes(Symbols, i => 2 + i)).Fault is UnsupportedException) throw fault;
    }

    /// <summary>The reason why nothing fits: the fault of the trial that got furthest, at the smallest sizes.</summary>
    public ConversionException Fault()
    {
        var trial = _trials.Values.OrderBy(t => t.IsMisfit ? 0 : 1).ThenBy(t => t.Left).ThenBy(t => t.Sizes.Sum).First();
        return trial.Fault is ShapeFault ? FaultBySymbols.Tell(trial, s => Try(s)) : trial.Fault!;
    }

    /// <summary>The reason why a dimension cannot have the sizes next to the one that fits, in symbols.</summary>
    public ConversionException FaultBeside(string symbol, Sizes start)
    {
        var beside = ((int[])[start[symbol] + 1, start[symbol] - 1]).Where(size => size > 0).Select(size => Try(start.With(symbol, size))).FirstOrDefault(trial => trial.Fault is not null);
        return beside?.Fault is ShapeFault ? FaultBySymbols.Tell(beside, s => Try(s)) : beside?.Fault ?? new ConversionException($"the sizes next to {symbol} = {start[symbol]} fit too, but no range of them was found");
    }

    /// <summary>Resolves at these sizes. The result is cached.</summary>
    public Trial Try(Sizes sizes) => Try(sizes, _graph.Budget);

    private Trial Try(Sizes sizes, Budget budget)
    {
        var key = sizes.ToString();
        if (_trials.TryGetValue(key, out var known)) return known;
        ConversionException? fault = null;
        var copy = _graph.Copy();
        copy.Budget = budget;
        try
        {
            ResolvePass.Run(copy, [sizes], _work);
        }
        catch (Exception why) when (why is ShapeFault or UnsupportedException)
        {
            fault = (ConversionException)why;
        }

        return _trials[key] = new Trial(sizes, fault);
    }

    /// <summary>Whether everything fits at a middle size. Loops that are written out so often may make too much of the graph, which says nothing about its shapes.</summary>
    private bool FitsAtMiddle()
    {
        try
        {
            return Try(All(Middle), _graph.Budget.Anew()).Fits;
        }
        catch (ConversionException)
        {
            return false;
        }
    }

    /// <summary>Whether nothing fits for one and the same reason, so that other sizes are no way out.</summary>
    private bool HasOneFault() => _trials.Values.Where(t => !t.Fits).DistinctBy(t => t.Fault!.Message).Count() == 1;

    private Sizes All(int size) => new(Symbols, _ => size);

    private List<int> Fitting(string symbol, Sizes start) => Along(symbol, start, t => t.Fits);

    private List<int> Misfitting(string symbol, Sizes start) => Along(symbol, start, t => t.IsMisfit);

    private List<int> Along(string symbol, Sizes start, Func<Trial, bool> which)
    {
        var keys = Symbols.Where(s => s != symbol).ToList();
        return [.. _trials.Values.Where(t => which(t) && keys.TrueForAll(k => t.Sizes[k] == start[k])).Select(t => t.Sizes[symbol]).Order()];
    }

    /// <summary>Tries multiples of the one size that fits, and the sizes that nearby faults point to.</summary>
    private void TryMore(string symbol, Sizes start)
    {
        var at = start[symbol];
        foreach (var size in new[] { 2, 3, 4 }) Try(start.With(symbol, checked(size * at)));
        foreach (var size in Pointed(symbol, start.With(symbol, at + 1)).Concat(_numbers.Value).Concat(_numbers.Value.Select(n => 2 * n))) Try(start.With(symbol, size));
    }

    /// <summary>The last size that fits between one that does and one that does not.</summary>
    private int Bound(string symbol, Sizes start, int fits, int misfit, int step)
    {
        var (good, bad) = (0, (Math.Abs(misfit - fits) + step - 1) / step);
        var sign = misfit > fits ? step : -step;
        if (misfit == 0) bad = (fits - 1) / step + 1;
        while (bad - good > 1)
        {
            var middle = (good + bad) / 2;
            if (Try(start.With(symbol, fits + middle * sign)).Fits) good = middle;
            else bad = middle;
        }

        return fits + good * sign;
    }

    private static Sizes Moved(Sizes start, IEnumerable<string> symbols, int size) => symbols.Aggregate(start, (sizes, symbol) => sizes.With(symbol, size));

    private static SizeRange Together(string symbol, List<string> others, List<Sizes> examples)
    {
        var sizes = examples.Select(e => string.Join(", ", others.Prepend(symbol).Select(s => $"{s} = {e[s]}")));
        return new SizeRange(symbol) { With = others, Follows = $"together with {string.Join(", ", others)}, for example {string.Join(" or ", sizes)}" };
    }

    /// <summary>The axis of this dimension in the first input that has it.</summary>
    private int AxisOf(string symbol) => _graph.Inputs.Select(i => Array.FindIndex(i.Shape, d => d.Symbol == symbol)).FirstOrDefault(axis => axis >= 0, -1);

    /// <summary>Changes one dimension at a time so that more of the graph fits, until everything does.</summary>
    private Sizes? Climb(Sizes start, params string[] held)
    {
        var at = Try(start);
        while (!at.Fits && Better(at, held) is { } better) at = better;
        return at.Fits ? at.Sizes : null;
    }

    private Trial? Better(Trial at, string[] held)
    {
        var symbols = Symbols.FindAll(s => !held.Contains(s));
        foreach (var worth in (Func<string, IEnumerable<int>>[])[s => Others(s, at.Sizes), s => Pointed(s, at.Sizes), s => held.Length == 0 ? s_sizes : [1, at.Sizes[s] + 1], _ => _numbers.Value])
        {
            foreach (var symbol in symbols)
            {
                foreach (var size in worth(symbol))
                {
                    if (size < 1 || size == at.Sizes[symbol]) continue;
                    if (IsSpent) return null;
                    var next = Try(at.Sizes.With(symbol, size));
                    if (next.Fits || (!next.IsOutOfReach && next.Left < at.Left)) return next;
                }
            }
        }

        return null;
    }

    /// <summary>The sizes of the other dimensions, their differences and their sums.</summary>
    private IEnumerable<int> Others(string symbol, Sizes at)
    {
        var others = Symbols.Where(s => s != symbol).Select(s => at[s]).Distinct().Take(6).ToList();
        return others.Concat(others.SelectMany(a => others.SelectMany(b => new[] { a + b, a - b }))).Distinct();
    }

    private IEnumerable<int> Pointed(string symbol, Sizes at) => FaultBySymbols.PointedTo(symbol, at, s => Try(s));

    /// <summary>Sizes in the graph's constants: shapes of tables and frames, and numbers that they hold.</summary>
    private static List<int> Numbers(IrGraph graph)
    {
        var constants = graph.Constants.Values.Concat(graph.Nodes.Select(n => n.Attributes.GetValueOrDefault("value")).OfType<IrTensor>());
        var numbers = constants.SelectMany(c => c.Shape.Select(size => (long)size).Concat(c.Type is ElementType.Int32 or ElementType.Int64 && c.Count <= Format.Shape.MaxRank ? c.Integers() : []));
        return [.. numbers.Where(n => n is > 16 and <= 1 << 16).Distinct().Order().Take(MostNumbers).Select(n => (int)n)];
    }

    private static int StepOf(List<int> sizes) => sizes.Zip(sizes.Skip(1), (a, b) => b - a).Aggregate(0, Gcd);

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
