using SeqRuntime.Converter;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers;

/// <summary>Models of ONNX Runtime's quantizers. The converted models compute the same, except for the rounding of activations.</summary>
public class OnnxQuantizedTests
{
    private const int Steps = 12, Features = 24, Hidden = 16, Classes = 5;
    private const string Own = "com.microsoft.";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_dynamically_quantized_LSTM_with_a_dense_layer_is_a_plain_one(bool isByRow)
    {
        var model = Dynamic(isByRow);
        var x = Numbers.Random(1, Steps * Features);
        model.AgreesWithReference(x, [Steps, 1, Features], tolerance: 0.03);

        var result = model.Convert(new ConversionOptions { Weights = WeightKind.Int8, WeightsOf = [new WeightOverride("*", WeightKind.Int8)] });
        Assert.Equal(["W_quantized", "R_quantized", "dense_quantized"], result.Tensors.Where(t => t.Weights == WeightKind.Int8).Select(t => t.Name));
        Assert.DoesNotContain(result.Tensors, t => t.Weights is null && t.Format is "int8" or "uint8" or "int32");
        Assert.DoesNotContain(result.Model.Graphs[0].Nodes, n => n.Kind is OpKind.MatMul or OpKind.Cast);
        Assert.Contains("1 products quantize their activations dynamically", result.Graphs[0].Notes[0]);
    }

    [Fact]
    public void Silence_is_quantized_without_a_range()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Node("DynamicQuantizeLinear", "x", "q s z").Node("Cast", "q", "f", ("to", 1)).Node("Mul", "f s", "y").Output("y");
        float[] loud = [-1, 0, 3, 2];
        model.AgreesWithReference(loud, [1, 4], tolerance: 1e-6);
        Assert.Equal(new float[4], model.Run(options: null, new float[4]));
    }

    [Fact]
    public void A_pair_of_quantize_and_dequantize_keeps_its_range()
    {
        // The zero point of the second pair replaces a Relu that the quantizer removed.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 8, 20)
            .Constant("xs", [], 0.02f).Constant("xz", [], (sbyte)3).Constant("hs", [], 0.03f).Constant("hz", [], (byte)0).Constant("ys", [], 0.05f).Constant("yz", [], (byte)120)
            .Node("QuantizeLinear", "x xs xz", "xq").Node("DequantizeLinear", "xq xs xz", "xd");
        Conv(model, outputs: 6, inputs: 8, kernel: 3);
        model.Node("DequantizeLinear", "w ws wz", "wd", ("axis", 0)).Node("DequantizeLinear", "b bs bz", "bd", ("axis", 0)).Node("Conv", "xd wd bd", "c")
            .Node("QuantizeLinear", "c hs hz", "hq").Node("Reshape", "hq shape", "hr").Constant("shape", [2], 6L, 18L).Node("DequantizeLinear", "hr hs hz", "hd");
        Dense(model, "d", 18, Classes);
        model.Node("DequantizeLinear", "d ds dz", "dd").Node("MatMul", "hd dd", "m").Node("QuantizeLinear", "m ys yz", "yq").Node("DequantizeLinear", "yq ys yz", "y").Output("y");
        var x = Numbers.Random(seed: 2, 8 * 20, scale: 2);
        model.AgreesWithReference(x, [1, 8, 20], tolerance: 0.12);
        // Far outside the input's 8-bit range: clipped, not only rounded.
        for (var i = 0; i < x.Length; i++) x[i] *= 20;
        model.AgreesWithReference(x, [1, 8, 20], tolerance: 0.12);
        var result = model.Convert();
        Assert.DoesNotContain(result.Model.Graphs[0].Nodes, n => n.Kind == OpKind.Cast);
        Assert.Contains("3 values that the file rounds to 8 bits", Assert.Single(result.Graphs[0].Notes));
    }

    [Fact]
    public void Pairs_of_different_scales_round_as_they_stand()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 3).Constant("a", [], 0.25f).Constant("b", [], 0.5f).Node("QuantizeLinear", "x a", "q").Node("DequantizeLinear", "q b", "y").Output("y");
        float[] x = [-1, 0.1f, 0.12f, 0.13f, 3.3f, 99];
        Assert.Equal(model.Reference(("x", [2, 3], x)), model.Run(options: null, x));
    }

    [Fact]
    public void Weights_that_the_file_rounds_are_rounded_at_conversion()
    {
        // PyTorch's export of quantization-aware training: weights in float32, then the pair.
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 3).Random("w", 17, 1, 3, 4).Constant("s", [], 0.2f).Constant("z", [], (sbyte)0).Node("QuantizeLinear", "w s z", "q").Node("DequantizeLinear", "q s z", "d").Node("MatMul", "x d", "y").Output("y");
        var x = Numbers.Random(seed: 18, count: 6);
        var w = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(model.Graph.Initializer[0].RawData.Span).ToArray();
        var expected = Enumerable.Range(0, 8).Select(i => Enumerable.Range(0, 3).Sum(k => x[i / 4 * 3 + k] * MathF.Round(w[k * 4 + i % 4] / 0.2f) * 0.2f));
        Numbers.Near([.. expected], model.Run(options: null, x), tolerance: 1e-5);
        Assert.Equal("Linear", string.Join(' ', model.Convert().Model.Graphs[0].Nodes.Select(n => n.Kind)));
    }

    [Fact]
    public void Operators_on_integers_are_read_as_their_real_ones()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 8, 20).Constant("xs", [], 0.02f).Constant("xz", [], (byte)130).Constant("hs", [], 0.03f).Constant("hz", [], (byte)90)
            .Node("QuantizeLinear", "x xs xz", "xq");
        Conv(model, outputs: 6, inputs: 8, kernel: 3);
        Dense(model, "d", 18, Classes);
        Dense(model, "g", Classes, 7);
        model.Constant("gb", [7], Enumerable.Range(0, 7).Select(i => 40 * i - 90).ToArray()).Constant("halves", [], 1f / 256).Constant("zero", [], (byte)0).Constant("p", [2], 6L, (long)Classes)
            .Node("QLinearConv", "xq xs xz w ws wz hs hz b", "c")
            .Node(Own + "QLinearLeakyRelu", "c hs hz hs hz", "r", ("alpha", 0.1f))
            .Node(Own + "QLinearAdd", "c hs hz r hs hz hs hz", "a")
            .Node("QLinearMatMul", "a hs hz d ds dz hs hz", "m")
            .Node("Reshape", "m p", "v")
            .Node(Own + "QGemm", "v hs hz g gs gz gb hs hz", "e")
            .Node(Own + "QLinearSigmoid", "e hs hz halves zero", "s")
            .Node(Own + "QLinearConcat", "halves zero s halves zero s halves zero", "t", ("axis", 1))
            .Node(Own + "QLinearMul", "t halves zero t halves zero halves zero", "u")
            .Node("DequantizeLinear", "u halves zero", "y").Output("y");
        var x = Numbers.Random(seed: 3, 8 * 20, scale: 2);
        model.AgreesWithReference(x, [1, 8, 20], tolerance: 0.05);
        Assert.DoesNotContain(model.Convert().Model.Graphs[0].Nodes, n => n.Kind == OpKind.Cast && n.Name.StartsWith("QLinear", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("QLinearSoftmax", "q xs xz ps pz", "axis", 2, "opset", 13)]
    [InlineData("QLinearSoftmax", "q xs xz ps pz", "axis", 1, "opset", 12)]
    [InlineData("QLinearGlobalAveragePool", "image xs xz xs xz", "channels_last", 0)]
    [InlineData("QLinearAveragePool", "image xs xz xs xz", "kernel_shape", new long[] { 2, 2 }, "strides", new long[] { 2, 2 })]
    [InlineData("QLinearWhere", "mask q xs xz q ps pz xs xz")]
    public void An_integer_operator_becomes_the_real_one(string op, string inputs, params object[] attributes)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 4, 6).Constant("xs", [], 0.02f).Constant("xz", [], (byte)130).Constant("ps", [], 1f / 256).Constant("pz", [], (byte)0).Constant("shape", [4], 2L, 2, 2, 6)
            .Constant("mask", [6], true, false, true, true, false, false).Node("QuantizeLinear", "x xs xz", "q").Node("Reshape", "q shape", "image")
            .Node(Own + op, inputs, "i", [.. attributes.Chunk(2).Select(pair => ((string)pair[0], pair[1]))]).Node("DequantizeLinear", inputs.EndsWith("ps pz", StringComparison.Ordinal) ? "i ps pz" : "i xs xz", "y").Output("y");
        var x = Numbers.Random(seed: 19, count: 48, scale: 2);
        model.AgreesWithReference(x, [2, 4, 6], tolerance: 0.03);
    }

    [Fact]
    public void Attention_on_integers_is_attention()
    {
        const int Heads = 2, Size = 8;
        var (w, scale, zero) = Signed(Numbers.Random(20, Size * 3 * Size));
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 6, Size).Constant("xs", [], 0.01f).Constant("xz", [], (byte)128).Constant("w", [Size, 3 * Size], w).Constant("ws", [], scale[0]).Constant("wz", [], zero[0]).Random("b", 21, 1, 3 * Size)
            .Node("QuantizeLinear", "x xs xz", "q").Node(Own + "QAttention", "q w b xs ws - xz wz", "y", ("num_heads", Heads)).Output("y");
        var x = Numbers.Random(22, 6 * Size);
        model.AgreesWithReference(x, [1, 6, Size], tolerance: 0.05);
    }

    [Theory]
    [InlineData("DynamicQuantizeMatMul", "x d ds dz b")]
    [InlineData("MatMulIntegerToFloat", "q d s ds z dz b")]
    public void Fused_products_of_dynamically_quantized_activations_are_plain(string op, string inputs)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, Features).Random("b", 5, 1, Classes).Node("DynamicQuantizeLinear", "x", "q s z");
        Dense(model, "d", Features, Classes);
        model.Node(Own + op, inputs, "y").Output("y");
        var x = Numbers.Random(4, 3 * Features);
        model.AgreesWithReference(x, [3, Features], tolerance: 0.05);
        Assert.Equal("Linear", string.Join(' ', model.Convert().Model.Graphs[0].Nodes.Select(n => n.Kind)));
    }

    [Fact]
    public void A_convolution_of_dynamically_quantized_input_becomes_conv()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 8, 20).Node("DynamicQuantizeLinear", "x", "q s z");
        Conv(model, outputs: 6, inputs: 8, kernel: 3, isPerTensor: true);
        model.Node("ConvInteger", "q w z wz", "i").Node("Cast", "i", "f", ("to", 1)).Node("Mul", "s ws", "k").Node("Mul", "f k", "y").Output("y");
        var x = Numbers.Random(seed: 5, 8 * 20, scale: 2);
        model.AgreesWithReference(x, [1, 8, 20], tolerance: 0.1);
        Assert.Equal("Conv", string.Join(' ', model.Convert().Model.Graphs[0].Nodes.Select(n => n.Kind)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Weights_of_four_bits_in_blocks_are_unpacked(bool hasZeroPoints)
    {
        const int Inputs = 40, Outputs = 6, Block = 16, Blocks = 3;
        var random = new Random(6);
        var bytes = new byte[Outputs * Blocks * Block / 2];
        random.NextBytes(bytes);
        var zeros = new byte[Outputs * 2];
        random.NextBytes(zeros);
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, Inputs).Constant("w", [Outputs, Blocks, Block / 2], bytes).Constant("zeros", [Outputs * 2], zeros)
            .Random("scales", 7, 0.1f, Outputs * Blocks).Node(Own + "MatMulNBits", hasZeroPoints ? "x w scales zeros" : "x w scales", "y", ("K", Inputs), ("N", Outputs), ("bits", 4), ("block_size", Block)).Output("y");
        var x = Numbers.Random(8, 2 * Inputs);
        model.AgreesWithReference(x, [2, Inputs], tolerance: 1e-4);
    }

    [Fact]
    public void Scales_in_blocks_follow_their_axis()
    {
        var model = new OnnxBuilder(21).Input("x", OnnxBuilder.Float, 2, 5).Random("scales", 9, 0.1f, 3, 4).Constant("zeros", [3, 4], Enumerable.Range(0, 12).Select(i => (sbyte)(i - 5)).ToArray())
            .Constant("w", [5, 4], Enumerable.Range(0, 20).Select(i => (sbyte)(i * 11 - 90)).ToArray()).Node("DequantizeLinear", "w scales zeros", "d", ("axis", 0), ("block_size", 2)).Node("MatMul", "x d", "y").Output("y");
        var x = Numbers.Random(seed: 10, count: 10);
        model.AgreesWithReference(x, [2, 5], tolerance: 1e-4);
    }

    [Fact]
    public void An_embedding_of_integers_is_a_table_of_real_rows()
    {
        var model = new OnnxBuilder().Input("i", OnnxBuilder.Int64, 1, 3);
        Dense(model, "t", inputs: 50, outputs: 32);
        model.Node("Gather", "t i", "q").Node("DequantizeLinear", "q ts tz", "y").Output("y");
        var result = model.Convert(new ConversionOptions { Weights = WeightKind.Int8 });
        Assert.Equal("Embedding", string.Join(' ', result.Model.Graphs[0].Nodes.Select(n => n.Kind)));
        Assert.Equal("t", Assert.Single(result.Tensors, t => t.Weights == WeightKind.Int8).Name);
    }

    [Theory]
    [InlineData("DynamicQuantizeLSTM", "x d", "input 8 is missing")]
    [InlineData("DynamicQuantizeLSTM", "x d d - - - - - ds dz ds dz", "three dimensions")]
    [InlineData("MatMulNBits", "x d ds", "K is 0")]
    [InlineData("QLinearAdd", "q ds dz q ds", "input 6 is missing")]
    [InlineData("MatMulIntegerToFloat", "q d ds", "input 3 is missing")]
    public void Missing_inputs_are_refused_by_name(string op, string inputs, string why)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, Features).Constant("q", [3, Features], new byte[3 * Features]);
        Dense(model, "d", Features, Classes);
        model.Node(Own + op, inputs, "y").Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains($"{op}_y", fault.Message);
        Assert.Contains(why, fault.Message);
    }

    /// <summary>LSTM and dense layer in the form of quantize_dynamic.</summary>
    private static OnnxBuilder Dynamic(bool isByRow)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, Steps, 1, Features);
        foreach (var (name, inputs, seed) in new[] { ("W", Features, 11), ("R", Hidden, 12) })
        {
            var (data, scales, zeros) = isByRow ? BySide(Numbers.Random(seed, inputs * 4 * Hidden, 0.4f), 4 * Hidden) : Signed(Numbers.Random(seed, inputs * 4 * Hidden, 0.4f));
            long[] sides = isByRow ? [1, 4 * Hidden] : [1];
            model.Constant(name + "_quantized", [1, inputs, 4 * Hidden], data).Constant(name + "_scale", sides, scales).Constant(name + "_zero_point", sides, zeros);
        }

        model.Random("B", 13, 0.3f, 1, 8 * Hidden)
            .Node(Own + "DynamicQuantizeLSTM", "x W_quantized R_quantized B - - - - W_scale W_zero_point R_scale R_zero_point", "h", ("hidden_size", Hidden))
            .Constant("axes", [1], 1L).Node("Squeeze", "h axes", "sq").Node("DynamicQuantizeLinear", "sq", "q qs qz");
        var (dense, scale, zero) = Signed(Numbers.Random(14, Hidden * Classes));
        return model.Constant("dense_quantized", [Hidden, Classes], dense).Constant("dense_scale", [], scale[0]).Constant("dense_zero_point", [], zero[0]).Random("bias", 15, 1, Classes)
            .Node("Mul", "qs dense_scale", "scales").Node("MatMulInteger", "q dense_quantized qz dense_zero_point", "int").Node("Cast", "int", "cast", ("to", 1)).Node("Mul", "cast scales", "product")
            .Node("Add", "product bias", "y").Output("y");
    }

    private static void Dense(OnnxBuilder model, string name, int inputs, int outputs)
    {
        var w = Numbers.Random(inputs + outputs, inputs * outputs);
        var (least, most) = (w.Min(), w.Max());
        var scale = (most - least) / 255;
        var zero = MathF.Round(-least / scale);
        model.Constant(name, [inputs, outputs], Array.ConvertAll(w, v => (byte)Math.Clamp(MathF.Round(v / scale) + zero, 0, 255))).Constant(name + "s", [], scale).Constant(name + "z", [], (byte)zero);
    }

    private static void Conv(OnnxBuilder model, int outputs, int inputs, int kernel, bool isPerTensor = false)
    {
        var w = Numbers.Random(seed: 16, outputs * inputs * kernel, scale: 0.3f);
        var scale = w.Max(MathF.Abs) / 127;
        float[] scales = isPerTensor ? [scale] : [.. Enumerable.Repeat(scale, outputs)];
        model.Constant("w", [outputs, inputs, kernel], Array.ConvertAll(w, v => (sbyte)MathF.Round(v / scale))).Constant("ws", isPerTensor ? [] : [outputs], scales).Constant("wz", isPerTensor ? [] : [outputs], new sbyte[scales.Length])
            .Constant("b", [outputs], Enumerable.Range(0, outputs).Select(i => 300 * i - 700).ToArray()).Constant("bs", [outputs], Enumerable.Repeat(scale * 0.02f, outputs).ToArray()).Constant("bz", [outputs], new int[outputs]);
    }

    private static (sbyte[] Data, float[] Scale, sbyte[] Zero) Signed(float[] w) => BySide(w, 1);

    /// <summary>Symmetric 8-bit, one scale for each column.</summary>
    private static (sbyte[] Data, float[] Scale, sbyte[] Zero) BySide(float[] w, int columns)
    {
        float[] scales = [.. Enumerable.Range(0, columns).Select(c => w.Where((_, i) => i % columns == c).Max(MathF.Abs) / 127)];
        return ([.. w.Select((v, i) => (sbyte)MathF.Round(v / scales[i % columns]))], scales, new sbyte[columns]);
    }
}
