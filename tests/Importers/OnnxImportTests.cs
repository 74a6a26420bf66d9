using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Old forms of operators, branches, functions, and symbolic dimensions, compared with ONNX Runtime.</summary>
public class OnnxImportTests
{
    [Fact]
    public void Old_forms_of_operators_mean_what_they_meant()
    {
        var x = Enumerable.Range(0, 48).Select(i => MathF.Sin(i * 1.7f) * 3).ToArray();
        var model = new OnnxBuilder(9).Input("x", OnnxBuilder.Float, 2, 4, 6).Random("s", 1, 1, 4).Random("o", 2, 1, 4).Random("m", 3, 1, 4).Constant("v", [4], 1f, 2f, 3f, 4f)
            .Node("Slice", "x", "a", ("starts", new long[] { 1, -5 }), ("ends", new long[] { 4, 9999 }), ("axes", new long[] { 1, 2 }))
            .Node("Clip", "a", "b", ("min", -1.5f), ("max", 2f))
            .Node("Pad", "b", "c", ("pads", new long[] { 0, 1, 0, 0, 0, 1 }), ("value", 0.25f))
            .Node("BatchNormalization", "c s o m v", "d")
            .Node("Softmax", "d", "e", ("axis", 1))
            .Node("Dropout", "e", "f", ("ratio", 0.5f))
            .Node("Split", "f", "g h", ("axis", 2), ("split", new long[] { 2, 4 }))
            .Node("Unsqueeze", "h", "i", ("axes", new long[] { 0 }))
            .Node("ReduceSum", "i", "j", ("axes", new long[] { 3 }), ("keepdims", 0))
            .Node("Squeeze", "j", "y", ("axes", new long[] { 0 })).Output("y");
        model.AgreesWithReference(x, [2, 4, 6], relative: 1e-5);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(20)]
    [InlineData(21)]
    [InlineData(22)]
    public void Every_opset_is_read_in_its_own_form(int opset)
    {
        const int Hidden = 3;
        var model = new OnnxBuilder(opset).Input("x", OnnxBuilder.Float, 2, 3, 8).Random("s", 1, 1, 3).Random("o", 2, 1, 3).Random("m", 3, 1, 3).Constant("v", [3], 1f, 2f, 3f).Random("w", 4, 1, 5, 4).Random("c", 5, 1, 5)
            .Random("lw", 6, 1, 2, 4 * Hidden, 4).Random("lr", 7, 1, 2, 4 * Hidden, Hidden).Random("gw", 8, 1, 1, 3 * Hidden, 2 * Hidden).Random("gr", 9, 1, 1, 3 * Hidden, Hidden);
        Listed("Slice", "x", "a", opset >= 10, ("starts", [1, 0]), ("ends", [-1, 3]), ("axes", [2, 1]));
        if (opset >= 11) model.Constant("pads", [6], 0L, 0, 1, 0, 0, 1).Constant("fill", [], 0.5f).Node("Pad", "a pads fill", "b");
        else model.Node("Pad", "a", "b", ("pads", new long[] { 0, 0, 1, 0, 0, 1 }), ("value", 0.5f));
        if (opset >= 11) model.Constant("least", [], -0.8f).Constant("most", [], 0.9f).Node("Clip", "b least most", "d");
        else model.Node("Clip", "b", "d", ("min", -0.8f), ("max", 0.9f));
        model.Node("BatchNormalization", "d s o m v", "e", ("epsilon", 1e-3f));
        Listed("Split", "e", "f g", opset >= 13, ("split", [4, 4]));
        model.Graph.Node[^1].Attribute.Add(new AttributeProto { Name = "axis", I = -1, Type = 2 });
        model.Node("Softmax", "f", "soft", ("axis", opset >= 11 ? -2 : 1)).Node("LogSoftmax", "soft", "log", ("axis", opset >= 11 ? -1 : 2));
        Listed("ReduceMean", "g", "mean", opset >= 18, ("axes", [1]));
        Listed("ReduceSum", "g", "sum", opset >= 13, ("axes", [1]));
        Listed("ReduceMax", "g", "max", opset >= 18, ("axes", [1]));
        model.Node("Sub", "log mean", "h1").Node("Add", "h1 sum", "h2").Node("Add", "h2 max", "h3").Node("Dropout", "h3", "h4");
        // [2, 3, 4] as steps, batch and features; a bidirectional LSTM gives [2, 2, 3, hidden], a GRU then [2, 1, 3, hidden].
        model.Node("LSTM", "h4 lw lr", "l", ("hidden_size", Hidden), ("direction", "bidirectional")).Node("Transpose", "l", "lt", ("perm", new long[] { 0, 2, 1, 3 })).Constant("join", [3], 0L, 0, -1).Node("Reshape", "lt join", "lj")
            .Node("GRU", "lj gw gr", "gru", ("hidden_size", Hidden), ("linear_before_reset", 1));
        Listed("Squeeze", "gru", "q", opset >= 13, ("axes", [1]));
        Listed("Unsqueeze", "h4", "u", opset >= 13, ("axes", [0]));
        Listed("Squeeze", "u", "u1", opset >= 13, ("axes", [0]));
        model.Constant("rows", [2], 6L, 4).Node("Reshape", "u1 rows", "r").Node("Gemm", "r w c", "k", ("transB", 1), ("alpha", 0.5f), ("beta", 2f));
        if (opset >= 10) model.Constant("three", [1], 3L).Node("TopK", "k three", "top i", ("axis", -1));
        else model.Node("TopK", "k", "top i", ("axis", 1), ("k", 3));
        model.Node("Flatten", "q", "flat", ("axis", 2)).Node("Concat", "flat top", "y", ("axis", 1)).Output("y");
        var x = Enumerable.Range(0, 48).Select(i => MathF.Sin(i * 1.7f) * 2).ToArray();
        model.AgreesWithReference(x, [2, 3, 8], relative: 1e-5);

        // Lists that are attributes in older opsets and inputs in newer ones.
        void Listed(string op, string input, string output, bool asInputs, params (string Name, long[] Values)[] lists)
        {
            if (!asInputs)
            {
                model.Node(op, input, output, [.. lists.Select(l => (l.Name, (object)l.Values))]);
                return;
            }

            foreach (var (name, values) in lists) model.Constant($"{output.Split(' ')[0]}.{name}", [values.Length], values);
            model.Node(op, string.Join(' ', lists.Select(l => $"{output.Split(' ')[0]}.{l.Name}").Prepend(input)), output);
        }
    }

    [Fact]
    public void Top_K_of_opset9_and_up_takes_its_count_wherever_it_is()
    {
        var x = Enumerable.Range(0, 10).Select(i => MathF.Cos(i)).ToArray();
        var old = new OnnxBuilder(9).Input("x", OnnxBuilder.Float, 2, 5).Node("TopK", "x", "y i", ("k", 3)).Output("y");
        var recent = new OnnxBuilder(11).Input("x", OnnxBuilder.Float, 2, 5).Constant("k", [1], 3L).Node("TopK", "x k", "y i").Output("y");
        recent.AgreesWithReference(x, [2, 5], relative: 1e-5);
        Numbers.Near(recent.Run(options: null, x), old.Run(options: null, x), tolerance: 1e-5, relative: 1e-5);
    }

    [Fact]
    public void A_branch_on_a_set_input_is_taken_also_inside_another()
    {
        static GraphProto Branch(string name, params NodeProto[] nodes)
        {
            var graph = new GraphProto { Name = name };
            graph.Node.AddRange(nodes);
            graph.Output.Add(OnnxBuilder.Port(nodes[^1].Output[0], OnnxBuilder.Float, 1, 2));
            return graph;
        }

        // Both branches use the same value names, like exporters.
        var inner = OnnxBuilder.MakeNode("If", "low", "r", ("then_branch", Branch("a", OnnxBuilder.MakeNode("Neg", "x", "t"))), ("else_branch", Branch("b", OnnxBuilder.MakeNode("Abs", "x", "t"))));
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2).Input("rate", OnnxBuilder.Int64).Constant("sixteen", [], 16000L).Constant("eight", [], 8000L)
            .Node("Equal", "rate sixteen", "high").Node("Equal", "rate eight", "low")
            .Node("If", "high", "y", ("then_branch", Branch("c", OnnxBuilder.MakeNode("Sqrt", "x", "t"))), ("else_branch", Branch("d", inner))).Output("y");
        float[] x = [4, 9];
        Assert.Equal([2f, 3f], model.Run(Set("rate", "16000"), x));
        Assert.Equal([-4f, -9f], model.Run(Set("rate", "8000"), x));
        Assert.Equal([4f, 9f], model.Run(Set("rate", "1"), x));
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.EndsWith("which branch is taken depends on input 'rate'. It converts, for example, with --set rate=16000 or --set rate=8000.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_of_the_model_are_inlined()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2).Output("y");
        var function = new FunctionProto { Name = "Scale", Domain = "own", Input = { "a" }, Output = { "b" }, Attribute = { "by" } };
        function.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        var factor = OnnxBuilder.MakeNode("Constant", "", "f");
        factor.Attribute.Add(new AttributeProto { Name = "value_float", RefAttrName = "by", Type = 1 });
        function.Node.Add(factor);
        function.Node.Add(OnnxBuilder.MakeNode("Mul", "a f", "b"));
        model.Model.Functions.Add(function);
        model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        model.Node("Scale", "x", "t", ("by", 3f)).Node("Scale", "t", "y", ("by", 2f));
        foreach (var call in model.Graph.Node) call.Domain = "own";
        Assert.Equal([6f, 12f], model.Run(options: null, [1, 2]));
    }

    [Fact]
    public void Functions_are_inlined_inside_branches_and_branches_inside_functions()
    {
        // own.Choose(a, flag) = If(flag) own.Scale<by>(a) else a; both branches read outer values, and the call is itself in a branch.
        static FunctionProto Function(string name, string overload, params NodeProto[] nodes)
        {
            var function = new FunctionProto { Name = name, Domain = "own", Overload = overload };
            function.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
            function.Node.AddRange(nodes);
            return function;
        }

        static GraphProto Branch(string output, params NodeProto[] nodes)
        {
            var graph = new GraphProto { Name = "branch" };
            graph.Node.AddRange(nodes);
            graph.Output.Add(OnnxBuilder.Port(output, OnnxBuilder.Float, 1, 2));
            return graph;
        }

        static NodeProto Call(NodeProto node, string overload = "")
        {
            (node.Domain, node.Overload) = ("own", overload);
            return node;
        }

        var factor = OnnxBuilder.MakeNode("Constant", "", "t");
        factor.Attribute.Add(new AttributeProto { Name = "value_float", RefAttrName = "by", Type = 1 });
        var scale = Function("Scale", "", OnnxBuilder.MakeNode("If", "flag", "b", ("then_branch", Branch("r", factor, OnnxBuilder.MakeNode("Mul", "a t", "r"))), ("else_branch", Branch("t", OnnxBuilder.MakeNode("Identity", "a", "t")))));
        scale.Input.AddRange(["a", "flag"]);
        scale.Output.Add("b");
        scale.Attribute.Add("by");
        var negate = Function("Scale", "other", OnnxBuilder.MakeNode("Neg", "a", "b"));
        negate.Input.Add("a");
        negate.Output.Add("b");
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2).Constant("flag", [], true).Constant("off", [], false).Output("y");
        model.Model.Functions.Add(scale);
        model.Model.Functions.Add(negate);
        model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
        model.Node("If", "flag", "t", ("then_branch", Branch("u", Call(OnnxBuilder.MakeNode("Scale", "x flag", "u", ("by", 3f))))), ("else_branch", Branch("u", OnnxBuilder.MakeNode("Abs", "x", "u"))));
        model.Graph.Node.Add(Call(OnnxBuilder.MakeNode("Scale", "t off", "v", ("by", 5f))));
        model.Graph.Node.Add(Call(OnnxBuilder.MakeNode("Scale", "v", "y"), "other"));
        Assert.Equal([-3f, -6f], model.Run(options: null, [1, 2]));
    }

    [Fact]
    public void Sizes_too_large_together_are_not_tried()
    {
        // Image models with three symbolic dimensions: at the largest tried size of one dimension, all three would be too large.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", 3, "H", "W").Node("Relu", "x", "y").Output("y");
        Assert.Equal(["N", "H", "W"], model.Convert().Model.Graphs[0].Symbols);
    }

    [Fact]
    public void Symbolic_dimensions_stay_and_computed_shapes_follow_them()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, "T", 4).Constant("zero", [1], 0L).Constant("one", [1], 1L).Constant("two", [1], 2L).Constant("tail", [1], 2L)
            .Node("Shape", "x", "s").Node("Gather", "s one", "t").Node("Mul", "t two", "t2").Node("Concat", "t2 tail", "shape", ("axis", 0)).Node("Reshape", "x shape", "y").Output("y", OnnxBuilder.Float, "T2", 2).Load();
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 9 } });
        foreach (var steps in new[] { 9, 1, 5 })
        {
            session.SetSize("T", steps);
            session.Run();
            Assert.Equal([2 * steps, 2], session.Outputs[0].Shape.ToArray());
        }
    }

    [Fact]
    public void A_dimension_is_fixed_by_name_and_an_unknown_name_is_refused()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", "T").Node("Neg", "x", "y").Output("y");
        Assert.Equal(["N"], model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 5 } }).Model.Graphs[0].Symbols);
        Assert.Contains("'Q'", model.Refusal(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["Q"] = 5 } }));
    }

    [Fact]
    public void Unknown_names_in_options_are_refused_first()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", 4).Node("Frobnicate", "x", "y").Output("y", OnnxBuilder.Float, "M");
        Dictionary<string, string> unknown = new() { ["x2"] = "1" };
        Assert.Equal("--dim 'Q': no graph has such a symbolic dimension. Available: 'M', 'N'.", model.Refusal(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["Q"] = 5 } }));
        Assert.Equal("--set 'x2': no graph has such an input. Available: 'x'.", model.Refusal(new ConversionOptions { Sets = unknown }));
        Assert.Equal("--state 'x2': no graph has such an input. Available: 'x'.", model.Refusal(new ConversionOptions { States = unknown }));
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_told_by_symbols()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 4).Random("w", 1, 1, 5, 5).Node("Add", "x w", "y").Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("[T, 4]", fault.Message);
        Assert.DoesNotContain("16000", fault.Message);
    }

    [Fact]
    public void Sizes_that_the_user_gave_are_at_fault_before_the_model_is()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 100_000).Node("Neg", "x", "y").Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 999_999_999 } }));
        Assert.Contains("the shapes do not fit together with --dim T=999999999", fault.Message);
        Assert.DoesNotContain("damaged", fault.Message);
    }

    [Theory]
    [InlineData(OnnxBuilder.UInt8)]
    [InlineData(OnnxBuilder.Int8)]
    [InlineData(OnnxBuilder.Int32)]
    [InlineData(OnnxBuilder.Int64)]
    public void Bitwise_not_turns_the_bits_of_every_integer_type(int type)
    {
        var model = new OnnxBuilder(18).Input("x", OnnxBuilder.Float, 5).Node("Cast", "x", "a", ("to", type)).Node("BitwiseNot", "a", "b").Node("Cast", "b", "y", ("to", OnnxBuilder.Float)).Output("y");
        float[] x = [0, 1, 2, 100, 127];
        model.AgreesWithReference(x, [5], relative: 1e-5);
        Assert.Contains("BitwiseNot of opset 18 takes", Assert.ThrowsAny<ConversionException>(() => new OnnxBuilder(18).Input("x", OnnxBuilder.Float, 5).Node("BitwiseNot", "x", "y").Output("y").Convert()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_unsupported_operator_is_reported_at_once()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Node("Frobnicate", "x", "a").Node("Neg", "a", "b").Node("Unique", "b", "y").Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("has 2 nodes that cannot be converted:\n  Frobnicate (node 'Frobnicate_a'): ", fault.Message);
        Assert.Contains("\n  Unique (node 'Unique_y'): the size of its output depends on the data", fault.Message);
        model.Node("Frobnicate", "y", "z").Node("Frobnicate", "z", "u").Node("Frobnicate", "u", "v").Output("v");
        Assert.Contains("  Frobnicate (4 nodes: 'Frobnicate_a', 'Frobnicate_z', 'Frobnicate_u' …): ", model.Refusal());
    }

    [Fact]
    public void Int8_weights_are_measured_and_kept_ones_stay_float32()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 64).Random("first", 1, 1, 64, 64).Random("second", 2, 1, 64, 64).Node("MatMul", "x first", "a").Node("MatMul", "a second", "y").Output("y");
        var result = model.Convert(new ConversionOptions { Weights = WeightKind.Int8, Keep = ["sec*"] });
        var quantized = Assert.Single(result.Tensors, t => t.Error is not null);
        Assert.Equal("first", quantized.Name);
        Assert.InRange(quantized.Error!.Value, 0.001, 0.02);
        Assert.StartsWith("0:0.00", result.Model.Metadata["quantization-errors"], StringComparison.Ordinal);
        Assert.Equal([TensorFormat.NarrowInt8, TensorFormat.PackedFloat32], result.Model.Tensors.Select(t => t.Format));
    }

    [Fact]
    public void Int4_leaves_the_edges_in_int8_and_follows_what_the_user_names()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 64);
        for (var i = 0; i < 6; i++) model.Random($"w{i}", i + 1, 1, 64, 64).Node("MatMul", $"{(i == 0 ? "x" : $"y{i - 1}")} w{i}", $"y{i}");
        model.Output("y5");
        Assert.Equal(["int8", "int4", "int4", "int4", "int4", "int8"], Kinds(new ConversionOptions { Weights = WeightKind.Int4 }));
        Assert.Equal(Enumerable.Repeat("int4", 6), Kinds(new ConversionOptions { Weights = WeightKind.Int4, WeightsOf = [new WeightOverride("*", WeightKind.Int4)] }));
        Assert.Equal(["fp16", "int8", "fp16", "fp16", "fp16", "fp32"], Kinds(new ConversionOptions { Weights = WeightKind.Float16, WeightsOf = [new WeightOverride("w1", WeightKind.Int4), new WeightOverride("w1", WeightKind.Int8)], Keep = ["w5"] }));
        Assert.Equal(["fp32", "int4", "fp32", "fp32", "fp32", "fp32"], Kinds(new ConversionOptions { WeightsOf = [new WeightOverride("w1", WeightKind.Int4)] }));

        string[] Kinds(ConversionOptions options)
        {
            var result = model.Convert(options);
            Assert.All(result.Tensors, t => Assert.Equal(t.Weights == WeightKind.Float32, t.Error is null));
            Assert.All(result.Tensors.Where(t => t.Weights == WeightKind.Int4), t => Assert.InRange(t.Error!.Value, 0.03, 0.1));
            Assert.All(result.Tensors.Where(t => t.Weights == WeightKind.Float16), t => Assert.InRange(t.Error!.Value, 1e-5, 5e-4));
            return [.. result.Tensors.Select(t => t.Weights!.Value.Name())];
        }
    }

    [Fact]
    public void A_storage_that_cannot_hold_a_matrix_is_avoided_or_refused_where_it_was_asked_for()
    {
        const int Wide = Int4Format.MostColumns + 1;
        var wide = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, Wide).Random("w", 1, 1, Wide, 2).Node("MatMul", "x w", "y").Output("y");
        Assert.Equal(WeightKind.Int8, Assert.Single(wide.Convert(new ConversionOptions { Weights = WeightKind.Int4 }).Tensors).Weights);
        var fault = Assert.Throws<ConversionException>(() => wide.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("w", WeightKind.Int4)] }));
        Assert.Contains($"'w' cannot be stored as int4: it has {Wide} columns; at most {Int4Format.MostColumns} are possible", fault.Message);

        var large = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 32).Random("w", 1, 1e5f, 32, 32).Node("MatMul", "x w", "y").Output("y");
        Assert.Equal(WeightKind.Float32, Assert.Single(large.Convert(new ConversionOptions { Weights = WeightKind.Float16 }).Tensors).Weights);
        fault = Assert.Throws<ConversionException>(() => large.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("w", WeightKind.Float16)] }));
        Assert.Contains("'w' cannot be stored as fp16: a weight is outside ±65504", fault.Message);
    }

    private static ConversionOptions Set(string name, string value) => new() { Sets = new Dictionary<string, string> { [name] = value } };
}
