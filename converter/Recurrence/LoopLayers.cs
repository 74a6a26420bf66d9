using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Replaces a loop over the steps of a sequence by recurrent layers, for any number of rounds. Values looked up by the round are the
/// sequence, carried values are states, and all other values are computed for all steps at once.
/// </summary>
internal sealed partial class LoopLayers
{
    private readonly LoopBody _loop;
    private readonly Rewriter _rewriter;
    private readonly CellContext _context;
    private readonly LoopEmitter _emitter;
    private readonly TimeAxis _time;
    private readonly Dictionary<string, string> _lifted = [];
    private readonly Dictionary<string, string> _last = [];
    private readonly HashSet<string> _same = [];
    private readonly HashSet<string> _emitted = [];
    private readonly LoopMasks _masks;
    private readonly HashSet<IrNode> _visited = [];
    private readonly HashSet<string> _loose = [];
    private StepPacking? _packing;

    private LoopLayers(LoopBody loop, LoopEmitter emitter, IReadOnlyDictionary<string, string> hints, LoopMasks masks)
    {
        (_loop, _masks) = (loop, masks);
        _emitter = emitter;
        _rewriter = new Rewriter(loop.Graph);
        _context = new CellContext(_rewriter, hints);
        _time = new TimeAxis(emitter, loop.Steps);
    }

    private IrGraph Body => _loop.Graph;

    /// <summary>The nodes that replace a loop, or the reason why it is not a layer.</summary>
    public static (List<IrNode>? Nodes, string Why) Replace(LoopBody loop, IrGraph graph, SequenceValues sequences)
    {
        if (loop.Why is { } why) return (null, why);
        FixedPoint.Run(loop.Graph, NoOps.Run, LinearFusion.Run);
        var masks = LoopMasks.Find(loop);
        var hints = loop.Hints(masks);
        CellFusion.Run(loop.Graph, hints);
        DeadCode.Remove(loop.Graph);
        var layers = new LoopLayers(loop, new LoopEmitter(loop, graph), hints, masks);
        return layers.Run(sequences) is { } fault ? (null, fault) : (layers._emitter.Nodes, "");
    }

    private string? Run(SequenceValues sequences)
    {
        // The mask's own computation comes first: layers need it, although they do not read it.
        foreach (var node in Before(_masks.Mask).Concat(Body.Nodes))
        {
            if (_visited.Add(node) && Visit(node) is { } fault) return fault;
        }

        return Outputs(sequences);
    }

    /// <summary>The nodes that a value depends on, in order.</summary>
    private List<IrNode> Before(string value)
    {
        var needed = new HashSet<string> { value };
        var nodes = new List<IrNode>();
        foreach (var node in Enumerable.Reverse(Body.Nodes).Where(n => n.Outputs.Exists(needed.Contains)))
        {
            nodes.Add(node);
            needed.UnionWith(node.Inputs.Where(i => i.Length > 0));
        }

        nodes.Reverse();
        return nodes;
    }

    private string? Visit(IrNode node)
    {
        if (node.Outputs.TrueForAll(o => o.Length == 0 || _loop.Numbers.Varies(o))) return null;
        if (node.Inputs.TrueForAll(IsSame))
        {
            foreach (var output in node.Outputs) _same.Add(output);
            return null;
        }

        if (Slice(node) is { } slice)
        {
            if (slice.Length == 0) return $"{node} does not read the steps of a sequence in order";
            _lifted[node.Output(0)] = slice;
            return null;
        }

        if (node.Recurrent is { HasRecurrence: true } && StateOf(node) is { } state) return Layer(node, state);
        if (_masks.SelectionOf(node) is { } selection) return Selected(selection);
        var inputs = node.Inputs.ConvertAll(i => IsSame(i) ? null : OverSteps(i)).ToArray();
        // A value that depends on the state is computed only inside a layer.
        if (node.Inputs.Index().Any(i => !IsSame(i.Item) && inputs[i.Index] is null)) return null;
        foreach (var same in node.Inputs.Where(i => IsSame(i))) Need(same);
        if (_time.Lift(node, inputs, Body.ShapeOf, Body.ConstantOf) is not { } outputs) return $"{node} cannot be computed for all rounds at once";
        var isLoose = node.Inputs.Exists(_loose.Contains) && !_masks.IsZeroElsewhere(node) && (_masks.Choice(node) is not { } choice || _loose.Contains(choice.Other));
        if (isLoose && !KeepsRows(node)) return $"{node} mixes rows that a mask skips with others";
        for (var i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i].Length == 0) continue;
            _lifted[node.Outputs[i]] = outputs[i];
            if (isLoose) _loose.Add(node.Outputs[i]);
        }

        return null;
    }

    /// <summary>Whether a node's result for each batch row depends on that row only.</summary>
    private bool KeepsRows(IrNode node)
    {
        bool IsAlike(string value) => Body.ShapeOf(value).Sizes.AsSpan().SequenceEqual(Body.ShapeOf(node.Output(0)).Sizes);
        if (node.Op is "Linear" or "MatMul") return !_loose.Contains(node.Input(1)) && Body.ShapeOf(node.Input(1)).Rank == 2 && Body.ShapeOf(node.Input(0)).Rank > 1;
        if (node.Op is "Squeeze" or "Unsqueeze") return true;
        return TimeAxis.IsElementwise(node.Op) && node.Inputs.TrueForAll(i => !_loose.Contains(i) || IsAlike(i));
    }

    /// <summary>A masked state after each step: the state after the last unmasked step, or the initial state before there is one.</summary>
    private string? Selected(Selection selection)
    {
        var root = _context.Root(selection.Counting);
        if (_packing is null || _rewriter.Producer(root) is not { Recurrent: not null } layer || layer.Outputs.IndexOf(root) > 1 || OverSteps(selection.Counting) is not { } steps) return null;
        var shape = Body.ShapeOf(selection.Counting);
        var isAny = shape.Rank == 2 ? _packing.IsAny : _emitter.Add("Unsqueeze", [_packing.IsAny, _emitter.Constant(IrTensor.Vector([.. Enumerable.Range(1, shape.Rank - 2).Select(a => (long)a)]))], shape);
        _lifted[selection.Node.Output(0)] = _emitter.Add("Where", [isAny, steps, _loop.FirstOf(selection.State)], new IrShape(shape.Type, [_loop.Steps, .. shape.Sizes]));
        return null;
    }

    private string Axes(IEnumerable<int> axes) => _emitter.Constant(IrTensor.Vector([.. axes.Select(a => (long)a)]));

    /// <summary>Whether a value is equal in all rounds.</summary>
    private bool IsSame(string value) => value.Length == 0 || _same.Contains(value) || Body.ConstantOf(value) is not null || (IsOuter(value) && !_loop.Numbers.Varies(value));

    private bool IsOuter(string value) => _rewriter.Producer(value) is null && !_loop.IsCarried(value);

    /// <summary>Moves a value that is equal in all rounds, and its inputs, out of the loop.</summary>
    private void Need(string value)
    {
        if (value.Length == 0 || !_emitted.Add(value)) return;
        if (Body.ConstantOf(value) is { } constant)
        {
            _emitter.Define(value, constant);
            return;
        }

        if (!_same.Contains(value) || _rewriter.Producer(value) is not { } node) return;
        foreach (var input in node.Inputs) Need(input);
        foreach (var output in node.Outputs) _emitted.Add(output);
        _emitter.Nodes.Add(node);
    }

    /// <summary>A value over all steps, with time as its first axis. Null if it depends on the state before its step.</summary>
    private string? OverSteps(string value)
    {
        if (_lifted.TryGetValue(value, out var lifted)) return lifted;
        if (IsSame(value))
        {
            Need(value);
            return _lifted[value] = _emitter.OverAllSteps(value, Body.ShapeOf(value));
        }

        if (_loop.Numbers.Varies(value) && _loop.NumbersOf(value) is { } numbers)
        {
            var shape = Body.ShapeOf(value);
            int[] sizes = [numbers.Length, .. shape.Sizes];
            IrTensor? tensor = shape.Type switch
            {
                ElementType.Float32 => IrTensor.Of(sizes, Array.ConvertAll(numbers, n => (float)n).AsSpan()),
                ElementType.Int64 => IrTensor.Of(sizes, numbers.AsSpan()),
                ElementType.Int32 => IrTensor.Of(sizes, Array.ConvertAll(numbers, n => (int)n).AsSpan()),
                ElementType.Bool => IrTensor.Of(sizes, Array.ConvertAll(numbers, n => n != 0).AsSpan()),
                _ => null,
            };
            return tensor is null ? null : _lifted[value] = _emitter.Constant(tensor);
        }

        if (_loop.Numbers.Varies(value) && Body.ShapeOf(value) is { Type: ElementType.Float32 or ElementType.Int64 or ElementType.Int32 } one && _loop.LineOf(value) is { } line)
            return _lifted[value] = _emitter.Line(line.Begin, line.OfRounds, line.Step, one.Type, one);

        return null;
    }

    /// <summary>The sequence of which a node reads one step in each round. Empty if the steps are not in order; null for another node.</summary>
    private string? Slice(IrNode node)
    {
        if (node.Op is not ("Gather" or "Slice") || !IsSame(node.Input(0)) || !_loop.Numbers.Varies(node.Input(1))) return null;
        var rank = Body.ShapeOf(node.Input(0)).Rank;
        long axis;
        if (node.Op == "Gather")
        {
            axis = node.Int("axis", 0);
        }
        else
        {
            if (!_loop.Numbers.Varies(node.Input(2)) || (node.Input(3).Length > 0 && Body.ConstantOf(node.Input(3))?.Integers() is not [_]) || (node.Input(4).Length > 0 && Body.ConstantOf(node.Input(4))?.Integers() is not [1])) return null;
            axis = node.Input(3).Length > 0 ? Body.ConstantOf(node.Input(3))!.Integers()[0] : 0;
            if (Body.ShapeOf(node.Output(0)).Sizes[(int)(axis < 0 ? axis + rank : axis)] != 1) return null;
        }

        if (axis < 0) axis += rank;
        Need(node.Input(0));
        if (_loop.Places(node.Input(0), (int)axis, node.Input(1)) is not { } places) return "";
        var sequence = _emitter.TimeFirst(places.Cut(_emitter, node.Input(0), (int)axis, Body.ShapeOf(node.Input(0))), Body.ShapeOf(node.Input(0)), (int)axis);
        _emitter.Sequence ??= sequence;
        // The step's own axis may remain with size 1.
        var kept = Body.ShapeOf(node.Output(0)).Rank - (rank - 1);
        if (kept == 0) return sequence;
        return _emitter.Add("Unsqueeze", [sequence, _emitter.Constant(IrTensor.Vector([.. Enumerable.Range((int)axis + 1, kept).Select(a => (long)a)]))], new IrShape(Body.ShapeOf(node.Output(0)).Type, [_loop.Steps, .. Body.ShapeOf(node.Output(0)).Sizes]));
    }

    /// <summary>The carried value that is the hidden state of a layer of one step. Null if there is none.</summary>
    private string? StateOf(IrNode node)
    {
        if (node.String("direction", "forward") == "bidirectional" || node.Input(4).Length > 0 || Body.ShapeOf(node.Input(0)).Sizes[0] != 1) return null;
        var hidden = _context.Root(node.Input(5));
        return _loop.NextOf(hidden) is null ? null : hidden;
    }

    private string? Layer(IrNode node, string hidden)
    {
        string[] states = node.Recurrent is { HasCell: true } ? [hidden, _context.Root(node.Input(6))] : [hidden];
        if (OverSteps(node.Input(0)) is not { } x) return $"{node} reads a value that depends on an earlier state";
        foreach (var i in node.Recurrent!.Weights)
        {
            if (node.Input(i).Length > 0 && !IsSame(node.Input(i))) return $"{node} has weights that change between rounds";
            Need(node.Input(i));
        }

        for (var i = 0; i < states.Length; i++)
        {
            if (_loop.NextOf(states[i]) is not { } next || !IsLeft(node, i, next)) return $"{node} does not compute the next value of its state '{states[i]}'";
            if (_context.ReadersOf(states[i]).Exists(reader => reader != node && (reader is null || _masks.SelectionOf(reader)?.State != states[i]))) return $"nodes other than {node} read '{states[i]}'";
        }

        var shape = Body.ShapeOf(node.Input(0));
        var sequence = _emitter.Add("Squeeze", [x, _emitter.Constant(IrTensor.Vector(1))], new IrShape(shape.Type, [_loop.Steps, .. shape.Sizes[1..]]));
        var inputs = node.Inputs.ToList();
        var isMasked = Array.TrueForAll(states, _masks.Has);
        if (!isMasked && (Array.Exists(states, _masks.Has) || _loose.Contains(node.Input(0)))) return $"{node} reads values that a mask skips in some rounds";
        if (isMasked)
        {
            if (Packing(shape.Sizes[1]) is not { } packing) return "its mask depends on the states";
            sequence = packing.Pack(sequence);
            inputs[4] = packing.Lengths;
        }

        inputs[0] = sequence;
        for (var i = 0; i < states.Length; i++) inputs[5 + i] = Again(node.Inputs[5 + i], states[i], _loop.FirstOf(states[i]));
        var outputs = Enumerable.Range(0, 1 + states.Length).Select(_ => _emitter.Fresh()).ToArray();
        _emitter.Nodes.Add(new IrNode(_loop.Name, node.Op, inputs, outputs) { Attributes = new(node.Attributes), Marks = node.Marks });
        var y = outputs[0];
        if (isMasked)
        {
            y = _emitter.Add("Unsqueeze", [_packing!.Unpack(_emitter.Add("Squeeze", [y, Axes([1])], shape)), Axes([1])], shape);
            _loose.UnionWith(node.Outputs.Take(2).Where(o => o.Length > 0));
        }

        if (node.Output(0).Length > 0) _lifted[node.Output(0)] = _emitter.Add("Unsqueeze", [y, _emitter.Constant(IrTensor.Vector(1))], Body.ShapeOf(node.Output(0)));
        // Y over all steps is Y_h of each step.
        if (node.Output(1).Length > 0) _lifted[node.Output(1)] = y;
        for (var i = 0; i < states.Length; i++) _last[states[i]] = outputs[1 + i];
        return null;
    }

    /// <summary>The steps in the order that the mask needs.</summary>
    /// <param name="batch">Size of the batch. -1 if it depends on a symbol.</param>
    private StepPacking? Packing(int batch)
    {
        if (_packing is not null) return _packing;
        if (OverSteps(_masks.Mask) is not { } mask) return null;
        var sizes = Body.ShapeOf(_masks.Mask).Sizes;
        var rows = sizes.Length > 1 ? sizes[^2] : 1;
        if (rows != batch && (rows != 1 || batch < 0)) return null;
        var shape = new IrShape(ElementType.Bool, [batch, _loop.Steps]);
        mask = _emitter.Add("Transpose", [_emitter.Add("Reshape", [mask, _emitter.Constant(IrTensor.Vector(0, -1))], shape)], shape, ("perm", (long[])[1, 0]));
        if (_masks.IsInverted) mask = _emitter.Add("Not", [mask], shape);
        if (rows != batch) mask = _emitter.Add("Expand", [mask, _emitter.Constant(IrTensor.Vector(batch, 1))], shape);
        return _packing = new StepPacking(_emitter, mask);
    }

    /// <summary>Whether a layer of one step computes a state's next value.</summary>
    private bool IsLeft(IrNode node, int state, string next)
    {
        var root = _context.Root(next);
        return root == node.Output(1 + state) || (state == 0 && root == node.Output(0));
    }

    /// <summary>Applies the views between two values to a third.</summary>
    private string Again(string value, string from, string of)
    {
        if (value == from) return of;
        var node = _rewriter.Producer(value)!;
        foreach (var input in node.Inputs.Skip(1)) Need(input);
        return _emitter.AddLike(node, node.Op, [Again(node.Input(0), from, of), .. node.Inputs.Skip(1)], [Body.ShapeOf(value)])[0];
    }
}
