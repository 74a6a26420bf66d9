using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Old forms of operators, branches, functions, and symbolic dimensions, beside ONNX Runtime.</summary>
public class OnnxImportTests
{
    [Fact]
    public void OldFormsOfOperatorsMeanWhatTheyMeant()
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
        Same(model.Reference(("x", [2, 4, 6], x)), model.Run(null, x));
    }

    [Fact]
    public void TopKOfOpset9AndUpTakesItsCountWhereverItIs()
    {
        var x = Enumerable.Range(0, 10).Select(i => MathF.Cos(i)).ToArray();
        var old = new OnnxBuilder(9).Input("x", OnnxBuilder.Float, 2, 5).Node("TopK", "x", "y i", ("k", 3)).Output("y");
        var recent = new OnnxBuilder(11).Input("x", OnnxBuilder.Float, 2, 5).Constant("k", [1], 3L).Node("TopK", "x k", "y i").Output("y");
        Same(recent.Reference(("x", [2, 5], x)), recent.Run(null, x));
        Same(recent.Run(null, x), old.Run(null, x));
    }

    [Fact]
    public void ABranchOnASetInputIsTakenAlsoInsideAnother()
    {
        static GraphProto Branch(string name, params NodeProto[] nodes)
        {
            var graph = new GraphProto { Name = name };
            graph.Node.AddRange(nodes);
            graph.Output.Add(OnnxBuilder.Port(nodes[^1].Output[0], OnnxBuilder.Float, 1, 2));
            return graph;
        }

        // Both branches name their values alike, as exporters do.
        var inner = OnnxBuilder.MakeNode("If", "low", "r", ("then_branch", Branch("a", OnnxBuilder.MakeNode("Neg", "x", "t"))), ("else_branch", Branch("b", OnnxBuilder.MakeNode("Abs", "x", "t"))));
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 2).Input("rate", OnnxBuilder.Int64).Constant("sixteen", [], 16000L).Constant("eight", [], 8000L)
            .Node("Equal", "rate sixteen", "high").Node("Equal", "rate eight", "low")
            .Node("If", "high", "y", ("then_branch", Branch("c", OnnxBuilder.MakeNode("Sqrt", "x", "t"))), ("else_branch", Branch("d", inner))).Output("y");
        float[] x = [4, 9];
        Assert.Equal([2f, 3f], model.Run(Set("rate", "16000"), x));
        Assert.Equal([-4f, -9f], model.Run(Set("rate", "8000"), x));
        Assert.Equal([4f, 9f], model.Run(Set("rate", "1"), x));
        // Without a set input all branches are computed, and the run chooses.
        using var loaded = model.Load();
        using var session = loaded.CreateSession();
        x.CopyTo(session.Input<float>(session.InputIndex("x")));
        foreach (var (rate, expected) in new[] { (16000L, new[] { 2f, 3f }), (8000L, [-4f, -9f]), (1L, [4f, 9f]) })
        {
            session.Input<long>(session.InputIndex("rate"))[0] = rate;
            session.Run();
            Assert.Equal(expected, session.Output<float>(0).ToArray());
        }
    }

    [Fact]
    public void FunctionsOfTheModelAreInlined()
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
        Assert.Equal([6f, 12f], model.Run(null, [1, 2]));
    }

    [Fact]
    public void SymbolicDimensionsStayAndComputedShapesFollowThem()
    {
        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, "T", 4).Constant("zero", [1], 0L).Constant("one", [1], 1L).Constant("two", [1], 2L).Constant("tail", [1], 2L)
            .Node("Shape", "x", "s").Node("Gather", "s one", "t").Node("Mul", "t two", "t2").Node("Concat", "t2 tail", "shape", ("axis", 0)).Node("Reshape", "x shape", "y").Output("y", OnnxBuilder.Float, "T2", 2).Load();
        using var session = model.CreateSession(null, new SeqSessionOptions { MaxSizes = { ["T"] = 9 } });
        foreach (var steps in new[] { 9, 1, 5 })
        {
            session.SetSize("T", steps);
            session.Run();
            Assert.Equal([2 * steps, 2], session.OutputShape(0).ToArray());
        }
    }

    [Fact]
    public void ADimensionIsFixedByNameAndAnUnknownNameIsRefused()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", "T").Node("Neg", "x", "y").Output("y");
        Assert.Equal(["N"], model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["T"] = 5 } }).Model.Graphs[0].Symbols);
        Assert.Contains("'Q'", Assert.Throws<ConversionException>(() => model.Convert(new ConversionOptions { Dimensions = new Dictionary<string, int> { ["Q"] = 5 } })).Message);
    }

    [Fact]
    public void EveryUnsupportedOperatorIsReportedAtOnce()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Node("Frobnicate", "x", "a").Node("Neg", "a", "b").Node("Unique", "b", "y").Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains("Frobnicate_a: Frobnicate", fault.Message);
        Assert.Contains("Unique_y: Unique: the size of its output depends on data", fault.Message);
        Assert.Contains("2 nodes", fault.Message);
    }

    [Fact]
    public void Int8WeightsAreMeasuredAndKeptOnesStayFloat32()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 64).Random("first", 1, 1, 64, 64).Random("second", 2, 1, 64, 64).Node("MatMul", "x first", "a").Node("MatMul", "a second", "y").Output("y");
        var result = model.Convert(new ConversionOptions { Weights = WeightKind.Int8, Keep = ["sec*"] });
        var quantized = Assert.Single(result.Tensors, t => t.Error is not null);
        Assert.Equal("first", quantized.Name);
        Assert.InRange(quantized.Error!.Value, 0.001, 0.02);
        Assert.True(result.Model.Metadata.ContainsKey("quantization-error:first"));
        Assert.Equal([TensorFormat.PackedInt8, TensorFormat.PackedFloat32], result.Model.Tensors.Select(t => t.Format));
    }

    [Fact]
    public void Int4LeavesTheEdgesInInt8AndFollowsWhatTheUserNames()
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
    public void AStorageThatCannotHoldAMatrixIsAvoidedOrRefusedWhereItWasAskedFor()
    {
        const int Wide = WeightLayout.MaxColumnsInt4 + 1;
        var wide = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, Wide).Random("w", 1, 1, Wide, 2).Node("MatMul", "x w", "y").Output("y");
        Assert.Equal(WeightKind.Int8, Assert.Single(wide.Convert(new ConversionOptions { Weights = WeightKind.Int4 }).Tensors).Weights);
        var fault = Assert.Throws<ConversionException>(() => wide.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("w", WeightKind.Int4)] }));
        Assert.Contains($"'w' cannot be stored as int4: its {Wide} columns are more than {WeightLayout.MaxColumnsInt4}", fault.Message);

        var large = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 32).Random("w", 1, 1e5f, 32, 32).Node("MatMul", "x w", "y").Output("y");
        Assert.Equal(WeightKind.Float32, Assert.Single(large.Convert(new ConversionOptions { Weights = WeightKind.Float16 }).Tensors).Weights);
        fault = Assert.Throws<ConversionException>(() => large.Convert(new ConversionOptions { WeightsOf = [new WeightOverride("w", WeightKind.Float16)] }));
        Assert.Contains("'w' cannot be stored as fp16: a weight lies beyond 65504", fault.Message);
    }

    private static ConversionOptions Set(string name, string value) => new() { Sets = new Dictionary<string, string> { [name] = value } };

    private static void Same(float[] expected, float[] ours)
    {
        Assert.Equal(expected.Length, ours.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], ours[i], 1e-5 + 1e-5 * Math.Abs(expected[i]));
    }
}
