using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Tests.Graph;

/// <summary>Passes are repeated until none of them changes the graph.</summary>
public class FixedPointTests
{
    [Fact]
    public void A_pass_runs_again_after_the_change_of_another()
    {
        var graph = Chain("Neg", "Abs", "Neg", "Abs");
        var calls = new List<string>();
        FixedPoint.Run(graph, Logged("Neg"), Logged("Abs"));
        Assert.Empty(graph.Nodes);
        Assert.Equal("x", graph.Outputs[0].Value);
        // Each pass removes only the last node; when none is left, both report it once.
        Assert.Equal(["Neg", "Abs", "Neg", "Abs", "Neg", "Abs", "Neg"], calls);

        Pass Logged(string op) => g =>
        {
            calls.Add(op);
            return TakeLast(g, op);
        };
    }

    [Fact]
    public void Unused_nodes_are_removed_and_count_as_a_change()
    {
        var graph = Chain("Neg", "Abs");
        graph.Nodes.Add(new IrNode("idle", "Neg", ["x"], ["idle"]));
        var seen = new List<int>();
        FixedPoint.Run(graph, g =>
        {
            seen.Add(g.Nodes.Count);
            return false;
        });
        Assert.Equal([3, 2], seen);
    }

    [Fact]
    public void Passes_that_undo_each_other_are_a_fault_of_the_converter()
    {
        var graph = Chain("Neg");
        var fault = Assert.Throws<InvalidOperationException>(() => FixedPoint.Run(graph, g => Turn(g, "Neg", "Abs"), g => Turn(g, "Abs", "Neg")));
        Assert.Contains("'test' still changes after", fault.Message, StringComparison.Ordinal);

        static bool Turn(IrGraph g, string from, string to)
        {
            if (g.Nodes[0].Op != from) return false;
            g.Nodes[0].Op = to;
            return true;
        }
    }

    private static bool TakeLast(IrGraph graph, string op)
    {
        if (graph.Nodes.Count == 0 || graph.Nodes[^1].Op != op) return false;
        var rewriter = new Rewriter(graph);
        Assert.False(rewriter.HasChanged);
        rewriter.Bypass(graph.Nodes[^1], graph.Nodes[^1].Input(0));
        return rewriter.HasChanged;
    }

    private static IrGraph Chain(params string[] ops)
    {
        var graph = new IrGraph("test");
        graph.Inputs.Add(new IrPort("x", "x", ElementType.Float32, [new IrDim(1, Symbol: null)]));
        var value = "x";
        foreach (var (i, op) in ops.Index()) graph.Nodes.Add(new IrNode($"n{i}", op, [value], [value = $"v{i}"]));
        graph.Outputs.Add(new IrPort("y", value, ElementType.Float32, []));
        return graph;
    }
}
