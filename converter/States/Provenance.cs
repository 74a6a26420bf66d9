using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.States;

/// <summary>
/// The origin of each element of a value. An element keeps its mark wherever nodes move it. The last step of a recurrent layer's sequence
/// has the marks of its last state. The mark 0 stands for a constant.
/// </summary>
internal sealed class Provenance
{
    private readonly SizedView _view;
    private readonly Dictionary<string, long[]> _marks = [];
    private readonly HashSet<string> _masked = [];
    private readonly Dictionary<string, long> _starts = [];
    private readonly Dictionary<(IrNode Layer, int State), long> _states = [];
    private readonly List<(long Start, long End)> _anewRanges = [];
    private readonly Dictionary<IrNode, int[]> _operands = [];
    private readonly Dictionary<string, HashSet<IrNode>> _ways = [];
    private long _next = 1;

    public Provenance(SizedView view)
    {
        _view = view;
        var moves = new ElementMoves(view);
        var moved = view.Graph.Nodes.ToDictionary(node => node, node => (Operands: moves.Moved(node, out var isKept), IsKept: isKept));
        foreach (var (node, (operands, _)) in moved) _operands[node] = operands;
        Reach = Reached(moved);
        var needed = Needed(moved);
        foreach (var value in Sources)
        {
            _starts[value] = _next;
            var marks = Fresh(view.CountOf(value));
            if (moves.IsSmall(value)) _marks[value] = marks();
        }

        foreach (var node in view.Graph.Nodes)
        {
            if (!node.Outputs.Exists(needed.Contains)) continue;
            var (operands, isKept) = moved[node];
            var all = operands.Length > 0 ? moves.Move(node, operands, Marks) : new long[]?[node.Outputs.Count];
            for (var i = 0; i < node.Outputs.Count; i++)
            {
                var output = node.Outputs[i];
                if (output.Length == 0 || !moves.IsSmall(output)) continue;
                _marks[output] = all[i] ?? New(node, i);
                if (all[i] is not null && (!isKept || Array.Exists(operands, o => _masked.Contains(node.Inputs[o])))) _masked.Add(output);
            }
        }
    }

    /// <summary>The values that receive elements of an input or a state.</summary>
    public HashSet<string> Reach { get; }

    private IEnumerable<string> Sources => _view.Graph.Inputs.Select(i => i.Value).Concat(_view.Graph.States.Select(s => s.Value));

    /// <summary>A value's marks. Null if they are unknown, zeros for a constant.</summary>
    public long[]? Marks(string value) => _marks.TryGetValue(value, out var marks) ? marks : _view.Known(value) is { } constant ? new long[constant.Count] : null;

    /// <summary>Whether a mask may have zeroed elements of the value.</summary>
    public bool IsMasked(string value) => _masked.Contains(value);

    /// <summary>The nodes that moved a value's elements, back to the nodes that computed them.</summary>
    public IReadOnlySet<IrNode> WayTo(string value)
    {
        if (_ways.TryGetValue(value, out var known)) return known;
        var way = _ways[value] = [];
        var waiting = new Stack<string>([value]);
        while (waiting.TryPop(out var next))
        {
            if (!_view.Producers.TryGetValue(next, out var node) || _operands[node].Length == 0 || !way.Add(node)) continue;
            foreach (var operand in _operands[node]) waiting.Push(node.Inputs[operand]);
        }

        return way;
    }

    /// <summary>Whether elements of a value come from the sequence of a recurrent layer instead of its last state.</summary>
    public bool IsOfSequence(string value) =>
        WayTo(value).SelectMany(node => node.Inputs).Append(value).Any(input => _view.Producers.TryGetValue(input, out var node) && node.Recurrent is not null && node.Output(0) == input);

    /// <summary>The mark of an input's first element. The marks of the others follow in order.</summary>
    public long StartOf(string input) => _starts[input];

    /// <summary>The mark of the first element of a layer's last state, hidden (0) or cell (1). The others follow by direction, batch and unit.</summary>
    public long StateOf(IrNode layer, int state)
    {
        if (_states.TryGetValue((layer, state), out var start)) return start;
        _states[(layer, state)] = _next;
        if (state == 0 && Enumerable.Range(5, layer.Recurrent!.States).All(i => layer.Input(i).Length == 0 || _view.Known(layer.Input(i)) is not null)) _anewRanges.Add((_next, _next + _view.CountOf(layer.Outputs.First(o => o.Length > 0))));
        _next += _view.CountOf(layer.Outputs.First(o => o.Length > 0));
        return _states[(layer, state)];
    }

    /// <summary>Whether an element belongs to the last hidden state of a layer that starts at a constant in each run.</summary>
    public bool IsEndOfAnew(long mark) => _anewRanges.Exists(range => mark >= range.Start && mark < range.End);

    /// <summary>Whether a layer's initial state is not constant.</summary>
    private bool IsGiven(IrNode layer) => layer.Input(5).Length > 0 && _view.Known(layer.Input(5)) is null;

    private Func<long[]> Fresh(long count)
    {
        var start = _next;
        _next += count;
        return () => [.. Enumerable.Range(0, (int)count).Select(i => start + i)];
    }

    private HashSet<string> Reached(Dictionary<IrNode, (int[] Operands, bool IsKept)> moved)
    {
        var reached = new HashSet<string>(Sources);
        foreach (var node in _view.Graph.Nodes)
        {
            if (Array.Exists(moved[node].Operands, o => reached.Contains(node.Inputs[o]))) reached.UnionWith(node.Outputs);
        }

        return reached;
    }

    /// <summary>Values whose marks are needed: outputs, inputs and initial states of layers, and values joined with an input's elements.</summary>
    private HashSet<string> Needed(Dictionary<IrNode, (int[] Operands, bool IsKept)> moved)
    {
        var graph = _view.Graph;
        var needed = new HashSet<string>(graph.Outputs.Select(o => o.Value).Concat(graph.States.Select(s => s.Update)));
        foreach (var node in graph.Nodes)
        {
            if (node.Recurrent is { } op) needed.UnionWith([IsGiven(node) ? node.Input(0) : "", node.Input(5), op.HasCell ? node.Input(6) : ""]);
            else if (node.Op == "Concat" && Reach.Contains(node.Output(0))) needed.Add(node.Output(0));
        }

        for (var i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            var node = graph.Nodes[i];
            if (node.Outputs.Exists(needed.Contains)) needed.UnionWith(moved[node].Operands.Select(o => node.Inputs[o]));
        }

        return needed;
    }

    /// <summary>New marks for elements that the node computes.</summary>
    private long[] New(IrNode node, int output)
    {
        var count = (int)_view.CountOf(node.Outputs[output]);
        if (node.Recurrent is not { } op) return Fresh(count)();
        if (output > 0)
        {
            var start = StateOf(node, output - 1);
            return [.. Enumerable.Range(0, count).Select(i => start + i)];
        }

        var marks = Fresh(count)();
        if (node.Input(4).Length > 0 || !op.HasRecurrence) return marks;
        var (steps, directions, block) = _view.ShapeOf(node.Outputs[0]) is [var t, var d, var n, var h] ? (t, d, n * h) : (0, 0, 0);
        for (var direction = 0; direction < directions && steps > 0; direction++)
        {
            var last = IsReverse(node, direction) ? 0 : steps - 1;
            for (var i = 0; i < block; i++) marks[(last * directions + direction) * block + i] = StateOf(node, 0) + direction * block + i;
        }

        return marks;
    }

    public static bool IsReverse(IrNode layer, int direction) => direction == 1 || layer.String("direction", "forward") == "reverse";
}
