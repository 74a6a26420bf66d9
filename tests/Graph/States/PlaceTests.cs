using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Inputs that enter initial states of layers, or the past of windows and caches. The graph alone decides their pairs, for any names.</summary>
public class PlaceTests
{
    private const int I = 5, H = 4;

    [Theory]
    [InlineData("h0_in", "c0_in", "h0_out", "c0_out")]
    [InlineData("1", "2", "17", "18")]
    [InlineData("c_in", "h_in", "c_out", "h_out")]
    [InlineData("h_in", "c_in", "c_out", "h_out")]
    [InlineData("onnx::LSTM_3", "onnx::LSTM_4", "9", "8")]
    public void Hidden_and_cell_of_a_layer_pair_whatever_they_are_called(string h, string c, string hn, string cn)
    {
        var model = new OnnxBuilder().In("x", "T", 1, I).In(c, 1, 1, H).In(h, 1, 1, H).Layer("LSTM", 1, I, H, $"x {h} {c}", $"y {hn} {cn}").Out(cn, 1, 1, H).Out("y").Out(hn, 1, 1, H);
        Assert.Equal(new[] { (h, hn), (c, cn) }.Order(), model.Pairs());
        Assert.Equal(["y"], model.OutputsLeft());
        Assert.Equal(["hidden state of layer 'LSTM_y " + hn + " " + cn + "'", "cell state of layer 'LSTM_y " + hn + " " + cn + "'"], model.Convert().Graphs[0].States.OrderBy(s => s.Input == c).Select(s => s.Reason));
    }

    [Fact]
    public void Slices_of_one_input_pair_with_the_joined_states_of_the_same_layers_in_the_same_order()
    {
        OnnxBuilder Stacked(string hidden, string cells) => new OnnxBuilder().In("x", 5, 1, I).In("s1", 2, 1, H).In("s2", 2, 1, H).Integers("0", 0).Integers("1", 1).Integers("2", 2)
            .Node("Slice", "s1 0 1 0", "h0").Node("Slice", "s1 1 2 0", "h1").Node("Slice", "s2 0 1 0", "c0").Node("Slice", "s2 1 2 0", "c1")
            .Layer("LSTM", 1, I, H, "x h0 c0", "a ha ca").Node("Squeeze", "a 1", "b").Layer("LSTM", 5, H, H, "b h1 c1", "y hb cb")
            .Node("Concat", hidden, "160", ("axis", 0)).Node("Concat", cells, "161", ("axis", 0)).Out("y").Out("161").Out("160");
        Assert.Equal([("s1", "160"), ("s2", "161")], Stacked("ha hb", "ca cb").Pairs());
        Assert.Equal([("s1", "161"), ("s2", "160")], Stacked("ca cb", "ha hb").Pairs());
        Assert.Equal([("s2", "161")], Stacked("hb ha", "ca cb").Pairs());
    }

    [Theory]
    [InlineData("GRU")]
    [InlineData("RNN")]
    public void States_of_all_layers_in_one_tensor_pair_through_transposes_and_lookups(string kind)
    {
        var model = new OnnxBuilder().In("state", 1, 2, H).In("x", "T", 1, I).Constant("i", [], 0L).Constant("j", [], 1L).Integers("0", 0).Integers("1", 1)
            .Node("Transpose", "state", "s", ("perm", new long[] { 1, 0, 2 })).Node("Gather", "s i", "h0").Node("Gather", "s j", "h1").Node("Unsqueeze", "h0 0", "h0u").Node("Unsqueeze", "h1 0", "h1u")
            .Layer(kind, 1, I, H, "x h0u", "a ha").Node("Squeeze", "a 1", "b").Layer(kind, 5, H, H, "b h1u", "y hb").Node("Squeeze", "ha 0", "p").Node("Squeeze", "hb 0", "q")
            .Node("Unsqueeze", "p 1", "pu").Node("Unsqueeze", "q 1", "qu").Node("Concat", "pu qu", "out", ("axis", 1)).Out("out").Out("y");
        Assert.Equal([("state", "out")], model.Pairs());
    }

    [Fact]
    public void The_reverse_direction_is_no_state_of_a_stream()
    {
        var model = new OnnxBuilder().In("x", 5, 1, I).In("h0", 2, 1, H).Layer("GRU", 1, I, H, "x h0", "y hn", "bidirectional").Out("y").Out("hn", 2, 1, H);
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("reverse direction of layer 'GRU_y hn'", StringComparison.Ordinal) && n.Contains("--state h0=hn", StringComparison.Ordinal));
        Assert.Equal([("h0", "hn")], model.Pairs(new ConversionOptions { States = new Dictionary<string, string> { ["h0"] = "hn" } }));
    }

    [Fact]
    public void A_mask_that_resets_a_state_is_no_obstacle()
    {
        var multiplied = new OnnxBuilder().In("x", 1, 1, I).In("7", 1, 1, H).In("keep", 1, 1, 1).Node("Mul", "keep 7", "h").Layer("GRU", 1, I, H, "x h", "y 9").Out("y").Out("9", 1, 1, H);
        Assert.Equal([("7", "9")], multiplied.Pairs());
        var chosen = new OnnxBuilder().In("x", 1, 1, I).In("7", 1, 1, H).Input("reset", OnnxBuilder.Bool, 1).Constant("zero", [1, 1, H], new float[H]).Node("Where", "reset zero 7", "h").Layer("GRU", 1, I, H, "x h", "y 9").Out("y").Out("9", 1, 1, H);
        Assert.Equal([("7", "9")], chosen.Pairs());
    }

    [Fact]
    public void The_last_step_of_the_sequence_is_the_last_state()
    {
        var model = new OnnxBuilder().In("x", "T", 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "all").Constant("last", [], -1L).Node("Gather", "all last", "end").Integers("2", 2).Node("Squeeze", "all 1", "s").Integers("1", 1)
            .Matrix(seed: 9, "s", "y", H, columns: 3).Out("y").Out("end", 1, 1, H);
        Assert.Equal([("h", "end")], model.Pairs());
    }

    [Fact]
    public void Of_two_outputs_with_the_same_content_the_later_one_is_the_state()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "all hn").Integers("1", 1).Node("Squeeze", "all 1", "out").Out("out", 1, 1, H).Out("hn", 1, 1, H);
        Assert.Equal([("h", "hn")], model.Pairs());
        Assert.Equal(["out"], model.OutputsLeft());
    }

    /// <summary>The output of the last step has the content of the last state, but is a result.</summary>
    [Fact]
    public void Of_equal_outputs_the_state_is_paired()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("7", 1, 1, H).Layer("GRU", 1, I, H, "x 7", "all 9").Integers("1", 1).Node("Squeeze", "all 1", "result").Matrix(seed: 3, "x", "other", I, columns: 2).Out("other").Out("9", 1, 1, H).Out("result", 1, 1, H);
        Assert.Equal([("7", "9")], model.Pairs());
        Assert.Equal(["other", "result"], model.OutputsLeft());
    }

    [Fact]
    public void Steps_written_one_after_the_other_pair_with_the_last()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "- one");
        foreach (var (from, to) in new[] { ("one", "two"), ("two", "three") }) model.Node("GRU", $"x GRU1-w GRU1-r GRU1-b - {from}", $"- {to}", ("hidden_size", H));
        Assert.Equal([("h", "three")], model.Out("one", 1, 1, H).Out("two", 1, 1, H).Out("three", 1, 1, H).Pairs());
    }

    [Fact]
    public void A_state_that_begins_two_layers_must_be_chosen()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "a p").Layer("GRU", 5, I, H, "x h", "b q").Node("Add", "a b", "y").Out("y").Out("p", 1, 1, H).Out("q", 1, 1, H);
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("Choose: --state h=p, or --state h=q; --no-auto-state keeps all inputs", fault.Message, StringComparison.Ordinal);
        Assert.Equal([("h", "q")], model.Pairs(new ConversionOptions { States = new Dictionary<string, string> { ["h"] = "q" } }));
        Assert.Empty(model.Pairs(new ConversionOptions { AutoStates = false }));
    }

    [Fact]
    public void A_first_state_without_an_output_stays_an_input_and_is_told()
    {
        var model = new OnnxBuilder().In("x", "T", 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "y").Out("y");
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("input 'h' is the initial state of layer 'GRU_y', and no output", StringComparison.Ordinal));
    }

    [Fact]
    public void The_only_output_feeds_the_state_and_stays()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "- out").Out("out", 1, 1, H);
        Assert.Equal([("h", "out")], model.Pairs());
        Assert.Equal(["out"], model.OutputsLeft());
        var otherShape = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "out").Out("out");
        Assert.Equal([("h", "out")], otherShape.Pairs());
        Assert.Equal(["out"], otherShape.OutputsLeft());
        var cell = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).In("c", 1, 1, H).Layer("LSTM", 1, I, H, "x h c", "- h1 c1").Out("h1", 1, 1, H).Out("c1", 1, 1, H);
        Assert.Equal([("c", "c1"), ("h", "h1")], cell.Pairs());
        Assert.Equal(["h1"], cell.OutputsLeft());
        var asked = new ConversionOptions { AutoStates = false, States = new Dictionary<string, string> { ["c"] = "c1", ["h"] = "h1" } };
        Assert.Equal(["h1"], cell.OutputsLeft(asked));
    }

    /// <summary>y(t) = Σ w(k)·x(t - k): the window's past precedes the new steps, and the last steps remain.</summary>
    [Theory]
    [InlineData(1, 3, 1)]
    [InlineData(1, 2, 1)]
    [InlineData(7, 3, 1)]
    [InlineData(2, 3, 2)]
    [InlineData("T", 3, 2)]
    public void The_past_of_a_convolution_pairs_with_the_end_of_the_window(object steps, int kernel, int dilation)
    {
        var reach = (kernel - 1) * dilation;
        var model = new OnnxBuilder().In("p", 1, I, reach).In("x", 1, I, steps).Node("Concat", "p x", "window", ("axis", 2)).Random("w", 1, 1, H, I, kernel).Node("Conv", "window w", "y", ("dilations", new long[] { dilation }))
            .Integers("from", -reach).Integers("to", long.MaxValue).Integers("axis", 2).Node("Slice", "window from to axis", "10").Out("10", 1, I, reach).Out("y");
        Assert.Equal([("p", "10")], model.Pairs());
        Assert.Contains("the past of convolution 'Conv_y'", model.Convert().Graphs[0].States[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_buffer_that_is_shifted_and_a_cache_of_fixed_length_pair()
    {
        var shifted = new OnnxBuilder().In("x", 1, 1, I).In("buf", 1, 6, I).Integers("1", 1).Integers("end", long.MaxValue).Node("Slice", "buf 1 end 1", "rest").Node("Concat", "rest x", "next", ("axis", 1))
            .Constant("flat", [2], 1L, -1L).Node("Reshape", "next flat", "f").Matrix(3, "f", "y", 6 * I, H).Out("y").Out("next", 1, 6, I);
        Assert.Equal([("buf", "next")], shifted.Pairs());
        var cache = new OnnxBuilder().In("q", 1, 2, H).In("k", 1, 8, H).In("v", 1, 8, H).Matrix(1, "q", "newk", H, H).Matrix(2, "q", "newv", H, H).Node("Concat", "k newk", "keys", ("axis", 1)).Node("Concat", "v newv", "values", ("axis", 1))
            .Integers("from", -8).Integers("end", long.MaxValue).Integers("1", 1).Node("Transpose", "keys", "kt", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q kt", "scores").Node("Softmax", "scores", "weights", ("axis", -1)).Node("MatMul", "weights values", "y")
            .Node("Slice", "values from end 1", "00").Node("Slice", "keys from end 1", "01").Out("y", 1, 2, H).Out("00", 1, 8, H).Out("01", 1, 8, H);
        Assert.Equal([("k", "01"), ("v", "00")], cache.Pairs());
    }

    [Fact]
    public void A_buffer_written_at_an_index_pairs()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("4", 3, I).Constant("row", [1, 1], 1L).Node("ScatterND", "4 row x", "8").Constant("axes", [1], 0L).Node("ReduceSum", "8 axes", "y", ("keepdims", 1)).Out("y", 1, I).Out("8", 3, I);
        Assert.Equal([("4", "8")], model.Pairs());
    }

    [Fact]
    public void Written_out_cells_are_layers()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("a", 1, H).In("b", 1, H).Matrix(1, "x", "wx", I, 4 * H).Matrix(2, "a", "rh", H, 4 * H).Random("bias", 3, 1, 4 * H).Node("Add", "wx rh", "s").Node("Add", "s bias", "g")
            .Node("Split", "g", "gi gf gc go", ("axis", 1), ("num_outputs", 4)).Node("Sigmoid", "gi", "i").Node("Sigmoid", "gf", "f").Node("Tanh", "gc", "n").Node("Sigmoid", "go", "o")
            .Node("Mul", "f b", "kept").Node("Mul", "i n", "new").Node("Add", "kept new", "d").Node("Tanh", "d", "t").Node("Mul", "o t", "e").Matrix(seed: 4, "e", "y", H, columns: 3).Out("y").Out("d", 1, H).Out("e", 1, H);
        model.Model.OpsetImport[0].Version = 18;
        Assert.Equal([("a", "e"), ("b", "d")], model.Pairs());
        Assert.All(model.Convert().Graphs[0].States, s => Assert.Contains("state of layer", s.Reason, StringComparison.Ordinal));
    }

    /// <summary>A cell's input may also be an output, and as wide as its state.</summary>
    [Theory]
    [InlineData("x", "h")]
    [InlineData("h", "x")]
    public void The_input_of_a_cell_is_not_its_state(string first, string second)
    {
        var model = Cell(new OnnxBuilder(18).In("in", 1, 2 * H).Constant("half", [], 0.5f).Matrix(8, "in", "x", 2 * H, H).In("h", 1, H).In("c", 1, H).Node("Concat", $"{first} {second}", "xh", ("axis", 1)).Random("w", 1, 0.5f, 4 * H, 2 * H).Random("b", 2, 0.3f, 4 * H).Node("Gemm", "xh w b", "g", ("transB", 1)), "c");
        model.Node("Identity", "x", "same").Out("y").Out("same", 1, H).Out("x", 1, H).Out("e", 1, H).Out("d", 1, H);
        Assert.Equal([("c", "d"), ("h", "e")], model.Pairs());
        Assert.Equal(["y", "same", "x"], model.OutputsLeft());
    }

    /// <summary>x and h play the same role in a written-out LSTM.</summary>
    [Theory]
    [InlineData("x", "3", "3", "position after the first input")]
    [InlineData("3", "x", "x", "position after the first input")]
    [InlineData("hidden_in", "2", "hidden_in", "name")]
    [InlineData("2", "h_in", "h_in", "name")]
    public void Names_or_the_order_tell_a_cells_input_from_its_state(string first, string second, string state, string reason)
    {
        var model = Cell(Products(new OnnxBuilder(18).In(first, 1, H).In(second, 1, H).In("c", 1, H), first, second), "c").Out("y").Out("d", 1, H).Out("e", 1, H);
        Assert.Equal(new[] { ("c", "d"), (state, "e") }.Order(), model.Pairs());
        var other = state == first ? second : first;
        Assert.Contains(model.Notes(), n => n.Contains($"by its {reason}; '{other}' plays the same role (to choose otherwise: --state {other}=e)", StringComparison.Ordinal));
        Assert.Contains((other, "e"), model.Pairs(new ConversionOptions { States = new Dictionary<string, string> { [other] = "e" } }));
    }

    [Fact]
    public void Two_inputs_of_a_cell_that_nothing_tells_apart_must_be_chosen()
    {
        var model = Cell(Products(new OnnxBuilder(18).In("other", 1, I).In("1", 1, H).In("2", 1, H).In("c", 1, H), "1", "2"), "c").Matrix(seed: 9, "other", "z", I, columns: 2).Out("y").Out("z").Out("d", 1, H).Out("e", 1, H);
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("Choose: --state 1=e, or --state 2=e; --no-auto-state keeps all inputs", fault.Message, StringComparison.Ordinal);
        Assert.Equal([("2", "e"), ("c", "d")], model.Pairs(new ConversionOptions { States = new Dictionary<string, string> { ["2"] = "e" } }));
    }

    [Fact]
    public void A_value_joined_to_itself_is_not_a_past()
    {
        var model = new OnnxBuilder().In("a", 1, I).In("x", 1, 2, H).Node("Neg", "x", "n").Node("Concat", "x x n", "all", ("axis", 1)).Matrix(seed: 1, "all", "y", H, columns: 3).Matrix(seed: 2, "a", "z", I, columns: 2).Out("y").Out("n", 1, 2, H).Out("z");
        Assert.Empty(model.Pairs());
    }

    [Fact]
    public void A_past_keeps_new_steps_only_where_they_were_joined()
    {
        var model = new OnnxBuilder().In("x", 1, H, 2).In("p", 1, H, 2).Node("Neg", "x", "v").Constant("low", [], -1f).Constant("high", [], 1f).Node("Clip", "v low high", "w").Node("Concat", "p w", "window", ("axis", 2)).Random("k", 1, 0.5f, H, H, 3).Node("Conv", "window k", "y")
            .Integers("from", -2).Integers("end", long.MaxValue).Integers("2", 2).Node("Slice", "window from end 2", "next").Out("y").Out("v", 1, H, 2).Out("next", 1, H, 2);
        Assert.Equal([("p", "next")], model.Pairs());
        Assert.Equal(["y", "v"], model.OutputsLeft());
    }

    [Fact]
    public void The_first_joined_value_is_the_past()
    {
        var model = new OnnxBuilder().In("p", 1, 1, 2).In("x", 1, 1, 6).Node("Concat", "p x", "window", ("axis", 2)).Random("k", 1, 0.5f, 1, 1, 3).Node("Conv", "window k", "y").Integers("six", 6, 2).Node("Split", "window six", "begin next", ("axis", 2)).Out("y").Out("begin", 1, 1, 6).Out("next", 1, 1, 2);
        Assert.Equal([("p", "next")], model.Pairs());
        var newestFirst = new OnnxBuilder().In("x", 1, 1, I).In("buf", 1, 6, I).Integers("0", 0).Integers("5", 5).Integers("1", 1).Node("Slice", "buf 0 5 1", "rest").Node("Concat", "x rest", "next", ("axis", 1)).Constant("flat", [2], 1L, -1L).Node("Reshape", "next flat", "f").Matrix(3, "f", "y", 6 * I, H).Out("y").Out("next", 1, 6, I);
        Assert.Equal([("buf", "next")], newestFirst.Pairs());
    }

    /// <summary>x enters the second layer and not the first one's state; the second layer does not leave the first layer's state.</summary>
    [Fact]
    public void A_state_is_not_the_state_of_a_later_layer()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("h", 1, 1, H).Layer("GRU", 1, I, H, "x h", "a p").Layer("GRU", 5, I, H, "x p", "b q").Node("Add", "a b", "y").Out("y").Out("q", 1, 1, H);
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("input 'h' is the initial state of", StringComparison.Ordinal));
    }

    [Fact]
    public void A_cache_that_grows_is_no_state_by_its_name()
    {
        var model = new OnnxBuilder().In("x", 1, 1, H).In("past", 1, "P", H).Node("Concat", "past x", "present", ("axis", 1)).Integers("1", 1).Node("ReduceSum", "present 1", "y").Out("y").Out("present", 1, "Q", H);
        Assert.Empty(model.Pairs());
    }

    private static OnnxBuilder Products(OnnxBuilder model, string x, string h) =>
        model.Matrix(1, x, "wx", H, 4 * H).Matrix(2, h, "rh", H, 4 * H).Random("bias", 3, 1, 4 * H).Node("Add", "wx rh", "s").Node("Add", "s bias", "g");

    /// <summary>The gates of an LSTM from their sums g: cell state d, hidden state e, and y of that.</summary>
    private static OnnxBuilder Cell(OnnxBuilder model, string cell) =>
        model.Node("Split", "g", "gi gf gc go", ("axis", 1), ("num_outputs", 4)).Node("Sigmoid", "gi", "i").Node("Sigmoid", "gf", "f").Node("Tanh", "gc", "n").Node("Sigmoid", "go", "o")
            .Node("Mul", $"f {cell}", "kept").Node("Mul", "i n", "new").Node("Add", "kept new", "d").Node("Tanh", "d", "t").Node("Mul", "o t", "e").Matrix(seed: 4, "e", "y", H, columns: 3);
}
