using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>
/// Resolves a graph with symbolic dimensions. It finds sizes that the shapes allow and resolves the graph at several of them
/// at once. A dimension that fits only at size 1 is fixed at 1. Dimensions that must be equal become one.
/// </summary>
internal static class SizeProbes
{
    private const int MostTurns = 24;
    private const int MostRounds = 2;

    /// <summary>The resolved graph. <paramref name="raw"/> is not changed; <paramref name="sized"/> is a copy of it with the fixed dimensions.</summary>
    /// <exception cref="ConversionException">The shapes fit together at no size or at one only; the message says where and why, and options that work.</exception>
    public static IrGraph Resolve(IrGraph raw, List<string> notes, out IrGraph sized) => Resolve(sized = raw.Copy(), notes, advises: true);

    /// <summary>The resolved graph. Dimensions that must be fixed are fixed in <paramref name="graph"/>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="notes">Receives notes on fixed dimensions.</param>
    /// <param name="advises">Whether errors suggest options. Each suggestion is tried.</param>
    public static IrGraph Resolve(IrGraph graph, List<string> notes, bool advises)
    {
        var ones = new List<string>();
        while (true)
        {
            var search = new SizeSearch(graph, advises);
            if (search.Symbols.Count == 0) return At(graph, [Sizes.None], []);
            if (search.Small() is { } small)
            {
                Open(graph, small, [], advises);
                if (search.WithLarge(small) is { } points) return Open(graph, points, [], advises);
            }

            search.ThrowIfUnsupported();
            var start = search.Start() ?? throw search.Fault();
            var ranges = new List<SizeRange>();
            if (!IsSettled(graph, search, start, ranges, notes, ones)) continue;
            if (ranges.FindAll(r => r.IsOne) is not { Count: > 0 } fixedOnes) return Open(graph, search.Spread(start), ranges, advises);
            throw OneSize(graph, ones, fixedOnes, search.FaultBeside(fixedOnes[0].Symbol, start));
        }
    }

    /// <summary>Finds the ranges of the dimensions that have one. Returns false if it changed dimensions because they must be equal or 1.</summary>
    private static bool IsSettled(IrGraph graph, SizeSearch search, Sizes start, List<SizeRange> ranges, List<string> notes, List<string> ones)
    {
        var found = search.Symbols.ConvertAll(symbol => search.Range(symbol, start));
        var plain = found.TrueForAll(r => r.IsOpen) ? null : search.WithoutBatch(start);
        foreach (var range in found)
        {
            var symbol = range.Symbol;
            if (ranges.Exists(r => r.With?.Contains(symbol) == true)) continue;
            var isBounded = range.Only is not null || range.Most is not null;
            if (isBounded && search.Alike(symbol, start) is { } alike)
            {
                var equal = alike.With!.Where(other => search.AreEqual(symbol, other)).ToList();
                if (equal.Count == 0)
                {
                    ranges.Add(alike);
                    continue;
                }

                foreach (var other in equal) graph.Rename(other, symbol);
                notes.Add($"dimensions {Names(equal.Prepend(symbol))} must be equal: all become '{symbol}'");
                return false;
            }

            if (range.IsOne && range.Least == 1) return Fixed([symbol], "its shapes fit together at no other size");
            var batchless = plain is null ? range : search.Range(symbol, plain);
            if ($"{batchless}" == $"{range}")
            {
                if (!range.IsOpen) ranges.Add((isBounded ? search.Joint(range, start) : null) ?? range);
                continue;
            }

            var others = search.Symbols.FindAll(s => s != symbol && plain![s] != start[s]);
            if (batchless.IsOne && others.FindAll(s => plain![s] == 1) is { Count: > 0 } batch) return Fixed(batch, $"any other size would need a different size of '{symbol}'");
            if (!batchless.IsOpen) ranges.Add(batchless with { At = string.Join(", ", others.Select(s => $"{s} = {plain![s]}")) });
        }

        if (search.Sum() is { } sum)
        {
            ranges.RemoveAll(r => r.Symbol == sum.Symbol || (r.With is not null && r.With.All(w => w == sum.Symbol || sum.With!.Contains(w))));
            ranges.Add(sum);
        }

        return true;

        bool Fixed(List<string> symbols, string why)
        {
            foreach (var symbol in symbols) graph.Fix(symbol, 1);
            ones.AddRange(symbols);
            notes.Add($"dimension{(symbols.Count > 1 ? "s" : "")} {Names(symbols)} {(symbols.Count > 1 ? "are" : "is")} fixed at 1: {why}");
            return false;
        }
    }

    /// <summary>Each of these dimensions has only one size that fits. Says which, and suggests the options if they work.</summary>
    private static ConversionException OneSize(IrGraph graph, List<string> ones, List<SizeRange> ranges, ConversionException why)
    {
        var where = string.Join(", ", ranges.Select(r => $"{r.Symbol} = {r.Least}"));
        var sizes = ranges.ToDictionary(r => r.Symbol, r => r.Least);
        var options = FixedSizeFault.OptionsOf(sizes);
        var copy = graph.Copy();
        foreach (var range in ranges) copy.Fix(range.Symbol, range.Least);
        try
        {
            Resolve(copy, [], advises: false);
            return new FixedSizeFault($"graph '{graph.Name}'{(ones.Count == 0 ? "" : $", with {string.Join(", ", ones.Select(s => $"{s} = 1"))},")} fits together at {where} only: convert it with {options}. At other sizes: {Short(graph, why)}", sizes, why);
        }
        catch (ConversionException fault)
        {
            return new ConversionException($"its shapes fit together only with {options}: {fault.Message}", fault);
        }
    }

    /// <summary>Resolves at several sizes at once. If that fails, says which dimensions to fix.</summary>
    private static IrGraph Open(IrGraph graph, List<Sizes> points, List<SizeRange> ranges, bool advises)
    {
        try
        {
            return At(graph, points, ranges);
        }
        catch (ConversionException fault) when (advises && ToFix(graph, points) is { Count: > 0 } symbols)
        {
            var sizes = symbols.ToDictionary(s => s.Symbol, s => s.Size);
            throw new FixedSizeFault($"{fault.Message.TrimEnd('.')}. It converts with {FixedSizeFault.OptionsOf(sizes)}, or another size.", sizes, fault);
        }
    }

    /// <summary>A minimal set of dimensions whose fixing is sufficient. Empty if fixing does not help.</summary>
    private static List<(string Symbol, int Size)> ToFix(IrGraph graph, List<Sizes> points)
    {
        var sizes = points[Math.Min(1, points.Count - 1)];
        var each = sizes.Symbols.Select(symbol => (symbol, sizes[symbol])).ToList();
        foreach (var symbol in each)
        {
            if (Works(graph, [symbol])) return [symbol];
        }

        if (each.Count < 2 || !Works(graph, each)) return [];
        foreach (var symbol in each.ToList())
        {
            if (each.Count > 2 && Works(graph, each.FindAll(other => other != symbol))) each.Remove(symbol);
        }

        return each;
    }

    private static bool Works(IrGraph graph, List<(string Symbol, int Size)> symbols)
    {
        var copy = graph.Copy();
        foreach (var (symbol, size) in symbols) copy.Fix(symbol, size);
        try
        {
            Resolve(copy, [], advises: false);
            return true;
        }
        catch (ConversionException)
        {
            return false;
        }
    }

    /// <summary>Resolves at these sizes, and at sizes at which a comparison of the graph changes its result.</summary>
    private static IrGraph At(IrGraph graph, IReadOnlyList<Sizes> points, IReadOnlyList<SizeRange> ranges)
    {
        for (var round = 0; ; round++)
        {
            var copy = graph.Copy();
            var turns = ResolvePass.Run(copy, points).DistinctBy(t => t.ToString()).Take(MostTurns).Where(t => Fits(graph, t)).ToList();
            if (turns.Count == 0 || round == MostRounds)
            {
                copy.Ranges = ranges;
                return copy;
            }

            points = [.. points, .. turns];
        }
    }

    private static bool Fits(IrGraph graph, Sizes sizes)
    {
        try
        {
            ResolvePass.Run(graph.Copy(), [sizes]);
            return true;
        }
        catch (Exception fault) when (fault is ShapeFault or UnsupportedException)
        {
            return false;
        }
    }

    private static string Names(IEnumerable<string> symbols) => string.Join(", ", symbols.Select(s => $"'{s}'"));

    /// <summary>A fault without the graph's name, which the message already has.</summary>
    private static string Short(IrGraph graph, ConversionException fault)
    {
        var prefix = $"graph '{graph.Name}', ";
        return fault.Message.StartsWith(prefix, StringComparison.Ordinal) ? fault.Message[prefix.Length..] : fault.Message;
    }
}
