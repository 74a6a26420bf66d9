using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Resolving;

using static SeqRuntime.Converter.Graph.Sizes;

namespace SeqRuntime.Converter.States;

/// <summary>
/// A resolved graph with fused cells and all shapes at one size of each symbolic dimension. The sizes differ from each other where
/// possible, so that a past of P steps and a result of T steps have equal shapes only if P and T are the same dimension.
/// </summary>
internal sealed class SizedView
{
    private const int MostTried = 4;
    private const int Largest = 1000;

    private SizedView(IrGraph graph, Evaluator evaluator, Dictionary<string, int> sizes)
    {
        (Graph, Evaluator, Sizes) = (graph, evaluator, sizes);
        Producers = graph.Producers();
        Readers = graph.Readers();
    }

    public IrGraph Graph { get; }

    public Evaluator Evaluator { get; }

    /// <summary>The size of each symbolic dimension.</summary>
    public IReadOnlyDictionary<string, int> Sizes { get; }

    public IReadOnlyDictionary<string, IrNode> Producers { get; }

    public IReadOnlyDictionary<string, List<IrNode?>> Readers { get; }

    /// <summary>The view of a resolved graph. Null if its nodes fit together at none of the sizes.</summary>
    public static SizedView? Of(IrGraph resolved)
    {
        var fused = resolved.Copy();
        foreach (var (value, shape) in resolved.Shapes) fused.Shapes[value] = shape;
        Passes.Fuse(fused);
        return Of(fused, 2).FirstOrDefault();
    }

    /// <summary>Views of a graph whose nodes are already fused. All views have the same nodes.</summary>
    /// <param name="fused">The graph.</param>
    /// <param name="least">Preferred minimum of the symbolic dimensions. Smaller sizes come last.</param>
    public static IEnumerable<SizedView> Of(IrGraph fused, int least)
    {
        foreach (var sizes in SizesToTry(fused, least))
        {
            var graph = Fixed(fused, sizes);
            if (Evaluated(graph) is { } evaluator) yield return new SizedView(graph, evaluator, sizes);
        }
    }

    public int[] ShapeOf(string value) => Evaluator.ShapeOf(value).Sizes;

    public ElementType TypeOf(string value) => Evaluator.ShapeOf(value).Type;

    public long CountOf(string value) => ShapeOf(value).Aggregate(1L, (a, b) => a * b);

    /// <summary>A value's content if it follows from constants and sizes. Null otherwise.</summary>
    public IrTensor? Known(string value) => value.Length == 0 || !Evaluator.Has(value) ? null : Evaluator.KnownContent(value);

    /// <summary>Sizes at which the graph was resolved. Sizes that differ most and are not 1 come first, because 1 hides broadcasting.</summary>
    private static IEnumerable<Dictionary<string, int>> SizesToTry(IrGraph graph, int least)
    {
        var symbols = graph.Symbols();
        var sizes = graph.Probes.Select(probe => symbols.ToDictionary(symbol => symbol, symbol => probe[symbol]));
        return sizes.OrderBy(s => s.Values.Any(size => size > Largest)).ThenByDescending(s => s.Values.Count(size => size >= least)).ThenByDescending(s => s.Values.Where(size => size > 1).Distinct().Count())
            .ThenBy(s => s.Values.Sum(size => (long)size)).Take(MostTried);
    }

    private static IrGraph Fixed(IrGraph fused, Dictionary<string, int> sizes)
    {
        if (sizes.Count == 0) return fused;
        var graph = fused.Copy();
        foreach (var (symbol, size) in sizes) graph.Fix(symbol, size);
        return graph;
    }

    private static Evaluator? Evaluated(IrGraph graph)
    {
        try
        {
            var evaluator = new Evaluator(graph, [None]);
            foreach (var node in graph.Nodes) evaluator.Evaluate(node);
            return evaluator;
        }
        catch (ShapeFault)
        {
            return null; // These sizes do not fit together; try the next.
        }
    }
}
