using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Joins values of consecutive time steps into one value with time as its first axis. The values are slices of one tensor, or results of
/// the same nodes applied to such values in each step.
/// </summary>
internal sealed class Stacking(Rewriter rewriter, Emitter emitter, int steps)
{
    private const int Depth = 48;

    /// <summary>Limit of the elements of constants that differ between steps and are joined.</summary>
    private const int MostConstants = 1 << 12;

    private readonly Dictionary<string, string?> _known = [];
    private readonly TimeAxis _time = new(emitter, steps);

    /// <summary>The joined value. Null if the steps differ in more than their position.</summary>
    public string? Of(IReadOnlyList<string> values, int depth = 0)
    {
        if (values.Count != steps || depth > Depth) return null;
        var key = string.Join('\n', values);
        if (_known.TryGetValue(key, out var known)) return known;
        _known[key] = null;
        return _known[key] = Constants(values) ?? Slices(values) ?? Nodes(values, depth);
    }

    private string? Constants(IReadOnlyList<string> values)
    {
        if (values.Any(v => rewriter.Constant(v) is null)) return null;
        var tensors = values.Select(v => rewriter.Constant(v)!).ToList();
        if (tensors.Exists(t => t.Type != tensors[0].Type || !t.Shape.SequenceEqual(tensors[0].Shape)) || (long)tensors[0].Count * steps > MostConstants) return null;
        return emitter.Constant(IrTensor.Joined([steps, .. tensors[0].Shape], tensors));
    }

    private string? Slices(IReadOnlyList<string> values)
    {
        if (values.Select(SliceOf).ToList() is not [{ } first, ..] slices || slices.Exists(s => s is null || s.Of != first.Of || s.Axis != first.Axis || s.IsKept != first.IsKept)) return null;
        var shape = rewriter.Shape(first.Of);
        var places = slices.ConvertAll(s => (long)s!.Place);
        var (of, axis) = (first.Of, first.Axis);
        IrShape With(int size) => new(shape.Type, [.. shape.Sizes.Select((s, i) => i == axis ? size : s)]);
        var step = places.Count > 1 ? places[1] - places[0] : 1;
        var isRun = step is 1 or -1 && Enumerable.Range(1, places.Count - 1).All(i => places[i] - places[i - 1] == step);
        // An axis that may be too short is looked up, because a slice would silently take fewer elements.
        if (!isRun || shape.Sizes[axis] < 0) of = emitter.Add("Gather", [of, emitter.Constant(IrTensor.Vector([.. places]))], With(steps), ("axis", (long)axis));
        else if (step == -1 || places.Count != shape.Sizes[axis]) of = emitter.Add("Slice", [of, Vector(places[0]), Vector(places[^1] + step < 0 ? long.MinValue : places[^1] + step), Vector(axis), Vector(step)], With(steps));
        if (axis != 0)
        {
            var perm = Enumerable.Range(0, shape.Rank).Select(a => (long)a).ToList();
            perm.RemoveAt(axis);
            perm.Insert(0, axis);
            of = emitter.Add("Transpose", [of], new IrShape(shape.Type, [steps, .. perm.Skip(1).Select(p => shape.Sizes[p])]), ("perm", perm.ToArray()));
        }

        return first.IsKept ? emitter.Add("Unsqueeze", [of, Vector(axis + 1)], new IrShape(shape.Type, [steps, .. rewriter.Shape(values[0]).Sizes])) : of;

        string Vector(long number) => emitter.Constant(IrTensor.Vector(number));
    }

    private Slice? SliceOf(string value)
    {
        if (rewriter.Producer(value) is not { } node || node.Op is not ("Gather" or "Slice" or "Split")) return null;
        var shape = rewriter.Shape(node.Input(0));
        int Axis(long axis) => (int)(axis < 0 ? axis + shape.Rank : axis);
        switch (node.Op)
        {
            case "Gather":
                var gathered = Axis(node.Int("axis", 0));
                return rewriter.Constant(node.Input(1)) is { Count: 1, Shape.Length: <= 1 } index ? Make(gathered, index.Integers()[0], index.Shape.Length == 1) : null;
            case "Slice":
                if (rewriter.Constant(node.Input(1))?.Integers() is not [var start] || (node.Input(3).Length > 0 && rewriter.Constant(node.Input(3))?.Integers() is not [_])) return null;
                var cut = node.Input(3).Length > 0 ? Axis(rewriter.Constant(node.Input(3))!.Integers()[0]) : 0;
                return rewriter.Shape(value).Sizes[cut] == 1 ? Make(cut, start, true) : null;
            default:
                var split = Axis(node.Int("axis", 0));
                return node.Outputs.TrueForAll(o => rewriter.Shape(o).Sizes[split] == 1) ? Make(split, node.Outputs.IndexOf(value), true) : null;
        }

        Slice? Make(int axis, long place, bool isKept)
        {
            if (place < 0) place = shape.Sizes[axis] < 0 ? -1 : place + shape.Sizes[axis];
            return place < 0 || place > int.MaxValue ? null : new Slice(node.Input(0), axis, (int)place, isKept);
        }
    }

    private string? Nodes(IReadOnlyList<string> values, int depth)
    {
        if (values.Select(v => rewriter.Producer(v)).ToList() is not [{ } first, ..] nodes) return null;
        var output = first.Outputs.IndexOf(values[0]);
        if (first.Recurrent is not null || nodes.Distinct().Count() != nodes.Count) return null;
        foreach (var (i, node) in nodes.Index())
        {
            if (node is null || node.Op != first.Op || node.Inputs.Count != first.Inputs.Count || node.Outputs.IndexOf(values[i]) != output || !AttributesEqual(node, first)) return null;
            if (!rewriter.Shape(values[i]).Sizes.AsSpan().SequenceEqual(rewriter.Shape(values[0]).Sizes)) return null;
        }

        var inputs = new string?[first.Inputs.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            var each = nodes.ConvertAll(n => n!.Inputs[i]);
            if (each.TrueForAll(e => AreSame(e, each[0]))) continue;
            if (each.Exists(e => e.Length == 0) || (inputs[i] = Of(each, depth + 1)) is null) return null;
        }

        return _time.Lift(first, inputs, rewriter.Shape, rewriter.Constant)?[output];
    }

    private bool AreSame(string a, string b) =>
        a == b || (a.Length > 0 && b.Length > 0 && rewriter.Constant(a) is { } first && rewriter.Constant(b) is { } second && first.Type == second.Type && first.Shape.SequenceEqual(second.Shape) && first.Data.SequenceEqual(second.Data));

    /// <summary>Whether two nodes have equal attributes. Marks may differ.</summary>
    public static bool AttributesEqual(IrNode a, IrNode b) =>
        a.Attributes.Count == b.Attributes.Count && a.Attributes.All(pair => b.Attributes.TryGetValue(pair.Key, out var other) && (pair.Value, other) switch
        {
            (long[] x, long[] y) => x.AsSpan().SequenceEqual(y),
            (float[] x, float[] y) => x.AsSpan().SequenceEqual(y),
            (string[] x, string[] y) => x.AsSpan().SequenceEqual(y),
            (IrTensor x, IrTensor y) => x.Type == y.Type && x.Shape.SequenceEqual(y.Shape) && x.Data.SequenceEqual(y.Data),
            var (x, y) => Equals(x, y),
        });

    private sealed record Slice(string Of, int Axis, int Place, bool IsKept);
}

/// <summary>Adds nodes to a resolved graph. The graph is sorted afterwards.</summary>
internal sealed class GraphEmitter(IrGraph graph, string stem, int steps) : Emitter
{
    private int _count;

    public override string[] AddMany(string op, string[] inputs, IrShape?[] shapes, params (string Key, object Value)[] attributes)
    {
        var outputs = Array.ConvertAll(shapes, s => s is null ? "" : graph.Fresh(stem));
        var node = new IrNode($"{stem}.{_count++}", op, inputs, outputs);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].Length > 0) graph.Shapes[outputs[i]] = shapes[i]!;
        }

        graph.Nodes.Add(node);
        return outputs;
    }

    protected override IrNode Last => graph.Nodes[^1];

    public override string Constant(IrTensor tensor) => graph.Constant(stem, tensor);

    public override string OverAllSteps(string value, IrShape shape) =>
        Add("Expand", [value, Constant(IrTensor.Vector([steps, .. Enumerable.Repeat(1L, shape.Rank)]))], new IrShape(shape.Type, [steps, .. shape.Sizes]));
}
