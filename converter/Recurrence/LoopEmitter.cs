using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>Collects the nodes that replace a loop.</summary>
internal sealed class LoopEmitter(LoopBody loop, IrGraph graph) : Emitter
{
    private string? _steps;

    public List<IrNode> Nodes { get; } = [];

    public string Fresh() => graph.Fresh(loop.Name);

    public override string[] AddMany(string op, string[] inputs, IrShape?[] shapes, params (string Key, object Value)[] attributes)
    {
        var outputs = Array.ConvertAll(shapes, s => s is null ? "" : Fresh());
        var node = new IrNode($"{loop.Name}.{Nodes.Count}", op, inputs, outputs);
        foreach (var (key, value) in attributes) node.Attributes[key] = value;
        Nodes.Add(node);
        return outputs;
    }

    protected override IrNode Last => Nodes[^1];

    public override string Constant(IrTensor tensor)
    {
        var name = Fresh();
        Define(name, tensor);
        return name;
    }

    public void Define(string name, IrTensor tensor) => Nodes.Add(new IrNode(name, "Constant", [], [name]) { Attributes = { ["value"] = tensor } });

    /// <summary>Makes an outer value equal to <paramref name="value"/>.</summary>
    public void Into(string output, string value) => Nodes.Add(new IrNode($"{loop.Name}/{output}", "Identity", [value], [output]));

    public override string OverAllSteps(string value, IrShape shape)
    {
        var ones = Enumerable.Repeat(1L, shape.Rank);
        if (loop.Steps >= 0) return Add("Expand", [value, Constant(IrTensor.Vector([loop.Steps, .. ones]))], shape);
        return Add("Expand", [value, Add("Concat", [Steps(), Constant(IrTensor.Vector([.. ones]))], shape, ("axis", 0L))], shape);
    }

    /// <summary>The number of steps as a vector of one element.</summary>
    public string Steps()
    {
        var shape = new IrShape(ElementType.Int64, [1]);
        if (_steps is not null) return _steps;
        if (loop.IsCounted) return _steps = Add("Reshape", [Add("Cast", [loop.Count], shape, ("to", 7L)), Constant(IrTensor.Vector(1))], shape);
        if (Sequence is null) throw new UnsupportedException("its number of rounds is not the length of a sequence");
        return _steps = Add("Slice", [Add("Shape", [Sequence], shape), Constant(IrTensor.Vector(0)), Constant(IrTensor.Vector(1)), Constant(IrTensor.Vector(0))], shape);
    }

    /// <summary>A value whose first axis has all steps. Null until there is one.</summary>
    public string? Sequence { get; set; }

    public string Cast(string value, ElementType type, IrShape shape) => Add("Cast", [value], shape, ("to", (long)Expansion.Onnx(type)));

    /// <summary>A tensor with one of its axes moved to the front.</summary>
    public string TimeFirst(string value, IrShape shape, int axis)
    {
        if (axis == 0) return value;
        var perm = new List<long>(Enumerable.Range(0, shape.Rank).Select(a => (long)a));
        perm.RemoveAt(axis);
        return Add("Transpose", [value], shape, ("perm", (long[])[axis, .. perm]));
    }

    /// <summary>The number begin + step · round of each step, for all steps.</summary>
    public string Line(long begin, long ofRounds, long step, ElementType type, IrShape shape)
    {
        var numbers = new IrShape(ElementType.Int64, [loop.Steps]);
        var count = Add("Squeeze", [Steps(), Constant(IrTensor.Vector(0))], numbers);
        var line = Add("Range", [Constant(IrTensor.Of([], 0L)), count, Constant(IrTensor.Of([], 1L))], numbers);
        if (step != 1) line = Add("Mul", [line, Constant(IrTensor.Of([], step))], numbers);
        if (ofRounds != 0) line = Add("Add", [line, ofRounds == 1 ? count : Add("Mul", [count, Constant(IrTensor.Of([], ofRounds))], numbers)], numbers);
        if (begin != 0) line = Add("Add", [line, Constant(IrTensor.Of([], begin))], numbers);
        if (type != ElementType.Int64) line = Cast(line, type, numbers);
        return shape.Rank == 0 ? line : Add("Reshape", [line, Constant(IrTensor.Vector([-1, .. Enumerable.Repeat(1L, shape.Rank)]))], new IrShape(type, [loop.Steps, .. shape.Sizes]));
    }

    /// <summary>The steps' values concatenated along an axis.</summary>
    public string Merged(string steps, IrShape shape, int axis)
    {
        var perm = Enumerable.Range(1, shape.Rank).Select(a => (long)a).ToList();
        perm.Insert(axis, 0);
        var turned = Add("Transpose", [steps], shape, ("perm", perm.ToArray()));
        if (shape.Sizes[axis] == 1) return Add("Squeeze", [turned, Constant(IrTensor.Vector(axis + 1))], shape);
        // [before, steps, size, after]: steps and size become one axis.
        var sizes = shape.Sizes.Select((s, i) => i < axis ? 0 : i == axis ? -1 : (long)s);
        return Add("Reshape", [turned, Constant(IrTensor.Vector([.. sizes]))], shape);
    }
}
