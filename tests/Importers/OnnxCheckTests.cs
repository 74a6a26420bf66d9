using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Files that break ONNX's rules are refused with what is wrong and where, as by onnx.checker and ONNX Runtime.</summary>
public class OnnxCheckTests
{
    [Fact]
    public void A_value_that_two_nodes_compute_is_refused()
    {
        Model().Node("Relu", "x", "y").Node("Neg", "x", "y").IsRefused("'y' is computed twice, by node Relu_y (Relu) and by node Neg_y (Neg)");
        Model().Node("Relu", "x", "x").Node("Neg", "x", "y").IsRefused("'x' is computed twice, by an input and by node Relu_x (Relu)");
        Model().Constant("c", [], 1f).Node("Relu", "x", "c").Node("Neg", "c", "y").IsRefused("'c' is computed twice, by a constant and by node Relu_c (Relu)");
        Model().Node("Split", "x", "y y", ("num_outputs", 2)).IsRefused("'y' is computed twice");
    }

    [Fact]
    public void Names_that_come_twice_are_refused()
    {
        Model().Input("x", OnnxBuilder.Float, 2).Node("Relu", "x", "y").IsRefused("two inputs named 'x'");
        Model().Constant("c", [], 1f).Constant("c", [], 2f).Node("Add", "x c", "y").IsRefused("two constants named 'c'");
        Model().Output("y").Node("Relu", "x", "y").IsRefused("two outputs named 'y'");
        var twice = Model().Node("LeakyRelu", "x", "y", ("alpha", 0.1f), ("alpha", 0.2f));
        twice.IsRefused("node LeakyRelu_y (LeakyRelu) has two attributes named 'alpha'");
    }

    [Fact]
    public void Nodes_out_of_order_and_in_circles_are_refused()
    {
        Model().Node("Relu", "b", "y").Node("Neg", "x", "b").IsRefused("node Relu_y (Relu) reads 'b', which node Neg_b (Neg) computes later: the nodes are not in topological order");
        Model().Node("Add", "x y", "y").IsRefused("node Add_y (Add) reads 'y', which it computes itself");
        Model().Node("Add", "x b", "a").Node("Neg", "a", "b").Node("Relu", "b", "y").IsRefused("node Neg_b (Neg) computes later");
        Model().Node("Add", "x none", "y").IsRefused("reads 'none', which nothing computes before it");
        Model().Node("Relu", "x", "z").IsRefused("the output 'y', which nothing computes");
        var body = Body();
        body.Node.Add(OnnxBuilder.MakeNode("Identity", "next", "next"));
        Loop(body).IsRefused("graph 'body', node Identity_next (Identity) reads 'next', which it computes itself");
    }

    [Fact]
    public void An_opset_that_is_missing_or_none_is_told()
    {
        var none = Model().Node("Relu", "x", "y");
        none.Model.OpsetImport.Clear();
        none.IsRefused("the file does not give its opset (opset_import is missing), so the meaning of its operators is unknown");
        var odd = Model().Node("_LSTM_LAYER", "x", "y");
        odd.Model.OpsetImport.Clear();
        odd.IsRefused("'_LSTM_LAYER_y' is a _LSTM_LAYER): it is not valid ONNX of any opset");
        new OnnxBuilder(0).Input("x", OnnxBuilder.Float, 2).Output("y").Node("Relu", "x", "y").IsRefused("version 0 of ONNX's operators");
        var two = Model().Node("Relu", "x", "y");
        two.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx", Version = 9 });
        two.IsRefused("two versions of ONNX's operators, 17 and 9");
        var foreign = Model();
        var node = OnnxBuilder.MakeNode("Thing", "x", "y");
        node.Domain = "elsewhere";
        foreign.Graph.Node.Add(node);
        foreign.IsRefused("belongs to 'elsewhere', but the file does not give its version");
    }

    [Fact]
    public void A_function_of_another_opset_and_functions_of_one_name_are_refused()
    {
        FunctionProto Function(long opset)
        {
            var function = new FunctionProto { Name = "F", Domain = "own", Input = { "a" }, Output = { "b" }, OpsetImport = { new OperatorSetIdProto { Domain = "", Version = opset } } };
            function.Node.Add(OnnxBuilder.MakeNode("Relu", "a", "b"));
            return function;
        }

        OnnxBuilder Calls(params FunctionProto[] functions)
        {
            var model = Model();
            model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "own", Version = 1 });
            model.Model.Functions.AddRange(functions);
            var call = OnnxBuilder.MakeNode("F", "x", "y");
            call.Domain = "own";
            model.Graph.Node.Add(call);
            return model;
        }

        Assert.Equal([0, 2], Calls(Function(17)).Run(options: null, [-1, 2]));
        Calls(Function(11)).IsRefused("its function 'F' has opset 11, but the model has 17");
        Calls(Function(17), Function(17)).IsRefused("two functions are named 'F'");
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-2)]
    [InlineData(4)]
    public void A_hidden_size_that_R_does_not_have_is_refused(int hidden) => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 3).Random("W", 1, 1, 1, 8, 3).Random("R", 2, 1, 1, 8, 2).Node("LSTM", "x W R", "y", ("hidden_size", hidden)).Output("y").IsRefused($"hidden_size is {hidden}, but R of shape [1, 8, 2] has 2 hidden units");

    [Fact]
    public void Attributes_of_a_convolution_that_its_weights_contradict_are_refused()
    {
        OnnxBuilder Conv(string op, params (string, object)[] attributes) => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 8).Random("w", 1, 1, 1, 1, 3).Node(op, "x w", "y", attributes).Output("y");
        foreach (var op in (string[])["Conv", "ConvTranspose"])
        {
            Conv(op, ("kernel_shape", new[] { (long)int.MaxValue })).IsRefused("'kernel_shape' is 2147483647, but its weights of shape [1, 1, 3] give 3");
            Conv(op, ("strides", new[] { 1L, 1L })).IsRefused("'strides' has 2 numbers; it must have 1");
            Conv(op, ("strides", new[] { 0L })).IsRefused("'strides' is 0; the numbers must be from 1");
            Conv(op, ("dilations", new[] { -1L })).IsRefused("'dilations' is -1");
            Conv(op, ("pads", new[] { long.MaxValue, 0L })).IsRefused("'pads' is 9223372036854775807, 0");
            Conv(op, ("group", 0)).IsRefused("group(s)");
            Conv(op, ("auto_pad", "WIDE")).IsRefused("'auto_pad' is 'WIDE'");
        }
    }

    [Theory]
    [InlineData("clip", -1f, "'clip' is -1")]
    [InlineData("clip", float.NaN, "'clip' is NaN")]
    [InlineData("layout", 2, "'layout' is 2")]
    public void Settings_of_a_recurrent_layer_that_there_cannot_be_are_refused(string attribute, object value, string why) =>
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 3).Random("W", 1, 1, 1, 8, 3).Random("R", 2, 1, 1, 8, 2).Node("LSTM", "x W R", "y", ("hidden_size", 2), (attribute, value)).Output("y").IsRefused(why);

    [Fact]
    public void Inputs_that_an_operator_does_not_have_are_refused()
    {
        Model().Node("Relu", "x x", "y").IsRefused("node Relu_y (Relu) has 2 inputs; Relu has at most 1");
        Model().Node("Add", "x x x", "y").IsRefused("Add has at most 2");
        Model().Node("Max", "x x x", "y").Convert();
        Model().Node("Clip", "x - -", "y").Convert();
        // The inputs and outputs of every operator that is read are known, except for one of ONNX Runtime's.
        Assert.Equal(["SimplifiedLayerNormalization"], OnnxAttributes.Operators.Where(op => !op.Contains('.', StringComparison.Ordinal) && Enumerable.Range(7, 22).All(opset => OnnxOperators.Of(op, opset) is null)).Order());
    }

    [Fact]
    public void An_index_that_no_run_could_look_up_is_refused()
    {
        OnnxBuilder Gather(long index) => new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 3).Constant("i", [1], index).Node("Gather", "x i", "y", ("axis", 1)).Output("y");
        foreach (var index in (long[])[3, -4, long.MaxValue, long.MinValue]) Gather(index).IsRefused($"its index {index} is outside axis 1 of size 3");
        foreach (var index in (long[])[2, -3]) Gather(index).Convert();
    }

    [Fact]
    public void Data_given_twice_are_refused()
    {
        var model = Model().Constant("c", [2], 1f, 2f).Node("Add", "x c", "y");
        var tensor = model.Graph.Initializer[0];
        tensor.RawData = Google.Protobuf.ByteString.CopyFrom(new byte[8]);
        if (tensor.FloatData.Count == 0) tensor.FloatData.Add([1f, 2f]);
        model.IsRefused("it has its data twice");
    }

    [Fact]
    public void Sparse_constants_and_strings_are_refused()
    {
        var sparse = Model().Node("Relu", "x", "y");
        sparse.Graph.SparseInitializer.Add(new SparseTensorProto());
        sparse.IsRefused("has sparse constants");
        var text = Model().Node("Relu", "x", "y");
        text.Graph.Initializer.Add(new TensorProto { Name = "s", DataType = 8, Dims = { 1 } });
        text.IsRefused("its element type string is not supported");
    }

    private static OnnxBuilder Model() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 2).Output("y");

    private static GraphProto Body()
    {
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("c", OnnxBuilder.Bool), OnnxBuilder.Port("v", OnnxBuilder.Float, 2)]);
        body.Output.AddRange([OnnxBuilder.Port("c", OnnxBuilder.Bool), OnnxBuilder.Port("next", OnnxBuilder.Float, 2)]);
        return body;
    }

    private static OnnxBuilder Loop(GraphProto body) => Model().Constant("n", [], 3L).Constant("go", [], true).Node("Loop", "n go x", "y", ("body", body));
}
