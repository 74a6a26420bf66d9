using SeqRuntime.Converter;
using SeqRuntime.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Patterns that become one operator: which operators remain, and that the results still agree with ONNX Runtime.</summary>
public class FusionTests
{
    private const int N = 3, I = 5, H = 4;

    [Fact]
    public void Mat_mul_and_add_become_linear() =>
        Check(new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Random("w", 1, 1, I, H).Random("b", 2, 1, H).Node("MatMul", "x w", "m").Node("Add", "b m", "y").Output("y"), [N, I], OpKind.Linear);

    [Theory]
    [InlineData(0, 1f, 1f)]
    [InlineData(1, 0.5f, 2f)]
    public void Gemm_becomes_linear_with_its_factors(int transposed, float alpha, float beta) =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Random("w", 1, 1, transposed == 1 ? H : I, transposed == 1 ? I : H).Random("b", 2, 1, 1, H)
                .Node("Gemm", "x w b", "y", ("transB", transposed), ("alpha", alpha), ("beta", beta)).Output("y"),
            [N, I],
            OpKind.Linear);

    [Fact]
    public void Batch_normalization_goes_into_the_convolution_before_it() =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I, 7).Random("w", 1, 1, H, I, 3).Random("b", 2, 1, H).Random("s", 3, 1, H).Random("o", 4, 1, H).Random("m", 5, 1, H).Constant("v", [H], 1f, 2f, 0.5f, 3f)
                .Node("Conv", "x w b", "c").Node("BatchNormalization", "c s o m v", "y").Output("y"),
            [N, I, 7],
            OpKind.Conv);

    [Fact]
    public void Batch_normalization_goes_into_the_transposed_convolution_before_it() =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, 4, 7).Random("w", 1, 1, 4, 2, 3).Random("s", 3, 1, H).Random("o", 4, 1, H).Random("m", 5, 1, H).Constant("v", [H], 1f, 2f, 0.5f, 3f)
                .Node("ConvTranspose", "x w", "c", ("group", 2)).Node("BatchNormalization", "c s o m v", "y").Output("y"),
            [N, 4, 7],
            OpKind.ConvTranspose);

    [Theory]
    [InlineData("Pow", true)]
    [InlineData("Mul", false)]
    public void Layer_normalization_written_out_becomes_one(string square, bool divides)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, N, 2, I).Constant("two", [], 2f).Constant("eps", [], 1e-4f).Random("g", 1, 1, I).Random("b", 2, 1, I)
            .Node("ReduceMean", "x", "mean", ("axes", new long[] { -1 })).Node("Sub", "x mean", "d").Node(square, square == "Pow" ? "d two" : "d d", "sq").Node("ReduceMean", "sq", "var", ("axes", new long[] { -1 }))
            .Node("Add", "var eps", "ve").Node("Sqrt", "ve", "sd");
        model = divides ? model.Node("Div", "d sd", "n") : model.Node("Reciprocal", "sd", "inv").Node("Mul", "d inv", "n");
        Check(model.Node("Mul", "n g", "ng").Node("Add", "ng b", "y").Output("y"), [N, 2, I], OpKind.LayerNormalization);
    }

    /// <summary>x·f + (bias - mean·f), as TensorFlow writes it, with global averages as means.</summary>
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void Layer_normalization_with_its_factor_first_becomes_one(bool hasScale, bool hasBias, bool negates)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, N, 2, I).Constant("eps", [], 1e-4f).Random("g", 1, 1, I).Random("b", 2, 1, I)
            .Node("GlobalAveragePool", "x", "mean").Node("Sub", "x mean", "d").Node("Mul", "d d", "sq").Node("GlobalAveragePool", "sq", "var")
            .Node("Add", "var eps", "ve").Node("Sqrt", "ve", "sd").Node("Reciprocal", "sd", "r");
        var factor = hasScale ? "f" : "r";
        if (hasScale) model = model.Node("Mul", "r g", "f");
        model = model.Node("Mul", $"x {factor}", "xf");
        model = negates
            ? model.Node("Neg", "mean", "minus").Node("Mul", $"minus {factor}", "mf").Node("Add", hasBias ? "mf b" : "xf mf", hasBias ? "c" : "y")
            : model.Node("Mul", $"mean {factor}", "mf").Node("Sub", hasBias ? "b mf" : "xf mf", hasBias ? "c" : "y");
        if (hasBias) model = model.Node("Add", "xf c", "y");
        Check(model.Output("y"), [N, 2, I], OpKind.LayerNormalization);
    }

    /// <summary>Another factor, or the mean of another axis, is no normalization.</summary>
    [Fact]
    public void A_sum_that_only_looks_like_a_normalization_stays() =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, 2, I).Constant("eps", [], 1e-4f)
                .Node("ReduceMean", "x", "mean", ("axes", new long[] { -1 })).Node("ReduceMean", "x", "other", ("axes", new long[] { 1 })).Node("Sub", "x mean", "d").Node("Mul", "d d", "sq").Node("ReduceMean", "sq", "var", ("axes", new long[] { -1 }))
                .Node("Add", "var eps", "ve").Node("Sqrt", "ve", "sd").Node("Reciprocal", "sd", "r")
                .Node("Mul", "x r", "xr").Node("Mul", "other r", "mr").Node("Sub", "xr mr", "y").Output("y"),
            [N, 2, I],
            OpKind.Reduce,
            OpKind.Reduce,
            OpKind.Binary,
            OpKind.Binary,
            OpKind.Reduce,
            OpKind.Binary,
            OpKind.Unary,
            OpKind.Unary,
            OpKind.Binary,
            OpKind.Binary,
            OpKind.Binary);

    /// <summary>A bias and a factor for each head, or for all, behind the reshape that divides the outputs into heads.</summary>
    [Theory]
    [InlineData(2, 3)]
    [InlineData(1, 3)]
    [InlineData(2, 1)]
    [InlineData(0, 3)]
    [InlineData(0, 0)]
    public void Constants_behind_a_division_into_heads_go_into_linear(int heads, int width)
    {
        long[] sizes = heads == 0 && width == 0 ? [] : heads == 0 ? [width] : [1, 1, heads, width];
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Random("w", 1, 1, I, 6).Random("b", 2, 1, sizes).Random("s", 3, 1, sizes).Constant("heads", [4], 1L, N, 2, 3)
                .Node("MatMul", "x w", "m").Node("Reshape", "m heads", "r").Node("Add", "r b", "a").Node("Mul", "s a", "y").Output("y"),
            [N, I],
            OpKind.Linear);
    }

    /// <summary>A factor for each step is none for each output.</summary>
    [Fact]
    public void A_constant_for_each_row_behind_heads_stays() =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Random("w", 1, 1, I, 6).Random("b", 2, 1, N, 1, 1).Constant("heads", [3], (long)N, 2, 3)
                .Node("MatMul", "x w", "m").Node("Reshape", "m heads", "r").Node("Add", "r b", "y").Output("y"),
            [N, I],
            OpKind.Linear,
            OpKind.Binary);

    /// <summary>Attention as Keras exports it: K·Qᵀ, softmax along columns, transposed.</summary>
    [Fact]
    public void Scores_that_are_transposed_after_softmax_are_computed_transposed() =>
        Check(
            new OnnxBuilder().Input("q", OnnxBuilder.Float, N, I, 2, H).Input("k", OnnxBuilder.Float, N, I, 2, H).Constant("s", [], 0.5f)
                .Node("Transpose", "q", "qt", ("perm", new long[] { 0, 2, 3, 1 })).Node("Transpose", "k", "kt", ("perm", new long[] { 0, 2, 1, 3 }))
                .Node("MatMul", "kt qt", "m").Node("Mul", "m s", "ms").Node("Softmax", "ms", "p", ("axis", 2)).Node("Transpose", "p", "y", ("perm", new long[] { 0, 1, 3, 2 })).Output("y"),
            [N, I, 2, H],
            [N, I, 2, H],
            OpKind.Transpose,
            OpKind.Transpose,
            OpKind.MatMul,
            OpKind.Binary,
            OpKind.Softmax);

    [Fact]
    public void Gelu_and_swish_written_out_become_one()
    {
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Constant("root", [], 1.4142135f).Constant("one", [], 1f).Constant("half", [], 0.5f)
                .Node("Div", "x root", "a").Node("Erf", "a", "e").Node("Add", "e one", "f").Node("Mul", "x f", "g").Node("Mul", "g half", "y").Output("y"),
            [N, I],
            OpKind.Unary);
        Check(new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Node("Sigmoid", "x", "s").Node("Mul", "x s", "y").Output("y"), [N, I], OpKind.Unary);
    }

    [Fact]
    public void Shape_changes_that_undo_each_other_vanish() =>
        Check(
            new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Constant("s", [3], N, 1L, I).Constant("axes", [1], 1L)
                .Node("Transpose", "x", "t", ("perm", new long[] { 1, 0 })).Node("Transpose", "t", "u", ("perm", new long[] { 1, 0 })).Node("Reshape", "u s", "v").Node("Squeeze", "v axes", "w").Node("Tanh", "w", "y").Output("y"),
            [N, I],
            OpKind.Unary);

    /// <summary>A part of a sequence of symbolic length that is one step shorter has an unknown length too, but is another value.</summary>
    [Theory]
    [InlineData(0, long.MaxValue, 4)]
    [InlineData(0, -1, 3)]
    [InlineData(1, long.MaxValue, 3)]
    public void A_part_of_an_open_sequence_is_the_whole_only_where_it_is_as_long(long start, long end, int length)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", I).Constant("start", [1], start).Constant("end", [1], end).Constant("axis", [1], 0L).Node("Slice", "x start end axis", "part").Node("Neg", "part", "y").Output("y");
        using var loaded = model.Load();
        using var session = loaded.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 4 } });
        session.Run();
        Assert.Equal([length, I], session.Outputs[0].Shape.ToArray());
        Assert.Equal(length == 4 ? 1 : 2, model.Convert().Model.Graphs[0].Nodes.Count);
    }

    /// <summary>PyTorch's LSTMCell: gates i f g o; Keras: i f c o by another order of products; TensorFlow adds 1 to the forget gate.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_LSTM_cell_written_out_becomes_an_LSTM(bool addsToForget)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, N, I).Input("h", OnnxBuilder.Float, N, H).Input("c", OnnxBuilder.Float, N, H).Constant("one", [], 1f)
            .Random("w", 1, 1, 4 * H, I).Random("r", 2, 1, 4 * H, H).Random("bw", 3, 1, 4 * H).Random("br", 4, 1, 4 * H)
            .Node("Gemm", "h r br", "hr", ("transB", 1)).Node("Gemm", "x w bw", "xw", ("transB", 1)).Node("Add", "hr xw", "gates").Node("Split", "gates", "gi gf gg go", ("axis", 1), ("num_outputs", 4));
        if (addsToForget) model.Node("Add", "gf one", "gf1");
        model.Node("Sigmoid", "gi", "i").Node("Sigmoid", addsToForget ? "gf1" : "gf", "f").Node("Tanh", "gg", "g").Node("Sigmoid", "go", "o")
            .Node("Mul", "f c", "fc").Node("Mul", "i g", "ig").Node("Add", "fc ig", "c_out").Node("Tanh", "c_out", "tc").Node("Mul", "o tc", "h_out").Node("Concat", "h_out c_out", "y", ("axis", 1)).Output("y");
        model.Model.OpsetImport[0].Version = 18;
        Check(model, [N, I], [N, H], OpKind.Lstm, OpKind.Concat);
    }

    /// <summary>PyTorch's GRUCell: r z n, n + z·(h - n). Keras with reset_after: z r n, z·h + (1 - z)·n.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_GRU_cell_written_out_becomes_a_GRU(bool isKeras)
    {
        var model = new OnnxBuilder(18).Input("x", OnnxBuilder.Float, N, I).Input("h", OnnxBuilder.Float, N, H).Constant("one", [], 1f)
            .Random("w", 1, 1, 3 * H, I).Random("r", 2, 1, 3 * H, H).Random("bw", 3, 1, 3 * H).Random("br", 4, 1, 3 * H)
            .Node("Gemm", "x w bw", "gx", ("transB", 1)).Node("Gemm", "h r br", "gh", ("transB", 1))
            .Node("Split", "gx", isKeras ? "xz xr xn" : "xr xz xn", ("axis", 1), ("num_outputs", 3)).Node("Split", "gh", isKeras ? "hz hr hn" : "hr hz hn", ("axis", 1), ("num_outputs", 3))
            .Node("Add", "xr hr", "ar").Node("Sigmoid", "ar", "rr").Node("Add", "xz hz", "az").Node("Sigmoid", "az", "z").Node("Mul", "rr hn", "rh").Node("Add", "xn rh", "an").Node("Tanh", "an", "n");
        model = isKeras ? model.Node("Sub", "one z", "iz").Node("Mul", "z h", "zh").Node("Mul", "iz n", "izn").Node("Add", "zh izn", "y") : model.Node("Sub", "h n", "d").Node("Mul", "d z", "dz").Node("Add", "dz n", "y");
        Check(model.Output("y"), [N, I], [N, H], OpKind.Gru);
    }

    /// <summary>The input products of all tokens become a table; with very many tokens the table would be too large.</summary>
    [Theory]
    [InlineData("LSTM", "forward", 5, true)]
    [InlineData("LSTM", "bidirectional", 5, true)]
    [InlineData("GRU", "bidirectional", 5, true)]
    [InlineData("GRU", "reverse", 5, true)]
    [InlineData("RNN", "forward", 5, true)]
    [InlineData("GRU", "forward", 12, true)]
    [InlineData("LSTM", "forward", 400, false)]
    public void A_recurrent_layer_that_reads_an_embedding_looks_up_its_products(string op, string direction, int tokens, bool isTable)
    {
        const int inputs = 12;
        var (gates, directions) = (op == "LSTM" ? 4 : op == "GRU" ? 3 : 1, direction == "bidirectional" ? 2 : 1);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, N).Constant("most", [], tokens - 0.01f).Random("e", 1, 1, tokens, inputs).Constant("axes", [1], 1L)
            .Random("w", 2, 1, directions, gates * H, inputs).Random("r", 3, 1, directions, gates * H, H).Random("b", 4, 1, directions, 2 * gates * H)
            .Node("Abs", "x", "a").Node("Mul", "a most", "m").Node("Cast", "m", "ids", ("to", OnnxBuilder.Int64)).Node("Gather", "e ids", "g").Node("Unsqueeze", "g axes", "u");
        model = op == "GRU"
            ? model.Node(op, "u w r b", "y", ("hidden_size", H), ("direction", direction), ("linear_before_reset", direction == "reverse" ? 0 : 1))
            : model.Node(op, "u w r b", "y", ("hidden_size", H), ("direction", direction));
        model = model.Output("y");
        var kind = op == "LSTM" ? OpKind.Lstm : op == "GRU" ? OpKind.Gru : OpKind.Rnn;
        Check(model, [N], OpKind.Unary, OpKind.Binary, OpKind.Cast, OpKind.Gather, kind);
        var layer = model.Convert().Model.Graphs[0].Nodes.Single(n => n.Kind == kind);
        Assert.Equal(isTable, layer.Inputs[kind == OpKind.Lstm ? 4 : 3] < 0);
    }

    /// <summary>Joined with other features, an embedding's part of the products becomes a table; the layer gets the sum of both parts.</summary>
    [Theory]
    [InlineData("LSTM", "forward", "h u")]
    [InlineData("LSTM", "bidirectional", "u h")]
    [InlineData("GRU", "reverse", "h u h")]
    [InlineData("RNN", "forward", "u h h")]
    public void A_recurrent_layer_that_reads_an_embedding_beside_other_features_looks_up_its_part(string op, string direction, string parts)
    {
        const int tokens = 5, features = 12, others = 7;
        var (gates, directions) = (op == "LSTM" ? 4 : op == "GRU" ? 3 : 1, direction == "bidirectional" ? 2 : 1);
        var others2 = parts.Count(c => c == 'h') * others;
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, N).Input("h", OnnxBuilder.Float, N, 1, others).Constant("most", [], tokens - 0.01f).Random("e", 1, 1, tokens, features).Constant("axes", [1], 1L)
            .Random("w", 2, 1, directions, gates * H, features + others2).Random("r", 3, 1, directions, gates * H, H).Random("b", 4, 1, directions, 2 * gates * H)
            .Node("Abs", "x", "a").Node("Mul", "a most", "m").Node("Cast", "m", "ids", ("to", OnnxBuilder.Int64)).Node("Gather", "e ids", "g").Node("Unsqueeze", "g axes", "u")
            .Node("Concat", parts, "joined", ("axis", parts[0] == 'h' ? -1 : 2));
        model = op == "GRU"
            ? model.Node(op, "joined w r b", "y", ("hidden_size", H), ("direction", direction), ("linear_before_reset", 1))
            : model.Node(op, "joined w r b", "y", ("hidden_size", H), ("direction", direction));
        model = model.Output("y");
        var kind = op == "LSTM" ? OpKind.Lstm : op == "GRU" ? OpKind.Gru : OpKind.Rnn;
        OpKind[] rest = others2 > others ? [OpKind.Concat, OpKind.Linear] : [OpKind.Linear];
        Check(model, [N], [N, 1, others], [OpKind.Unary, OpKind.Binary, OpKind.Cast, OpKind.Gather, .. rest, OpKind.Binary, kind]);
        var apart = model.Convert(new ConversionOptions { AutoStates = false, Keep = ["e"] }).Model.Graphs[0].Nodes;
        Assert.Contains(apart, n => n.Kind == OpKind.Concat);
        Assert.DoesNotContain(apart, n => n.Kind == OpKind.Linear);
    }

    /// <summary>A lookup that is joined with itself is still read, so a table would be stored beside the embedding.</summary>
    [Fact]
    public void An_embedding_that_is_joined_with_itself_gets_no_table()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Int64, N).Random("e", 1, 1, 2000, 64).Constant("axes", [1], 1L).Random("w", 2, 1, 1, 4 * H, 128).Random("r", 3, 1, 1, 4 * H, H)
            .Node("Gather", "e x", "g").Node("Unsqueeze", "g axes", "u").Node("Concat", "u u", "joined", ("axis", 2)).Node("LSTM", "joined w r", "y", ("hidden_size", H)).Output("y");
        Assert.DoesNotContain(model.Convert(new ConversionOptions { AutoStates = false }).Tensors, t => t.Name.EndsWith(".tokens", StringComparison.Ordinal));
    }

    /// <summary>A table of products takes at most a quarter more bytes than the matrices that it replaces; naming the embedding or a matrix prevents it.</summary>
    [Theory]
    [InlineData("fp32")]
    [InlineData("fp16")]
    [InlineData("int8")]
    [InlineData("int4")]
    public void A_table_of_products_is_at_most_a_quarter_larger_than_what_it_replaces(string weights)
    {
        var kind = WeightKinds.Parse(weights)!.Value;
        var folded = 0;
        foreach (var tokens in (int[])[3, 10, 20, 30, 45, 60, 90, 150, 400])
        {
            foreach (var (inputs, isShared) in ((int, bool)[])[(24, false), (24, true), (100, false), (100, true)])
            {
                var model = new OnnxBuilder().Input("x", OnnxBuilder.Int64, N).Random("e", 1, 1, tokens, inputs).Constant("axes", [1], 1L).Random("w", 2, 1, 1, 4 * 40, inputs).Random("r", 3, 1, 1, 4 * 40, 40).Random("w2", 4, 1, 1, 4 * 40, inputs).Random("r2", 5, 1, 1, 4 * 40, 40)
                    .Node("Gather", "e x", "g").Node("Unsqueeze", "g axes", "u").Node("LSTM", "u w r", "y", ("hidden_size", 40)).Node("LSTM", "u w2 r2", "z", ("hidden_size", 40), ("direction", "reverse")).Output("y").Output("z");
                if (isShared) model.Node("Neg", "g", "also").Output("also");
                ConversionResult Convert(params WeightOverride[] of) => model.Convert(new ConversionOptions { AutoStates = false, Weights = kind, WeightsOf = of });
                var apart = Convert(new WeightOverride("e", WeightKind.Float32));
                Assert.DoesNotContain(apart.Tensors, t => t.Name.EndsWith(".tokens", StringComparison.Ordinal));
                apart = Convert(new WeightOverride("e", apart.Tensors.Single(t => t.Name == "e").General!.Value));
                var free = Convert();
                Assert.InRange(free.File.Length, 1, apart.File.Length * 5 / 4);
                folded += free.Tensors.Count(t => t.Name.EndsWith(".tokens", StringComparison.Ordinal));
                if (free.Tensors.Any(t => t.Name == "w2.tokens")) Assert.DoesNotContain(Convert(new WeightOverride("w2", kind)).Tensors, t => t.Name == "w2.tokens");
            }
        }

        Assert.InRange(folded, 4, 60);
    }

    private static void Check(OnnxBuilder model, int[] shape, params OpKind[] kinds) => Check(model, shape, state: null, kinds);

    private static void Check(OnnxBuilder model, int[] shape, int[]? state, params OpKind[] kinds)
    {
        var options = new ConversionOptions { AutoStates = false };
        var nodes = model.Convert(options).Model.Graphs[0].Nodes.Select(n => n.Kind).Where(k => k is not (OpKind.Reshape or OpKind.Squeeze or OpKind.Unsqueeze));
        Assert.Equal(kinds, nodes);
        var random = new Random(7);
        var inputs = model.Graph.Input.Select((port, i) => (port.Name, Shape: i == 0 ? shape : state!, Data: Array.Empty<float>())).ToArray();
        for (var i = 0; i < inputs.Length; i++) inputs[i].Data = Numbers.Random(random, Numbers.Count(inputs[i].Shape));
        var expected = model.Reference(inputs);
        var ours = model.Run(options, [.. inputs.Select(i => i.Data)]);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5 + 1e-5 * Math.Abs(expected[i]));
    }
}
