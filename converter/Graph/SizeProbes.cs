using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Resolves a graph whose dimensions are partly symbolic: finds sizes that its shapes allow, and resolves with several of them
/// at once. A batch dimension that works with no other size than 1 is fixed at 1.
/// </summary>
internal static partial class SizeProbes
{
    private const int Most = 5;
    private static readonly int[] s_sizes = [1, 2, 3, 7, 16, 50, 128, 333, 512, 576, 1024, 4000, 16000];

    /// <summary>Sizes that are tried for a symbolic dimension, smallest first.</summary>
    public static IReadOnlyList<int> Sizes => s_sizes;

    /// <summary>The resolved graph; <paramref name="raw"/> stays as it is, <paramref name="sized"/> is a copy of it with the dimensions that had to be fixed.</summary>
    public static IrGraph Resolve(IrGraph raw, List<string> notes, out IrGraph sized)
    {
        var graph = sized = raw.Copy();
        var symbols = graph.Symbols();
        if (symbols.Count == 0) return At(graph, [1]);
        if (graph.Nodes.Exists(n => n.Op == "Loop")) CheckRounds(graph);
        var sizes = Possible(graph, out var fault);
        foreach (var symbol in sizes.Count >= 2 ? [] : BatchFirst(graph))
        {
            graph.Fix(symbol, 1);
            var others = graph.Symbols();
            var next = others.Count == 0 ? (TryAt(graph, 1, out _) ? [1, 1] : []) : Possible(graph, out _);
            if (next.Count < 2) continue;
            sizes = next;
            notes.Add($"dimension {symbol} is fixed at 1: the model fits together with no other size (choose with --dim {symbol}=SIZE)");
            break;
        }

        if (sizes.Count == 0) throw fault!;
        if (graph.Symbols().Count == 0) return At(graph, [1]);
        if (sizes.Count == 1) throw new ConversionException($"graph '{graph.Name}' fits together only where {string.Join(", ", graph.Symbols())} = {sizes[0]}; fix the dimension{(graph.Symbols().Count > 1 ? "s" : "")} with --dim.");
        return At(graph, Spread(sizes));
    }

    /// <summary>A loop whose rounds follow from a symbol is refused before it is written out at one size after the other.</summary>
    private static void CheckRounds(IrGraph graph)
    {
        try
        {
            ResolvePass.Run(graph.Copy(), [2, 3]);
        }
        catch (ShapeFault)
        {
            // Other sizes may fit.
        }
    }

    private static List<int> Possible(IrGraph graph, out ShapeFault? fault)
    {
        var possible = new List<int>();
        var faults = new List<(int Size, ShapeFault Fault)>();
        foreach (var size in s_sizes)
        {
            if (TryAt(graph, size, out var why)) possible.Add(size);
            else faults.Add((size, why!));
        }

        fault = faults.Count == 0 ? null : WithSymbols(faults, graph.Symbols());
        return possible;
    }

    /// <summary>The last fault, told by the symbols instead of the sizes tried: what differs from the fault before by as much as the sizes do stands for them.</summary>
    private static ShapeFault WithSymbols(List<(int Size, ShapeFault Fault)> faults, List<string> symbols)
    {
        var (size, last) = faults[^1];
        var name = string.Join('|', symbols);
        var (sizeBefore, before) = faults[Math.Max(0, faults.Count - 2)];
        var (words, wordsBefore) = (Number().Split(last.Message), Number().Split(before.Message));
        var isTold = faults.Count > 1 && words.Length == wordsBefore.Length;
        for (var i = 0; isTold && i < words.Length; i++)
        {
            if (words[i] == wordsBefore[i]) continue;
            isTold = long.TryParse(words[i], out var number) && long.TryParse(wordsBefore[i], out var numberBefore) && number - numberBefore == size - sizeBefore;
            words[i] = number == size ? name : $"{name}{number - size:+0;-0}";
        }

        var message = isTold ? string.Concat(words) : $"{last.Message} (at {string.Join(", ", symbols)} = {size})";
        return new ShapeFault(message, last.InnerException!);
    }

    [GeneratedRegex("([0-9]+)")]
    private static partial Regex Number();

    private static bool TryAt(IrGraph graph, int size, out ShapeFault? fault)
    {
        fault = null;
        try
        {
            ResolvePass.Run(graph.Copy(), [size]);
            return true;
        }
        catch (ShapeFault why)
        {
            fault = why;
            return false;
        }
    }

    private static IrGraph At(IrGraph graph, int[] sizes)
    {
        var copy = graph.Copy();
        ResolvePass.Run(copy, sizes);
        return copy;
    }

    /// <summary>A few sizes, smallest and largest among them.</summary>
    private static int[] Spread(List<int> sizes) =>
        sizes.Count <= Most ? [.. sizes] : [.. Enumerable.Range(0, Most).Select(i => sizes[i * (sizes.Count - 1) / (Most - 1)])];

    /// <summary>Symbols with those that stand first in an input's shape before the others.</summary>
    private static IEnumerable<string> BatchFirst(IrGraph graph)
    {
        var first = graph.Inputs.Where(i => i.Shape.Length > 0 && i.Shape[0].Symbol is not null).Select(i => i.Shape[0].Symbol!).Distinct().ToList();
        return first.Concat(graph.Symbols().Except(first));
    }
}
