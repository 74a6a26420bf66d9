using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>
/// Rewrites a <c>Scan</c> (opset 9 and newer) as a <c>Loop</c> with as many rounds as the scanned inputs are long. Each round takes its slice
/// by the round's number. All code for loops then serves both.
/// </summary>
internal static class ScanAsLoop
{
    public static void Apply(IrGraph graph)
    {
        for (var i = 0; i < graph.Nodes.Count; i++)
        {
            foreach (var inner in graph.Nodes[i].Attributes.Values.OfType<IrGraph>()) Apply(inner);
            if (graph.Nodes[i].Op != "Scan" || Rewrite(graph.Nodes[i], graph) is not { } nodes) continue;
            graph.Nodes.RemoveAt(i);
            graph.Nodes.InsertRange(i, nodes);
            i += nodes.Count - 1;
        }
    }

    /// <summary>The nodes that replace it. Null if its body does not fit.</summary>
    private static List<IrNode>? Rewrite(IrNode scan, IrGraph graph)
    {
        var scanned = scan.Int32("num_scan_inputs", 0);
        var states = scan.Inputs.Count - scanned;
        if (scan.Attributes.GetValueOrDefault("body") is not IrGraph body || scanned < 1 || states < 0 || body.Inputs.Count != scan.Inputs.Count || body.Outputs.Count < states) return null;
        var axes = scan.Ints("scan_input_axes");
        var isBackward = scan.Ints("scan_input_directions");
        var x = new Expansion(scan, graph);
        long Axis(int input) => input < axes.Length ? axes[input] : 0;
        string Number(long value) => graph.Constant("number", IrTensor.Of([], value));
        var first = scan.Inputs[states];
        // If the file fixes the length, it is a constant here, so that a search knows the maximum number of tokens.
        var known = (graph.ConstantOf(first)?.Shape ?? graph.Inputs.Find(p => p.Value == first)?.Shape.Select(d => d.Size).ToArray()) is { } shape && Axis(0) is var axis and >= 0 && axis < shape.Length ? shape[axis] : -1;
        var rounds = known >= 0 ? Number(known) : x.Add("Gather", [x.Add("Shape", [first]), Number(Axis(0))], ("axis", 0L));
        var last = known >= 0 ? Number(known - 1) : x.Add("Sub", [rounds, Number(1)]);
        var (round, go, on) = (body.Fresh("round"), body.Fresh("go"), body.Fresh("on"));
        var loop = new IrGraph(body.Name);
        foreach (var (name, tensor) in body.Constants) loop.Constants[name] = tensor;
        loop.Inputs.AddRange([new IrPort(round, round, ElementType.Int64, []), new IrPort(go, go, ElementType.Bool, []), .. body.Inputs.Take(states)]);
        loop.Outputs.AddRange([new IrPort(on, on, ElementType.Bool, []), .. body.Outputs]);
        loop.Nodes.Add(new IrNode($"{scan.Name}/on", "Identity", [go], [on]));
        for (var i = 0; i < scanned; i++)
        {
            // A decoder runs one round more than the loop, to see whether the end follows. That round gets the last slice.
            var index = body.Fresh("index");
            loop.Nodes.Add(new IrNode($"{scan.Name}/index", "Min", [round, last], [index]));
            if (i < isBackward.Length && isBackward[i] != 0)
            {
                loop.Nodes.Add(new IrNode($"{scan.Name}/index", "Sub", [last, index], [index = body.Fresh("index")]));
            }

            loop.Nodes.Add(new IrNode($"{scan.Name}/slice", "Gather", [scan.Inputs[states + i], index], [body.Inputs[states + i].Value]) { Attributes = { ["axis"] = Axis(i) } });
        }

        loop.Nodes.AddRange(body.Nodes);
        var outputs = scan.Outputs.ToList();
        var after = new List<IrNode>();
        long[] directions = scan.Ints("scan_output_directions"), outputAxes = scan.Ints("scan_output_axes");
        for (var i = states; i < outputs.Count; i++)
        {
            // A loop collects along the first axis, in the order of its rounds. Operators after the loop make other axes and orders.
            if (outputs[i].Length == 0) continue;
            var at = after.Count;
            if (outputAxes.ElementAtOrDefault(i - states) is not 0 and var to) Before(new IrNode($"{scan.Name}/move", "Transpose", [""], [outputs[i]]) { Attributes = { [Decompose.FirstAxisTo] = to } });
            if (directions.ElementAtOrDefault(i - states) != 0) Before(new IrNode($"{scan.Name}/turn", "Slice", Reversal.Inputs("", [0], numbers => graph.Constant("slice", numbers)), [outputs[i]]));

            void Before(IrNode node)
            {
                node.Inputs[0] = outputs[i] = graph.Fresh(scan.Name);
                after.Insert(at, node);
            }
        }

        var nodes = new List<IrNode>(x.Nodes) { new(scan.Name, "Loop", [rounds, graph.Constant("true", IrTensor.Of([], true)), .. scan.Inputs.Take(states)], outputs) { Attributes = { ["body"] = loop } } };
        return [.. nodes, .. after];
    }
}
