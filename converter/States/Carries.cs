using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>How strongly an output looks like the next content of an input, when no layer or cache decides it. Stronger kinds come later.</summary>
internal enum CarryKind
{
    /// <summary>The output does not depend on the input.</summary>
    None,

    /// <summary>The output depends on the input, as any output may.</summary>
    Follows,

    /// <summary>Each element depends on the input's same element by one sum or one product: an accumulator, or a bias, mask or gain.</summary>
    Sum,

    /// <summary>The input goes through one matrix and then elementwise functions, like the hidden state of a written-out cell.</summary>
    Product,

    /// <summary>The output depends on the input and is the last state of a recurrent layer that starts at a constant in each run: a hidden state that acts through attention.</summary>
    LayerEnd,

    /// <summary>Each element is a function of the input's scaled element and new values, like the hidden state as a function of the cell state.</summary>
    Gated,

    /// <summary>Each element is a blend of the input's element and new values: a smoother or a gated cell.</summary>
    Blend,

    /// <summary>The output keeps some of the input's elements and holds new ones besides: a buffer.</summary>
    Buffer,
}

/// <summary>Finds how outputs depend on one input: through which kinds of nodes, and whether element by element.</summary>
internal sealed class Carries
{
    private readonly SizedView _view;
    private readonly Provenance _provenance;
    private readonly ElementMoves _moves;
    private readonly IrPort _input;
    private readonly HashSet<string> _follows;
    private readonly HashSet<string> _isOfOthers;
    private readonly HashSet<string> _beforeProduct;
    private readonly HashSet<string> _behindProduct = [];
    private readonly Dictionary<string, Path> _paths = [];

    /// <param name="view">The graph.</param>
    /// <param name="provenance">Where elements come from.</param>
    /// <param name="moves">Tracks moved elements.</param>
    /// <param name="input">The input that may be a state.</param>
    /// <param name="others">Inputs that are not known to be states. Only values that depend on one of them count as new. Bool masks select and add nothing new.</param>
    public Carries(SizedView view, Provenance provenance, ElementMoves moves, IrPort input, IEnumerable<IrPort> others)
    {
        (_view, _provenance, _moves, _input) = (view, provenance, moves, input);
        _follows = [input.Value];
        _beforeProduct = [input.Value];
        _isOfOthers = [.. others.Where(i => i != input && i.Type != ElementType.Bool).Select(i => i.Value)];
        if (moves.IsSmall(input.Value)) _paths[input.Value] = new Path([.. Enumerable.Range(1, (int)view.CountOf(input.Value)).Select(i => (long)i)]);
        foreach (var node in view.Graph.Nodes)
        {
            if (node.Op is not ("Shape" or "Size") && node.Inputs.Exists(_isOfOthers.Contains)) _isOfOthers.UnionWith(node.Outputs);
            if (!node.Inputs.Exists(_follows.Contains) || node.Op is "Shape" or "Size" || !node.Outputs.Exists(o => o.Length > 0 && view.Known(o) is null)) continue;
            _follows.UnionWith(node.Outputs);
            Visit(node);
        }
    }

    /// <summary>How an output with the input's shape depends on it.</summary>
    public CarryKind To(IrPort output)
    {
        if (!_follows.Contains(output.Value)) return CarryKind.None;
        if (!_isOfOthers.Contains(output.Value)) return CarryKind.Follows;
        if (IsBuffer(output)) return CarryKind.Buffer;
        if (_paths.TryGetValue(output.Value, out var path) && path.IsAdded && path.IsLinear && path.IsMovedOn) return CarryKind.Blend;
        if (path is { IsInPlace: true })
        {
            if (path.IsScaled && path.IsLinear && path.IsAdded) return CarryKind.Blend;
            return path.IsAdded && path.IsScaled && !path.IsLinear ? CarryKind.Gated : CarryKind.Sum;
        }

        if (IsLayerEnd(output)) return CarryKind.LayerEnd;
        return _behindProduct.Contains(output.Value) ? CarryKind.Product : CarryKind.Follows;
    }

    private void Visit(IrNode node)
    {
        var moved = _moves.Moved(node, out _);
        var isMoved = Array.Exists(moved, o => _follows.Contains(node.Inputs[o]));
        var isElementwise = OperatorMap.IsElementwise(node.Op) || node.Op is "Where" or "Clip";
        if (isMoved && Array.Exists(moved, o => _beforeProduct.Contains(node.Inputs[o]))) _beforeProduct.UnionWith(node.Outputs);
        if ((isMoved || isElementwise) && node.Inputs.Exists(_behindProduct.Contains)) _behindProduct.UnionWith(node.Outputs);
        if (node.Op is "Linear" or "Conv" or "MatMul" or "Gemm" && _beforeProduct.Contains(node.Input(0)) && _view.Known(node.Input(1)) is not null) _behindProduct.UnionWith(node.Outputs);

        if (!node.Inputs.Exists(_paths.ContainsKey) || !node.Outputs.TrueForAll(o => o.Length == 0 || _moves.IsSmall(o))) return;
        if (isMoved && node.Op is not ("Mul" or "Where" or "Clip")) Move(node, moved);
        else if (isElementwise && Combine(node) is { } path) _paths[node.Output(0)] = path;
        else if (node.Op is "ScatterND" or "ScatterElements" && _paths.TryGetValue(node.Input(0), out var written)) _paths[node.Output(0)] = written with { IsAdded = written.IsAdded || _isOfOthers.Contains(node.Input(2)), IsScaled = written.IsScaled || node.String("reduction", "none") == "none" };
    }

    private void Move(IrNode node, int[] moved)
    {
        var from = moved.Select(o => _paths.GetValueOrDefault(node.Inputs[o])).OfType<Path>().ToList();
        var all = _moves.Move(node, moved, value => _paths.TryGetValue(value, out var path) ? path.Elements : new long[_view.CountOf(value)]);
        for (var i = 0; i < node.Outputs.Count; i++)
        {
            if (all[i] is { } elements && Array.Exists(elements, e => e != 0)) _paths[node.Outputs[i]] = Path.Of(elements, from);
        }
    }

    /// <summary>Combines the paths of an elementwise node's operands. Null if the node mixes different elements.</summary>
    private Path? Combine(IrNode node)
    {
        var shape = _view.ShapeOf(node.Output(0));
        var isChoice = node.Op == "Where";
        var operands = node.Inputs.Index().Where(i => i.Item.Length > 0 && (!isChoice || i.Index > 0) && (node.Op != "Clip" || i.Index == 0)).Select(i => i.Item).ToList();
        var paths = operands.Where(_paths.ContainsKey).Select(o => _paths[o] with { Elements = ElementMoves.Broadcast(_paths[o].Elements, _view.ShapeOf(o), shape) }).ToList();
        if (paths.Count == 0 || (node.Op == "Div" && !_paths.ContainsKey(node.Input(0)))) return null;
        var elements = (long[])paths[0].Elements.Clone();
        foreach (var other in paths.Skip(1))
        {
            for (var i = 0; i < elements.Length; i++)
            {
                if (elements[i] == 0) elements[i] = other.Elements[i];
                else if (other.Elements[i] != 0 && other.Elements[i] != elements[i]) return null;
            }
        }

        var path = Path.Of(elements, paths);
        var rest = operands.Find(o => !_paths.ContainsKey(o));
        var factor = rest is null ? null : _view.Known(rest);
        var isNew = rest is not null && factor is null && _isOfOthers.Contains(rest);
        return node.Op switch
        {
            "Add" or "Sub" or "Max" or "Min" => path with { IsAdded = path.IsAdded || isNew, IsScaled = path.IsScaled || paths.Count > 1 },
            "Mul" or "Div" => path with { IsScaled = path.IsScaled || !path.IsAdded || factor is not null, IsLinear = path.IsLinear && paths.Count == 1 },
            "Where" => path with { IsAdded = path.IsAdded || isNew, IsScaled = path.IsScaled || !_follows.Contains(node.Input(0)) },
            "Neg" or "Clip" or "Cast" => path,
            _ when operands.Count == 1 => path with { IsLinear = false },
            _ => null,
        };
    }

    private bool IsBuffer(IrPort output)
    {
        if (_provenance.Marks(output.Value) is not { } marks) return false;
        var (start, count) = (_provenance.StartOf(_input.Value), _view.CountOf(_input.Value));
        var own = marks.Count(mark => mark >= start && mark < start + count);
        return own > 0 && own < marks.Length;
    }

    private bool IsLayerEnd(IrPort output) =>
        _provenance.Marks(output.Value) is { } marks && marks.Length > 0 && Array.TrueForAll(marks, _provenance.IsEndOfAnew);

    /// <summary>For each element of a value, the only input element that it depends on (counted from 1), and the operations on the way.</summary>
    private sealed record Path(long[] Elements)
    {
        public bool IsLinear { get; init; } = true;

        /// <summary>A value that depends on other inputs was added or selected instead.</summary>
        public bool IsAdded { get; init; }

        /// <summary>The element was multiplied or selected before new values were added, multiplied by a constant, or used twice.</summary>
        public bool IsScaled { get; init; }

        public bool IsInPlace => Elements.Index().All(e => e.Item == 0 || e.Item == e.Index + 1) && 2 * Elements.Count(e => e != 0) >= Elements.Length;

        /// <summary>Each element moved forward by the same number of places, as in an overlap-add buffer whose front is output.</summary>
        public bool IsMovedOn
        {
            get
            {
                var first = Array.FindIndex(Elements, e => e != 0);
                var by = first < 0 ? 0 : Elements[first] - 1 - first;
                return by > 0 && Elements.Index().All(e => e.Item == 0 || e.Item - 1 - e.Index == by);
            }
        }

        public static Path Of(long[] elements, List<Path> from) => new(elements)
        {
            IsLinear = from.TrueForAll(p => p.IsLinear),
            IsAdded = from.Exists(p => p.IsAdded),
            IsScaled = from.Exists(p => p.IsScaled),
        };
    }
}
