using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Recurrence;

namespace SeqRuntime.Tests.Graph;

/// <summary>The marks of a node stay with the node, and do not make nodes different.</summary>
public class IrMarksTests
{
    private static readonly IrMarks s_marks = new() { HasExactWeights = true, TableOf = "embedding", KeepsShapeOf = 1 };

    [Fact]
    public void Copies_of_a_node_have_its_marks()
    {
        var graph = new IrGraph("test");
        var inner = new IrGraph("inner");
        inner.Nodes.Add(new IrNode("b", "Neg", ["x"], ["z"]) { Marks = s_marks });
        graph.Nodes.Add(new IrNode("a", "If", ["x"], ["y"]) { Attributes = { ["then_branch"] = inner }, Marks = s_marks });
        var copy = graph.Copy().Nodes[0];
        Assert.Equal(s_marks, copy.Marks);
        Assert.Equal(s_marks, ((IrGraph)copy.Attributes["then_branch"]).Nodes[0].Marks);
        Assert.NotSame(inner, copy.Attributes["then_branch"]);
        Assert.Equal(s_marks, graph.Nodes[0].With(["u"], ["v"]).Marks);
    }

    [Fact]
    public void Nodes_that_differ_in_their_marks_are_equal()
    {
        var plain = new IrNode("a", "Gather", ["x", "i"], ["y"]) { Attributes = { ["axis"] = 0L } };
        var marked = plain.With(["x", "i"], ["z"]);
        marked.Marks = s_marks;
        Assert.True(Stacking.AttributesEqual(plain, marked));
        marked.Attributes["axis"] = 1L;
        Assert.False(Stacking.AttributesEqual(plain, marked));
    }
}
