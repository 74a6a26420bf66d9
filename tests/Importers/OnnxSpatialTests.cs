using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Resized and rearranged axes, and operators resolved by constants, compared with ONNX Runtime.</summary>
public class OnnxSpatialTests
{
    [Theory]
    [InlineData("nearest", "asymmetric", "floor")]
    [InlineData("nearest", "half_pixel", "round_prefer_floor")]
    [InlineData("nearest", "half_pixel", "round_prefer_ceil")]
    [InlineData("nearest", "align_corners", "ceil")]
    [InlineData("nearest", "tf_half_pixel_for_nn", "floor")]
    [InlineData("linear", "half_pixel", "floor")]
    [InlineData("linear", "asymmetric", "floor")]
    [InlineData("linear", "align_corners", "floor")]
    [InlineData("linear", "pytorch_half_pixel", "floor")]
    public void A_fixed_axis_is_resized_by_scales_or_sizes(string mode, string transform, string nearest)
    {
        (string, object)[] attributes = [("mode", mode), ("coordinate_transformation_mode", transform), ("nearest_mode", nearest)];
        foreach (var scale in new[] { 2f, 1.5f, 0.5f, 3f })
            Same(new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 3, 7).Constant("scales", [3], 1f, 1f, scale).Node("Resize", "x - scales", "y", attributes).Output("y"), 1, 3, 7);
        Same(new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 2, 4, 6).Constant("sizes", [4], 1L, 2L, 7L, 9L).Node("Resize", "x - - sizes", "y", attributes).Output("y"), 1, 2, 4, 6);
    }

    [Fact]
    public void Old_forms_of_resize_are_read()
    {
        Same(new OnnxBuilder(9).Input("x", OnnxBuilder.Float, 1, 2, 3, 4).Constant("scales", [4], 1f, 1f, 2f, 3f).Node("Upsample", "x scales", "y", ("mode", "nearest")).Output("y"), 1, 2, 3, 4);
        Same(new OnnxBuilder(9).Input("x", OnnxBuilder.Float, 1, 2, 3, 4).Constant("scales", [4], 1f, 1f, 2f, 3f).Node("Upsample", "x scales", "y", ("mode", "linear")).Output("y"), 1, 2, 3, 4);
        Same(new OnnxBuilder(10).Input("x", OnnxBuilder.Float, 1, 2, 3, 4).Constant("scales", [4], 1f, 1f, 2f, 1.5f).Node("Resize", "x scales", "y", ("mode", "linear")).Output("y"), 1, 2, 3, 4);
        Same(new OnnxBuilder(7).Input("x", OnnxBuilder.Float, 1, 2, 3, 4).Node("Upsample", "x", "y", ("mode", "nearest"), ("scales", new[] { 1f, 1f, 2f, 2f })).Output("y"), 1, 2, 3, 4);
    }

    [Fact]
    public void A_symbolic_time_axis_is_repeated()
    {
        using var model = new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 2, "T").Constant("scales", [3], 1f, 1f, 3f).Node("Resize", "x - scales", "y", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")).Output("y", OnnxBuilder.Float, 1, 2, "U").Load();
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 8 } });
        session.SetSize("T", 2);
        float[] x = [1, 2, 3, 4];
        x.CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal([1f, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], session.Output<float>(0).ToArray());
    }

    [Theory]
    [InlineData("cubic", "half_pixel", "the mode cubic")]
    [InlineData("linear", "tf_crop_and_resize", "the coordinates tf_crop_and_resize")]
    public void Unsupported_resizes_are_refused_by_node(string mode, string transform, string why)
    {
        var fault = Assert.Throws<ConversionException>(() => new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 3, 7).Constant("scales", [3], 1f, 1f, 2f).Node("Resize", "x - scales", "y", ("mode", mode), ("coordinate_transformation_mode", transform)).Output("y").Convert());
        Assert.Contains("Resize_y", fault.Message);
        Assert.Contains(why, fault.Message);
        fault = Assert.Throws<ConversionException>(() => new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 3, "T").Constant("scales", [3], 1f, 1f, 2f).Node("Resize", "x - scales", "y", ("mode", "linear")).Output("y").Convert());
        Assert.EndsWith("a symbolic dimension can only be resized in mode nearest by a whole number. It converts with --dim T=2, or another size.", fault.Message, StringComparison.Ordinal);
        fault = Assert.Throws<ConversionException>(() => new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 3, 7).Constant("scales", [2], 1f, 2f).Node("Resize", "x - scales", "y").Output("y").Convert());
        Assert.Contains("2 sizes are given for 3 axes", fault.Message);
    }

    [Fact]
    public void Depth_and_space_change_places()
    {
        Same(new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 2, 8, 2, 3).Node("DepthToSpace", "x", "y", ("blocksize", 2)).Output("y"), 2, 8, 2, 3);
        Same(new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 2, 8, 2, 3).Node("DepthToSpace", "x", "y", ("blocksize", 2), ("mode", "CRD")).Output("y"), 2, 8, 2, 3);
        Same(new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 2, 3, 4, 6).Node("SpaceToDepth", "x", "y", ("blocksize", 2)).Output("y"), 2, 3, 4, 6);
        var fault = Assert.Throws<ConversionException>(() => new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 2, 6, 2, 3).Node("DepthToSpace", "x", "y", ("blocksize", 2)).Output("y").Convert());
        Assert.Contains("6 channels cannot be divided into blocks", fault.Message);
    }

    [Fact]
    public void Constant_inputs_are_folded()
    {
        Same(new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 4).Node("EyeLike", "x", "e", ("k", 1)).Node("Mul", "x e", "y").Output("y"), 3, 4);
        Same(new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 4).Constant("m", [4], true, false, true, true).Node("Compress", "x m", "y", ("axis", 1)).Output("y"), 3, 4);
        Same(new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 4).Constant("m", [2, 2], 0f, 2f, 1f, 3f).Constant("p", [2], 1L, 0L).Node("NonZero", "m", "n").Node("Transpose", "n", "i").Node("GatherND", "x i", "y").Output("y"), 3, 4);
        Same(new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 4).Node("Shrink", "x", "y", ("lambd", 0.4f), ("bias", 0.1f)).Output("y"), 3, 4);
        foreach (var op in new[] { "NonZero", "RandomNormalLike", "Bernoulli" })
        {
            var fault = Assert.Throws<ConversionException>(() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 3, 4).Node(op, "x", "y").Output("y", op == "NonZero" ? OnnxBuilder.Int64 : OnnxBuilder.Float).Convert());
            Assert.Contains($"{op} (node '{op}_y'): ", fault.Message);
            Assert.DoesNotContain("the operator is not supported", fault.Message);
        }
    }

    private static void Same(OnnxBuilder model, params int[] shape) => model.AgreesWithReference(Numbers.Random(3, Numbers.Count(shape)), shape);
}
