using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Removes nodes that change nothing, and merges chains of shape changes into one Reshape or Transpose.</summary>
internal static class NoOps
{
    public static bool Run(IrGraph graph) => Run(graph, keepsZeroStates: false);

    /// <summary>Does the same, but keeps sums with an initial state of zeros, which recurrent cells are recognized by.</summary>
    public static bool RunBeforeCells(IrGraph graph) => Run(graph, keepsZeroStates: true);

    private static bool Run(IrGraph graph, bool keepsZeroStates)
    {
        var rewriter = new Rewriter(graph);
        foreach (var node in graph.Nodes.ToList())
        {
            if (keepsZeroStates && (node.Op is "Add" or "Sub") && rewriter.Constant(node.Input(1)) is { IsZero: true, Shape.Length: > 1 }) continue;
            if (IsIdentity(node, rewriter)) rewriter.Bypass(node, node.Input(0));
            else if (IsView(node)) MergeView(node, rewriter);
            else if (node.Op == "Transpose") MergeTranspose(node, rewriter);
            else if (node.Op == "Slice") LeaveOutWholeAxes(node, rewriter);
        }

        return rewriter.HasChanged;
    }

    public static bool IsView(IrNode node) => node.Op is "Reshape" or "Squeeze" or "Unsqueeze" or "Flatten";

    private static bool IsIdentity(IrNode node, Rewriter rewriter)
    {
        switch (node.Op)
        {
            case "Cast":
                return rewriter.Shape(node.Input(0)).Type == rewriter.Shape(node.Output(0)).Type;
            case "Reshape" or "Squeeze" or "Unsqueeze" or "Flatten":
                return rewriter.SameShape(node.Input(0), node.Output(0));
            case "Expand":
                return rewriter.Shape(node.Input(0)) is { IsStatic: true } shape && shape.Sizes.AsSpan().SequenceEqual(rewriter.Shape(node.Output(0)).Sizes);
            case "Transpose":
                return Permutation(node, rewriter).Index().All(p => p.Index == p.Item);
            case "Concat":
                return node.Inputs.Count == 1;
            case "Split":
                return node.Outputs.Count == 1;
            case "Pad":
                return rewriter.Constant(node.Input(1)) is { IsZero: true };
            case "Slice":
                return IsWhole(node, rewriter);
            case "Add" or "Sub":
                return rewriter.Scalar(node.Input(1)) == 0 && Keeps(node, rewriter);
            case "Mul" or "Div" or "Pow":
                return rewriter.Scalar(node.Input(1)) == 1 && Keeps(node, rewriter);
            default:
                return false;
        }
    }

    private static bool Keeps(IrNode node, Rewriter rewriter) =>
        rewriter.IsFloat(node.Input(0)) && rewriter.Shape(node.Input(0)).Sizes.AsSpan().SequenceEqual(rewriter.Shape(node.Output(0)).Sizes) && rewriter.Constant(node.Input(0)) is null;

    /// <summary>Whether a slice keeps every axis whole.</summary>
    private static bool IsWhole(IrNode node, Rewriter rewriter) => WholeAxes(node, rewriter) is { } whole && Array.TrueForAll(whole, w => w);

    /// <summary>
    /// For each sliced axis, whether the slice keeps all of it: a fixed size stays the same, or a symbolic axis is cut at an end that no
    /// size reaches. Two sizes that depend on a symbol need not be equal. Null if this is unknown.
    /// </summary>
    private static bool[]? WholeAxes(IrNode node, Rewriter rewriter)
    {
        int[] sizes = rewriter.Shape(node.Input(0)).Sizes, left = rewriter.Shape(node.Output(0)).Sizes;
        var ends = rewriter.Constant(node.Input(2))?.Integers();
        if (rewriter.Constant(node.Input(1))?.Integers() is not { } starts || Axes(node, sizes.Length, starts.Length, rewriter) is not { } axes) return null;
        var steps = node.Input(4).Length == 0 ? [.. Enumerable.Repeat(1L, starts.Length)] : rewriter.Constant(node.Input(4))?.Integers();
        if (steps is null || axes.Length != starts.Length || steps.Length != starts.Length || (ends is not null && ends.Length != starts.Length)) return null;
        return [.. starts.Select((start, i) => start == 0 && steps[i] == 1 && (sizes[axes[i]] < 0 ? ends is not null && ends[i] >= int.MaxValue : sizes[axes[i]] == left[axes[i]]))];
    }

    private static int[]? Axes(IrNode node, int rank, int count, Rewriter rewriter) => node.Input(3).Length == 0
        ? [.. Enumerable.Range(0, count)]
        : rewriter.Constant(node.Input(3))?.Integers() is { } axes ? Array.ConvertAll(axes, a => (int)(a < 0 ? a + rank : a)) : null;

    /// <summary>Removes the axes that a slice does not cut from its axes.</summary>
    private static void LeaveOutWholeAxes(IrNode node, Rewriter rewriter)
    {
        if (WholeAxes(node, rewriter) is not { } whole || !Array.Exists(whole, w => w)) return;
        var axes = Axes(node, rewriter.Shape(node.Input(0)).Rank, whole.Length, rewriter)!;
        var inputs = node.Inputs.ToList();
        if (Kept(node.Input(2)) is not { } ends) return;
        (inputs[1], inputs[2]) = (Kept(node.Input(1))!, ends);
        if (node.Input(4).Length > 0) inputs[4] = Kept(node.Input(4))!;
        if (inputs.Count == 3) inputs.Add("");
        inputs[3] = rewriter.Graph.Constant(node.Name, IrTensor.Vector([.. axes.Where((_, i) => !whole[i]).Select(a => (long)a)]));
        rewriter.Replace(node, new IrNode(node.Name, "Slice", inputs, node.Outputs));

        string? Kept(string value) => rewriter.Constant(value)?.Integers() is { } numbers ? rewriter.Graph.Constant(node.Name, IrTensor.Vector([.. numbers.Where((_, i) => !whole[i])])) : null;
    }

    private static int[] Permutation(IrNode node, Rewriter rewriter)
    {
        var rank = rewriter.Shape(node.Input(0)).Rank;
        return node.Ints("perm") is { Length: > 0 } perm ? [.. perm.Select(p => (int)p)] : [.. Enumerable.Range(0, rank).Reverse()];
    }

    /// <summary>Merges a view of a view into one with the last shape, or removes it if that is the first shape again.</summary>
    private static void MergeView(IrNode node, Rewriter rewriter)
    {
        if (rewriter.Producer(node.Input(0)) is not { } inner || !IsView(inner)) return;
        if (rewriter.SameShape(inner.Input(0), node.Output(0))) rewriter.Bypass(node, inner.Input(0));
        else ToReshape(node, inner.Input(0), rewriter);
    }

    private static void MergeTranspose(IrNode node, Rewriter rewriter)
    {
        var perm = Permutation(node, rewriter);
        var sizes = rewriter.Shape(node.Input(0)).Sizes;
        // Moving dimensions of size 1 moves no data.
        var moved = perm.Where(p => sizes[p] != 1).ToArray();
        if (moved.SequenceEqual(moved.Order()) && ToReshape(node, node.Input(0), rewriter)) return;
        if (rewriter.Producer(node.Input(0), "Transpose") is not { } inner) return;
        var first = Permutation(inner, rewriter);
        var both = Array.ConvertAll(perm, p => (long)first[p]);
        if (both.Index().All(p => p.Index == p.Item))
        {
            rewriter.Bypass(node, inner.Input(0));
            return;
        }

        var merged = new IrNode(node.Name, "Transpose", [inner.Input(0)], node.Outputs) { Attributes = { ["perm"] = both } };
        rewriter.Replace(node, merged);
    }

    private static bool ToReshape(IrNode node, string input, Rewriter rewriter)
    {
        var sizes = rewriter.Shape(node.Output(0)).Sizes;
        if (sizes.Count(s => s < 0) > 1 || (Array.Exists(sizes, s => s < 0) && Array.Exists(sizes, s => s == 0))) return false;
        var shape = rewriter.Graph.Constant(node.Name, IrTensor.Vector([.. sizes.Select(s => (long)s)]));
        var allowZero = Array.Exists(sizes, s => s == 0);
        var reshape = new IrNode(node.Name, "Reshape", [input, shape], node.Outputs);
        if (allowZero) reshape.Attributes["allowzero"] = 1L;
        rewriter.Replace(node, reshape);
        return true;
    }
}
