using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>
/// Unrolls a <c>Loop</c> whose number of rounds is known at conversion. ONNX: body(round, condition, carried …) returns
/// (condition, carried …, collected …). Collected values are stacked along a new first axis.
/// </summary>
internal static class LoopRounds
{
    private const int Most = 4096;

    /// <summary>Whether no round is unrolled yet.</summary>
    public static bool IsWhole(IrNode loop) => loop.Marks.Progress is null;

    /// <summary>Whether a loop has a body that fits its inputs.</summary>
    public static bool Fits(IrNode loop) => loop.Attributes.GetValueOrDefault("body") is IrGraph body && loop.Inputs.Count >= 2 && body.Inputs.Count == loop.Inputs.Count && body.Outputs.Count >= body.Inputs.Count - 1;

    /// <summary>The nodes of the next round followed by the rest of the loop, or the nodes that end it.</summary>
    /// <exception cref="UnsupportedException">The number of rounds depends on data.</exception>
    public static List<IrNode> Next(IrNode loop, IrGraph graph, Evaluator evaluator, List<IrNode> kept, string prefix, string why)
    {
        if (!Fits(loop) || loop.Attributes["body"] is not IrGraph body) throw new ConversionException($"Node '{loop.Name}' (Loop) has no body that fits its inputs; the model is damaged.");
        var carried = loop.Inputs.Count - 2;
        var (round, shared, collected) = loop.Marks.Progress ?? new LoopProgress(0, prefix, []);
        var most = Number(loop.Input(0), "its number of rounds", long.MaxValue);
        if (Number(loop.Input(1), "its condition", 1) == 0 || round >= most) return End(loop, graph, carried, collected);
        if (round >= Most) throw new UnsupportedException($"it has more than {Most} rounds");

        // Values of the body get new names in each round, its constants only in the first round; outer values keep their names.
        graph.Budget.Spend(Budget.Body + Budget.Copy * body.DeepCount() + collected.Length, loop);
        var copy = body.Copy(body.Defined().Distinct().ToDictionary(name => name, name => (body.Constants.ContainsKey(name) ? shared : prefix) + name));
        foreach (var (name, tensor) in copy.Constants)
        {
            graph.Constants[name] = tensor;
            evaluator.SetConstant(name, tensor);
        }

        var nodes = new List<IrNode> { Constant(copy.Inputs[0].Value, IrTensor.Of([], round)) };
        nodes.Add(loop.Input(1).Length == 0 ? Constant(copy.Inputs[1].Value, IrTensor.Of([], true)) : Identity(loop.Input(1), copy.Inputs[1].Value));
        for (var i = 0; i < carried; i++) nodes.Add(Identity(loop.Inputs[2 + i], copy.Inputs[2 + i].Value));
        nodes.AddRange(copy.Nodes);
        nodes.Add(new IrNode(loop.Name, "Loop", [loop.Input(0), .. copy.Outputs.Take(1 + carried).Select(o => o.Value)], loop.Outputs)
        {
            Attributes = { ["body"] = body },
            Marks = new IrMarks { Progress = new LoopProgress(round + 1, shared, [.. collected, .. copy.Outputs.Skip(1 + carried).Select(o => o.Value)]) },
        });
        return nodes;

        long Number(string value, string what, long otherwise)
        {
            if (value.Length == 0) return otherwise;
            if (evaluator.KnownContent(value) is { Count: 1 } known) return known.Integers()[0];
            List<string> symbols = evaluator.NumberOf(value, 0) is null ? [] : Origins.SymbolsOf(value, graph, kept);
            if (symbols.Count > 0 || evaluator.FollowsFromSizes(value))
                throw new UnsupportedException($"its number of rounds {(symbols.Count > 0 ? $"is {string.Join(" or ", symbols)}" : "follows from the size of a symbolic dimension")}, which is not known. A loop may have any length if it is an LSTM, GRU or RNN over a sequence; this one is not{(why.Length > 0 ? ": " + why : "")}");
            throw new UnsupportedException($"{what} depends on {Origins.Unknown(value, graph, kept, evaluator)}. A greedy decoding loop, which takes the best label of each round, is converted if it is the only loop");
        }

        IrNode Constant(string name, IrTensor value) => new($"{loop.Name}/{name}", "Constant", [], [name]) { Attributes = { ["value"] = value } };

        IrNode Identity(string from, string to) => new($"{loop.Name}/{to}", "Identity", [from], [to]);
    }

    private static List<IrNode> End(IrNode loop, IrGraph graph, int carried, string[] collected)
    {
        var nodes = new List<IrNode>();
        var outputs = ((IrGraph)loop.Attributes["body"]).Outputs.Count - 1 - carried;
        for (var i = 0; i < loop.Outputs.Count; i++)
        {
            if (loop.Outputs[i].Length == 0) continue;
            if (i < carried)
            {
                nodes.Add(new IrNode($"{loop.Name}.{i}", "Identity", [loop.Inputs[2 + i]], [loop.Outputs[i]]));
                continue;
            }

            if (collected.Length == 0) throw new UnsupportedException("it has no rounds, so the shape of its collected values is unknown");
            var x = new Expansion(loop, graph);
            var rows = new List<string>();
            for (var at = i - carried; at < collected.Length; at += outputs) rows.Add(x.Add("Unsqueeze", [collected[at], x.Vector(0)]));
            x.Into(loop.Outputs[i], "Concat", [.. rows], ("axis", 0L));
            nodes.AddRange(x.Nodes);
        }

        return nodes;
    }
}
