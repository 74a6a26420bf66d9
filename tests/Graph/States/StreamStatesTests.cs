using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Whole-sequence models that keep their states between runs (--stateful). Parts of a sequence give the same results as the whole, or the model is refused with the reason.</summary>
public class StreamStatesTests
{
    private const int I = 5, H = 4;

    [Theory]
    [InlineData("LSTM")]
    [InlineData("GRU")]
    [InlineData("RNN")]
    public void Recurrent_layers_go_on_where_they_were(string kind)
    {
        var model = new OnnxBuilder().In("x", "T", "N", I).Layer(kind, 1, I, H, "x", "a").Integers("1", 1).Node("Squeeze", "a 1", "b").Matrix(9, "b", "c", H, H).Node("Tanh", "c", "d").Node("Add", "b d", "e")
            .Layer(kind, 5, H, H, "e", "f last").Node("Squeeze", "f 1", "g").Matrix(seed: 8, "g", "y", H, columns: 3).Out("y").Out("last");
        Chunks.AreAsTheWhole(o => model.Load(o), [0], [0, -1]);
        Chunks.AreAsTheWhole(o => model.Load(o), [0], [0, -1], batch: 3);
        Assert.Contains(model.Notes(), n => n == $"every run starts at zero: layers '{kind}_a', '{kind}_f last' keep nothing between runs. For a stream that comes in parts, --stateful keeps the states");
    }

    [Fact]
    public void Batch_first_layers_embeddings_and_normalization_go_on()
    {
        var model = new OnnxBuilder().Input("tokens", OnnxBuilder.Int64, "N", "T").Random("table", 1, 1, 5, I).Node("Gather", "table tokens", "e").Random("g", 2, 1, I).Random("o", 3, 1, I).Node("LayerNormalization", "e g o", "n", ("axis", -1))
            .Node("Transpose", "n", "t", ("perm", new long[] { 1, 0, 2 })).Layer("GRU", 4, I, H, "t", "a").Integers("1", 1).Node("Squeeze", "a 1", "b").Node("Transpose", "b", "c", ("perm", new long[] { 1, 0, 2 })).Matrix(seed: 8, "c", "s", H, columns: 3).Node("Softmax", "s", "y", ("axis", -1)).Out("y");
        Chunks.AreAsTheWhole(o => model.Load(o), [1], [1], batch: 2);
    }

    [Fact]
    public void The_last_output_is_that_of_the_steps_so_far()
    {
        var model = new OnnxBuilder().In("x", 1, "T", I).Node("Transpose", "x", "t", ("perm", new long[] { 1, 0, 2 })).Layer("LSTM", 1, I, H, "t", "a h").Integers("1", 1).Integers("-1", -1).Integers("end", long.MaxValue).Node("Squeeze", "a 1", "b")
            .Node("Slice", "b -1 end", "last").Node("Squeeze", "h", "s").Matrix(seed: 8, "last", "y", H, columns: 3).Matrix(seed: 9, "s", "z", H, columns: 3).Out("y").Out("z");
        Chunks.AreAsTheWhole(o => model.Load(o), [1], [-1, -1]);
    }

    /// <summary>Causal convolutions in ONNX: padding in the node, a Pad before it, or padding on both sides with the end cut off.</summary>
    [Theory]
    [InlineData("pads", 3, 1)]
    [InlineData("pads", 2, 4)]
    [InlineData("pad", 3, 2)]
    [InlineData("chomp", 3, 2)]
    [InlineData("depthwise", 4, 1)]
    public void Causal_convolutions_keep_their_past(string kind, int kernel, int dilation)
    {
        var reach = (kernel - 1) * dilation;
        var group = kind == "depthwise" ? I : 1;
        var model = new OnnxBuilder().In("x", "N", I, "T").Random("w", 1, 1, kind == "depthwise" ? I : H, I / group, kernel).Random("v", 2, 1, 3, kind == "depthwise" ? I : H, 2).Integers("left", 0, 0, reach, 0, 0, 0).Integers("0", 0).Integers("cut", -reach).Integers("2", 2);
        var input = "x";
        if (kind == "pad") model.Node("Pad", "x left", input = "p");
        model.Node("Conv", $"{input} w", "a", ("dilations", new long[] { dilation }), ("group", group), ("pads", kind == "pad" ? [0, 0] : kind == "chomp" ? new long[] { reach, reach } : [reach, 0]));
        if (kind == "chomp") model.Node("Slice", "a 0 cut 2", "b");
        model.Node("Relu", kind == "chomp" ? "b" : "a", "c").Node("Conv", "c v", "y", ("pads", new long[] { 1, 0 })).Out("y");
        Chunks.AreAsTheWhole(o => model.Load(o), [2], [2], batch: 2);
    }

    [Fact]
    public void A_convolution_over_time_and_bands_keeps_its_past()
    {
        var model = new OnnxBuilder().In("x", 1, 2, "T", 6).Random("w", 1, 1, 3, 2, 3, 3).Integers("pads", 0, 0, 2, 1, 0, 0, 0, 1).Node("Pad", "x pads", "p").Node("Conv", "p w", "a").Random("v", 2, 1, 2, 3, 2, 1).Node("Conv", "a v", "b", ("pads", new long[] { 1, 0, 0, 0 })).Node("Tanh", "b", "y").Out("y");
        Chunks.AreAsTheWhole(o => model.Load(o), [2], [2]);
    }

    /// <summary>As in dual-path networks: in both directions over the bands of one frame, and forward over time.</summary>
    [Fact]
    public void Layers_over_another_axis_than_time_begin_anew_in_each_step()
    {
        var model = new OnnxBuilder().In("x", 1, "T", 6, I).Constant("frames", [3], -1L, 6L, I).Node("Reshape", "x frames", "f").Node("Transpose", "f", "bands", ("perm", new long[] { 1, 0, 2 })).Layer("GRU", 1, I, H, "bands", "intra", "bidirectional")
            .Node("Transpose", "intra", "i", ("perm", new long[] { 2, 0, 1, 3 })).Constant("flat", [3], 0L, 6L, 2 * H).Node("Reshape", "i flat", "over").Layer("GRU", 6, 2 * H, H, "over", "inter last").Integers("1", 1).Node("Squeeze", "inter 1", "y").Out("y");
        Chunks.AreAsTheWhole(o => model.Load(o), [1], [0]);
        Assert.Equal(["GRU_inter last/hidden"], model.Convert(new ConversionOptions { Stateful = true }).Graphs[0].States.Select(s => s.Input));
    }

    [Fact]
    public void A_learned_or_given_initial_state_is_the_initial_content()
    {
        var learned = new OnnxBuilder().In("x", "T", 1, I).Random("h0", 7, 1, 1, 1, H).Layer("GRU", 1, I, H, "x h0", "a").Integers("1", 1).Node("Squeeze", "a 1", "y").Out("y");
        Chunks.AreAsTheWhole(o => learned.Load(o), [0], [0]);
        var given = new OnnxBuilder().In("x", "T", 1, I).In("h0", 1, 1, H).Layer("GRU", 1, I, H, "x h0", "a").Integers("1", 1).Node("Squeeze", "a 1", "y").Out("y");
        using var stateful = given.Load(new ConversionOptions { Stateful = true });
        Assert.Equal(["x"], stateful.Graphs[0].Inputs.Select(i => i.Name));
        Assert.Equal(["h0"], stateful.Graphs[0].States.Select(s => s.Name));
        Assert.DoesNotContain(given.Notes(new ConversionOptions { Stateful = true }), n => n.Contains("stays an input", StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_of_one_step_keeps_its_states()
    {
        var model = new OnnxBuilder().In("x", 1, 1, I).Layer("LSTM", 1, I, H, "x", "a").Integers("1", 1).Node("Squeeze", "a 1", "b").Layer("GRU", 5, H, H, "b", "c").Out("c");
        Assert.Equal(3, model.Convert(new ConversionOptions { Stateful = true }).Graphs[0].States.Count);
    }

    /// <summary>A run's input is reduced to one step. The batch alone is no such dimension.</summary>
    [Fact]
    public void A_run_of_an_open_size_that_is_one_step_is_told()
    {
        var stateful = new ConversionOptions { Stateful = true };
        var mean = new OnnxBuilder().In("x", 1, "T", I).Node("ReduceMean", "x", "m", ("axes", new long[] { 1 }), ("keepdims", 1)).Layer("GRU", 1, I, H, "m", "a").Out("a");
        Assert.Contains(mean.Notes(stateful), n => n.StartsWith("--stateful treats each run as one step of time, whatever the size of 'T'", StringComparison.Ordinal));
        var step = new OnnxBuilder().In("x", 1, "N", I).Layer("GRU", 1, I, H, "x", "a").Out("a");
        Assert.Single(step.Convert(stateful).Graphs[0].States);
        Assert.DoesNotContain(step.Notes(stateful), n => n.Contains("treats each run", StringComparison.Ordinal));
    }

    [Fact]
    public void Layers_that_cannot_continue_are_refused_with_the_reason()
    {
        OnnxBuilder Gru(string from = "x", string direction = "forward") => new OnnxBuilder().In("x", "T", 1, I).Integers("0", 0).Integers("1", 1).Layer("GRU", 1, I, H, from, "a", direction);
        Refused(Gru(direction: "bidirectional").Out("a"), "layer 'GRU_a' reads the sequence from its end (bidirectional)");
        Refused(Gru(direction: "reverse").Out("a"), "layer 'GRU_a' reads the sequence from its end");
        Refused(Gru().Node("ReduceMean", "a", "y", ("axes", new long[] { 0 })).Out("y"), "'ReduceMean_y' (ReduceMean) combines different steps of time");
        Refused(Gru().Node("Squeeze", "a 1", "s").Node("Softmax", "s", "y", ("axis", 0)).Out("y"), "'Softmax_y' (Softmax) combines different steps of time");
        Refused(Gru().Node("CumSum", "a i", "y").Constant("i", [], 0L).Out("y"), "'CumSum_y' (CumSum) combines different steps of time");
        Refused(Gru().Node("Squeeze", "a 1", "s").Node("Transpose", "s", "q", ("perm", new long[] { 1, 0, 2 })).Node("Transpose", "q", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q k", "w").Out("w"), "'MatMul_w' (MatMul)");
        Refused(Gru().Integers("end", long.MaxValue).Integers("-1", -1).Node("Slice", "a 1 end 0", "late").Node("Slice", "a 0 -1 0", "early").Node("Sub", "late early", "y").Out("y"), "'Sub_y' (Sub) combines different steps of time");
        Refused(Gru().Node("Slice", "a 0 1 0", "y").Out("y"), "output 'y' holds only a part of the steps");
        Refused(Gru().Node("Shape", "x", "all").Node("Slice", "all 0 1", "n").Node("Cast", "n", "length", ("to", 1)).Node("Div", "a length", "y").Out("y"), "depends on the length of the sequence");
        Refused(Gru().Node("Shape", "x", "all").Constant("i", [], 0L).Constant("one", [], 1L).Node("Gather", "all i", "n").Node("Range", "i n one", "r").Node("Cast", "r", "f", ("to", 1)).Constant("to", [4], -1L, 1L, 1L, 1L).Node("Reshape", "f to", "p").Node("Add", "a p", "y").Out("y"), "has a different constant for each step of time");
        var fixedTime = new OnnxBuilder().In("x", 6, 1, I).Random("p", 8, 1, 6, 1, I).Node("Add", "x p", "b").Layer("GRU", 1, I, H, "b", "a").Out("a");
        Refused(fixedTime, "has a different constant for each step of time");
        OnnxBuilder Conv(params (string Name, object Value)[] attributes) => new OnnxBuilder().In("x", 1, I, "T").Random("w", 1, 1, H, I, 3).Node("Conv", "x w", "y", attributes).Out("y");
        Refused(Conv(("pads", new long[] { 1, 1 })), "convolution 'Conv_y' looks 1 step ahead (1 of padding before, 1 after)");
        Refused(Conv(), "convolution 'Conv_y' has no padding, so its output is 2 steps shorter");
        Refused(Conv(("pads", new long[] { 2, 0 }), ("strides", new long[] { 2 })), "'Conv_y' (Conv) takes every 2nd step");
        Refused(new OnnxBuilder().In("x", 1, I, "T").Random("w", 1, 1, H, I, 3).Node("MaxPool", "x", "p", ("kernel_shape", new long[] { 2 }), ("strides", new long[] { 2 })).Node("Conv", "p w", "y", ("pads", new long[] { 2, 0 })).Out("y"), "'MaxPool_p' (MaxPool) works over several steps of time at once");
        Refused(new OnnxBuilder().In("x", 1, "T", H).Node("Transpose", "x", "k", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "x k", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w x", "y").Out("y"), "'MatMul_s' (MatMul)");
        var lengths = new OnnxBuilder().In("x", "T", 2, I).Input("n", OnnxBuilder.Int32, 2).Random("w", 1, 1, 1, H, I).Random("r", 2, 1, 1, H, H).Node("RNN", "x w r - n", "y", ("hidden_size", H)).Out("y");
        Refused(lengths, "uses sequence lengths or a mask");
        var halved = new OnnxBuilder().In("x", 1, I, "T").Random("w", 1, 1, H, I, 3).Node("Conv", "x w", "c", ("pads", new long[] { 2, 0 }), ("strides", new long[] { 2 })).Node("Transpose", "c", "t", ("perm", new long[] { 2, 0, 1 })).Layer("GRU", 2, H, H, "t", "a").Out("a");
        Refused(halved, "'Conv_c' (Conv) takes every 2nd step");
        var twice = new OnnxBuilder().In("x", 1, I, "T").Integers("left", 0, 0, 4, 0, 0, 0).Node("Pad", "x left", "p").Random("w", 1, 1, H, I, 5).Random("v", 2, 1, H, I, 3).Integers("2", 2).Integers("end", long.MaxValue).Node("Conv", "p w", "a").Node("Slice", "p 2 end 2", "q").Node("Conv", "q v", "b").Node("Add", "a b", "y").Out("y");
        Refused(twice, "'Slice_q' (Slice) cuts off a part of the padding along time");
        // A window as long as the shortest inputs, at which the layer has one step in each run.
        var framed = new OnnxBuilder().In("x", 1, 1, "T").Random("w", 1, 1, H, 1, 16).Node("Conv", "x w", "c", ("pads", new long[] { 8, 0 }), ("strides", new long[] { 8 })).Node("Transpose", "c", "t", ("perm", new long[] { 2, 0, 1 })).Layer("GRU", 2, H, H, "t", "a").Out("a");
        Refused(framed, "'Conv_c' (Conv) takes every 8th step");
    }

    [Fact]
    public void With_nothing_to_keep_the_option_says_so()
    {
        var model = new OnnxBuilder().In("x", "T", I).Matrix(1, "x", "y", I, H).Out("y");
        Assert.Contains(model.Notes(new ConversionOptions { Stateful = true }), n => n.StartsWith("--stateful changes nothing", StringComparison.Ordinal));
        Assert.DoesNotContain(model.Notes(), n => n.Contains("starts at zero", StringComparison.Ordinal));
    }

    [Fact]
    public void A_computed_batch_must_be_fixed()
    {
        var model = new OnnxBuilder().In("x", "T", "N", 2 * I).Node("Shape", "x", "s").Integers("0", 0).Integers("1", 1).Node("Slice", "s 0 1", "t").Integers("rest", -1, I).Node("Concat", "t rest", "rows", ("axis", 0)).Node("Reshape", "x rows", "r").Layer("GRU", 1, I, H, "r", "a").Out("a");
        Refused(model, "the batch of layer 'GRU_a' is not a dimension of an input, unless it is fixed (--dim N=SIZE)");
        Assert.Single(model.Convert(new ConversionOptions { Stateful = true, Dimensions = new Dictionary<string, int> { ["N"] = 3 } }).Graphs[0].States);
    }

    private static void Refused(OnnxBuilder model, string reason)
    {
        var fault = Assert.Throws<ConversionException>(() => model.Convert(new ConversionOptions { Stateful = true }));
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        var notes = model.Notes();
        if (model.Graph.Node.Any(n => n.OpType == "GRU")) Assert.Contains(notes, n => n.Contains("--stateful could not keep the states", StringComparison.Ordinal) && n.Contains(reason, StringComparison.Ordinal));
    }
}
