using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Writes a loop over steps whose body is written like all other nodes. The converter turns it into recurrent layers where it can, and otherwise
/// writes its rounds out one after another, for which their number must be known.
/// </summary>
internal static class StepLoop
{
    /// <param name="graph">Receives the nodes.</param>
    /// <param name="count">The number of rounds, int64.</param>
    /// <param name="first">The carried values before the first round.</param>
    /// <param name="step">Writes one round of its number and the carried values. It returns their next values, then one that is collected.</param>
    /// <returns>The carried values after the last round, and the collected ones along a new first axis.</returns>
    public static (string[] Last, string Collected) Run(GraphComposer graph, string count, string[] first, Func<string, string[], string[]> step)
    {
        var nodes = graph.Graph.Nodes;
        string Fresh() => graph.Graph.Fresh(graph.Scope);
        var (round, go, on) = (Fresh(), Fresh(), Fresh());
        var carried = Array.ConvertAll(first, _ => Fresh());
        var before = nodes.Count;
        var results = step(round, carried);
        // The nodes of the round move into the body, which sees all other values and the constants.
        var body = new IrGraph(graph.Scope);
        body.Nodes.AddRange(nodes[before..]);
        nodes.RemoveRange(before, nodes.Count - before);
        body.Nodes.Add(new IrNode($"{graph.Scope}/on", "Identity", [go], [on]));
        static IrPort Port(string value, ElementType type) => new(value, value, type, []);
        body.Inputs.AddRange([Port(round, ElementType.Int64), Port(go, ElementType.Bool), .. carried.Select(c => Port(c, ElementType.Float32))]);
        body.Outputs.AddRange([Port(on, ElementType.Bool), .. results.Select(r => Port(r, ElementType.Float32))]);
        var outputs = Array.ConvertAll(results, _ => Fresh());
        graph.Ops("Loop", [count, graph.Constant("true", IrTensor.Of([], true)), .. first], outputs, ("body", body));
        return (outputs[..first.Length], outputs[first.Length]);
    }
}
