using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Changes a resolved graph and returns whether it did. Every remaining value keeps its content.</summary>
internal delegate bool Pass(IrGraph graph);

/// <summary>Repeats passes until none of them changes the graph.</summary>
internal static class FixedPoint
{
    /// <summary>A limit that no model reaches, because each round removes or simplifies nodes.</summary>
    public const int MostRounds = 200;

    /// <summary>Runs the passes in order until a whole round leaves the graph unchanged. Removes unread nodes after each pass.</summary>
    /// <exception cref="InvalidOperationException">The passes undo each other's changes, which is a bug of theirs.</exception>
    public static void Run(IrGraph graph, params ReadOnlySpan<Pass> passes)
    {
        var unchanged = 0;
        for (var i = 0; unchanged < passes.Length; i++)
        {
            var pass = passes[i % passes.Length];
            if (i == MostRounds * passes.Length) throw new InvalidOperationException($"graph '{graph.Name}' still changes after {MostRounds} rounds of passes, at {pass.Method.DeclaringType?.Name}: they undo each other's changes.");
            var changed = pass(graph);
            changed |= DeadCode.Remove(graph);
            unchanged = changed ? 0 : unchanged + 1;
        }
    }
}
