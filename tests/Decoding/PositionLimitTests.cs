using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Decoding;

/// <summary>How many steps a position can count, found in the graph.</summary>
public sealed class PositionLimitTests
{
    [Fact]
    public void A_position_chooses_a_place_of_caches_and_tables()
    {
        Assert.Equal(12, PositionLimit.Of(Graph(Equal("p")), "p"));
        Assert.Equal(12, PositionLimit.Of(Graph(new IrNode("c", "Cast", ["p"], ["q"]), new IrNode("r", "Reshape", ["q", "flat"], ["s"]), Equal("s")), "p"));
        Assert.Equal(9, PositionLimit.Of(Graph(Equal("p"), new IrNode("g", "Gather", ["table", "p"], ["row"])), "p"));
        Assert.Equal(7, PositionLimit.Of(Graph(new IrNode("a", "Add", ["p", "two"], ["q"]), new IrNode("g", "Gather", ["table", "q"], ["row"])), "p"));
        Assert.Equal(9, PositionLimit.Of(Graph(new IrNode("h", "OneHot", ["p", "nine", "values"], ["hot"])), "p"));
    }

    [Fact]
    public void A_state_that_counts_is_a_position_and_other_values_are_none()
    {
        Assert.Null(PositionLimit.Of(Graph(Equal("p")), null));
        Assert.Null(PositionLimit.Of(Graph(new IrNode("l", "LessOrEqual", ["places", "p"], ["seen"])), "p"));
        Assert.Null(PositionLimit.Of(Graph(Equal("other")), "p"));
        var counted = Graph(new IrNode("a", "Add", ["count", "one"], ["next"]), Equal("count"));
        counted.States.Add(new IrState("count", "count", "next", "next", ElementType.Float32, [new IrDim(1, null)]));
        Assert.Equal(12, PositionLimit.Of(counted, null));
        var twice = Graph(new IrNode("a", "Add", ["count", "two"], ["next"]), Equal("count"));
        twice.States.Add(new IrState("count", "count", "next", "next", ElementType.Float32, [new IrDim(1, null)]));
        Assert.Null(PositionLimit.Of(twice, null));
    }

    private static IrNode Equal(string value) => new("e", "Equal", ["places", value], ["here"]);

    private static IrGraph Graph(params IrNode[] nodes)
    {
        var graph = new IrGraph("main");
        graph.Constants["places"] = IrTensor.Of([12], Enumerable.Range(0, 12).Select(i => (long)i).ToArray().AsSpan());
        graph.Constants["table"] = IrTensor.Of<float>([9, 2], new float[18]);
        foreach (var (name, value) in ((string, long)[])[("one", 1), ("two", 2), ("nine", 9)]) graph.Constants[name] = IrTensor.Vector(value);
        foreach (var name in (string[])["p", "other", "count"]) graph.Shapes[name] = new IrShape(ElementType.Int64, [1]);
        graph.Nodes.AddRange(nodes);
        return graph;
    }
}
