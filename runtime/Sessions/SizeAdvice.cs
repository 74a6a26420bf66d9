using System.Globalization;

namespace SeqRuntime.Sessions;

/// <summary>Where shapes do not fit together at the sizes of a graph's symbolic dimensions: which, at what sizes, and what would fit.</summary>
internal static class SizeAdvice
{
    /// <summary>Most symbols that are tried one by one, to limit the time of the search.</summary>
    private const int MostAlone = 4;

    /// <summary>Most nodes that a search plans, so that a large file does not take minutes.</summary>
    private const int MostNodes = 2_000_000;

    /// <summary>The sizes to try: small ones, then multiples of powers of two and of usual audio frames.</summary>
    private static readonly int[] s_tried = ToTry();

    /// <summary>Explains a fault of inference, unless the graph is invalid at every size.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="sizes">Sizes of its symbols.</param>
    /// <param name="given">Symbols whose size the caller set; the others have the default.</param>
    /// <param name="fault">What inference threw.</param>
    /// <param name="plan">Plans a session at other sizes, or throws.</param>
    public static Exception Explain(LoadedGraph graph, int[] sizes, ICollection<string> given, Exception fault, Action<Dictionary<string, int>> plan)
    {
        var tried = new Dictionary<string, int>();
        for (var i = 0; i < sizes.Length; i++) tried[graph.Symbols[i]] = sizes[i];
        var open = Array.FindAll(graph.Symbols, symbol => !given.Contains(symbol));
        var left = MostNodes;
        var fitting = Find(tried, open.Length == 0 ? graph.Symbols : open, sizes =>
        {
            if ((left -= graph.Nodes.Length) < 0) throw new ArgumentException("The graph is too large to search for sizes that fit.");
            plan(sizes);
        });
        if (fitting is null && fault is SeqFormatException) return fault;
        var asked = string.Join(", ", tried.Select(s => $"{s.Key} = {s.Value}{(given.Contains(s.Key) ? "" : " (the default)")}"));
        var advice = string.Join(", ", tried.Keys.Select(symbol => $"[\"{symbol}\"] = {fitting?[symbol].ToString(CultureInfo.InvariantCulture) ?? "…"}"));
        var message = $"{fault.Message} The sizes were {asked}. Set the largest sizes that you will run{(fitting is null ? "" : "; these fit")}: new {nameof(SeqSessionOptions)} {{ {nameof(SeqSessionOptions.MaxSizes)} = {{ {advice} }} }}.";
        return new SeqSizeException(message, tried, fitting, fault) { Cause = fault.Message, SizesText = asked };
    }

    /// <summary>The smallest tried size that fits, for one symbol alone or for all together.</summary>
    private static Dictionary<string, int>? Find(Dictionary<string, int> sizes, string[] symbols, Action<Dictionary<string, int>> plan)
    {
        string[][] groups = symbols.Length is > 1 and <= MostAlone ? [.. symbols.Select(symbol => (string[])[symbol]), symbols] : [symbols];
        var before = 0;
        foreach (var size in s_tried)
        {
            foreach (var group in groups)
            {
                if (!Fits(sizes, group, size, plan)) continue;
                var isRange = size - before > 1 && Fits(sizes, group, size - 1, plan);
                return With(sizes, group, isRange ? Least(sizes, group, before, size - 1, plan) : size);
            }

            before = size;
        }

        return null;
    }

    /// <summary>The smallest size that fits, between a size that does not fit and one that does.</summary>
    private static int Least(Dictionary<string, int> sizes, string[] group, int misfit, int fits, Action<Dictionary<string, int>> plan)
    {
        while (fits - misfit > 1)
        {
            var middle = (fits + misfit) / 2;
            if (Fits(sizes, group, middle, plan)) fits = middle;
            else misfit = middle;
        }

        return fits;
    }

    private static int[] ToTry()
    {
        var sizes = new List<int>();
        for (var size = 1; size < 32; size++) sizes.Add(size);
        for (var octave = 1; octave < 10; octave++) sizes.AddRange(16 << octave, 20 << octave, 24 << octave, 30 << octave);
        sizes.Add(1 << 14);
        return [.. sizes];
    }

    private static bool Fits(Dictionary<string, int> sizes, string[] group, int size, Action<Dictionary<string, int>> plan)
    {
        try
        {
            plan(With(sizes, group, size));
            return true;
        }
        catch (Exception fault) when (fault is ArgumentException or SeqFormatException or OverflowException)
        {
            return false;
        }
    }

    private static Dictionary<string, int> With(Dictionary<string, int> sizes, string[] group, int size)
    {
        var other = new Dictionary<string, int>(sizes);
        foreach (var symbol in group) other[symbol] = size;
        return other;
    }
}
