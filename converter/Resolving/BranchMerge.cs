using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>
/// An <c>If</c> whose condition only data tells: both branches are computed and the right results taken. Where that could
/// fail, because a branch guards a lookup or a division, or where the branches differ in shape, it is refused.
/// </summary>
internal static class BranchMerge
{
    /// <summary>The inner operator that stands behind both branches: condition, results of one, results of the other.</summary>
    public const string Op = "If.Select";

    private static readonly HashSet<string> s_lookups = ["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"];

    /// <summary>Refuses where single numbers among the inputs tell which branch is taken, as a sample rate does: to set them costs nothing, to compute both twice the time.</summary>
    public static void CheckUnsettable(IrNode node, IrGraph graph, List<IrNode> kept)
    {
        var inputs = Origins.Of(node.Input(0), graph, kept);
        if (Origins.AreSettings(inputs)) throw new UnsupportedException($"which branch is taken depends on {Origins.Names(inputs)}");
    }

    /// <summary>The nodes of both branches and the choice between their results.</summary>
    public static List<IrNode> Both(IrNode node, List<IrNode> nodes, List<string> then, List<string> otherwise, int kept)
    {
        if (then.Count != node.Outputs.Count || otherwise.Count != node.Outputs.Count) throw new ConversionException($"Node '{node.Name}' (If) has {node.Outputs.Count} outputs, its branches {then.Count} and {otherwise.Count}; the model is damaged.");
        var select = new IrNode(node.Name, Op, [node.Input(0), .. then, .. otherwise], node.Outputs) { Marks = new IrMarks { ResolvedBefore = kept } };
        return [.. nodes, select];
    }

    /// <summary>The choice, once what the branches compute is known; last node first.</summary>
    /// <exception cref="UnsupportedException">The branches cannot both be computed.</exception>
    public static List<IrNode> Select(IrNode node, IrGraph graph, Evaluator evaluator, List<IrNode> kept)
    {
        var advice = $"which branch is taken depends on {Origins.Unknown(node.Input(0), graph, kept, evaluator)}. Both branches cannot be computed, because";
        if (node.Inputs.Find(i => !evaluator.Has(i)) is { } missing) throw new UnsupportedException($"{advice} '{missing}' is no tensor that can be computed");
        for (var i = node.Marks.ResolvedBefore; i < kept.Count; i++)
        {
            if (s_lookups.Contains(kept[i].Op) && evaluator.KnownContent(kept[i].Input(1)) is null) throw new UnsupportedException($"{advice} {kept[i]} looks up what data tells, which the condition may guard");
            if (kept[i].Op is "Div" or "Mod" && evaluator.ShapeOf(kept[i].Input(0)).Type is not (ElementType.Float32 or ElementType.Float64) && evaluator.KnownContent(kept[i].Input(1)) is null)
                throw new UnsupportedException($"{advice} {kept[i]} divides integers, which the condition may guard");
        }

        var x = new Expansion(node, graph);
        var condition = x.Add("Reshape", [node.Input(0), x.Vector()]);
        for (var i = 0; i < node.Outputs.Count; i++)
        {
            var (then, otherwise) = (node.Input(1 + i), node.Input(1 + node.Outputs.Count + i));
            if (evaluator.ShapeOf(then) is var a && evaluator.ShapeOf(otherwise) is var b && (a.Type != b.Type || !evaluator.SameShape(then, otherwise))) throw new UnsupportedException($"{advice} their results have the shapes {a} and {b}");
            if (then == otherwise) x.Into(node.Outputs[i], "Identity", [then]);
            else x.Into(node.Outputs[i], "Where", [condition, then, otherwise]);
        }

        x.Nodes.Reverse();
        return x.Nodes;
    }
}
