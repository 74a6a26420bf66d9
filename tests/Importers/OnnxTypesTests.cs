using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Nodes that do not fit their operator in the file's opset are refused, and the error says what fits, as by ONNX Runtime.</summary>
public class OnnxTypesTests
{
    [Fact]
    public void Weights_of_another_type_than_the_input_are_refused()
    {
        Lstm(b => b.Constant("W", [1, 8, 3], new double[24]).Constant("R", [1, 8, 2], new float[16])).IsRefused("its input 1, 'W', is float64, but its input 0, 'x', is float32; LSTM needs the same type for both");
        Lstm(b => b.Constant("W", [1, 8, 3], new sbyte[24]).Constant("R", [1, 8, 2], new float[16])).IsRefused("'W', is int8; LSTM of opset 17 takes float16, float32, float64");
        Model().Constant("c", [2], 1d, 2d).Node("Add", "x c", "y").IsRefused("'c', is float64, but its input 0, 'x', is float32");
        Model().Node("Cast", "x", "w", ("to", OnnxBuilder.Double)).Node("MatMul", "x w", "y").IsRefused("'w', is float64");
        Model().Constant("s", [1], 2).Node("Reshape", "x s", "y").IsRefused("'s', is int32; Reshape of opset 17 takes int64");
        Model().Node("Mod", "x x", "y").IsRefused("it takes the remainder of float32 with fmod = 0");
        var half = Lstm(b => b.Constant("W", [1, 8, 3], new float[24]).Constant("R", [1, 8, 2], new float[16]));
        (half.Graph.Initializer[0].DataType, half.Graph.Initializer[0].RawData) = (10, Google.Protobuf.ByteString.CopyFrom(new byte[48]));
        half.Graph.Initializer[0].FloatData.Clear();
        half.IsRefused("'W', is float16");
    }

    /// <summary>PyTorch's exporter compares numbers in opset 10, which lists integers only; opset 11 lists them.</summary>
    [Fact]
    public void A_type_that_a_newer_opset_adds_is_read()
    {
        using var model = new OnnxBuilder(10).Input("x", OnnxBuilder.Float, 4).Constant("c", [], 2f).Node("Equal", "x c", "e").Node("Cast", "e", "y", ("to", OnnxBuilder.Float)).Output("y").Load();
        using var session = model.CreateSession();
        ((float[])[1, 2, 2.5f, 2]).CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal([0, 1, 0, 1], session.Output<float>(0).ToArray());
    }

    [Fact]
    public void Unsupported_inputs_of_quantized_operators_are_refused()
    {
        OnnxBuilder Dequantized(OnnxBuilder model) => model.Constant("s", [], 0.5f).Node("DequantizeLinear", "w s z", "d").Node("MatMul", "x d", "y");
        Dequantized(Model().Constant("w", [2, 2], new sbyte[4]).Constant("z", [], (byte)0)).IsRefused("'z', is uint8, but its input 0, 'w', is int8");
        Dequantized(Model().Constant("w", [2, 2], new long[4]).Constant("z", [], 0L)).IsRefused("'w', is int64; DequantizeLinear of opset 17 takes");
        Dequantized(Model().Constant("w", [2, 2], new float[4]).Constant("z", [], 0f)).IsRefused("'w', is float32; DequantizeLinear");
        Dequantized(Model().Constant("w", [2, 2], new sbyte[4]).Constant("z", [], (sbyte)0)).Convert();
    }

    [Fact]
    public void Attributes_of_another_kind_or_opset_and_missing_ones_are_refused()
    {
        Model().Node("Concat", "x x", "y").IsRefused("node Concat_y (Concat) has no attribute 'axis', which Concat needs");
        Model().Node("Unsqueeze", "x", "y", ("axes", new[] { 0L })).IsRefused("has the attribute 'axes', which Unsqueeze does not have in opset 17 of the file");
        Model().Node("Softmax", "x", "y", ("axis", 0f)).IsRefused("its attribute 'axis' is a number; it must be a whole number");
        Model().Node("LeakyRelu", "x", "y", ("alpha", "much")).IsRefused("its attribute 'alpha' is a string; it must be a number");
        var two = Model().Node("Softmax", "x", "y", ("axis", 0));
        two.Graph.Node[0].Attribute[0].Type = 1;
        two.IsRefused("its attribute 'axis' is a whole number declared as a number");
        var bound = Model().Node("LeakyRelu", "x", "y", ("alpha", 1f));
        bound.Graph.Node[0].Attribute[0].RefAttrName = "slope";
        bound.IsRefused("its attribute 'alpha' refers to attribute 'slope' of a function");
        Model().Node("Constant", "", "c", ("value_float", 1f), ("value_int", 1)).Node("Relu", "x", "y").IsRefused("holds 2 values");
        Assert.Contains("unknown attributes are ignored", string.Join('\n', Model().Node("Relu", "x", "y", ("own", 1)).Convert().Graphs[0].Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_and_outputs_too_few_or_too_many_are_refused()
    {
        Model().Node("Add", "x", "y").IsRefused("node Add_y (Add) has 1 inputs; Add needs 2");
        Lstm(b => b.Constant("R", [1, 8, 2], new float[16]), "x - R").IsRefused("its input 1 is missing, but LSTM needs it");
        new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 2).Output("y").Constant("a", [1], 0L).Node("ReduceMean", "x a", "y").IsRefused("ReduceMean has at most 1 in opset 13 of the file");
        Model().Node("Relu", "x", "y z").IsRefused("has 2 outputs; Relu has at most 1");
    }

    [Fact]
    public void Declared_types_that_are_not_those_of_the_values_are_refused()
    {
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Node("Relu", "x", "y").Output("y", OnnxBuilder.Int64).IsRefused("output 'y' of graph 'test' is declared as int64, but is float32");
        Model().Input("c", OnnxBuilder.Float, 3).Constant("c", [2], 1f, 2f).Node("Add", "x c", "y").IsRefused("input 'c' is declared as [3], but its default has shape [2]");
        Model().Input("c", OnnxBuilder.Int64, 2).Constant("c", [2], 1f, 2f).Node("Add", "x c", "y").IsRefused("input 'c' is declared as int64");
        Model().Input("c", OnnxBuilder.Float, 2).Constant("c", [2], 1f, 2f).Node("Add", "x c", "y").Convert();
    }

    [Fact]
    public void Branches_and_bodies_that_do_not_fit_are_refused()
    {
        GraphProto Branch(string op, int outputs = 1, params (string, object)[] attributes)
        {
            var branch = new GraphProto { Name = "branch" };
            for (var i = 0; i < outputs; i++)
            {
                branch.Node.Add(OnnxBuilder.MakeNode(op, "x", $"o{i}", attributes));
                branch.Output.Add(new ValueInfoProto { Name = $"o{i}" });
            }

            return branch;
        }

        OnnxBuilder If(GraphProto then, GraphProto otherwise, string outputs = "y") => Model().Input("c", OnnxBuilder.Bool).Node("If", "c", outputs, ("then_branch", then), ("else_branch", otherwise));
        If(Branch("Relu", 2), Branch("Neg")).IsRefused("one of its branches has 2 outputs, the other 1");
        If(Branch("Relu"), Branch("Cast", 1, ("to", OnnxBuilder.Int64))).IsRefused("its output 0 is float32 in one branch, int64 in the other");
        If(Branch("Relu"), Branch("Neg"), "y z").IsRefused("its branches give 1");
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("v", OnnxBuilder.Float, 2)]);
        body.Node.Add(OnnxBuilder.MakeNode("Relu", "v", "next"));
        body.Output.AddRange([OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("next", OnnxBuilder.Float, 2)]);
        Model().Constant("n", [], 3L).Constant("on", [], true).Node("Loop", "n on x", "y z", ("body", body)).IsRefused("has 2 outputs; its body gives 1");
        Model().Constant("n", [], 3f).Constant("on", [], true).Node("Loop", "n on x", "y", ("body", body)).IsRefused("'n', is float32; Loop of opset 17 takes int64");
    }

    private static OnnxBuilder Model() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y");

    private static OnnxBuilder Lstm(Func<OnnxBuilder, OnnxBuilder> weights, string inputs = "x W R") => weights(new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, 3)).Node("LSTM", inputs, "y", ("hidden_size", 2)).Output("y");
}
