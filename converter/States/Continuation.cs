using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>
/// Whether a graph over a sequence gives the same where the sequence comes in parts, once it keeps the states of its recurrent layers and
/// the past of its convolutions; if not, why.
/// </summary>
internal sealed class Continuation
{
    private const int LeastSteps = 5;

    /// <summary>Most elements whose steps are followed one by one: of all values, for all guesses of what time is.</summary>
    private const long MostElements = 1 << 22;

    private readonly IrGraph _fused;
    private readonly IReadOnlyList<SizedView> _views;
    private readonly IReadOnlyList<TimeSteps> _steps;

    private Continuation(IrGraph fused, IReadOnlyList<SizedView> views, IReadOnlyList<TimeSteps> steps, string? fault, bool isWholeRun = false) => (_fused, _views, _steps, Fault, IsWholeRun) = (fused, views, steps, fault, isWholeRun);

    /// <summary>Why it cannot go on; null where it can.</summary>
    public string? Fault { get; }

    /// <summary>Whether each run is taken for one step of time.</summary>
    public bool IsWholeRun { get; }

    public IReadOnlyList<SteppedLayer> Layers => _steps.Count == 0 ? [] : _steps[0].Layers;

    public IReadOnlyList<SteppedConv> Convs => _steps.Count == 0 ? [] : _steps[0].Convs;

    /// <summary>Nodes that pad along time or cut the padding off again.</summary>
    public IReadOnlyList<(int Node, int Axis)> Padding => _steps.Count == 0 ? [] : _steps[0].Padding;

    /// <summary>The best guess of what time is; null where nothing walks along it, and nothing joins steps of a dimension of open size either.</summary>
    /// <param name="fused">A resolved graph whose nodes are fused.</param>
    public static Continuation? Of(IrGraph fused)
    {
        List<SizedView> views = [.. SizedView.Of(fused, LeastSteps).Take(fused.Symbols().Count == 0 ? 1 : 2)];
        if (views.Count == 0) return null;
        var elements = views.Sum(Elements);
        if (elements > MostElements) return new Continuation(fused, views, [], $"its values of {elements} elements are too many to be looked into");
        // Where the steps are lost on the way, layers of open length tell all the same that something walks along time.
        var isOpen = fused.Nodes.Exists(n => IsOfOpenLength(fused, n));
        var guesses = Guesses(fused, views[0]).TakeWhile((_, i) => (i + 1) * elements <= MostElements).Select(axes => Along(fused, views, axes)).ToList();
        return guesses.Where(c => c.Layers.Count + c.Convs.Count > 0 || (isOpen && c.Fault is not null)).OrderBy(c => c.Fault is not null).ThenByDescending(c => c.Layers.Count + c.Convs.Count).FirstOrDefault()
            ?? guesses.Take(fused.Symbols().Count).FirstOrDefault(c => c.Fault is not null);
    }

    /// <summary>Whether a node is a recurrent layer whose number of steps is open.</summary>
    public static bool IsOfOpenLength(IrGraph fused, IrNode node) => node.Recurrent is not null && fused.ShapeOf(node.Input(0)).Sizes[0] < 0;

    /// <summary>Elements of the values that do not follow from constants.</summary>
    private static long Elements(SizedView view)
    {
        var values = view.Graph.Inputs.Select(i => i.Value).Concat(view.Graph.States.Select(s => s.Value)).Concat(view.Graph.Nodes.SelectMany(n => n.Outputs).Where(o => o.Length > 0));
        return values.Where(value => view.Known(value) is null).Sum(view.CountOf);
    }

    /// <summary>A size of a value as inputs have it: a number or a symbolic dimension; null where it is neither.</summary>
    public IrDim? Dimension(string value, int axis)
    {
        if (_fused.ShapeOf(value).Sizes[axis] is >= 0 and var size) return new IrDim(size, null);
        return _views[0].Sizes.Keys.FirstOrDefault(symbol => _views.All(v => v.Sizes[symbol] == v.ShapeOf(value)[axis])) is { } found ? new IrDim(-1, found) : null;
    }

    /// <summary>Whether two values differ in the size of one axis at most.</summary>
    public bool DifferAlong(string a, string b, int axis) => _views.All(view => view.ShapeOf(a).Index().All(d => d.Index == axis || d.Item == view.ShapeOf(b)[d.Index]));

    private static Continuation Along(IrGraph fused, List<SizedView> views, Dictionary<string, int> axes)
    {
        List<TimeSteps> steps = [.. views.Select(view => TimeSteps.Along(view, axes, node => IsOfOpenLength(fused, fused.Nodes[node])))];
        return new Continuation(fused, views, steps, steps.Select(s => s.Fault).FirstOrDefault(f => f is not null) ?? Difference(views, steps), axes.ContainsValue(TimeSteps.Whole));
    }

    /// <summary>What depends on how long a run is: a layer that walks along time at one length only, a factor such as the length itself.</summary>
    private static string? Difference(List<SizedView> views, List<TimeSteps> steps)
    {
        foreach (var other in steps.Skip(1))
        {
            if (!other.Layers.Select(l => l.Node).SequenceEqual(steps[0].Layers.Select(l => l.Node)) || !other.Convs.Select(c => (c.Node, c.Axis, c.Reach)).SequenceEqual(steps[0].Convs.Select(c => (c.Node, c.Axis, c.Reach))) || !other.Padding.SequenceEqual(steps[0].Padding))
                return "which steps are joined depends on the length of the sequence";
            foreach (var (name, constant) in steps[0].Factors)
            {
                if (views[0].Graph.ConstantOf(name) is not null || !other.Factors.TryGetValue(name, out var same)) continue;
                var isSame = constant.Data.Length == same.Data.Length ? constant.Data.AsSpan().SequenceEqual(same.Data) : constant.Uniform() is { } value && value == same.Uniform();
                if (!isSame) return $"'{name}' depends on the length of the sequence";
            }
        }

        return null;
    }

    /// <summary>Axes of the inputs that may be time: those of one symbolic dimension, one fixed axis, or none where a run is one step.</summary>
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
