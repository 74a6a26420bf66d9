using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>
/// Decides whether a graph over a sequence gives the same results when the sequence arrives in parts and the graph keeps the states of its
/// recurrent layers and the past inputs of its convolutions. If not, says why.
/// </summary>
internal sealed class Continuation
{
    private const int LeastSteps = 5;

    /// <summary>Limit of the elements, over all values and all guesses of the time axes, whose steps are tracked.</summary>
    private const long MostElements = 1 << 22;

    private readonly IrGraph _fused;
    private readonly IReadOnlyList<SizedView> _views;
    private readonly IReadOnlyList<TimeSteps> _steps;

    private Continuation(IrGraph fused, IReadOnlyList<SizedView> views, IReadOnlyList<TimeSteps> steps, string? fault, bool isWholeRun = false) => (_fused, _views, _steps, Fault, IsWholeRun) = (fused, views, steps, fault, isWholeRun);

    /// <summary>Why the graph cannot continue. Null if it can.</summary>
    public string? Fault { get; }

    /// <summary>Whether each run counts as one step of time.</summary>
    public bool IsWholeRun { get; }

    public IReadOnlyList<SteppedLayer> Layers => _steps.Count == 0 ? [] : _steps[0].Layers;

    public IReadOnlyList<SteppedConv> Convs => _steps.Count == 0 ? [] : _steps[0].Convs;

    /// <summary>Nodes that pad along time or remove the padding again.</summary>
    public IReadOnlyList<(int Node, int Axis)> Padding => _steps.Count == 0 ? [] : _steps[0].Padding;

    /// <summary>The best guess of the time axes. Null if no node walks along time and none joins steps of a dimension of open size.</summary>
    /// <param name="fused">A resolved graph with fused nodes.</param>
    public static Continuation? Of(IrGraph fused)
    {
        List<SizedView> views = [.. SizedView.Of(fused, LeastSteps).Take(fused.Symbols().Count == 0 ? 1 : 2)];
        if (views.Count == 0) return null;
        var elements = views.Sum(Elements);
        if (elements > MostElements) return new Continuation(fused, views, [], $"its values have {elements} elements, too many to analyse");
        // Even where the steps cannot be tracked, a layer of open length shows that something walks along time.
        var isOpen = fused.Nodes.Exists(n => IsOfOpenLength(fused, n));
        var guesses = Guesses(fused, views[0]).TakeWhile((_, i) => (i + 1) * elements <= MostElements).Select(axes => Along(fused, views, axes)).ToList();
        return guesses.Where(c => c.Layers.Count + c.Convs.Count > 0 || (isOpen && c.Fault is not null)).OrderBy(c => c.Fault is not null).ThenByDescending(c => c.Layers.Count + c.Convs.Count).FirstOrDefault()
            ?? guesses.Take(fused.Symbols().Count).FirstOrDefault(c => c.Fault is not null);
    }

    /// <summary>Whether a node is a recurrent layer with an open number of steps.</summary>
    public static bool IsOfOpenLength(IrGraph fused, IrNode node) => node.Recurrent is not null && fused.ShapeOf(node.Input(0)).Sizes[0] < 0;

    /// <summary>The number of elements of the values that are not constant.</summary>
    private static long Elements(SizedView view)
    {
        var values = view.Graph.Inputs.Select(i => i.Value).Concat(view.Graph.States.Select(s => s.Value)).Concat(view.Graph.Nodes.SelectMany(n => n.Outputs).Where(o => o.Length > 0));
        return values.Where(value => view.Known(value) is null).Sum(view.CountOf);
    }

    /// <summary>A value's size as a number or an input's symbolic dimension. Null if it is neither.</summary>
    public IrDim? Dimension(string value, int axis) => Dimension(_fused, _views, value, axis);

    /// <summary>The same for any graph.</summary>
    /// <param name="fused">A resolved graph with fused nodes.</param>
    /// <param name="views">The graph at some sizes.</param>
    /// <param name="value">A value of the graph.</param>
    /// <param name="axis">One of its axes.</param>
    public static IrDim? Dimension(IrGraph fused, IReadOnlyList<SizedView> views, string value, int axis)
    {
        if (fused.ShapeOf(value).Sizes[axis] is >= 0 and var size) return new IrDim(size, null);
        return views[0].Sizes.Keys.FirstOrDefault(symbol => views.All(v => v.Sizes[symbol] == v.ShapeOf(value)[axis])) is { } found ? new IrDim(-1, found) : null;
    }

    /// <summary>Whether two values differ at most in the size of one axis.</summary>
    public bool DifferAlong(string a, string b, int axis) => _views.All(view => view.ShapeOf(a).Index().All(d => d.Index == axis || d.Item == view.ShapeOf(b)[d.Index]));

    private static Continuation Along(IrGraph fused, List<SizedView> views, Dictionary<string, int> axes)
    {
        List<TimeSteps> steps = [.. views.Select(view => TimeSteps.Along(view, axes, node => IsOfOpenLength(fused, fused.Nodes[node])))];
        return new Continuation(fused, views, steps, steps.Select(s => s.Fault).FirstOrDefault(f => f is not null) ?? Difference(views, steps), axes.ContainsValue(TimeSteps.Whole));
    }

    /// <summary>Finds what depends on the length of a run: a layer that walks along time at one length only, or a factor such as the length itself.</summary>
    private static string? Difference(List<SizedView> views, List<TimeSteps> steps)
    {
        foreach (var other in steps.Skip(1))
        {
            if (!other.Layers.Select(l => l.Node).SequenceEqual(steps[0].Layers.Select(l => l.Node)) || !other.Convs.Select(c => (c.Node, c.Axis, c.Reach)).SequenceEqual(steps[0].Convs.Select(c => (c.Node, c.Axis, c.Reach))) || !other.Padding.SequenceEqual(steps[0].Padding))
                return "which steps are joined depends on the length of the sequence";
            foreach (var (name, constant) in steps[0].Factors)
            {
                if (views[0].Graph.ConstantOf(name) is not null || !other.Factors.TryGetValue(name, out var same)) continue;
                var isSame = constant.Data.Length == same.Data.Length ? constant.Data.SequenceEqual(same.Data) : constant.Uniform() is { } value && value == same.Uniform();
                if (!isSame) return $"'{name}' depends on the length of the sequence";
            }
        }

        return null;
    }

    /// <summary>Axes of the inputs that may be time: the axes of one symbolic dimension, one fixed axis, or none if a run is one step.</summary>
    private static IEnumerable<Dictionary<string, int>> Guesses(IrGraph graph, SizedView view)
    {
        foreach (var symbol in graph.Symbols())
        {
            var axes = graph.Inputs.ToDictionary(i => i.Name, i => Array.FindIndex(i.Shape, d => d.Symbol == symbol));
            if (axes.Values.Any(axis => axis >= 0)) yield return axes;
        }

        foreach (var input in graph.Inputs)
        {
            foreach (var (axis, dim) in input.Shape.Index().Where(d => d.Item.Symbol is null && d.Item.Size > 1))
                yield return graph.Inputs.ToDictionary(i => i.Name, i => i == input ? axis : OnlyAxis(i, dim.Size));
        }

        yield return graph.Inputs.ToDictionary(i => i.Name, _ => TimeSteps.Whole);

        static int OnlyAxis(IrPort input, int size) => input.Shape.Count(d => d.Size == size) == 1 ? Array.FindIndex(input.Shape, d => d.Size == size) : -1;
    }
}
