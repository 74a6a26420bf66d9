using SeqRuntime.Converter.Graph;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>Memory that a session of a graph needs, and the sizes of the symbolic dimensions that this is for; or why there is none.</summary>
internal sealed record SessionNeed(long? Bytes, IReadOnlyDictionary<string, int> Sizes, string? Fault)
{
    /// <summary>At the sizes given; the symbols not given all have the smallest size at which the graph's shapes fit together.</summary>
    public static SessionNeed Of(SeqModel model, SeqGraphInfo graph, IReadOnlyDictionary<string, int> given)
    {
        var fixedSizes = given.Where(g => graph.Symbols.Contains(g.Key)).ToDictionary();
        var open = graph.Symbols.Except(fixedSizes.Keys).ToList();
        SessionNeed? first = null;
        foreach (var size in open.Count == 0 ? [1] : SizeProbes.Sizes)
        {
            var sizes = new Dictionary<string, int>(fixedSizes);
            foreach (var symbol in open) sizes[symbol] = size;
            var need = At(model, graph, sizes);
            if (need.Fault is null) return need;
            first ??= need;
        }

        return first!;
    }

    public override string ToString()
    {
        var at = Sizes.Count == 0 ? "" : $" at {string.Join(", ", Sizes.Select(s => $"{s.Key} = {s.Value}"))}";
        return Fault is null ? $"session {Text.Bytes(Bytes!.Value)}{at}" : $"no session{at}: {Fault}";
    }

    private static SessionNeed At(SeqModel model, SeqGraphInfo graph, Dictionary<string, int> sizes)
    {
        try
        {
            return new SessionNeed(model.GetSessionMemoryBytes(graph.Name, new SeqSessionOptions { MaxSizes = sizes, MemoryLimitBytes = long.MaxValue }), sizes, null);
        }
        catch (SizesException fault)
        {
            var fitting = fault.FittingSizes is { } fits ? $" {string.Join(' ', fits.Select(s => $"--size {s.Key}={s.Value}"))} fits." : " Try others with --size.";
            return new SessionNeed(null, sizes, fault.Cause + fitting);
        }
        catch (Exception e) when (e is ArgumentException or SeqFormatException or OverflowException)
        {
            return new SessionNeed(null, sizes, e.Message);
        }
    }
}
