using SeqRuntime.Converter.IO;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>The errors if a graph's shapes do not fit at a session's sizes.</summary>
public sealed class SizeExceptionTests : IDisposable
{
    private readonly Commands.CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void The_default_size_is_named_with_one_that_fits_and_the_advice_works()
    {
        using var model = SeqModel.Load(Windows(window: 5));
        foreach (var make in new Action[] { () => model.CreateSession(), () => model.GetSessionMemoryBytes(), () => model.CreateStreams(3) })
        {
            var fault = Assert.Throws<SeqSizeException>(make);
            Assert.StartsWith("graph 'main', node 'pool' (Pool): ", fault.Message, StringComparison.Ordinal);
            Assert.EndsWith("The sizes were T = 1 (the default). Set the largest sizes that you will run; these fit: new SeqSessionOptions { MaxSizes = { [\"T\"] = 5 } }.", fault.Message, StringComparison.Ordinal);
        }

        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 5 } });
        session.Run();
    }

    [Fact]
    public void A_size_that_was_given_stays_and_the_others_are_searched()
    {
        using var model = SeqModel.Load(Windows(window: 3, other: "U"));
        var fault = Assert.Throws<SeqSizeException>(() => model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 7 } }));
        Assert.Equal("T = 7, U = 1 (the default)", fault.SizesText);
        Assert.Equal(new Dictionary<string, int> { ["T"] = 7, ["U"] = 1 }, fault.Sizes);
        Assert.Equal(new Dictionary<string, int> { ["T"] = 7, ["U"] = 3 }, fault.FittingSizes);
        fault = Assert.Throws<SeqSizeException>(() => model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 2, ["U"] = 2 } }));
        Assert.Equal(new Dictionary<string, int> { ["T"] = 3, ["U"] = 3 }, fault.FittingSizes);
        Assert.Contains("The sizes were T = 2, U = 2. ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_no_size_fits_none_is_claimed()
    {
        using var model = SeqModel.Load(Windows(window: 100_000));
        var fault = Assert.Throws<SeqSizeException>(() => model.CreateSession());
        Assert.Null(fault.FittingSizes);
        Assert.EndsWith("{ [\"T\"] = … } }.", fault.Message, StringComparison.Ordinal);
        using var small = SeqModel.Load(Windows(window: 3000));
        Assert.Null(Assert.Throws<SeqSizeException>(() => small.CreateSession(graph: null, new SeqSessionOptions { MemoryLimitBytes = 10_000 })).FittingSizes);
    }

    [Fact]
    public void A_graph_that_is_wrong_at_every_size_or_has_none_gets_no_advice()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var x = graph.Input("x", ElementType.Float32, "T", 3);
        graph.UpdateState(graph.State("h", ElementType.Float32, [1, 2]), x);
        using var wrong = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.DoesNotContain("MaxSizes", Assert.Throws<SeqFormatException>(() => wrong.CreateSession()).Message, StringComparison.Ordinal);

        builder = new SeqModelBuilder();
        graph = builder.AddGraph("main");
        graph.Output("y", Pool(graph, graph.Input("x", ElementType.Float32, 1, 1, 2), 3));
        using var without = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.DoesNotContain("MaxSizes", Assert.Throws<ArgumentException>(() => without.CreateSession()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decoder_names_its_own_option()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        graph.Output("y", Pool(graph, graph.Input("x", ElementType.Float32, 1, 1, "T"), 5));
        builder.Metadata[DecodingKeys.Kind] = DecodingKeys.Ctc;
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var fault = Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = 4 }));
        Assert.EndsWith("The sizes were T = 4, from MaxFrames = 4.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_names_its_own_option()
    {
        File.WriteAllBytes(_cli["m.seq"], Windows(window: 5, other: "U"));
        AtomicFile.Write(_cli["x.npy"], stream => NpyWriter.Write(stream, NpyArray.From([1, 1, 6], new float[6])));
        AtomicFile.Write(_cli["x1.npy"], stream => NpyWriter.Write(stream, NpyArray.From([1, 1, 2], new float[2])));
        _cli.Fails(1, ["run", _cli["m.seq"], "-i", $"x={_cli["x.npy"]}", "-i", $"other={_cli["x1.npy"]}"], "node 'other pool' (Pool)", "The inputs and --size give T = 6, U = 2; use other sizes", "T = 6, U = 5 fits");
        _cli.Good("inspect", _cli["m.seq"], "--size", "T=6", "--size", "U=2");
        Assert.Contains("no session at T = 6, U = 2: graph 'main', node 'other pool'", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("--size T=6 --size U=5 fits.", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Silero_made_with_defaults_says_what_to_do()
    {
        var source = Models.Need("silero-vad/silero_vad_16k_op15.onnx");
        _cli.Good("convert", source, "-o", _cli["vad.seq"], "--set", "sr=16000");
        using var model = SeqModel.Load(_cli["vad.seq"]);
        var fault = Assert.Throws<SeqSizeException>(() => model.CreateSession());
        Assert.Contains("node '/model/stft/Conv' (Conv): ", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith("{ [\"sequence\"] = 192 } }.", fault.Message, StringComparison.Ordinal);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = fault.FittingSizes!.ToDictionary() });
        session.Run();
    }

    /// <summary>Pools windows of [1, 1, T], and of [1, 1, U] if there is a second symbol.</summary>
    private static byte[] Windows(int window, string? other = null)
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        graph.Output("y", Pool(graph, graph.Input("x", ElementType.Float32, 1, 1, "T"), window));
        if (other is not null) graph.Output("other y", Pool(graph, graph.Input("other", ElementType.Float32, 1, 1, other), window, "other pool"));
        return SeqWriter.ToArray(builder);
    }

    private static int Pool(GraphDefinition graph, int x, int window, string name = "pool") =>
        graph.Node(OpKind.Pool, [x], new Attributes().Set(AttributeKey.Function, PoolFunction.Max).Set(AttributeKey.KernelShape, new long[] { window }), name);
}
