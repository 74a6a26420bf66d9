using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>Models at sizes of their symbolic dimensions that the converter did not try.</summary>
public sealed class OnnxSizesTests
{
    /// <summary>Sizes up to the end are kept whole; larger ones are cut.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    public void A_slice_to_a_constant_end_cuts_what_is_longer(int time)
    {
        using var model = new OnnxBuilder()
            .Input("x", OnnxBuilder.Float, "T", 2)
            .Constant<long>("starts", [2], 0, 0)
            .Constant<long>("ends", [2], 4, long.MaxValue)
            .Constant<long>("axes", [2], 0, -1)
            .Node("Slice", "x starts ends axes", "y")
            .Output("y", OnnxBuilder.Float, "S", 2)
            .Load();
        using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = time } });
        session.Input<float>(0).Fill(1);
        session.Run();
        Assert.Equal([Math.Min(time, 4), 2], session.Outputs[0].Shape.ToArray());
    }

    /// <summary>All small sizes fail alike, because they make one frame or none: hops of 64 samples, then three frames.</summary>
    [Fact]
    public void A_model_that_needs_several_frames_finds_its_sizes()
    {
        using var model = new OnnxBuilder()
            .Input("x", OnnxBuilder.Float, 1, 1, "samples")
            .Constant("frame", [2, 1, 64], Enumerable.Repeat(0.5f, 128).ToArray())
            .Constant("taps", [1, 2, 3], Enumerable.Repeat(0.25f, 6).ToArray())
            .Node("Conv", "x frame", "frames", ("strides", new[] { 64L }), ("pads", new[] { 32L, 32L }))
            .Node("Conv", "frames taps", "y")
            .Output("y", OnnxBuilder.Float, 1, 1, "T")
            .Load();
        using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["samples"] = 320 } });
        session.SetSize("samples", 320);
        session.Input<float>(0).Fill(1);
        session.Run();
        // Frames of 32, 64, 64, 64, 64 and 32 ones, each by 0.5; then sums of three in two channels, each by 0.25.
        Assert.Equal([40, 48, 48, 40], session.Output<float>(0).ToArray());
    }

    /// <summary>A loop over the steps that becomes too large at the size that is tried last does not hide why no size fits.</summary>
    [Fact]
    public void A_loop_that_grows_with_a_size_does_not_hide_the_fault()
    {
        const int nodes = 300;
        var body = new GraphProto { Name = "body" };
        body.Input.AddRange([OnnxBuilder.Port("i", OnnxBuilder.Int64), OnnxBuilder.Port("go", OnnxBuilder.Bool), OnnxBuilder.Port("a0", OnnxBuilder.Float, 3)]);
        body.Node.Add(OnnxBuilder.MakeNode("Identity", "go", "on"));
        for (var i = 0; i < nodes; i++) body.Node.Add(OnnxBuilder.MakeNode("Sin", $"a{i}", $"a{i + 1}"));
        body.Output.AddRange([OnnxBuilder.Port("on", OnnxBuilder.Bool), OnnxBuilder.Port($"a{nodes}", OnnxBuilder.Float, 3)]);
        var message = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 3).Input("h", OnnxBuilder.Float, 3).Constant("yes", [], true).Random("w", 1, 1, 4, 2)
            .Node("Shape", "x", "length", ("start", 0), ("end", 1)).Node("Squeeze", "length", "rounds").Node("Loop", "rounds yes h", "y", ("body", body)).Node("MatMul", "y w", "z")
            .Output("z", OnnxBuilder.Float, 2).Refusal();
        Assert.Contains("MatMul", message, StringComparison.Ordinal);
        Assert.DoesNotContain("written out", message, StringComparison.Ordinal);
    }

    /// <summary>Height and width are known only when the model runs.</summary>
    [Theory]
    [InlineData("DepthToSpace", 4, 8)]
    [InlineData("SpaceToDepth", 2, 4)]
    public void Depth_and_space_work_at_any_image_size(string op, int height, int width)
    {
        var builder = new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", 8, "H", "W").Node(op, "x", "y", ("blocksize", 2));
        builder.Graph.Output.Add(new ValueInfoProto { Name = "y", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = OnnxBuilder.Float } } });
        using var model = builder.Load();
        using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["H"] = 6, ["W"] = 8 } });
        session.SetSize("H", height);
        session.SetSize("W", width);
        float[] x = [.. Enumerable.Range(0, 2 * 8 * height * width).Select(i => (float)i)];
        x.CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal(builder.Reference(("x", [2, 8, height, width], x)), session.Output<float>(0).ToArray());
    }

    /// <summary>A branch for inputs of one length is taken at that length, whatever it is and however the length is computed.</summary>
    [Theory]
    [InlineData("Equal", 4)]
    [InlineData("Equal", 29)]
    [InlineData("Less", 5)]
    [InlineData("Greater", 40)]
    public void A_branch_on_a_size_changes_at_its_limit(string comparison, int limit)
    {
        static GraphProto Branch(string op, string name)
        {
            var graph = new GraphProto { Name = name };
            graph.Node.Add(OnnxBuilder.MakeNode(op, "x", name));
            graph.Output.Add(OnnxBuilder.Port(name, OnnxBuilder.Float, "T"));
            return graph;
        }

        using var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T")
            .Constant<long>("two", [], 2).Constant<long>("limit", [], 2 * limit)
            .Node("Size", "x", "size").Node("Mul", "size two", "twice").Node(comparison, "twice limit", "condition")
            .Node("If", "condition", "y", ("then_branch", Branch("Neg", "then")), ("else_branch", Branch("Abs", "else")))
            .Output("y", OnnxBuilder.Float, "T").Load();
        for (var time = 1; time <= 45; time++)
        {
            using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = time } });
            session.Input<float>(0).Fill(1);
            session.Run();
            var isThen = comparison switch { "Equal" => time == limit, "Less" => time < limit, _ => time > limit };
            Assert.Equal(isThen ? -1 : 1, session.Output<float>(0)[0]);
        }
    }

    /// <summary>The padding depends on the remainder of the size divided by the stride.</summary>
    [Theory]
    [InlineData("SAME_UPPER")]
    [InlineData("SAME_LOWER")]
    public void Strided_same_padding_is_right_at_every_remainder(string pad)
    {
        var builder = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, "T", 5)
            .Node("MaxPool", "x", "y", ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 3, 1 }), ("auto_pad", pad));
        builder.Graph.Output.Add(new ValueInfoProto { Name = "y", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = OnnxBuilder.Float } } });
        using var model = builder.Load();
        for (var time = 1; time <= 13; time++)
        {
            using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = time } });
            float[] x = [.. Enumerable.Range(0, time * 5).Select(i => MathF.Sin(i * 1.7f))];
            x.CopyTo(session.Input<float>(0));
            session.Run();
            Assert.Equal(builder.Reference(("x", [1, 1, time, 5], x)), session.Output<float>(0).ToArray());
        }
    }
}
