using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Inputs on which an output depends element by element, or through attention. They are states if the graph or names show it, otherwise inputs.</summary>
public class CarryTests
{
    private const int I = 5, H = 4;

    [Theory]
    [InlineData("blend")]
    [InlineData("difference")]
    [InlineData("gate")]
    [InlineData("peak")]
    public void A_smoother_is_a_state(string kind)
    {
        var model = new OnnxBuilder().In("x", 1, I).In("3", 1, H).Matrix(1, "x", "new", I, H).Constant("a", [], 0.9f).Constant("b", [], 0.1f);
        switch (kind)
        {
            case "blend": model.Node("Mul", "3 a", "old").Node("Mul", "new b", "add").Node("Add", "old add", "7"); break;
            case "difference": model.Node("Sub", "new 3", "d").Node("Mul", "d b", "add").Node("Add", "3 add", "7"); break;
            case "gate": model.Matrix(2, "x", "z", I, H).Node("Sigmoid", "z", "g").Node("Mul", "g 3", "old").Node("Add", "old new", "7"); break;
            default: model.Node("Mul", "3 a", "old").Node("Max", "old new", "7"); break;
        }

        model.Matrix(seed: 3, "7", "y", H, columns: 2).Out("y").Out("7", 1, H);
        Assert.Equal([("3", "7")], model.Pairs());
        Assert.Equal("each element is a blend of its old value and new ones", model.Convert().Graphs[0].States[0].Reason);
    }

    /// <summary>A mean and a variance. The mean enters the variance through a square, which is not a blend.</summary>
    [Fact]
    public void Mean_and_variance_are_two_states()
    {
        var model = new OnnxBuilder().In("x", 1, H).In("3", 1, H).In("4", 1, H).Constant("a", [], 0.9f).Constant("b", [], 0.1f).Node("Mul", "3 a", "m").Node("Mul", "x b", "n").Node("Add", "m n", "7").Node("Sub", "x 7", "d").Node("Mul", "d d", "s")
            .Node("Mul", "4 a", "v").Node("Mul", "s b", "w").Node("Add", "v w", "8").Node("Sqrt", "8", "r").Node("Div", "d r", "e").Matrix(seed: 1, "e", "y", H, columns: 3).Out("y").Out("7", 1, H).Out("8", 1, H);
        Assert.Equal([("3", "7"), ("4", "8")], model.Pairs());
    }

    /// <summary>A mask selects and adds nothing new. A block with a residual connection reads its only data from the possible state.</summary>
    [Fact]
    public void A_block_over_one_input_and_a_mask_has_no_state()
    {
        var model = new OnnxBuilder().In("other", 1, 2).In("5", 1, 3, 2).Input("mask", OnnxBuilder.Bool, 1, 3, 3).Constant("out", [], -1e9f).Constant("s", [], 0.8f).Random("wq", 1, 1, 2, 4).Random("wk", 2, 1, 2, 4).Random("wv", 3, 1, 2, 2)
            .Node("MatMul", "5 wq", "q").Node("MatMul", "5 wk", "k").Node("MatMul", "5 wv", "v").Node("Transpose", "k", "kt", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q kt", "all").Node("Where", "mask all out", "seen").Node("Softmax", "seen", "p", ("axis", -1))
            .Node("MatMul", "p v", "a").Node("Add", "a 5", "sum").Node("Mul", "sum s", "9").Matrix(seed: 4, "other", "y", rows: 2, columns: 2).Out("y").Out("9", 1, 3, 2);
        Assert.Empty(model.Pairs());
    }

    /// <summary>One step of a sequence and the state enter the result alike, so shapes cannot decide.</summary>
    [Fact]
    public void An_update_of_another_shape_is_not_a_state()
    {
        var model = new OnnxBuilder().In("other", 1, 2).In("5", 1, H).In("6", H).Constant("a", [], 0.7f).Constant("row", [2], 1L, (long)H).Node("Mul", "6 a", "old").Node("Mul", "5 a", "new").Node("Add", "old new", "sum").Node("Tanh", "sum", "t").Node("Reshape", "t row", "9")
            .Matrix(seed: 4, "other", "y", rows: 2, columns: 2).Out("y").Out("9", 1, H);
        Assert.Empty(model.Pairs());
    }

    /// <summary>An overlap-add buffer: frames are added to it, its front is output, and it moves on.</summary>
    [Fact]
    public void A_shifted_accumulator_is_a_state()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("3", 1, 12).Matrix(seed: 1, "x", "frame", I, columns: 12).Node("Add", "frame 3", "sum").Integers("0", 0).Integers("1", 1).Integers("at", 4).Integers("end", long.MaxValue).Node("Slice", "sum 0 at 1", "y").Node("Slice", "sum at end 1", "rest")
            .Constant("zeros", [1, 4], new float[4]).Node("Concat", "rest zeros", "7", ("axis", 1)).Out("y", 1, 4).Out("7", 1, 12);
        Assert.Equal([("3", "7")], model.Pairs());
    }

    /// <summary>A smoother whose input has the state's size. Either may be the state, so names decide, or else the position; a note names the other.</summary>
    [Theory]
    [InlineData("x", "avg", "avg", "avg", "name")]
    [InlineData("avg", "x", "avg", "avg", "name")]
    [InlineData("1", "2", "7", "2", "position after the first input")]
    public void One_of_two_blended_inputs_is_the_state(string first, string second, string output, string state, string reason)
    {
        var next = output == "7" ? output : output + "_next";
        var model = new OnnxBuilder().In(first, 1, H).In(second, 1, H).Constant("a", [], 0.9f).Constant("b", [], 0.1f).Node("Mul", $"{first} a", "p").Node("Mul", $"{second} b", "q").Node("Add", "p q", next).Matrix(seed: 1, next, "y", H, columns: 3).Out("y").Out(next, 1, H);
        Assert.Equal([(state, next)], model.Pairs());
        var other = state == first ? second : first;
        Assert.Contains(model.Notes(), n => n == $"input '{state}' is taken as the state by its {reason}; '{other}' plays the same role in '{next}' (to choose otherwise: --state {other}={next})");
    }

    /// <summary>A masked spectrum, and a part that is added to it.</summary>
    [Fact]
    public void A_blended_input_with_a_name_of_data_is_not_a_state()
    {
        var model = new OnnxBuilder().In("feat", 1, I).In("spec", 1, H).Matrix(1, "feat", "s", I, H).Node("Sigmoid", "s", "mask").Matrix(2, "feat", "part", I, H).Node("Mul", "spec mask", "masked").Node("Add", "masked part", "enhanced").Out("mask", 1, H).Out("enhanced", 1, H);
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("--state spec=enhanced", StringComparison.Ordinal));
    }

    /// <summary>The second part of a filter's state does not depend on its old value, but is named like the first.</summary>
    [Fact]
    public void Names_that_identify_one_state_identify_the_other()
    {
        OnnxBuilder Filter(string first, string second) => new OnnxBuilder().In("x", 1, H).In("z1", 1, H).In("z2", 1, H).Random("b0", 1, 0.4f, 1, H).Random("b1", 2, 0.4f, 1, H).Random("a1", 3, 0.4f, 1, H).Node("Mul", "x b0", "p").Node("Add", "p z1", "y").Node("Mul", "x b1", "q")
            .Node("Mul", "y a1", "r").Node("Sub", "q r", "s").Node("Add", "s z2", first).Node("Sub", "r q", second).Out("y", 1, H).Out(first, 1, H).Out(second, 1, H);
        Assert.Equal([("z1", "z1n"), ("z2", "z2n")], Filter("z1n", "z2n").Pairs());
        Assert.All(Filter("z1n", "z2n").Convert().Graphs[0].States, state => Assert.Equal("by name", state.Reason));
        var tail = new OnnxBuilder().In("x", 1, I).In("tail", 1, H).Matrix(1, "x", "y0", I, H).Node("Add", "y0 tail", "y").Matrix(2, "x", "tail_out", I, H).Out("y", 1, H).Out("tail_out", 1, H);
        Assert.Empty(tail.Pairs());
        Assert.Contains(tail.Notes(), n => n.Contains("--state tail=tail_out", StringComparison.Ordinal));
    }

    /// <summary>Written-out cells: a GRU whose reset gate acts before the product, an LSTM without a forget bias and with other activations, and an Elman cell.</summary>
    [Fact]
    public void Cells_without_a_layer_have_states()
    {
        var gru = new OnnxBuilder().In("x", 1, I).In("2", 1, H).Node("Concat", "x 2", "xh", ("axis", 1)).Matrix(1, "xh", "zs", I + H, H).Matrix(2, "xh", "rs", I + H, H).Node("Sigmoid", "zs", "z").Node("Sigmoid", "rs", "r")
            .Node("Mul", "r 2", "rh").Node("Concat", "x rh", "xr", ("axis", 1)).Matrix(3, "xr", "ns", I + H, H).Node("Tanh", "ns", "n").Constant("one", [], 1f).Node("Sub", "one z", "iz").Node("Mul", "z 2", "old").Node("Mul", "iz n", "add").Node("Add", "old add", "5")
            .Matrix(seed: 4, "5", "y", H, columns: 2).Out("y").Out("5", 1, H);
        Assert.Equal([("2", "5")], gru.Pairs());
        var lstm = new OnnxBuilder(18).In("x", 1, I).In("1", 1, H).In("2", 1, H).Matrix(1, "x", "wx", I, 4 * H).Matrix(2, "1", "rh", H, 4 * H).Node("Add", "wx rh", "g").Node("Split", "g", "gi gf gc go", ("axis", 1), ("num_outputs", 4))
            .Node("HardSigmoid", "gi", "i").Node("HardSigmoid", "gf", "f").Node("Relu", "gc", "n").Node("HardSigmoid", "go", "o").Node("Mul", "f 2", "kept").Node("Mul", "i n", "new").Node("Add", "kept new", "8").Node("Relu", "8", "t").Node("Mul", "o t", "9")
            .Matrix(seed: 4, "9", "y", H, columns: 3).Out("y").Out("9", 1, H).Out("8", 1, H);
        Assert.Equal([("1", "9"), ("2", "8")], lstm.Pairs());
        var elman = new OnnxBuilder().In("x", 1, I).In("hx", 1, H).Matrix(1, "x", "wx", I, H).Matrix(2, "hx", "rh", H, H).Node("Add", "wx rh", "s").Node("Tanh", "s", "12").Matrix(seed: 4, "12", "y", H, columns: 3).Out("y").Out("12", 1, H);
        Assert.Equal([("hx", "12")], elman.Pairs());
    }

    /// <summary>As in attention decoders: the hidden state is the query of a context, and the layer starts at zero.</summary>
    [Fact]
    public void A_hidden_state_that_acts_through_attention_only_is_a_state()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("encoded", 1, "S", H).In("q", 1, 1, H).Node("Transpose", "encoded", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q k", "scores").Node("Softmax", "scores", "weights", ("axis", -1))
            .Node("MatMul", "weights encoded", "context").Node("Concat", "x context", "both", ("axis", 2)).Layer("GRU", 1, I + H, H, "both", "all r").Integers("1", 1).Node("Squeeze", "all 1", "s").Matrix(seed: 7, "s", "logits", H, columns: 6).Out("logits").Out("r", 1, 1, H).Out("weights");
        Assert.Equal([("q", "r")], model.Pairs());
    }

    /// <summary>The query of attention is the hidden state, not the cell state.</summary>
    [Fact]
    public void The_hidden_state_of_an_LSTM_that_restarts_is_the_state()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).In("encoded", 1, "S", H).In("hidden", 1, 1, H).Node("Transpose", "encoded", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "hidden k", "scores").Node("Softmax", "scores", "weights", ("axis", -1))
            .Node("MatMul", "weights encoded", "context").Node("Concat", "x context", "both", ("axis", 2)).Layer("LSTM", 1, I + H, H, "both", "all r s").Integers("1", 1).Node("Squeeze", "all 1", "e").Matrix(seed: 7, "e", "logits", H, columns: 6).Out("logits").Out("s", 1, 1, H).Out("r", 1, 1, H);
        Assert.Equal([("hidden", "r")], model.Pairs());
    }

    /// <summary>A product with new values may be a cell's next state or another result. A name for something else decides against a state.</summary>
    [Theory]
    [InlineData("3", true)]
    [InlineData("onnx::MatMul_3", true)]
    [InlineData("hx", true)]
    [InlineData("vector", false)]
    [InlineData("speaker", false)]
    [InlineData("userProfile", false)]
    public void A_name_that_says_something_else_is_no_state(string name, bool isState)
    {
        var model = new OnnxBuilder().In("x", 1, I).In(name, 1, H).Node("Concat", $"x {name}", "both", ("axis", 1)).Matrix(1, "both", "s", I + H, H).Node("Tanh", "s", "7").Matrix(seed: 4, "7", "y", H, columns: 3).Out("y").Out("7", 1, H);
        Assert.Equal(isState ? [(name, "7")] : [], model.Pairs());
    }

    [Fact]
    public void The_only_or_first_output_is_not_paired_by_shape()
    {
        var mask = new OnnxBuilder().In("x", 1, 20).In("m", 1, H).Matrix(seed: 1, "x", "s", rows: 20, H).Node("Add", "s m", "logits").Out("logits", 1, H);
        Assert.Empty(mask.Pairs());
        var speaker = new OnnxBuilder().In("x", 1, I).In("v", 1, 16).Node("Concat", "x v", "both", ("axis", 1)).Matrix(seed: 1, "both", "s", I + 16, columns: 16).Node("Tanh", "s", "emb").Out("emb", 1, 16);
        Assert.Empty(speaker.Pairs());
        Assert.Equal(["emb"], speaker.OutputsLeft());
        var first = new OnnxBuilder().In("x", 1, I).In("v", 1, H).Matrix(1, "x", "s", I, H).Node("Add", "s v", "logits").Node("Softmax", "logits", "p", ("axis", 1)).Out("p", 1, H).Out("logits", 1, H);
        Assert.Empty(first.Pairs());
        Assert.Contains(first.Notes(), n => n.Contains("'v' may be a state", StringComparison.Ordinal) && n.Contains("--state v=logits", StringComparison.Ordinal));
    }

    [Fact]
    public void An_input_that_does_not_reach_an_output_of_its_shape_is_not_a_state()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("z", 1, H).Matrix(1, "x", "a", I, H).Matrix(seed: 2, "z", "y", H, columns: 2).Out("y").Out("a", 1, H);
        Assert.Empty(model.Pairs());
        Assert.DoesNotContain(model.Notes(), n => n.Contains("'z'", StringComparison.Ordinal));
        var same = new OnnxBuilder().In("x", 1, I).In("z", 1, H).Node("Identity", "z", "z_out").Matrix(seed: 2, "z", "y", H, columns: 2).Out("y").Out("z_out", 1, H);
        Assert.Empty(same.Pairs());
    }

    /// <summary>An output made of one input and constants only, or of a residual connection, shows no state.</summary>
    [Fact]
    public void An_update_without_new_input_is_not_a_state()
    {
        OnnxBuilder Second() => new OnnxBuilder().In("x", 1, I).In("v", 1, H).Constant("a", [], 0.5f).Matrix(1, "x", "y", I, H).Out("y");
        Assert.Empty(Second().Node("Mul", "v a", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Matrix(2, "v", "7", H, H).Out("7", 1, H).Pairs());
        Assert.Empty(Second().Constant("row", [1, 1], 0L).Constant("new", [1, H], new float[H]).Node("ScatterND", "v row new", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Greater", "v a", "m").Node("Where", "m v a", "w").Node("Ceil", "w", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Greater", "v y", "m").Node("Where", "m v y", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Add", "v y", "s").Node("Mul", "s y", "7").Out("7", 1, H).Pairs());
        Assert.Empty(Second().Node("Add", "v y", "s").Node("Tanh", "s", "7").Out("7", 1, H).Pairs());
        Assert.Equal([("v", "7")], Second().Node("Mul", "v a", "s").Node("Add", "s y", "t").Node("Tanh", "t", "7").Out("7", 1, H).Pairs());
    }

    /// <summary>The last state of a layer belongs to the input that is the layer's initial state.</summary>
    [Fact]
    public void The_initial_state_of_a_layer_is_not_its_input()
    {
        var model = new OnnxBuilder().In("a", 1, I).In("x", 1, 1, H).In("h", 1, 1, H).Layer("GRU", 1, H, H, "x h", "all hn").Integers("1", 1).Node("Squeeze", "all 1", "end").Matrix(seed: 2, "a", "y", I, columns: 2).Out("y").Out("end", 1, 1, H).Out("hn", 1, 1, H);
        Assert.Equal([("h", "hn")], model.Pairs());
    }

    [Fact]
    public void Names_decide_where_the_graph_alone_does_not()
    {
        OnnxBuilder Sum(string input, string output) => new OnnxBuilder().In("x", 1, H).In(input, 1, H).Node("Add", $"x {input}", output).Node("Tanh", output, "y").Out("y", 1, H).Out(output, 1, H);
        Assert.Equal([("total_in", "total_out")], Sum("total_in", "total_out").Pairs());
        Assert.Equal("by name", Sum("total_in", "total_out").Convert().Graphs[0].States[0].Reason);
        Assert.Empty(Sum("offset", "shifted").Pairs());
        Assert.Contains(Sum("offset", "shifted").Notes(), n => n.Contains("--state offset=shifted", StringComparison.Ordinal));
    }

    /// <summary>A buffer that is overwritten completely does not depend on its old value. It is a state if both names say so.</summary>
    [Fact]
    public void An_overwritten_value_is_a_state_by_name_only()
    {
        OnnxBuilder Delay(string input, string output) => new OnnxBuilder().In("x", 1, H).In(input, 1, H).Node("Tanh", "x", output).Node("Sub", $"{output} {input}", "y").Out("y", 1, H).Out(output, 1, H);
        Assert.Equal([("prev_state", "next_state")], Delay("prev_state", "next_state").Pairs());
        Assert.Empty(Delay("a", "b").Pairs());
    }

    [Fact]
    public void Two_candidates_are_told_with_both_options()
    {
        var model = new OnnxBuilder().In("x", 1, I).In("3", 1, H).Matrix(1, "x", "new", I, H).Constant("a", [], 0.9f).Constant("b", [], 0.5f).Node("Mul", "3 a", "p").Node("Add", "p new", "6").Node("Mul", "3 b", "q").Node("Add", "q new", "7")
            .Node("Add", "6 7", "s").Matrix(seed: 3, "s", "y", H, columns: 2).Out("y").Out("6", 1, H).Out("7", 1, H);
        Assert.Empty(model.Pairs());
        Assert.Contains(model.Notes(), n => n.Contains("make it a state with --state 3=6 or --state 3=7", StringComparison.Ordinal));
    }
}
