using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Converter.Commands;

/// <summary>The memory of a graph's session at these sizes of the symbolic dimensions, or the reason why no session can be planned.</summary>
internal sealed record SessionNeed(long? Bytes, IReadOnlyDictionary<string, int> Sizes, string? Fault)
{
    /// <summary>Plans a session at the given sizes. The other symbols are 1, or the smallest sizes that fit, as the session or the file says.</summary>
    public static SessionNeed Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> given)
    {
        var loaded = Array.Find(model.Loaded.Graphs, g => g.Name == graph.Name)!;
        var sizes = graph.Symbols.Index().ToDictionary(s => s.Item, s => given.GetValueOrDefault(s.Item, Math.Max(loaded.MostSteps(s.Index), 1)));
        try
        {
            return At(model, graph, given.Where(g => graph.Symbols.Contains(g.Key)).ToDictionary(), sizes);
        }
        catch (SeqSizeException fault)
        {
            var others = new[] { fault.FittingSizes, graph.Symbols.ToDictionary(s => s, s => given.GetValueOrDefault(s, SizeNotes.Least(model.Metadata, graph.Name, s))) };
            return others.OfType<IReadOnlyDictionary<string, int>>().Where(o => o.All(f => given.GetValueOrDefault(f.Key, f.Value) == f.Value)).Select(o => Try(model, graph, o)).FirstOrDefault(need => need is not null)
                ?? new SessionNeed(null, sizes, fault.Cause + (fault.FittingSizes is { } fitting ? $" {string.Join(' ', fitting.Select(s => $"--size {s.Key}={s.Value}"))} fits." : " Try other sizes with --size."));
        }
        catch (Exception fault) when (fault is ArgumentException or SeqFormatException or OverflowException)
        {
            return new SessionNeed(null, sizes, fault.Message);
        }
    }

    public override string ToString()
    {
        var at = Sizes.Count == 0 ? "" : $" at {string.Join(", ", Sizes.Select(s => $"{s.Key} = {s.Value}"))}";
        return Fault is null ? $"session {Text.Bytes(Bytes!.Value)}{at}" : $"no session{at}: {Fault}";
    }

    private static SessionNeed? Try(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> sizes)
    {
        try
        {
            return At(model, graph, sizes, sizes);
        }
        catch (SeqSizeException)
        {
            return null;
        }
    }

    private static SessionNeed At(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> chosen, IReadOnlyDictionary<string, int> sizes)
    {
        var options = new SeqSessionOptions { MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue };
        foreach (var (symbol, size) in chosen) options.MaxSizes[symbol] = size;
        return new SessionNeed(model.GetSessionMemoryBytes(graph.Name, options), sizes, null);
    }
}
