using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Replaces equal nodes of all time steps by one node over values with time as their first axis. Knows the operators whose steps are
/// independent of each other.
/// </summary>
/// <param name="emitter">Receives the nodes.</param>
/// <param name="steps">Number of time steps. -1 if it depends on a symbol.</param>
internal sealed class TimeAxis(Emitter emitter, int steps)
{
    private static readonly HashSet<string> s_alongAxis = ["Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "LayerNormalization", "RMSNormalization", "LpNormalization"];

    /// <summary>Whether an operator treats each element separately.</summary>
    public static bool IsElementwise(string op) => OperatorMap.IsElementwise(op) || op is "Cast" or "Clip" or "Identity" or "Where";

    /// <summary>Applies one step's node to all steps. Null if the operator is not supported.</summary>
    /// <param name="node">The step's node.</param>
    /// <param name="inputs">For each input, its value over all steps. Null if it is equal in all steps.</param>
    /// <param name="shapeOf">Shapes of the step's values.</param>
    /// <param name="constantOf">Constants of the step.</param>
    /// <returns>The outputs over all steps.</returns>
    public string[]? Lift(IrNode node, string?[] inputs, Func<string, IrShape> shapeOf, Func<string, IrTensor?> constantOf)
    {
        var rank = node.Outputs[0].Length > 0 ? shapeOf(node.Outputs[0]).Rank : 0;
        var first = node.Input(0).Length > 0 ? shapeOf(node.Input(0)) : null;
        string Same(int index) => inputs[index] ?? node.Input(index);
        bool IsSame(int index) => index >= node.Inputs.Count || inputs[index] is null;
        IrShape Over(string value) => new(shapeOf(value).Type, [steps, .. shapeOf(value).Sizes]);
        string[] One(string op, string[] operands, params (string Key, object Value)[] changed) => emitter.AddLike(node, op, operands, [Over(node.Outputs[0])], changed);
        long Along(string key, long otherwise, int ofRank) => node.Int(key, otherwise) is var axis && axis < 0 ? axis + ofRank + 1 : axis + 1;
        long[]? Numbers(int index) => index < node.Inputs.Count && node.Input(index).Length > 0 && IsSame(index) ? constantOf(node.Input(index))?.Integers() : null;
        string Moved(long[] axes, int ofRank) => emitter.Constant(IrTensor.Vector(Array.ConvertAll(axes, a => a < 0 ? a + ofRank + 1 : a + 1)));

        if (IsElementwise(node.Op)) return One(node.Op, [.. node.Inputs.Select((i, at) => i.Length == 0 ? "" : Aligned(i, inputs[at], rank, shapeOf))]);
        if (s_alongAxis.Contains(node.Op)) return IsSame(0) || !IsSame(1) || !IsSame(2) ? null : One(node.Op, [Same(0), .. node.Inputs.Skip(1)], ("axis", Along("axis", node.Op.StartsWith("Arg", StringComparison.Ordinal) ? 0 : -1, first!.Rank)));
        switch (node.Op)
        {
            case "Linear":
                return IsSame(1) && IsSame(2) ? One("Linear", [Same(0), .. node.Inputs.Skip(1)]) : null;
            case "MatMul":
                var ranks = (A: first!.Rank, B: shapeOf(node.Input(1)).Rank);
                if (ranks.B == 1 || (ranks.A == 1 && (ranks.B != 2 || !IsSame(1)))) return null;
                return One("MatMul", [Aligned(node.Input(0), inputs[0], Math.Max(ranks.A, ranks.B), shapeOf, ranks.A == 1), Aligned(node.Input(1), inputs[1], Math.Max(ranks.A, ranks.B), shapeOf)]);
            case "Gather" when IsSame(0) && node.Int("axis", 0) == 0:
                return One("Gather", [node.Input(0), Same(1)], ("axis", 0L));
            case "Gather" when IsSame(1):
                return One("Gather", [Same(0), node.Input(1)], ("axis", Along("axis", 0, first!.Rank)));
            case "Unsqueeze" or "Squeeze" when !IsSame(0):
                if (node.Op == "Squeeze" && node.Input(1).Length == 0) return One("Squeeze", [Same(0), Moved([.. first!.Sizes.Index().Where(s => s.Item == 1).Select(s => (long)s.Index)], first.Rank)]);
                return Numbers(1) is { } axes ? One(node.Op, [Same(0), Moved(axes, node.Op == "Squeeze" ? first!.Rank : rank)]) : null;
            case "Reshape" when !IsSame(0) && node.Int("allowzero", 0) == 0:
                return Numbers(1) is { } shape ? One("Reshape", [Same(0), emitter.Constant(IrTensor.Vector([0, .. shape]))]) : null;
            case "Flatten" when !IsSame(0) && Along("axis", 1, first!.Rank) == 2:
                return One("Reshape", [Same(0), emitter.Constant(IrTensor.Vector(0, 0, -1))]);
            case "Transpose":
                var perm = node.Ints("perm") is { Length: > 0 } given ? given : [.. Enumerable.Range(0, first!.Rank).Reverse().Select(i => (long)i)];
                return One("Transpose", [Same(0)], ("perm", (long[])[0, .. perm.Select(p => p + 1)]));
            case "Concat":
                return One("Concat", [.. node.Inputs.Select((i, at) => inputs[at] ?? emitter.OverAllSteps(i, shapeOf(i)))], ("axis", Along("axis", 0, rank)));
            case "Split" when !IsSame(0) && IsSame(1):
                return emitter.AddLike(node, "Split", [Same(0), .. node.Inputs.Skip(1)], [.. node.Outputs.Select(o => o.Length == 0 ? null : Over(o))], ("axis", Along("axis", 0, first!.Rank)));
            case "Slice" when !IsSame(0) && Enumerable.Range(1, node.Inputs.Count - 1).All(IsSame):
                var cut = Numbers(3) ?? (node.Input(3).Length == 0 && Numbers(1) is { } starts ? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)] : null);
                return cut is null ? null : One("Slice", [Same(0), node.Input(1), node.Input(2), Moved(cut, first!.Rank), .. node.Inputs.Skip(4)]);
            case "Expand" when !IsSame(0) && Numbers(1) is { } target && target.Length >= first!.Rank:
                return One("Expand", [Aligned(node.Input(0), inputs[0], target.Length, shapeOf), emitter.Constant(IrTensor.Vector([1, .. target]))]);
            case "Tile" when !IsSame(0) && Numbers(1) is { } repeats:
                return One("Tile", [Same(0), emitter.Constant(IrTensor.Vector([1, .. repeats]))]);
            case var op when op.StartsWith("Reduce", StringComparison.Ordinal) && !IsSame(0) && node.Int("noop_with_empty_axes", 0) == 0:
                var reduced = node.Input(1).Length == 0 ? [.. Enumerable.Range(0, first!.Rank).Select(i => (long)i)] : Numbers(1);
                return reduced is null ? null : One(op, [Same(0), Moved(reduced, first!.Rank)]);
            default:
                return null;
        }
    }

    /// <summary>A broadcast value with axes of size 1 inserted after the time axis, if it has fewer axes than the result.</summary>
    private string Aligned(string value, string? over, int rank, Func<string, IrShape> shapeOf, bool isVector = false)
    {
        if (over is null) return value;
        var shape = shapeOf(value);
        var missing = isVector ? 0 : rank - shape.Rank;
        if (missing <= 0) return over;
        return emitter.Add("Unsqueeze", [over, emitter.Constant(IrTensor.Vector([.. Enumerable.Range(1, missing).Select(i => (long)i)]))], new IrShape(shape.Type, [steps, .. Enumerable.Repeat(1, missing), .. shape.Sizes]));
    }
}

/// <summary>Receives the nodes of a rewrite.</summary>
internal abstract class Emitter
{
    public string Add(string op, string[] inputs, IrShape shape, params (string Key, object Value)[] attributes) => AddMany(op, inputs, [shape], attributes)[0];

    /// <summary>Adds a node. An output without a shape is omitted.</summary>
    public abstract string[] AddMany(string op, string[] inputs, IrShape?[] shapes, params (string Key, object Value)[] attributes);

    /// <summary>Adds a node with another node's marks and attributes, some of them changed.</summary>
    public string[] AddLike(IrNode other, string op, string[] inputs, IrShape?[] shapes, params (string Key, object Value)[] changed)
    {
        var outputs = AddMany(op, inputs, shapes, [.. other.Attributes.Select(a => (a.Key, a.Value)), .. changed]);
        Last.Marks = other.Marks;
        return outputs;
    }

    /// <summary>The node added last.</summary>
    protected abstract IrNode Last { get; }

    public abstract string Constant(IrTensor tensor);

    /// <summary>The elements along an axis in reverse order.</summary>
    public string Reversed(string value, int axis, IrShape shape) => Add("Slice", Reversal.Inputs(value, [axis], Constant), shape);

    /// <summary>A value that is equal in all steps, repeated along a first axis of time.</summary>
    public abstract string OverAllSteps(string value, IrShape shape);
}
