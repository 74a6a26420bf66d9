using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Fusion;

/// <summary>Changes a resolved graph, and says whether it did. Every value that stays is what it was.</summary>
internal delegate bool Pass(IrGraph graph);

/// <summary>Repeats passes until none of them finds anything to change.</summary>
internal static class FixedPoint
{
    /// <summary>Rounds that no model needs: each takes nodes away or makes them simpler.</summary>
    public const int MostRounds = 200;

    /// <summary>Runs the passes in their order, again and again, until all in turn leave the graph as it is. What nothing reads is removed behind each.</summary>
    /// <exception cref="InvalidOperationException">The passes undo each other's changes: a fault of theirs, not of the model.</exception>
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
