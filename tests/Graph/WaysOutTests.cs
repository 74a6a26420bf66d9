using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Options that errors suggest. Each was tried and works.</summary>
public class WaysOutTests
{
    private const int Float = OnnxBuilder.Float, Int32 = OnnxBuilder.Int32, Int64 = OnnxBuilder.Int64;

    [Fact]
    public void A_shape_that_follows_from_an_inputs_value_names_the_input_whatever_sizes_are_given()
    {
        var model = new OnnxBuilder(13).Input("x", Float, "N", "T", 1).Input("width", Int32, "N").Constant("zero", [], 0L).Constant("one", [], 1L).Constant("first", [1], 0L)
            .Node("ReduceMax", "width", "most", ("keepdims", 0)).Node("Cast", "most", "most64", ("to", 7)).Node("Range", "zero most64 one", "r").Node("Cast", "r", "f", ("to", 1)).Node("ReduceSum", "f first", "s").Node("Add", "x s", "y").Output("y");
        const string cause = "graph 'main', node Range_r (Range): a shape depends on 'most64', which depends on input 'width'. It converts, for example, with --set width=1 or --set width=2.";
        Assert.EndsWith(cause, model.Refusal(), StringComparison.Ordinal);
        Assert.EndsWith(cause, model.Refusal(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 5 } }), StringComparison.Ordinal);
        var converted = model.Convert(new ConversionOptions { Sets = new Dictionary<string, string> { ["width"] = "5" } });
        Assert.Equal(["N", "T"], converted.Model.Graphs[0].Symbols);
        using var loaded = SeqModel.Load(converted.File);
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 3, ["T"] = 2 } });
        session.Input<float>("x").Fill(1);
        session.Run();
        Assert.All(session.Output<float>("y").ToArray(), value => Assert.Equal(1f + 0 + 1 + 2 + 3 + 4, value));
    }

    [Fact]
    public void An_input_with_a_number_for_each_step_is_not_set_to_one()
    {
        var model = new OnnxBuilder().Input("x", Float, 1, "T").Input("positions", Float, 1, "T").Node("Add", "x positions", "y").Output("y");
        Assert.Contains("--set positions=1: the input has shape [1, T]", model.Refusal(new ConversionOptions { Sets = new Dictionary<string, string> { ["positions"] = "1" } }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_branch_names_the_values_that_its_condition_compares_with()
    {
        static GraphProto Branch(string op)
        {
            var branch = new GraphProto { Name = op };
            branch.Node.Add(OnnxBuilder.MakeNode(op, "x", op + "ed"));
            branch.Output.Add(OnnxBuilder.Port(op + "ed", Float, 1, 2));
            return branch;
        }

        var model = new OnnxBuilder().Input("x", Float, 1, 2).Input("rate", Int64).Constant("high", [], 16000L).Node("Equal", "rate high", "c").Node("If", "c", "y", ("then_branch", Branch("Neg")), ("else_branch", Branch("Abs"))).Output("y");
        Assert.EndsWith("If (node 'If_y'): which branch is taken depends on input 'rate'. It converts, for example, with --set rate=16000 or --set rate=1.", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_that_cannot_be_converted_can_be_left_out()
    {
        var model = new OnnxBuilder(13).Input("x", Float, 1, 8).Random("w", 1, 1, 8, 4).Node("MatMul", "x w", "s").Node("Softmax", "s", "p").Node("Log", "p", "l").Node("Multinomial", "l", "action", ("sample_size", 1)).Output("action", Int64).Output("p");
        var message = model.Refusal();
        Assert.EndsWith("Multinomial (node 'Multinomial_action'): its output is random; sessions must give the same output for the same input. Output 'p' converts with --drop-output action.", message, StringComparison.Ordinal);
        using var loaded = model.Load(Dropping("action"));
        Assert.Equal(["p"], loaded.Graphs[0].Outputs.Select(o => o.Name));
        Assert.Contains("leaves graph 'main' without an output", model.Refusal(Dropping("action", "p")), StringComparison.Ordinal);
        Assert.Equal("--drop-output 'q': no graph has such an output. Available: 'action', 'p'.", model.Refusal(Dropping("q")));
    }

    [Fact]
    public void No_advice_is_given_if_none_works()
    {
        var model = new OnnxBuilder().Input("x", Float, "N", 4).Input("n", Int64).Node("Frobnicate", "x", "a").Node("Neg", "a", "y").Output("y").Output("a");
        var message = model.Refusal(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["N"] = 3 } });
        Assert.EndsWith("Frobnicate (node 'Frobnicate_a'): ONNX has no such operator up to opset 23; the file is invalid or newer", message, StringComparison.Ordinal);
        Assert.DoesNotContain("--", message, StringComparison.Ordinal);
        model = new OnnxBuilder().Input("x", Float, "N", 4).Random("w", 1, 1, 5, 3).Node("MatMul", "x w", "y").Output("y");
        message = model.Refusal(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["N"] = 3 } });
        Assert.EndsWith("graph 'main', node MatMul_y (MatMul): 'w' has shape [5, 3]; dimension 0 must be 4.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("--", message, StringComparison.Ordinal);
    }

    /// <summary>Empty outputs do not count as a solution, and an input of several numbers cannot be set to different values.</summary>
    [Fact]
    public void An_input_whose_numbers_decide_a_shape_is_to_become_a_constant()
    {
        const string no = "A shape must be known at conversion, and no --set that was tried makes it known: export the model with constants instead of ";
        var cut = new OnnxBuilder(13).Input("x", Float, 9, 4).Input("from", Int64, 1).Input("to", Int64, 1).Node("Slice", "x from to", "y").Output("y");
        Assert.EndsWith($"a shape depends on input 'from'. {no}'from', 'to'.", cut.Refusal(), StringComparison.Ordinal);
        var reshaped = new OnnxBuilder(13).Input("x", Float, 2, 6).Input("shape", Int64, 2).Node("Reshape", "x shape", "y").Output("y");
        Assert.EndsWith($"a shape depends on input 'shape'. {no}'shape'.", reshaped.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_dimensions_that_have_to_be_fixed_are_named()
    {
        var model = new OnnxBuilder(13).Input("x", Float, 1, 4, "T").Input("k", Float, "M", 4, "K").Node("Conv", "x k", "y").Output("y");
        Assert.EndsWith("the shape of its weights is not fixed. It converts with --dim M=2 --dim K=2, or another size.", model.Refusal(), StringComparison.Ordinal);
        Assert.Equal(["T"], model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["M"] = 2, ["K"] = 2 } }).Model.Graphs[0].Symbols);
    }

    [Fact]
    public void An_operator_that_needs_a_fixed_size_names_the_dimension_that_suffices()
    {
        var model = new OnnxBuilder(13).Input("x", Float, "N", 3, "T").Constant("scales", [3], 1f, 1f, 2f).Node("Resize", "x - scales", "y", ("mode", "linear")).Output("y");
        Assert.EndsWith("a symbolic dimension can only be resized in mode nearest by a whole number. It converts with --dim T=3, or another size.", model.Refusal(), StringComparison.Ordinal);
        Assert.Equal(["N"], model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 3 } }).Model.Graphs[0].Symbols);
    }

    private static ConversionOptions Dropping(params string[] outputs) => new() { DropOutputs = outputs };
}
