using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Which inputs and outputs become states.</summary>
public class StatePairingTests
{
    [Theory]
    [InlineData("h", "hn")]
    [InlineData("state", "stateN")]
    [InlineData("h_in", "h_out")]
    [InlineData("past_k", "present_k")]
    [InlineData("c0", "c_n")]
    [InlineData("prev_cache", "new_cache")]
    public void Names_of_before_and_after_pair(string input, string output)
    {
        var result = Two((input, output), ("other_in", "unrelated")).Convert();
        Assert.Contains(result.Graphs[0].States, s => s.Input == input && s.Output == output);
    }

    [Fact]
    public void An_equal_shape_alone_is_not_a_pair()
    {
        var result = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 5).Input("input_9", OnnxBuilder.Float, 1, 3).Constant("k", [], 0.5f)
            .Node("Mul", "input_9 k", "Identity_1").Node("Neg", "x", "y").Output("y", OnnxBuilder.Float, 1, 5).Output("Identity_1", OnnxBuilder.Float, 1, 3).Convert();
        Assert.Empty(result.Graphs[0].States);
        Assert.Contains(result.Graphs[0].Notes, n => n.Contains("'input_9' may be a state", StringComparison.Ordinal) && n.Contains("--state input_9=Identity_1", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_candidates_of_one_shape_stay_inputs_and_are_reported()
    {
        var result = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 5).Input("foo", OnnxBuilder.Float, 1, 3).Input("bar", OnnxBuilder.Float, 1, 3)
            .Node("Neg", "foo", "one").Node("Neg", "bar", "two").Node("Neg", "x", "y").Output("y").Output("one").Output("two").Convert();
        Assert.Empty(result.Graphs[0].States);
        Assert.Contains(result.Graphs[0].Notes, n => n.Contains("'foo'") && n.Contains("--state"));
    }

    [Fact]
    public void A_mask_over_time_is_no_state_though_its_shape_is_that_of_an_output()
    {
        var result = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, "T", 4).Input("mask", OnnxBuilder.Float, 1, "T").Constant("axes", [1], 2L)
            .Node("ReduceSum", "x axes", "s", ("keepdims", 0)).Node("Mul", "s mask", "weights").Node("Neg", "x", "y").Output("y", OnnxBuilder.Float, 1, "T", 4).Output("weights", OnnxBuilder.Float, 1, "T").Convert();
        Assert.Empty(result.Graphs[0].States);
        Assert.Equal(["T"], result.Model.Graphs[0].Symbols);
    }

    [Fact]
    public void The_first_input_and_the_first_output_are_data_not_state()
    {
        var result = new OnnxBuilder().Input("input", OnnxBuilder.Float, 1, 5).Node("Neg", "input", "output").Output("output").Convert();
        Assert.Empty(result.Graphs[0].States);
    }

    [Fact]
    public void Pairs_are_made_as_asked_and_not_otherwise()
    {
        var options = new ConversionOptions { AutoStates = false, States = new Dictionary<string, string> { ["a"] = "p" } };
        var result = Two(("a", "p"), ("h", "hn")).Convert(options);
        var state = Assert.Single(result.Graphs[0].States);
        Assert.Equal("a", state.Input);
        Assert.Contains("no output 'q'", Assert.Throws<ConversionException>(() => Two(("a", "p"), ("h", "hn")).Convert(new ConversionOptions { States = new Dictionary<string, string> { ["a"] = "q" } })).Message);
    }

    [Fact]
    public void A_pair_of_two_shapes_is_refused_and_fitting_outputs_are_named()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Input("b", OnnxBuilder.Float, 1, 3).Random("w", 1, 1, 4, 3).Random("v", 2, 1, 3, 6).Node("MatMul", "x w", "a").Node("Add", "a b", "y").Node("MatMul", "b v", "z").Output("y").Output("z");
        ConversionOptions As(string output) => new() { States = new Dictionary<string, string> { ["b"] = output } };
        Assert.EndsWith("--state b=z: 'b' [1, 3] and 'z' [1, 6] differ, but a state keeps its shape; output 'y' is of its shape.", model.Refusal(As("z")), StringComparison.Ordinal);
        model.Convert(As("y"));
    }

    [Fact]
    public void A_state_is_carried_from_run_to_run_from_zero_with_its_batch_fixed_at_one()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", 2).Input("sum", OnnxBuilder.Float, "N", 2).Node("Add", "x sum", "sum_out").Node("Mul", "sum_out x", "y")
            .Output("y", OnnxBuilder.Float, "N", 2).Output("sum_out", OnnxBuilder.Float, "N", 2).Load();
        using var session = model.CreateSession();
        Assert.Empty(model.Graphs[0].Symbols);
        new[] { 1f, 2f }.CopyTo(session.Input<float>("x"));
        session.Run();
        session.Run();
        session.Run();
        Assert.Equal([3f, 12f], session.Output<float>("y").ToArray());
    }

    private static OnnxBuilder Two((string Input, string Output) a, (string Input, string Output) b) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 5).Input(a.Input, OnnxBuilder.Float, 1, 3).Input(b.Input, OnnxBuilder.Float, 1, 3)
            .Node("Neg", a.Input, a.Output).Node("Neg", b.Input, b.Output).Node("Neg", "x", "y").Output("y").Output(a.Output).Output(b.Output);
}
