using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>Resolves sequences and optional values, which exporters write for lists of known length. Their tensors replace them.</summary>
internal sealed class SequenceValues(IrGraph graph, Evaluator evaluator, SequenceValues? outer = null)
{
    private const int MostParts = 4096;
    private const int MostHeld = 1 << 22;

    private readonly Dictionary<string, List<string>> _sequences = outer?._sequences ?? [];

    private long _held;

    /// <summary>Sequences of any length that hold all slices of a tensor along an axis. A loop over the tensor makes and reads them.</summary>
    private readonly Dictionary<string, Slices> _slices = outer?._slices ?? [];

    public static HashSet<string> Names { get; } =
    [
        "SequenceEmpty", "SequenceConstruct", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength", "ConcatFromSequence", "SplitToSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
    ];

    public bool Has(string value) => _sequences.ContainsKey(value) || _slices.ContainsKey(value);

    public bool IsEmpty(string value) => _sequences.TryGetValue(value, out var list) && list.Count == 0;

    /// <summary>Gives a sequence a second name.</summary>
    public void Alias(string from, string to)
    {
        if (_sequences.TryGetValue(from, out var list)) _sequences[to] = list;
        if (_slices.TryGetValue(from, out var slices)) _slices[to] = slices;
    }

    /// <summary>Adds a sequence of all slices along a tensor's first axis.</summary>
    public void HoldSlices(string sequence, string tensor) => _slices[sequence] = new Slices(tensor, 0, false);

    /// <summary>The nodes that replace one that reads or makes a sequence.</summary>
    public List<IrNode> Apply(IrNode node)
    {
        var x = new Expansion(node, graph);
        switch (node.Op)
        {
            case "Optional" or "OptionalGetElement" when node.Inputs.Count > 0:
                return x.Finish(node.Input(0));
            case "Optional":
                return [];
            case "OptionalHasElement":
                return x.Finish(x.Constant(IrTensor.Of([], evaluator.Has(node.Input(0)) || Has(node.Input(0)))));
            case "SequenceEmpty":
                return Hold(node, []);
            case "SequenceConstruct":
                return Hold(node, [.. node.Inputs]);
            case "SequenceInsert":
                return Hold(node, [.. Of(node)], (list, at) => list.Insert(at, node.Input(1)), node.Input(2), more: 1);
            case "SequenceErase":
                return Hold(node, [.. Of(node)], (list, at) => list.RemoveAt(at), node.Input(1), more: 0);
            case "SequenceAt" when SlicesOf(node) is { } slices && (!_sequences.ContainsKey(node.Input(0)) || evaluator.KnownContent(node.Input(1)) is null):
                var taken = x.Add("Gather", [slices.Tensor, node.Input(1)], ("axis", (long)slices.Axis));
                return x.Finish(slices.IsKept ? x.Add("Unsqueeze", [taken, x.Vector(slices.Axis)]) : taken);
            case "SequenceLength" when SlicesOf(node) is { } slices && !_sequences.ContainsKey(node.Input(0)):
                return x.Finish(x.Add("Gather", [x.Add("Shape", [slices.Tensor]), x.Constant(IrTensor.Of([], (long)slices.Axis))], ("axis", 0L)));
            case "ConcatFromSequence" when SlicesOf(node) is { } slices && !_sequences.ContainsKey(node.Input(0)):
                return Joined(node, slices, x);
            case "SequenceAt":
                return x.Finish(Of(node)[Position(node, node.Input(1), Of(node).Count)]);
            case "SequenceLength":
                return x.Finish(x.Constant(IrTensor.Of([], (long)Of(node).Count)));
            case "ConcatFromSequence":
                if (Of(node).Count == 0) throw new UnsupportedException("the sequence is empty");
                var isNew = node.Int("new_axis", 0) != 0;
                return x.Finish(x.Add("Concat", [.. Of(node).Select(v => isNew ? x.Add("Unsqueeze", [v, x.Vector(node.Int("axis", 0))]) : v)], ("axis", node.Int("axis", 0))));
            default:
                return Split(node, x);
        }
    }

    /// <summary>The reason why another node cannot read a sequence.</summary>
    public static UnsupportedException Refusal() => new("it reads a sequence of tensors, which only the Sequence operators, loops and branches can read");

    private Slices? SlicesOf(IrNode node) => _slices.GetValueOrDefault(node.Input(0));

    /// <summary>Joins all slices along a new axis or along their own.</summary>
    private List<IrNode> Joined(IrNode node, Slices slices, Expansion x)
    {
        var shape = evaluator.ShapeOf(slices.Tensor);
        var rank = slices.IsKept ? shape.Rank : shape.Rank - 1;
        var isNew = node.Int("new_axis", 0) != 0;
        var axis = (int)(node.Int("axis", 0) is var given && given < 0 ? given + rank + (isNew ? 1 : 0) : given);
        // The axis of the slices moves to the place where they are joined. Without a new axis it is then merged with the next axis.
        var perm = Enumerable.Range(0, shape.Rank).Select(a => (long)a).ToList();
        perm.RemoveAt(slices.Axis);
        if (slices.IsKept && !isNew && axis == slices.Axis) return x.Finish(slices.Tensor);
        if (slices.IsKept) throw new UnsupportedException("its slices are joined along a different axis than they were taken from");
        perm.Insert(axis, slices.Axis);
        var turned = perm.Index().All(p => p.Index == p.Item) ? slices.Tensor : x.Add("Transpose", [slices.Tensor], ("perm", perm.ToArray()));
        if (isNew) return x.Finish(turned);
        var sizes = perm.Select(p => shape.Sizes[p]).ToList();
        if (sizes[axis + 1] == 1) return x.Finish(x.Add("Squeeze", [turned, x.Vector(axis + 1)]));
        var behind = sizes.Skip(axis + 2).All(s => s >= 0) ? x.Vector([.. sizes.Skip(axis + 2).Select(s => (long)s)]) : x.Add("Slice", [x.Add("Shape", [turned]), x.Vector(axis + 2), x.Vector(long.MaxValue)]);
        return x.Finish(x.Add("Reshape", [turned, x.Add("Concat", [x.Vector([.. Enumerable.Repeat(0L, axis), -1]), behind], ("axis", 0L))]));
    }

    private List<string> Of(IrNode node) => _sequences.TryGetValue(node.Input(0), out var list) ? list
        : _slices.ContainsKey(node.Input(0)) ? throw new UnsupportedException($"the length of sequence '{node.Input(0)}' is the size of a dimension, which must be known at conversion and from 1 to {MostParts}")
        : throw new ShapeFault($"'{node.Input(0)}' is not a sequence.");

    private List<IrNode> Hold(IrNode node, List<string> values)
    {
        if (values.Count > MostParts) throw new UnsupportedException($"the sequence holds more than {MostParts} tensors");
        if ((_held += values.Count) > MostHeld) throw new ConversionException($"node {node}: the sequences of this graph hold more than {MostHeld} tensors in total.");
        _sequences[node.Output(0)] = values;
        return [];
    }

    private List<IrNode> Hold(IrNode node, List<string> values, Action<List<string>, int> change, string position, int more)
    {
        // Without a position, the last place is meant.
        change(values, position.Length == 0 ? values.Count - 1 + more : Position(node, position, values.Count + more));
        return Hold(node, values);
    }

    private int Position(IrNode node, string value, int count)
    {
        if (evaluator.KnownContent(value) is not { Count: 1 } known) throw new UnsupportedException($"the position in the sequence depends on '{value}', which is not known at conversion");
        var position = known.Integers()[0];
        if (position < 0) position += count;
        return position >= 0 && position < count ? (int)position : throw new ShapeFault($"position {known.Integers()[0]} of {node} is outside a sequence of {count} tensors.");
    }

    private List<IrNode> Split(IrNode node, Expansion x)
    {
        var shape = evaluator.ShapeOf(node.Input(0));
        var axis = node.Int("axis", 0) is var given && given < 0 ? given + shape.Rank : given;
        if (axis < 0 || axis >= shape.Rank) throw new ShapeFault($"axis {given} does not exist in {shape}.");
        var size = shape.Sizes[axis];
        var isSingle = node.Input(1).Length == 0 || evaluator.KnownContent(node.Input(1)) is { Shape.Length: 0 } one && one.Integers() is [1];
        if (isSingle) _slices[node.Output(0)] = new Slices(node.Input(0), (int)axis, node.Input(1).Length > 0 || node.Int("keepdims", 1) != 0);
        if (isSingle && size is < 0 or > MostParts) return [];
        if (size < 0) throw new UnsupportedException("the number of parts depends on a symbolic dimension");
        var parts = Parts(node, size);
        if (parts.Length is < 1 or > MostParts) throw TooMany(parts.Length);

        var names = parts.Select(_ => graph.Fresh(node.Name)).ToList();
        x.Nodes.Add(new IrNode(node.Name, "Split", [node.Input(0), x.Vector(parts)], names) { Attributes = { ["axis"] = axis } });
        var isSqueezed = node.Input(1).Length == 0 && node.Int("keepdims", 1) == 0;
        _sequences[node.Output(0)] = isSqueezed ? names.ConvertAll(n => x.Add("Squeeze", [n, x.Vector(axis)])) : names;
        return x.Nodes;
    }

    /// <summary>Sizes of the parts: 1 each, as listed, or equal except for the last part.</summary>
    private long[] Parts(IrNode node, int size)
    {
        var chunk = 1L;
        if (node.Input(1).Length > 0)
        {
            if (evaluator.KnownContent(node.Input(1)) is not { } split) throw new UnsupportedException($"the sizes of the parts depend on '{node.Input(1)}', which is not known at conversion");
            if (split.Shape.Length == 1) return split.Integers();
            chunk = split.Integers()[0];
        }

        if (chunk < 1) throw new ShapeFault($"the size of its parts is {chunk}; it must be at least 1.");
        chunk = Math.Min(chunk, Math.Max(size, 1));
        var count = (size + chunk - 1) / chunk;
        return count <= MostParts ? [.. Enumerable.Range(0, (int)count).Select(i => Math.Min(chunk, size - i * chunk))] : throw TooMany(count);
    }

    /// <summary>All slices of a tensor along an axis. The slices keep that axis with size 1 if it is kept.</summary>
    private sealed record Slices(string Tensor, int Axis, bool IsKept);

    private static UnsupportedException TooMany(long parts) => new($"it is split into {parts} tensors; from 1 to {MostParts} are supported");
}
