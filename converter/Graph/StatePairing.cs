using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Finds inputs and outputs that are one state carried from run to run. A pair has one element type and one shape, and either
/// names that show it (<c>h</c> and <c>hn</c>, <c>state_in</c> and <c>state_out</c>, <c>past_k</c> and <c>present_k</c>), or a
/// shape that exactly one input and one output have. First input and first output are paired only where their names say state.
/// </summary>
internal static partial class StatePairing
{
    private static readonly HashSet<string> s_inputWords = ["in", "input", "inputs", "prev", "previous", "past", "last", "old", "init", "initial", "0"];
    private static readonly HashSet<string> s_outputWords = ["out", "output", "outputs", "next", "new", "present", "cur", "current", "n", "updated", "final"];
    private static readonly HashSet<string> s_stateWords = ["state", "states", "hidden", "cell", "cache", "buffer", "buf", "memory", "mem", "history", "hist", "h", "c", "carry", "context", "ctx"];

    /// <summary>Makes states of the pairs that the user names.</summary>
    public static void Apply(IrGraph graph, ConversionOptions options, List<string> notes)
    {
        foreach (var (input, output) in options.States)
        {
            if (!graph.Inputs.Exists(p => p.Name == input)) continue;
            if (!graph.Outputs.Exists(p => p.Name == output)) throw new ConversionException($"--state {input}={output}: graph '{graph.Name}' has no output '{output}'; it has {Names(graph.Outputs)}.");
            Pair(graph, input, output, notes, "as asked");
        }
    }

    /// <summary>Makes a state of an input and an output. Its symbolic dimensions are fixed at 1: one stream a session, unless --dim said otherwise.</summary>
    public static void Pair(IrGraph graph, string input, string output, List<string> notes, string how)
    {
        foreach (var symbol in graph.Inputs.First(p => p.Name == input).Shape.Select(d => d.Symbol).OfType<string>().Distinct().ToList())
        {
            notes.Add($"dimension '{symbol}' of state '{input}' is fixed at 1 (choose with --dim {symbol}=SIZE)");
            graph.Fix(symbol, 1);
        }

        var port = graph.Inputs.First(p => p.Name == input);
        var update = graph.Outputs.First(p => p.Name == output);
        graph.Inputs.Remove(port);
        graph.Outputs.Remove(update);
        graph.States.Add(new IrState(port.Name, port.Value, update.Value, update.Name, port.Type, port.Shape));
        notes.Add($"state '{port.Name}' [{string.Join(", ", port.Shape)}] is carried from '{update.Name}' ({how})");
    }

    /// <summary>Whether every state becomes what it was.</summary>
    public static bool Fits(IrGraph graph) =>
        graph.States.TrueForAll(s => graph.ShapeOf(s.Update) is var shape && shape.Type == s.Type && shape.Sizes.SequenceEqual(s.Shape.Select(d => d.Size)));

    /// <summary>Fixes the leading symbolic dimension of each input at 1: a state of one stream was exported with an input whose batch has a name of its own.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool FixBatch(IrGraph graph, List<string> notes)
    {
        var symbols = graph.Inputs.Where(p => p.Shape.Length > 1).Select(p => p.Shape[0].Symbol).OfType<string>().Distinct().ToList();
        foreach (var symbol in symbols)
        {
            notes.Add($"dimension '{symbol}' is fixed at 1, as the states are of one stream (choose with --dim {symbol}=SIZE)");
            graph.Fix(symbol, 1);
        }

        return symbols.Count > 0;
    }

    /// <summary>After shapes were inferred: a state must become what it was.</summary>
    public static void Check(IrGraph graph)
    {
        foreach (var state in graph.States)
        {
            var shape = graph.ShapeOf(state.Update);
            if (shape.Type == state.Type && shape.Sizes.SequenceEqual(state.Shape.Select(d => d.Size))) continue;
            throw new ConversionException($"State '{state.Name}' of shape [{string.Join(", ", state.Shape)}] would become '{state.Output}' of shape {shape}: they are no pair. Pair by hand with --state in=out, or use --no-auto-state.");
        }
    }

    /// <summary>Pairs of input and output names; what stays open is told in <paramref name="notes"/>.</summary>
    public static List<(string Input, string Output, string How)> Find(IrGraph resolved, List<string> notes)
    {
        var pairs = new List<(string, string, string)>();
        var inputs = resolved.Inputs.ToList();
        var outputs = resolved.Outputs.ToList();
        foreach (var input in resolved.Inputs)
        {
            var core = Core(input.Name, s_inputWords);
            var match = outputs.Where(o => Fits(resolved, input, o) && SameCore(core, Core(o.Name, s_outputWords)) && IsPlausible(resolved, input, o, core)).ToList();
            if (match.Count == 1) Take(input, match[0], "by name");
        }

        foreach (var input in inputs.ToList())
        {
            if (input == resolved.Inputs[0] && resolved.Inputs.Count == 1) continue;
            if (input.Type != ElementType.Float32 || input.Shape.Length < 2 || !HasOnlyBatchOpen(resolved, input)) continue;
            var rivals = inputs.Where(i => i.Type == input.Type && SameSizes(resolved, i.Value, input.Value)).ToList();
            var candidates = outputs.Where(o => Fits(resolved, input, o)).ToList();
            if (candidates.Count == 0) continue;
            var isFirst = input == resolved.Inputs[0];
            if (rivals.Count == 1 && candidates.Count == 1 && !(isFirst && candidates[0] == resolved.Outputs[0])) Take(input, candidates[0], "by shape");
            else if (!isFirst) notes.Add($"input '{input.Name}' may be a state fed by {string.Join(" or ", candidates.Select(o => $"'{o.Name}'"))}; it stays an input (pair with --state {input.Name}=OUTPUT)");
        }

        return pairs;

        void Take(IrPort input, IrPort output, string how)
        {
            pairs.Add((input.Name, output.Name, how));
            inputs.Remove(input);
            outputs.Remove(output);
        }
    }

    /// <summary>A state's open dimension is the batch's: the first input's first one, or one that no other input has. A mask over time is not so.</summary>
    private static bool HasOnlyBatchOpen(IrGraph graph, IrPort input) =>
        input.Shape.Where(d => d.Symbol is not null).All(d =>
            (graph.Inputs[0] != input && graph.Inputs[0].Shape.Length > 0 && graph.Inputs[0].Shape[0].Symbol == d.Symbol)
            || !graph.Inputs.Exists(other => other != input && other.Shape.Contains(d)));

    private static string Names(List<IrPort> ports) => string.Join(", ", ports.Select(p => $"'{p.Name}'"));

    private static bool IsPlausible(IrGraph graph, IrPort input, IrPort output, string core) =>
        Words(core).Any(s_stateWords.Contains) || (core.Length > 0 && (input != graph.Inputs[0] || output != graph.Outputs[0]));

    private static bool SameCore(string input, string output) => input == output || (input.Length > 0 && output == input + "n");

    private static bool Fits(IrGraph graph, IrPort input, IrPort output) =>
        graph.ShapeOf(output.Value).Type == input.Type && SameSizes(graph, input.Value, output.Value);

    private static bool SameSizes(IrGraph graph, string a, string b) => graph.ShapeOf(a).Sizes.AsSpan().SequenceEqual(graph.ShapeOf(b).Sizes);

    /// <summary>The name's words without those that only tell the side.</summary>
    private static string Core(string name, HashSet<string> side) => string.Join('_', Words(name).Where(w => !side.Contains(w)));

    private static IEnumerable<string> Words(string name) => Word().Matches(name).Select(m => m.Value.ToLowerInvariant());

    [GeneratedRegex("[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")]
    private static partial Regex Word();
}
