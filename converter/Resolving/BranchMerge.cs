using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>
/// Handles an <c>If</c> whose condition depends on data: both branches are computed and one result is selected. It is refused if a
/// branch could fail, because the condition guards a lookup or a division, or if the branches differ in shape.
/// </summary>
internal static class BranchMerge
{
    /// <summary>An internal operator placed after both branches. Inputs: the condition, the results of one branch, the results of the other.</summary>
    public const string Op = "If.Select";

    private static readonly HashSet<string> s_lookups = ["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"];

    /// <summary>Refuses an <c>If</c> that depends only on single-number inputs, such as a sample rate. Fixing them costs nothing; computing both branches costs twice the time.</summary>
    public static void CheckUnsettable(IrNode node, IrGraph graph, List<IrNode> kept)
    {
        var inputs = Origins.Of(node.Input(0), graph, kept);
        if (Origins.AreSettings(inputs)) throw new UnsupportedException($"which branch is taken depends on {Origins.Names(inputs)}");
    }

    /// <summary>The nodes of both branches and the selection between their results.</summary>
    public static List<IrNode> Both(IrNode node, List<IrNode> nodes, List<string> then, List<string> otherwise, int kept)
    {
        if (then.Count != node.Outputs.Count || otherwise.Count != node.Outputs.Count) throw new ConversionException($"Node '{node.Name}' (If) has {node.Outputs.Count} outputs, but its branches have {then.Count} and {otherwise.Count}; the model is damaged.");
        var select = new IrNode(node.Name, Op, [node.Input(0), .. then, .. otherwise], node.Outputs) { Marks = new IrMarks { ResolvedBefore = kept } };
        return [.. nodes, select];
    }

    /// <summary>Builds the selection once the branches' values are known. The last node comes first.</summary>
    /// <exception cref="UnsupportedException">The branches cannot both be computed.</exception>
    public static List<IrNode> Select(IrNode node, IrGraph graph, Evaluator evaluator, List<IrNode> kept)
    {
        var advice = $"which branch is taken depends on {Origins.Unknown(node.Input(0), graph, kept, evaluator)}. Computing both branches is not possible, because";
        if (node.Inputs.Find(i => !evaluator.Has(i)) is { } missing) throw new UnsupportedException($"{advice} '{missing}' is not a tensor that can be computed");
        for (var i = node.Marks.ResolvedBefore; i < kept.Count; i++)
        {
            if (s_lookups.Contains(kept[i].Op) && evaluator.KnownContent(kept[i].Input(1)) is null) throw new UnsupportedException($"{advice} {kept[i]} looks up an index that depends on data, which the condition may guard");
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
