using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Joins layers of one step that follow each other with the same weights into one layer over the steps. Exporters write them when they
/// unroll a sequence. The computations before and after each step become one node for all steps.
/// </summary>
internal static class StepChains
{
    public static bool Run(IrGraph graph)
    {
        if (graph.Nodes.Count(IsJoinable) < 2) return false;
        var isJoined = false;
        // The input of a layer above is a sequence only after the layer below was joined.
        for (var rounds = 0; rounds < 64 && JoinOne(graph); rounds++) isJoined = true;
        if (isJoined) Collect(graph);
        return isJoined;
    }

    private static bool JoinOne(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        var context = new CellContext(rewriter, new Dictionary<string, string>());
        foreach (var chain in Chains(rewriter, context))
        {
            if (!CanJoin(graph, chain, context)) continue;
            Join(graph, chain, rewriter);
            graph.Order();
            DeadCode.Remove(graph);
            return true;
        }

        return false;
    }

    /// <summary>Only of a layer with a hidden state is what it puts out in a step also what the next begins with.</summary>
    private static bool IsJoinable(IrNode node) => node.Recurrent is { HasRecurrence: true };

    private static List<List<IrNode>> Chains(Rewriter rewriter, CellContext context)
    {
        var steps = rewriter.Graph.Nodes.FindAll(n => IsJoinable(n) && n.String("direction", "forward") == "forward" && n.Input(4).Length == 0 && rewriter.Shape(n.Input(0)).Sizes is [1, _, _]);
        var leaving = new Dictionary<string, IrNode>();
        foreach (var step in steps)
        {
            foreach (var output in step.Outputs.Take(2).Where(o => o.Length > 0)) leaving[output] = step;
        }

        var next = new Dictionary<IrNode, IrNode>();
        var follows = new HashSet<IrNode>();
        foreach (var step in steps)
        {
            if (step.Input(5).Length == 0 || !leaving.TryGetValue(context.Root(step.Input(5)), out var before) || !AreAlike(before, step, rewriter)) continue;
            if (step.Recurrent!.HasCell && context.Root(step.Input(6)) != before.Output(2)) continue;
            if (next.TryAdd(before, step)) follows.Add(step);
        }

        var chains = new List<List<IrNode>>();
        foreach (var head in steps.Where(s => !follows.Contains(s) && next.ContainsKey(s)))
        {
            var chain = new List<IrNode> { head };
            while (next.TryGetValue(chain[^1], out var step)) chain.Add(step);
            chains.Add(chain);
        }

        return chains;
    }

    private static bool AreAlike(IrNode a, IrNode b, Rewriter rewriter)
    {
        if (a.Op != b.Op || !Stacking.AttributesEqual(a, b) || !rewriter.Shape(a.Input(0)).Sizes.AsSpan().SequenceEqual(rewriter.Shape(b.Input(0)).Sizes)) return false;
        foreach (var i in a.Recurrent!.Weights)
        {
            if (a.Input(i) == b.Input(i)) continue;
            if (rewriter.Constant(a.Input(i)) is not { } first || rewriter.Constant(b.Input(i)) is not { } second || !first.Shape.SequenceEqual(second.Shape) || !first.Data.SequenceEqual(second.Data)) return false;
        }

        return true;
    }

    /// <summary>Whether no step's input depends on a previous step, and only the next step reads a cell state.</summary>
    private static bool CanJoin(IrGraph graph, List<IrNode> chain, CellContext context)
    {
        var steps = chain.ToHashSet();
        if (chain.SkipLast(1).Any(step => step.Recurrent!.HasCell && context.ReadersOf(step.Output(2)).Exists(reader => reader is null || !steps.Contains(reader)))) return false;
        var made = new HashSet<string>(chain.SelectMany(s => s.Outputs).Where(o => o.Length > 0));
        foreach (var node in graph.Nodes)
        {
            if (steps.Contains(node))
            {
                if (made.Contains(node.Input(0))) return false;
            }
            else if (node.Inputs.Exists(made.Contains))
            {
                made.UnionWith(node.Outputs.Where(o => o.Length > 0));
            }
        }

        return true;
    }

    private static void Join(IrGraph graph, List<IrNode> chain, Rewriter rewriter)
    {
        var (head, last, steps) = (chain[0], chain[^1], chain.Count);
        var emitter = new GraphEmitter(graph, head.Name, steps);
        var step = rewriter.Shape(head.Input(0));
        var shape = new IrShape(step.Type, [steps, .. step.Sizes[1..]]);
        var each = chain.ConvertAll(s => s.Input(0));
        var x = new Stacking(rewriter, emitter, steps).Of(each) is { } stacked ? emitter.Add("Squeeze", [stacked, emitter.Constant(IrTensor.Vector(1))], shape) : emitter.Add("Concat", [.. each], shape, ("axis", 0L));
        var state = head.Outputs.Take(2).Concat(last.Outputs.Take(2)).First(o => o.Length > 0);
        int[] sizes = rewriter.Shape(state).Sizes is { Length: 4 } four ? four[1..] : rewriter.Shape(state).Sizes;
        List<IrShape?> shapes = [new(step.Type, [steps, .. sizes]), new(step.Type, sizes)];
        if (head.Recurrent!.HasCell) shapes.Add(last.Output(2).Length > 0 ? rewriter.Shape(last.Output(2)) : null);
        List<string> inputs = [x, .. head.Inputs.Skip(1)];
        var outputs = emitter.AddLike(head, head.Op, [.. inputs], [.. shapes]);
        var joined = chain.ToHashSet();
        graph.Nodes.RemoveAll(joined.Contains);
        foreach (var (at, node) in chain.Index())
        {
            if (node.Output(1).Length > 0) graph.Nodes.Add(new IrNode($"{node.Name}.h", "Gather", [outputs[0], emitter.Constant(IrTensor.Of([], (long)at))], [node.Output(1)]) { Attributes = { ["axis"] = 0L } });
            if (node.Output(0).Length > 0) graph.Nodes.Add(new IrNode($"{node.Name}.y", "Gather", [outputs[0], emitter.Constant(IrTensor.Vector(at))], [node.Output(0)]) { Attributes = { ["axis"] = 0L } });
        }

        if (last.Output(2).Length > 0) graph.Replace(last.Output(2), outputs[2]);
    }

    /// <summary>Replaces concatenations of the steps' results by one node for all steps.</summary>
    private static void Collect(IrGraph graph)
    {
        var rewriter = new Rewriter(graph);
        foreach (var join in graph.Nodes.Where(n => n.Op == "Concat" && n.Inputs.Count > 2).ToList())
        {
            var each = rewriter.Shape(join.Input(0));
            var axis = (int)(join.Int("axis", 0) is var given && given < 0 ? given + each.Rank : given);
            if (join.Inputs.Exists(i => !rewriter.Shape(i).Sizes.AsSpan().SequenceEqual(each.Sizes)) || each.Sizes[axis] < 1 || each.Sizes.Skip(axis + 1).Count(s => s < 0) > 1) continue;
            var emitter = new GraphEmitter(graph, join.Name, join.Inputs.Count);
            // An earlier replacement may have removed its only reader.
            if (graph.Nodes.IndexOf(join) is not (>= 0 and var at)) continue;
            if (new Stacking(rewriter, emitter, join.Inputs.Count).Of(join.Inputs) is not { } stacked) continue;
            // From [steps, before, size, after] to [before, steps · size, after].
            var perm = Enumerable.Range(1, each.Rank).Select(a => (long)a).ToList();
            perm.Insert(axis, 0);
            int[] sizes = [join.Inputs.Count, .. each.Sizes];
            if (axis > 0) stacked = emitter.Add("Transpose", [stacked], new IrShape(each.Type, [.. perm.Select(p => sizes[p])]), ("perm", perm.ToArray()));
            var shape = emitter.Constant(IrTensor.Vector([.. each.Sizes.Select((s, i) => i < axis ? 0L : i == axis ? (long)s * join.Inputs.Count : s)]));
            graph.Nodes[at] = new IrNode(join.Name, "Reshape", [stacked, shape], join.Outputs);
            graph.Order();
            DeadCode.Remove(graph);
            rewriter = new Rewriter(graph);
        }
    }
}
