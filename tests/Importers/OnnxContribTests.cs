using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Fused operators of ONNX Runtime's optimizer, compared with ONNX Runtime.</summary>
public class OnnxContribTests
{
    private const string Own = "com.microsoft.";
    private const int Batch = 2, Steps = 5, Size = 12;

    [Theory]
    [InlineData("Gelu", "x")]
    [InlineData("FastGelu", "x")]
    [InlineData("FastGelu", "x b")]
    [InlineData("BiasGelu", "x b")]
    [InlineData("QuickGelu", "x")]
    [InlineData("SkipLayerNormalization", "x s g b b")]
    [InlineData("SkipLayerNormalization", "x s g")]
    [InlineData("SkipSimplifiedLayerNormalization", "x s g b")]
    [InlineData("MultiHeadAttention", "x s s bias", "num_heads", 3)]
    [InlineData("MultiHeadAttention", "x s s bias keys", "num_heads", 3)]
    [InlineData("MultiHeadAttention", "x s s - - scores", "num_heads", 4, "unidirectional", 1)]
    [InlineData("Attention", "x qkv bias", "num_heads", 3)]
    [InlineData("Attention", "x qkv bias keys", "num_heads", 3)]
    [InlineData("Attention", "x qkv bias lengths", "num_heads", 3)]
    [InlineData("Attention", "x qkv bias - - scores", "num_heads", 4)]
    [InlineData("Attention", "x qkv bias", "num_heads", 2, "unidirectional", 1)]
    [InlineData("ExpandDims", "x two")]
    [InlineData("FusedMatMul", "x s", "transB", 1, "alpha", 0.5f)]
    [InlineData("FusedMatMul", "x s", "transA", 1)]
    public void A_fused_operator_is_the_sum_of_its_parts(string op, string inputs, params object[] attributes) => Same(op, inputs, Size, attributes);

    [Theory]
    [InlineData("Relu")]
    [InlineData("Tanh")]
    [InlineData("LeakyRelu", 0.1f)]
    [InlineData("Clip", -0.5f, 0.7f)]
    [InlineData("HardSigmoid", 0.3f, 0.4f)]
    public void A_fused_activation_follows_its_product(string activation, params float[] parameters)
    {
        var conv = Parameters(new OnnxBuilder()).Node(Own + "FusedConv", "x kernel kb", "y", [("activation", activation), .. parameters.Length == 0 ? [] : new (string, object)[] { ("activation_params", parameters) }]).Output("y");
        Near(conv, Size);
        if (activation == "Clip") return;
        var gemm = Parameters(new OnnxBuilder()).Constant("rows", [2], (long)Batch * Steps, Size).Node("Reshape", "x rows", "r")
            .Node(Own + "FusedGemm", "r square b", "y", [("activation", activation), .. parameters.Take(1).Select(p => ("activation_alpha", (object)p)), .. parameters.Skip(1).Select(p => ("activation_beta", (object)p))]).Output("y");
        Near(gemm, Size);
    }

    [Fact]
    public void A_normalization_without_mean_is_read_with_and_without_its_domain()
    {
        var plain = Parameters(new OnnxBuilder()).Node("SimplifiedLayerNormalization", "x g", "y", ("axis", -1), ("epsilon", 1e-3f)).Output("y");
        Near(plain, Size);
        var x = Enumerable.Range(0, Batch * Steps * Size).Select(i => MathF.Sin(i)).ToArray();
        Assert.Equal(plain.Run(options: null, x), Parameters(new OnnxBuilder()).Node(Own + "SimplifiedLayerNormalization", "x g", "y", ("axis", -1), ("epsilon", 1e-3f)).Output("y").Run(options: null, x));
    }

    [Fact]
    public void Attention_keeps_its_past()
    {
        var model = Parameters(new OnnxBuilder()).Random("past", 20, 1, 2, Batch, 3, 4, Size / 3).Node(Own + "Attention", "x qkv bias - past", "h present", ("num_heads", 3), ("unidirectional", 1))
            .Constant("flat", [1], -1L).Node("Reshape", "h flat", "h1").Node("Reshape", "present flat", "p1").Node("Concat", "h1 p1", "y", ("axis", 0)).Output("y");
        Near(model, Size);
    }

    [Fact]
    public void Words_places_and_segments_are_embedded()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, Batch, Steps).Constant("segments", [Batch, Steps], Enumerable.Range(0, Batch * Steps).Select(i => i % 2).ToArray())
            .Random("words", 1, 1, 30, Size).Random("places", 2, 1, 9, Size).Random("kinds", 3, 1, 2, Size).Random("g", 4, 1, Size).Random("b", 5, 1, Size)
            .Node("Cast", "x", "ids", ("to", 6)).Node(Own + "EmbedLayerNormalization", "ids segments words places kinds g b", "y m").Output("y");
        var x = Enumerable.Range(0, Batch * Steps).Select(i => (float)(i * 7 % 30)).ToArray();
        model.AgreesWithReference(x, [Batch, Steps], tolerance: 2e-5, relative: 2e-5);
    }

    [Theory]
    [InlineData("SkipLayerNormalization", "x", "input 1 is missing")]
    [InlineData("FusedConv", "x kernel", "activation Cube is not supported")]
    [InlineData("MultiHeadAttention", "x", "input 1 is missing")]
    [InlineData("Attention", "x qkv bias cube", "mask of shape [1, 1, 1]")]
    [InlineData("NGramRepeatBlock", "x", "operators of 'com.microsoft' other than those listed")]
    public void Wrong_inputs_are_refused_by_name(string op, string inputs, string why)
    {
        var model = Parameters(new OnnxBuilder()).Constant("cube", [1, 1, 1], 1).Node(Own + op, inputs, "y", op == "FusedConv" ? [("activation", "Cube")] : [("num_heads", 3)]).Output("y");
        var fault = Assert.Throws<ConversionException>(() => model.Convert());
        Assert.Contains($"{op}_y", fault.Message);
        Assert.Contains(why, fault.Message);
    }

    private static void Same(string op, string inputs, int size, object[] attributes) =>
        Near(Parameters(new OnnxBuilder()).Node(Own + op, inputs, "y", [.. attributes.Chunk(2).Select(pair => ((string)pair[0], pair[1]))]).Output("y"), size);

    private static OnnxBuilder Parameters(OnnxBuilder model) => model.Input("x", OnnxBuilder.Float, Batch, Steps, Size).Random("s", 1, 1, Batch, Steps, Size).Random("g", 2, 1, Size).Random("b", 3, 1, Size)
        .Random("qkv", 4, 0.5f, Size, 3 * Size).Random("bias", 5, 0.5f, 3 * Size).Random("scores", 6, 1, 1, 4, Steps, Steps).Random("square", 7, 0.5f, Size, Size).Random("kernel", 8, 0.5f, 4, Steps, 3).Random("kb", 9, 0.5f, 4)
        .Constant("two", [], 2).Constant("keys", [Batch, Steps], 1, 1, 1, 0, 0, 1, 1, 1, 1, 0).Constant("lengths", [Batch], 3, 4);

    private static void Near(OnnxBuilder model, int size)
    {
        var random = new Random(9);
        var x = Numbers.Random(random, Batch * Steps * size, scale: 2);
        model.AgreesWithReference(x, [Batch, Steps, size], tolerance: 2e-5, relative: 2e-5);
    }
}
