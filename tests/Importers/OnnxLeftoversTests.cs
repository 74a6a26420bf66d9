using SeqRuntime.Converter;
using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Unused content of an ONNX file is reported; weights that are not finite are refused.</summary>
public sealed class OnnxLeftoversTests
{
    [Fact]
    public void Constants_and_inputs_that_nothing_reads_are_told()
    {
        var result = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Input("mask", OnnxBuilder.Float, 1, 3).Input("off", OnnxBuilder.Float, 1, 3)
            .Random("w", 1, 1, 3, 2).Random("old", 2, 1, 4, 5).Constant("zero", [1, 3], 0f, 0, 0).Constant("no", [], false)
            .Node("Where", "no off x", "chosen").Node("MatMul", "chosen w", "y").Output("y").Convert();
        var notes = result.Graphs[0].Notes;
        Assert.Contains(notes, n => n.StartsWith("unused in ", StringComparison.Ordinal) && n.EndsWith(": 'old' [4, 5], 'zero' [1, 3]", StringComparison.Ordinal));
        Assert.Contains("input 'mask' has no effect: nothing reads it", notes);
        Assert.Equal(["old", "zero"], result.Unused.Select(u => u.Name));
    }

    /// <summary>Weights of a branch that a known condition removes, in the branch and in the graph. Weights that both branches read are used.</summary>
    [Theory]
    [InlineData(1, "'only' [3, 3], 'own' [3]")]
    [InlineData(0, "")]
    public void Weights_of_branches_that_are_not_taken_are_told(int condition, string unused)
    {
        static GraphProto Branch(string weights, params NodeProto[] nodes)
        {
            var graph = new GraphProto { Name = weights };
            graph.Node.AddRange(nodes);
            graph.Output.Add(OnnxBuilder.Port("t", OnnxBuilder.Float, 1, 3));
            return graph;
        }

        var otherwise = Branch("else", OnnxBuilder.MakeNode("MatMul", "x both", "a"), OnnxBuilder.MakeNode("MatMul", "a only", "b"), OnnxBuilder.MakeNode("Add", "b own", "t"));
        otherwise.Initializer.Add(OnnxBuilder.Tensor<float>("own", [3], 1, 2, 3));
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Input("mode", OnnxBuilder.Int64).Random("both", 1, 1, 3, 3).Random("only", 2, 1, 3, 3).Constant("one", [], 1L).Node("Equal", "mode one", "is")
            .Node("If", "is", "y", ("then_branch", Branch("then", OnnxBuilder.MakeNode("MatMul", "x both", "t"))), ("else_branch", otherwise)).Output("y");
        var result = model.Convert(new ConversionOptions { Sets = new Dictionary<string, string> { ["mode"] = $"{condition}" } });
        Assert.Equal(unused.Length > 0 ? ["only", "own"] : [], result.Unused.Select(u => u.Name));
        Assert.Equal(unused.Length > 0, result.Graphs[0].Notes.Any(n => n.EndsWith($": {unused}: they belong to branches that are not taken", StringComparison.Ordinal)));
    }

    [Fact]
    public void Attributes_that_nobody_knows_are_told()
    {
        var notes = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Node("Elu", "x", "e", ("alpha", 0.5f), ("gamma", 2f)).Node("Relu", "e", "y", ("slope", 2)).Output("y").Convert().Graphs[0].Notes;
        var note = Assert.Single(notes);
        Assert.StartsWith("unknown attributes are ignored: 'gamma' of Elu_", note, StringComparison.Ordinal);
        Assert.Contains("'slope' of Relu_", note, StringComparison.Ordinal);
    }

    /// <summary>Every converted operator is in the table of attributes.</summary>
    [Fact]
    public void The_attributes_of_every_operator_are_known()
    {
        // Made by the converter itself.
        string[] own = ["Linear", "MGU", "ProjectedSRU", "SRU"];
        Assert.Empty(Decompose.Names.Concat(QuantizedOperators.Names).Except(OnnxAttributes.Operators).Except(own).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("pytorch", 0, true)]
    [InlineData("pytorch", 1, false)]
    [InlineData("tf2onnx", 0, false)]
    public void A_GRU_of_PyTorch_whose_reset_gate_acts_before_is_told(string producer, int isAfter, bool isTold)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, 3).Random("w", 1, 1, 1, 12, 3).Random("r", 2, 1, 1, 12, 4)
            .Node("GRU", "x w r", "y", ("hidden_size", 4), ("linear_before_reset", isAfter)).Output("y");
        model.Model.ProducerName = producer;
        Assert.Equal(isTold, model.Convert().Graphs[0].Notes.Any(n => n.Contains("linear_before_reset is 0", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_weight_that_is_no_number_is_refused(float value)
    {
        var message = Assert.Throws<ConversionException>(() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Constant("w", [3, 2], 1f, 2, 3, 4, value, 6).Node("MatMul", "x w", "y").Output("y").Convert()).Message;
        Assert.Contains("the weight 'w' of shape [3, 2] holds 1", message, StringComparison.Ordinal);
        Assert.Contains("the first at [2, 0]", message, StringComparison.Ordinal);
    }

    /// <summary>Layers that no output depends on are exported with their weights.</summary>
    [Fact]
    public void Weights_of_nodes_that_no_output_depends_on_are_told()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, 3).Random("w", 1, 1, 3, 2).Node("MatMul", "x w", "y").Output("y")
            .Random("W", 2, 1, 1, 16, 3).Random("R", 3, 1, 1, 16, 4).Node("LSTM", "x W R", "idle", ("hidden_size", 4))
            .Node("Constant", "", "table", ("value", new OnnxBuilder().Random("t", 4, 1, 3, 2).Model.Graph.Initializer[0])).Node("MatMul", "x table", "too").Node("Constant", "", "axis", ("value", new OnnxBuilder().Constant("a", [1], 1L).Model.Graph.Initializer[0]));
        var result = model.Convert();
        Assert.Equal(["W", "R", "table"], result.Unused.Select(u => u.Name));
        Assert.Contains(result.Graphs[0].Notes, n => n.StartsWith("unused in ", StringComparison.Ordinal) && n.EndsWith(": 'W' [1, 16, 3], 'R' [1, 16, 4], 'table' [3, 2]", StringComparison.Ordinal));
    }

    [Fact]
    public void Unused_weights_may_hold_NaN()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Random("w", 1, 1, 3, 2).Node("MatMul", "x w", "y").Output("y").Constant("old", [3, 2], 1f, 2, 3, 4, float.NaN, 6).Node("MatMul", "x old", "idle");
        Assert.Equal(["old"], model.Convert().Unused.Select(u => u.Name));
    }

    [Fact]
    public void A_variance_without_a_root_is_refused_as_what_it_is()
    {
        var message = Assert.Throws<ConversionException>(() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Random("w", 1, 1, 3, 2).Constant("one", [2], 1f, 1).Constant("spread", [2], 1f, -4)
            .Node("MatMul", "x w", "h").Node("BatchNormalization", "h one one one spread", "y").Output("y").Convert()).Message;
        Assert.Contains("the variance 'spread' of shape [2] is -4 at [1], and epsilon 1E-05 does not raise it above zero", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_becomes_NaN_at_conversion_is_refused()
    {
        var message = Assert.Throws<ConversionException>(() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2).Constant("spread", [2], 1f, -4).Node("Sqrt", "spread", "root").Node("Mul", "x root", "y").Output("y").Convert()).Message;
        Assert.Contains("graph 'main', computed from its constants: the constant 'spread' of shape [2] holds 1 NaN among 2 values", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recurrent_bias_of_another_size_names_graph_and_node()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, 3).Random("w", 1, 1, 1, 12, 3).Random("r", 2, 1, 1, 12, 4).Random("b", 3, 1, 1, 12).Node("GRU", "x w r b", "y", ("hidden_size", 4)).Output("y");
        Assert.EndsWith("graph 'main', node GRU_y (GRU): B has shape [1, 12]; it must be [1, 24].", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mask_of_infinities_is_none()
    {
        using var model = SeqModel.Load(new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Constant("mask", [1, 3], 0f, float.NegativeInfinity, 0).Node("Add", "x mask", "masked").Node("Softmax", "masked", "y", ("axis", -1)).Output("y").Convert().File);
        using var session = model.CreateSession();
        ((float[])[1, 5, 1]).CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal([0.5f, 0, 0.5f], session.Output<float>(0).ToArray());
    }

    [Fact]
    public void A_constant_with_NaN_among_others_is_refused() =>
        Assert.Contains("holds 1 NaN among 3 values", Assert.Throws<ConversionException>(() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3).Constant("shift", [3], 0f, float.NaN, 0).Node("Add", "x shift", "y").Output("y").Convert()).Message, StringComparison.Ordinal);
}
