using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Sessions;

/// <summary>Shapes do not fit together at the sizes of a graph's symbolic dimensions: says which, at what sizes, and what would fit.</summary>
internal sealed class SizesException : ArgumentException
{
    /// <summary>Symbols up to which each is tried alone: faults are rarely searched, and never for long.</summary>
    private const int MostAlone = 4;
    private const int LargestTried = 1 << 14;

    private SizesException(string sizes, string fitting, IReadOnlyDictionary<string, int>? fittingSizes, Exception fault)
        : base($"{fault.Message} This is at {sizes}; set the graph's symbolic dimensions to the largest sizes you will run: new {nameof(SeqSessionOptions)} {{ {nameof(SeqSessionOptions.MaxSizes)} = {{ {fitting} }} }}{(fittingSizes is null ? "" : " fits")}.", fault) =>
        (Cause, Sizes, FittingSizes) = (fault.Message, sizes, fittingSizes);

    /// <summary>What does not fit, without advice.</summary>
    public string Cause { get; }

    /// <summary>The sizes at which it does not, as <c>T = 1, N = 4</c>.</summary>
    public string Sizes { get; }

    /// <summary>Sizes at which the shapes fit, where some were found.</summary>
    public IReadOnlyDictionary<string, int>? FittingSizes { get; }

    /// <summary>Explains a fault of inference; a graph that is invalid at every size stays so.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="sizes">Of its symbols.</param>
    /// <param name="given">Symbols whose size was chosen; the others had the default.</param>
    /// <param name="fault">What inference threw.</param>
    /// <param name="plan">Plans a session at other sizes, or throws.</param>
    public static Exception Explain(LoadedGraph graph, int[] sizes, ICollection<string> given, Exception fault, Action<Dictionary<string, int>> plan)
    {
        var tried = graph.Symbols.Zip(sizes).ToDictionary(s => s.First, s => s.Second);
        string[] open = [.. graph.Symbols.Where(symbol => !given.Contains(symbol))];
        var fitting = Find(tried, open.Length == 0 ? graph.Symbols : open, plan);
        if (fitting is null && fault is SeqFormatException) return fault;
        return new SizesException(
            string.Join(", ", tried.Select(s => $"{s.Key} = {s.Value}{(given.Contains(s.Key) ? "" : " (1 unless given)")}")),
            string.Join(", ", tried.Keys.Select(symbol => $"[\"{symbol}\"] = {fitting?[symbol].ToString(CultureInfo.InvariantCulture) ?? "…"}")),
            fitting,
            fault);
    }

    /// <summary>The smallest power of two at which everything fits: for one symbol alone, or for all.</summary>
    private static Dictionary<string, int>? Find(Dictionary<string, int> sizes, string[] symbols, Action<Dictionary<string, int>> plan)
    {
        string[][] groups = symbols.Length is > 1 and <= MostAlone ? [.. symbols.Select(symbol => (string[])[symbol]), symbols] : [symbols];
        for (var size = 1; size <= LargestTried; size *= 2)
        {
            foreach (var group in groups)
            {
                var other = new Dictionary<string, int>(sizes);
                foreach (var symbol in group) other[symbol] = size;
                try
                {
                    plan(other);
                    return other;
                }
                catch (Exception fault) when (fault is ArgumentException or SeqFormatException or OverflowException)
                {
                    // Nor at these; the next.
                }
            }
        }

        return null;
    }
}
