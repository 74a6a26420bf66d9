using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Branches on data, sequences and optional values, compared with ONNX Runtime.</summary>
public class OnnxBranchTests
{
    private static readonly float[] s_x = [0.5f, -2, 3, 1, -1, 4, 2, 0.25f];

    [Fact]
    public void A_branch_on_data_selects_between_both_results()
    {
        foreach (var limit in new[] { -100f, 100f })
        {
            var model = OnData(limit, OnnxBuilder.MakeNode("Neg", "x", "t"), OnnxBuilder.MakeNode("Abs", "x", "t"));
            model.AgreesWithReference(s_x, [2, 4]);
        }
    }

    [Fact]
    public void A_branch_that_only_passes_a_value_through_is_chosen_too()
    {
        var model = OnData(100, OnnxBuilder.MakeNode("Identity", "x", "t"), OnnxBuilder.MakeNode("Exp", "x", "t"));
        model.AgreesWithReference(s_x, [2, 4]);
    }

    [Fact]
    public void Branches_of_different_shapes_are_refused() =>
        OnData(0, OnnxBuilder.MakeNode("Neg", "x", "t"), OnnxBuilder.MakeNode("ReduceSum", "x axis", "t")).IsRefused("[2, 4] and [2, 1]", "which depends on input 'x'");

    [Fact]
    public void A_branch_that_guards_a_lookup_is_refused() =>
        OnData(0, OnnxBuilder.MakeNode("Gather", "x index", "t"), OnnxBuilder.MakeNode("Gather", "x index", "t")).IsRefused("the condition may guard");

    [Fact]
    public void A_branch_that_is_missing_is_refused()
    {
        var model = OnData(0, OnnxBuilder.MakeNode("Neg", "x", "t"), OnnxBuilder.MakeNode("Abs", "x", "t"));
        model.Graph.Node[^1].Attribute.RemoveAt(1);
        model.IsRefused("which If needs");
    }

    [Fact]
    public void Split_to_sequence_becomes_split()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Constant("one", [], 1L).Constant("last", [], -1L).Constant("three", [], 3L).Constant("parts", [2], 1L, 3L)
            .Node("SplitToSequence", "x", "columns", ("axis", 1), ("keepdims", 0)).Node("SequenceAt", "columns one", "c").Node("SequenceAt", "columns last", "d")
            .Node("SplitToSequence", "x three", "chunks", ("axis", 1)).Node("SequenceAt", "chunks last", "e")
            .Node("SplitToSequence", "x parts", "uneven", ("axis", -1)).Node("SequenceErase", "uneven one", "erased").Node("ConcatFromSequence", "erased", "f", ("axis", 1))
            .Node("SequenceConstruct", "c d", "pair").Node("SequenceInsert", "pair c", "three_of").Node("SequenceInsert", "three_of d one", "four").Node("ConcatFromSequence", "four", "g", ("axis", 1), ("new_axis", 1))
            .Node("SequenceLength", "four", "n").Node("Cast", "n", "count", ("to", 1)).Node("Concat", "e f g", "all", ("axis", 1)).Node("Mul", "all count", "y").Output("y");
        model.AgreesWithReference(s_x, [2, 4]);
    }

    [Fact]
    public void A_loop_that_appends_to_a_sequence_is_written_out()
    {
        var body = new GraphProto { Name = "body" };
        body.Input.Add(OnnxBuilder.Port("i", OnnxBuilder.Int64));
        body.Input.Add(OnnxBuilder.Port("go", OnnxBuilder.Bool));
        body.Input.Add(Sequence("list"));
        body.Node.Add(OnnxBuilder.MakeNode("Gather", "x i", "row", ("axis", 0)));
        body.Node.Add(OnnxBuilder.MakeNode("Tanh", "row", "made"));
        body.Node.Add(OnnxBuilder.MakeNode("SequenceInsert", "list made", "longer"));
        body.Node.Add(OnnxBuilder.MakeNode("Identity", "go", "on"));
        body.Output.Add(OnnxBuilder.Port("on", OnnxBuilder.Bool));
        body.Output.Add(Sequence("longer"));
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Constant("two", [], 2L).Constant("true", [], true).Node("SequenceEmpty", "", "none", ("dtype", 1))
            .Node("Loop", "two true none", "list_out", ("body", body)).Node("ConcatFromSequence", "list_out", "y", ("axis", 0), ("new_axis", 1)).Output("y");
        model.AgreesWithReference(s_x, [2, 4]);

        // The reader's model type has no sequence types, so ONNX's field for them is written by hand.
        static ValueInfoProto Sequence(string name) => new() { Name = name, Type = TypeProto.Parser.ParseFrom([0x22, 0x06, 0x0A, 0x04, 0x0A, 0x02, 0x08, 0x01]) };
    }

    [Fact]
    public void Optional_values_are_the_values()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Node("Optional", "x", "o").Node("OptionalHasElement", "o", "has").Node("OptionalGetElement", "o", "v").Node("Cast", "has", "h", ("to", 1)).Node("Add", "v h", "y").Output("y");
        Assert.Equal(s_x.Select(v => v + 1), model.Run(options: null, s_x));
    }

    [Fact]
    public void Sequences_that_cannot_vanish_are_refused_by_their_node()
    {
        Columns().Node("Neg", "columns", "y").Output("y").IsRefused("Neg (node 'Neg_y'): it reads a sequence");
        Columns().Constant("nine", [], 9L).Node("SequenceAt", "columns nine", "y").Output("y").IsRefused("outside a sequence of 4");
        new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 4).Node("SplitToSequence", "x", "rows").Constant("zero", [], 0L).Node("SequenceErase", "rows zero", "rest").Node("SequenceAt", "rest zero", "y").Output("y").IsRefused("the length of sequence", "is the size of a dimension", "--dim T=");
        Columns().Output("columns").IsRefused("output 'columns' of graph 'main' is a sequence of tensors");
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 2_000_000_000).Constant("zero", [], 0L).Node("SplitToSequence", "x", "rows").Node("SequenceErase", "rows zero", "y").Output("y").IsRefused("from 1 to 4096");

        static OnnxBuilder Columns() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Node("SplitToSequence", "x", "columns", ("axis", 1));
    }

    /// <summary>Data decides which of the tensors is taken; their number is a dimension's size, and is read too.</summary>
    [Fact]
    public void A_sequence_of_all_slices_is_the_tensor_that_they_are_of()
    {
        var x = Enumerable.Range(1, 8).Select(i => i * 0.3f).ToArray();
        var columns = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Node("SplitToSequence", "x", "columns", ("axis", 1)).Node("ReduceMin", "x", "s", ("keepdims", 0)).Node("Cast", "s", "i", ("to", OnnxBuilder.Int64))
            .Node("SequenceAt", "columns i", "c").Node("SequenceLength", "columns", "n").Node("Cast", "n", "m", ("to", OnnxBuilder.Float)).Node("Add", "c m", "y").Output("y");
        Assert.Equal(columns.Reference(("x", [2, 4], x)), columns.Run(options: null, x));
    }

    /// <summary>Joined along an axis before symbolic ones; a list of rows that keep this axis with size 1, as in TorchScript.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void All_slices_are_joined_in_front_of_open_dimensions(int rows)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", rows, "N", "M").Node("SplitToSequence", "x", "list", ("axis", 0), ("keepdims", 0)).Node("ConcatFromSequence", "list", "y", ("axis", 0)).Output("y");
        var x = Enumerable.Range(0, 3 * rows * 2 * 4).Select(i => i * 0.3f).ToArray();
        using var loaded = model.Load();
        using var session = loaded.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = 3, ["N"] = 2, ["M"] = 4 } });
        x.CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal([3 * rows, 2, 4], session.Outputs[0].Shape.ToArray());
        Assert.Equal(model.Reference(("x", [3, rows, 2, 4], x)), session.Output<float>(0).ToArray());
    }

    /// <summary>If(sum of x &lt; limit): then one node, else another.</summary>
    private static OnnxBuilder OnData(float limit, NodeProto then, NodeProto otherwise)
    {
        static GraphProto Branch(NodeProto node)
        {
            var graph = new GraphProto { Name = "branch" };
            graph.Node.Add(node);
            graph.Output.Add(OnnxBuilder.Port("t", OnnxBuilder.Float, 2, 4));
            return graph;
        }

        return new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4).Constant("limit", [], limit).Constant("axis", [1], 1L).Node("ReduceSum", "x", "sum", ("keepdims", 0)).Node("Less", "sum limit", "low")
            .Node("ArgMax", "x", "index", ("axis", 0), ("keepdims", 0)).Node("If", "low", "y", ("then_branch", Branch(then)), ("else_branch", Branch(otherwise))).Output("y");
    }
}
