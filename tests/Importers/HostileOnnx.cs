using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Small models of many operators, which tests and the fuzzer mutate.</summary>
internal static class HostileOnnx
{
    /// <summary>A model with parts that are difficult for importers: weights, a branch, shapes, a recurrent layer, a convolution.</summary>
    public static ModelProto Sample()
    {
        var yes = new GraphProto { Name = "yes" };
        yes.Node.Add(OnnxBuilder.MakeNode("Mul", "x two", "yes_y"));
        yes.Initializer.Add(OnnxBuilder.Tensor("two", [], 2f));
        yes.Output.Add(OnnxBuilder.Port("yes_y", OnnxBuilder.Float, 2, "N", 4));
        var no = new GraphProto { Name = "no" };
        no.Node.Add(OnnxBuilder.MakeNode("Neg", "x", "no_y"));
        no.Output.Add(OnnxBuilder.Port("no_y", OnnxBuilder.Float, 2, "N", 4));
        return new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, "N", 4).Input("h", OnnxBuilder.Float, 1, "N", 3).Constant("flag", [], true)
            .Random("W", 1, 1, 1, 12, 4).Random("R", 2, 1, 1, 12, 3).Random("B", 3, 1, 1, 24).Random("K", 4, 1, 2, 3, 2).Constant("axes", [1], 0L).Constant("tail", [2], -1L, 6L)
            .Node("If", "flag", "xx", ("then_branch", yes), ("else_branch", no))
            .Node("LSTM", "xx W R B - h -", "Y Yh", ("hidden_size", 3))
            .Node("Squeeze", "Yh axes", "last").Node("Unsqueeze", "last axes", "image").Node("Transpose", "image", "turned", ("perm", new long[] { 0, 2, 1 }))
            .Node("Conv", "turned K", "conv", ("auto_pad", "SAME_UPPER")).Node("Shape", "conv", "shape").Node("Gather", "shape axes", "first")
            .Node("Concat", "first tail", "wanted", ("axis", 0)).Node("Flatten", "conv", "y").Node("Softmax", "y", "soft", ("axis", 1)).Node("Sigmoid", "Yh", "h_out")
            .Output("soft").Output("h_out", OnnxBuilder.Float, 1, "N", 3).Output("wanted", OnnxBuilder.Int64, 3).Model;
    }

    /// <summary>Operators that are replaced by others: quantized ones, ONNX Runtime's, sequences, sums of products, a resized axis, a branch on data.</summary>
    public static ModelProto Rewritten()
    {
        const string own = "com.microsoft.";
        static GraphProto Branch(NodeProto node)
        {
            var graph = new GraphProto { Name = "branch" };
            graph.Node.Add(node);
            graph.Output.Add(OnnxBuilder.Port("t", OnnxBuilder.Float, 2, 3, 4));
            return graph;
        }

        return new OnnxBuilder(18).Input("x", OnnxBuilder.Float, 2, 3, 4).Constant("s", [], 0.1f).Constant("z", [], (byte)3).Constant<byte>("w", [4, 2], 1, 2, 3, 4, 5, 6, 7, 8)
            .Constant("lw", [1, 2, 8], new sbyte[16]).Constant("lr", [1, 2, 8], new sbyte[16]).Constant("ls", [1], 0.1f).Constant("lz", [1], (sbyte)0).Constant("nib", [2, 1, 8], new byte[16]).Constant("nibs", [2], 1f, 2f)
            .Constant("one", [], 1L).Constant("scales", [3], 1f, 1f, 2f).Random("qkv", 5, 1, 4, 12).Random("g", 6, 1, 4)
            .Node("QuantizeLinear", "x s z", "q").Node("DequantizeLinear", "q s z", "d").Node("DynamicQuantizeLinear", "d", "dq ds dz").Node("MatMulInteger", "dq w dz z", "i").Node("Cast", "i", "f", ("to", 1)).Node("Mul", "f ds", "p")
            .Node(own + "DynamicQuantizeLSTM", "p lw lr - - - - - ls lz ls lz", "h", ("hidden_size", 2))
            .Node(own + "Attention", "x qkv", "a", ("num_heads", 2)).Node(own + "SkipLayerNormalization", "a x g", "n").Node(own + "MatMulNBits", "n nib nibs", "m", ("K", 4), ("N", 2), ("bits", 4), ("block_size", 16))
            .Node("SplitToSequence", "n", "parts", ("axis", 1), ("keepdims", 0)).Node("SequenceAt", "parts one", "part").Node("Einsum", "part n", "e", ("equation", "bd,b...d->b..."))
            .Node("Resize", "n - scales", "r", ("mode", "linear")).Node("ReduceMax", "x", "top", ("keepdims", 0)).Node("Less", "top s", "low")
            .Node("If", "low", "y", ("then_branch", Branch(OnnxBuilder.MakeNode("Neg", "n", "t"))), ("else_branch", Branch(OnnxBuilder.MakeNode("Abs", "n", "t"))))
            .Output("y").Output("h").Output("m").Output("e").Output("r").Model;
    }

    /// <summary>Layers: recurrent ones of every kind, convolutions, pools, normalizations.</summary>
    public static ModelProto Layers() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, "N", 4).Input("i", OnnxBuilder.Float, 1, 2, "L")
        .Random("gw", 1, 1, 2, 9, 4).Random("gr", 2, 1, 2, 9, 3).Random("gb", 3, 1, 2, 18).Random("rw", 4, 1, 1, 3, 6).Random("rr", 5, 1, 1, 3, 3).Random("lw", 6, 1, 1, 12, 3).Random("lr", 7, 1, 1, 12, 3).Random("p", 8, 1, 1, 9)
        .Node("GRU", "x gw gr gb", "g gh", ("hidden_size", 3), ("direction", "bidirectional"), ("linear_before_reset", 1)).Node("Transpose", "g", "gt", ("perm", new long[] { 0, 2, 1, 3 })).Constant("flat", [3], 0L, 0L, -1L).Node("Reshape", "gt flat", "gf")
        .Node("RNN", "gf rw rr", "r", ("hidden_size", 3), ("direction", "reverse"), ("clip", 3f)).Constant("one", [1], 1L).Node("Squeeze", "r one", "rs").Node("LSTM", "rs lw lr - - - - p", "l", ("hidden_size", 3), ("input_forget", 1))
        .Random("k", 9, 1, 4, 2, 3).Random("kb", 10, 1, 4).Node("Conv", "i k kb", "c", ("pads", new long[] { 1, 1 }), ("strides", new long[] { 2 })).Random("s", 11, 1, 4).Constant("v", [4], 0.5f, 1f, 1.5f, 2f)
        .Node("BatchNormalization", "c s s s v", "b").Node("MaxPool", "b", "m", ("kernel_shape", new long[] { 2 }), ("pads", new long[] { 1, 0 })).Node("AveragePool", "m", "a", ("kernel_shape", new long[] { 2 }), ("auto_pad", "SAME_UPPER"))
        .Random("t", 13, 1, 4, 2, 3).Node("ConvTranspose", "a t", "d", ("strides", new long[] { 2 })).Random("n", 14, 1, 2).Node("InstanceNormalization", "d n n", "e").Node("GlobalAveragePool", "e", "f").Node("LayerNormalization", "x v", "o")
        .Node("Gemm", "f2 w2 b2", "q", ("transB", 1), ("alpha", 0.5f)).Output("l").Output("gh").Output("f").Output("o").Output("q").Also(b =>
        {
            b.Graph.Node.Insert(b.Graph.Node.Count - 1, OnnxBuilder.MakeNode("Flatten", "f", "f2"));
            b.Random("w2", 15, 1, 3, 2).Random("b2", 16, 1, 3);
        }).Model;

    /// <summary>Operators that move, look up, count and compare elements; computed shapes.</summary>
    public static ModelProto Elements() => new OnnxBuilder(18).Input("x", OnnxBuilder.Float, "N", 4).Input("i", OnnxBuilder.Int64, 2).Constant("k", [1], 2L).Constant("zero", [1], 0L).Constant("depth", [], 5L).Constant("hot", [2], 0f, 1f)
        .Constant("axis", [], 1L).Constant("pads", [4], 0L, 1L, 0L, 1L).Constant("reps", [2], 1L, 2L).Constant("nd", [1, 2], 0L, 1L).Constant("upd", [1], 3f).Constant("idx", [1, 4], 0L, 0L, 0L, 0L).Constant("row", [1, 4], 1f, 2f, 3f, 4f).Constant("lens", [2], 1L, 2L).Constant("end", [1], 3L)
        .Node("TopK", "x k", "top at").Node("Gather", "x i", "g", ("axis", 1)).Node("GatherElements", "x idx", "ge").Node("ScatterElements", "x idx row", "se").Node("ScatterND", "x nd upd", "sn").Node("GatherND", "x nd", "gn").Node("OneHot", "at depth hot", "oh")
        .Node("CumSum", "x axis", "cs", ("reverse", 1)).Node("Pad", "x pads", "pd", ("mode", "edge")).Node("Tile", "x reps", "tl").Node("Split", "x", "s1 s2", ("axis", 1), ("num_outputs", 2)).Node("Slice", "x zero end zero", "sl").Node("Shape", "x", "sh").Node("ConstantOfShape", "sh", "cz").Node("Where", "cb x cz", "wh")
        .Node("ReduceSum", "x zero", "rs").Node("ArgMax", "x", "am", ("axis", 1)).Node("Trilu", "x", "tr").Node("Range", "a0 a1 a2", "ra").Node("Expand", "rs sh", "ex").Node("Concat", "s1 s2", "co", ("axis", 1)).Node("Clip", "co lo hi", "cl").Node("Mod", "at m", "mo").Node("Pow", "x pw", "po").Node("Softmax", "po", "so").Node("LogSoftmax", "x", "ls").Node("Hardmax", "x", "hm")
        .Node("Einsum", "x x", "ei", ("equation", "ij,kj->ik")).Node("ReverseSequence", "x2 lens", "rv", ("batch_axis", 1), ("time_axis", 0)).Node("LpNormalization", "x", "lp").Node("Celu", "x", "ce").Node("IsNaN", "x", "nn").Node("Cast", "nn", "ca", ("to", 1)).Node("PRelu", "x hp", "pr")
        .Output("g").Output("ge").Output("se").Output("sn").Output("gn").Output("oh").Output("cs").Output("pd").Output("tl").Output("sl").Output("wh").Output("am", OnnxBuilder.Int64).Output("tr").Output("ra", OnnxBuilder.Int64).Output("ex").Output("cl").Output("mo", OnnxBuilder.Int64).Output("so").Output("ls").Output("hm").Output("ei").Output("rv").Output("lp").Output("ce").Output("ca").Output("pr").Output("top")
        .Also(b =>
        {
            b.Constant("lo", [], -1f).Constant("hi", [], 1f).Constant("m", [], 3L).Constant("pw", [], 2f).Constant("a0", [], 0L).Constant("a1", [], 5L).Constant("a2", [], 2L).Constant("hp", [1], 0.1f).Constant("x2", [3, 2], 1f, 2f, 3f, 4f, 5f, 6f);
            b.Graph.Node.Insert(0, OnnxBuilder.MakeNode("Greater", "x cst", "cb"));
            b.Constant("cst", [], 0f);
        }).Model;

    /// <summary>A loop, a scan, a sequence, functions that call each other, transforms and windows.</summary>
    public static ModelProto Control()
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("r", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("v", OnnxBuilder.Float, 2)]);
        body.Node.AddRange([OnnxBuilder.MakeNode("Mul", "v half", "next"), OnnxBuilder.MakeNode("Identity", "go", "on"), OnnxBuilder.MakeNode("Neg", "next", "row")]);
        body.Initializer.Add(OnnxBuilder.Tensor("half", [], 0.5f));
        body.Output.AddRange([OnnxBuilder.Port("on", OnnxBuilder.Bool), OnnxBuilder.Port("next", OnnxBuilder.Float, 2), OnnxBuilder.Port("row", OnnxBuilder.Float, 2)]);
        var scan = new GraphProto { Name = "scan" };
        scan.Input.AddRange([OnnxBuilder.Port("sum", OnnxBuilder.Float, 2), OnnxBuilder.Port("e", OnnxBuilder.Float, 2)]);
        scan.Node.AddRange([OnnxBuilder.MakeNode("Add", "sum e", "sum2"), OnnxBuilder.MakeNode("Identity", "sum2", "each")]);
        scan.Output.AddRange([OnnxBuilder.Port("sum2", OnnxBuilder.Float, 2), OnnxBuilder.Port("each", OnnxBuilder.Float, 2)]);
        var model = new OnnxBuilder(17).Input("x", OnnxBuilder.Float, 2).Input("f", OnnxBuilder.Float, 1, 16, 1).Constant("n", [], 3L).Constant("true", [], true).Constant("frame", [], 4L).Constant("size", [], 8L).Constant("w", [8], 1f, 1, 1, 1, 1, 1, 1, 1)
            .Node("Loop", "n true x", "last rows", ("body", body)).Node("Scan", "x rows", "total all", ("body", scan), ("num_scan_inputs", 1)).Node("STFT", "f frame w", "st").Node("DFT", "f", "df", ("axis", 1)).Node("HannWindow", "size", "hw").Node("Mul", "w hw", "wh")
            .Node("SequenceConstruct", "last total", "sq").Node("ConcatFromSequence", "sq", "cf", ("axis", 0)).Output("all").Output("st").Output("df").Output("wh").Output("cf").Output("called");
        model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        var inner = new FunctionProto { Name = "Inner", Domain = "own", Input = { "a" }, Output = { "b" }, Attribute = { "slope" } };
        inner.Node.Add(OnnxBuilder.MakeNode("LeakyRelu", "a", "b"));
        inner.Node[0].Attribute.Add(new AttributeProto { Name = "alpha", RefAttrName = "slope", Type = 1 });
        var outer = new FunctionProto { Name = "Outer", Domain = "own", Input = { "a" }, Output = { "b" } };
        outer.Node.AddRange([OnnxBuilder.MakeNode("Inner", "a", "t", ("slope", 0.2f)), OnnxBuilder.MakeNode("Inner", "t", "b", ("slope", 0.3f))]);
        foreach (var node in outer.Node) node.Domain = "own";
        model.Model.Functions.AddRange([inner, outer]);
        var call = OnnxBuilder.MakeNode("Outer", "x", "called");
        call.Domain = "own";
        model.Graph.Node.Add(call);
        return model.Model;
    }
}
