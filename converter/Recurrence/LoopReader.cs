using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>Reads a <c>Loop</c> and classifies its carried values: constants, numbers, states, growing lists or tensors, and collected values.</summary>
internal static class LoopReader
{
    /// <summary>The nodes that replace a loop that is a recurrent layer, or the reason why it is not one.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="body">A copy of its body with unique names.</param>
    /// <param name="graph">The outer graph.</param>
    /// <param name="evaluator">Knows the outer values.</param>
    /// <param name="sequences">Lists of tensors.</param>
    /// <param name="resolve">Resolves the body with the inputs that the evaluator was given. The names are those of outer values.</param>
    public static (List<IrNode>? Nodes, string Why) Replace(IrNode loop, IrGraph body, IrGraph graph, Evaluator evaluator, SequenceValues sequences, Action<IrGraph, Evaluator, Dictionary<string, string>> resolve)
    {
        using var inner = new Evaluator(evaluator);
        var (round, go) = (body.Inputs[0].Value, body.Inputs[1].Value);
        inner.SetUnknown(round, ElementType.Int64);
        body.Constants[go] = IrTensor.Of([], true);
        foreach (var (name, tensor) in body.Constants) inner.SetConstant(name, tensor);

        IrTensor? Constant(string value) => body.ConstantOf(value) ?? (value.Length > 0 && evaluator.Has(value) ? evaluator.KnownContent(value) : null);
        StepSlices.Run(body, Constant);
        var producers = body.Producers();
        string Root(string value)
        {
            while (producers.TryGetValue(value, out var node) && node.Op == "Identity") value = node.Input(0);
            return value;
        }

        var count = loop.Inputs.Count - 2;
        var outer = new Dictionary<string, string>();
        var unchanged = new List<(string Output, string Value)>();
        var growing = new List<Appended>();
        var placed = new List<Placed>();
        var states = new List<(string Name, string First, string Next, string Output)>();
        for (var i = 0; i < count; i++)
        {
            var (name, first, next, output) = (body.Inputs[2 + i].Value, loop.Inputs[2 + i], body.Outputs[1 + i].Value, loop.Output(i));
            var isList = sequences.Has(first);
            if (Root(next) == name)
            {
                if (isList) sequences.Alias(first, name);
                else outer[name] = first;
                unchanged.Add((output, first));
            }
            else if (producers.GetValueOrDefault(Root(next)) is { } join && IsGrowing(join, name, isList, body, Constant))
            {
                if (isList && !sequences.IsEmpty(first)) return (null, $"the list '{name}' is not empty before the loop");
                var isFront = isList ? join.Input(2).Length > 0 : join.Input(1) == name;
                growing.Add(new Appended(name, join.Input(isFront && !isList ? 0 : 1), output, isList ? null : first, isList ? 0 : AxisOf(join, evaluator.ShapeOf(first).Rank), isFront));
                body.Nodes.Remove(join);
            }
            else if (!isList && producers.GetValueOrDefault(Root(next)) is { } placing && IsPlacing(placing, body, v => Root(v) == name))
            {
                placed.Add(new Placed(placing.Op, placing.Int("axis", 0), placing.Input(1), placing.Input(2), first, output));
                body.Nodes.Remove(placing);
            }
            else if (isList)
            {
                return (null, $"it uses the list '{name}' in an unsupported way");
            }
            else
            {
                inner.SetUnknown(name, first);
                states.Add((name, first, next, output));
            }
        }

        var collected = body.Outputs.Skip(1 + count).Select(o => o.Value).ToList();
        var condition = body.Outputs[0].Value;
        body.Inputs.Clear();
        body.Outputs.Clear();
        foreach (var value in (string[])[condition, .. states.Select(s => s.Next), .. growing.Select(g => g.Value), .. placed.SelectMany(p => new[] { p.Indices, p.Updates }), .. collected]) body.Outputs.Add(new IrPort(value, value, 0, []));
        DeadCode.Remove(body);
        resolve(body, inner, outer);

        var resolved = new Queue<string>(body.Outputs.Select(o => o.Value));
        condition = resolved.Dequeue();
        states = states.ConvertAll(s => s with { Next = resolved.Dequeue() });
        var read = new LoopBody(loop.Name, body, inner, round, loop.Input(0), condition, states.ToDictionary(s => s.Name, s => (s.First, s.Next)));
        read.States.AddRange(states.Select(s => (s.Name, s.Next, s.Output)));
        read.Appended.AddRange(growing.ConvertAll(g => g with { Value = resolved.Dequeue() }));
        read.Placed.AddRange(placed.ConvertAll(p => p with { Indices = resolved.Dequeue(), Updates = resolved.Dequeue() }));
        for (var i = 0; i < collected.Count; i++) read.Collected.Add((collected[i], resolved.Dequeue(), loop.Output(count + i)));
        var (nodes, why) = LoopLayers.Replace(read, graph, sequences);
        if (nodes is null) return (null, why);
        foreach (var (output, value) in unchanged)
        {
            if (output.Length == 0) continue;
            if (sequences.Has(value)) sequences.Alias(value, output);
            else nodes.Add(new IrNode($"{loop.Name}/{output}", "Identity", [value], [output]));
        }

        return (nodes, "");
    }

    /// <summary>Whether a node only appends to a value, or prepends, and nothing else reads that value.</summary>
    private static bool IsGrowing(IrNode join, string name, bool isList, IrGraph body, Func<string, IrTensor?> constantOf)
    {
        if (isList && (join.Op != "SequenceInsert" || join.Input(0) != name || (join.Input(2).Length > 0 && constantOf(join.Input(2)) is not { Count: 1, IsZero: true }))) return false;
        if (!isList && (join.Op != "Concat" || join.Inputs.Count != 2 || !join.Inputs.Contains(name))) return false;
        return body.Nodes.Sum(n => n.Inputs.Count(i => i == name)) == 1 && !body.Nodes.Exists(n => n != join && n.Inputs.Contains(join.Output(0)) && n.Op != "Identity");
    }

    /// <summary>Whether a node only writes into a value that nothing else reads.</summary>
    private static bool IsPlacing(IrNode node, IrGraph body, Predicate<string> isCarried)
    {
        if (node.Op is not ("ScatterND" or "ScatterElements") || node.Inputs.Count != 3 || node.String("reduction", "none") != "none" || !isCarried(node.Input(0))) return false;
        return !body.Nodes.Exists(n => n.Op != "Identity" && n.Inputs.Index().Any(i => (i.Item == node.Output(0) || isCarried(i.Item)) && (n != node || i.Index > 0)));
    }

    private static int AxisOf(IrNode join, int rank) => (int)(join.Int("axis", 0) is var axis && axis < 0 ? axis + rank : axis);
}
