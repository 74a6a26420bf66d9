
namespace SeqRuntime.Tests.Importers;

/// <summary>Contradicting or invalid settings of ONNX nodes are refused, as by ONNX Runtime.</summary>
public class OnnxSettingsTests
{
    [Fact]
    public void Padding_said_twice_is_refused()
    {
        OnnxBuilder Conv(params (string, object)[] attributes) => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3, 8).Random("w", 1, 1, 4, 3, 3).Node("Conv", "x w", "y", attributes).Output("y");
        Conv(("auto_pad", "SAME_UPPER"), ("pads", new[] { 1L, 1L })).IsRefused("it has auto_pad = SAME_UPPER and pads = 1, 1; one of them would be ignored");
        Conv(("auto_pad", "VALID"), ("pads", new[] { 1L, 0L })).IsRefused("auto_pad = VALID and pads = 1, 0");
        Conv(("auto_pad", "VALID"), ("pads", new[] { 0L, 0L })).Convert();
        Conv(("auto_pad", "NOTSET"), ("pads", new[] { 1L, 1L })).Convert();
        new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 3, 8).Random("w", 1, 1, 3, 4, 3).Node("ConvTranspose", "x w", "y", ("strides", new[] { 2L }), ("output_padding", new[] { 2L })).Output("y").IsRefused("'output_padding' is 2; number 0 must be less than its stride or dilation, 2");
    }

    [Theory]
    [InlineData("Sigmoid", "it has 1 activations (Sigmoid); LSTM of 1 direction has 3")]
    [InlineData("Sigmoid Tanh Tanh Tanh", "it has 4 activations")]
    [InlineData("Sigmoid Swish Tanh", "its activation 'Swish' is not one of those that ONNX allows")]
    public void Activations_that_are_not_there_or_too_many_are_refused(string activations, string why) =>
        Lstm("x W R", b => b, ("activations", activations.Split(' '))).IsRefused(why);

    [Fact]
    public void Lengths_that_no_run_has_are_refused()
    {
        Lstm("x W R - L", b => b.Constant("L", [1], -1)).IsRefused("its sequence lengths 'L' contain -1");
        Lstm("x W R - L", b => b.Constant("L", [1], 6)).IsRefused("its sequence lengths 'L' contain 6, but its input of shape [5, 1, 3] has 5 steps");
        Lstm("x W R - L", b => b.Constant("L", [1], 5)).Convert();
        Model(5, 2).Constant("l", [2], 6L, 2L).Node("ReverseSequence", "x l", "y", ("time_axis", 0), ("batch_axis", 1)).IsRefused("its sequence lengths 'l' contain 6");
    }

    [Fact]
    public void Parts_that_do_not_come_out_even_or_are_said_twice_are_refused()
    {
        Model(2, 6).Node("Split", "x", "y b c d", ("axis", 1)).IsRefused("X of shape [2, 6] cannot be divided into 4 equal parts along axis 1");
        Model(2, 6).Node("Split", "x", "y b c", ("axis", 1)).Convert();
        OnnxBuilder New() => new OnnxBuilder(18).Input("x", OnnxBuilder.Float, 2, 6).Output("y");
        New().Node("Split", "x", "y b", ("axis", 1)).IsRefused("it has neither sizes of its parts nor their number");
        New().Constant("s", [2], 3L, 3L).Node("Split", "x s", "y b", ("axis", 1), ("num_outputs", 2)).IsRefused("it has both sizes of its parts and their number");
    }

    [Fact]
    public void A_product_with_what_is_no_matrix_or_makes_it_larger_is_refused()
    {
        Model(1, 2, 6).Random("w", 1, 1, 6, 6).Node("Gemm", "x w", "y").IsRefused("A has shape [1, 2, 6] and B has shape [6, 6]; both must be matrices");
        Model(1, 6).Random("w", 1, 1, 6, 6).Random("c", 2, 1, 4, 6).Node("Gemm", "x w c", "y").IsRefused("C has shape [4, 6], which does not broadcast to the product's shape [1, 6]");
        Model(2, 6).Random("w", 1, 1, 6, 6).Random("c", 2, 1, 1, 2, 6).Node("Gemm", "x w c", "y").IsRefused("C has shape [1, 2, 6]");
        Model(2, 6).Random("w", 1, 1, 6, 6).Random("c", 2, 1, 2, 1).Node("Gemm", "x w c", "y").Convert();
    }

    [Fact]
    public void Other_meaningless_settings_are_refused()
    {
        new OnnxBuilder(20).Input("x", OnnxBuilder.Float, 2).Output("y").Node("Gelu", "x", "y", ("approximate", "well")).IsRefused("'approximate' is 'well'");
        Model(2, 6).Constant("s", [2], 1f, 2f).Constant("z", [2], 2L, 12L).Node("Resize", "x - s z", "y").IsRefused("it has scales and sizes");
        new OnnxBuilder().Input("x", OnnxBuilder.Int64, 2).Constant("d", [2], 1L, 0L).Node("Div", "x d", "y").Output("y", OnnxBuilder.Int64).IsRefused("it divides integers by 'd', which holds 0");
        Model(2, 6).Constant("i", [1, 1], 5L).Random("u", 1, 1, 1, 6).Node("ScatterND", "x i u", "y").IsRefused("its index 5 is outside axis 0 of size 2");
        Model(2, 6).Constant("i", [1, 2], 1L, -7L).Node("GatherND", "x i", "y").IsRefused("its index -7 is outside axis 1 of size 6");
        Model(2, 2).Constant("w", [2, 2], new sbyte[4]).Constant("s", [], 1f).Constant("z", [2], new sbyte[2]).Node("DequantizeLinear", "w s z", "d").Node("MatMul", "x d", "y").IsRefused("its scale 's' has shape [], but its zero point 'z' has [2]");
        Model(2, 2).Constant("w", [2, 2], new sbyte[4]).Constant("s", [], float.NaN).Node("DequantizeLinear", "w s", "d").Node("MatMul", "x d", "y").IsRefused("the weight 's' of shape [] holds 1 NaN");
    }

    [Fact]
    public void A_file_of_no_format_is_refused_and_of_a_newer_one_told()
    {
        foreach (var version in (long[])[0, -5])
        {
            var none = Model(2).Node("Relu", "x", "y");
            none.Model.IrVersion = version;
            none.IsRefused($"version {version} of ONNX's file format (ir_version); the first is 1");
        }

        var missing = Model(2).Node("Relu", "x", "y");
        missing.Model.ClearIrVersion();
        missing.IsRefused("ir_version is missing");
        var newer = Model(2).Node("Relu", "x", "y");
        newer.Model.IrVersion = 99;
        Assert.Contains(newer.Convert().Graphs[0].Notes, note => note.Contains("version 99 of ONNX's file format", StringComparison.Ordinal));
        Assert.Contains(Model(-1, 2).Node("Relu", "x", "y").Convert().Graphs[0].Notes, note => note.Contains("sizes below 0 are treated as symbolic: -1 of 'x'", StringComparison.Ordinal));
    }

    [Fact]
    public void Data_in_the_file_and_beside_it_and_parts_of_tensors_are_refused()
    {
        OnnxBuilder Constant() => Model(2).Constant("c", [2], 1f, 2f).Node("Add", "x c", "y");
        var part = Constant();
        part.Graph.Initializer[0].Segment = new SeqRuntime.Converter.Importers.Onnx.TensorProto.Types.Segment();
        part.IsRefused("it is one segment of a tensor");
        var twice = Constant();
        var tensor = twice.Graph.Initializer[0];
        if (tensor.RawData.Length == 0) tensor.RawData = Google.Protobuf.ByteString.CopyFrom(new byte[8]);
        tensor.DataLocation = SeqRuntime.Converter.Importers.Onnx.TensorProto.Types.DataLocation.External;
        twice.IsRefused("it has its data twice, in the model and in an external file");
    }

    private static OnnxBuilder Model(params object[] shape) => new OnnxBuilder().Input("x", OnnxBuilder.Float, shape).Output("y");

    private static OnnxBuilder Lstm(string inputs, Func<OnnxBuilder, OnnxBuilder> more, params (string, object)[] attributes) =>
        more(new OnnxBuilder().Input("x", OnnxBuilder.Float, 5, 1, 3).Random("W", 1, 1, 1, 8, 3).Random("R", 2, 1, 1, 8, 2)).Node("LSTM", inputs, "y", [("hidden_size", 2), .. attributes]).Output("y");
}
