using System.Diagnostics;
using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Decoding;

/// <summary>What callbacks must not do, and arguments that no decoder accepts.</summary>
public class DecoderContractTests
{
    [Fact]
    public void Tokens_out_of_range_are_refused()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var decoder = model.CreateDecoder();
        foreach (var token in new[] { -1, int.MinValue, SmallDecoder.Tokens, int.MaxValue })
        {
            // Without a table of source tokens only the encoder knows how many there are.
            Assert.Equal(token == SmallDecoder.Tokens ? typeof(SeqDataException) : typeof(ArgumentException), Assert.ThrowsAny<Exception>(() => decoder.Decode([token])).GetType());
            Assert.Throws<ArgumentException>(() => decoder.Decode([1], new DecodeRequest { Prefix = new[] { token } }));
            Assert.Empty(decoder.Results);
        }

        Assert.Single(decoder.Decode([1]));
    }

    /// <summary>What is drawn after sources that were refused, each with a seed, is what would have been drawn without them.</summary>
    [Fact]
    public void A_refused_source_does_not_restart_the_sampler()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        var options = new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 5 } };
        using SeqDecoder alone = model.CreateDecoder(options), disturbed = model.CreateDecoder(options);
        var seeded = new DecodeRequest { Seed = 99 };
        foreach (var source in (int[][])[[], [-1], [1, 1], [SmallDecoder.Tokens]])
        {
            for (var i = 0; i < 4; i++) Assert.Equal(alone.Decode([1])[0].Tokens.ToArray(), disturbed.Decode([1])[0].Tokens.ToArray());
            Assert.True(Assert.ThrowsAny<Exception>(() => disturbed.Decode(source, seeded)) is ArgumentException or SeqDataException);
        }

        for (var i = 0; i < 4; i++) Assert.Equal(alone.Decode([1])[0].Tokens.ToArray(), disturbed.Decode([1])[0].Tokens.ToArray());
    }

    [Fact]
    public void A_callback_must_not_use_the_decoder()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(3, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, MaxResults = 2 });
        decoder.Decode([2]);
        var expected = decoder.Results[0].Tokens.ToArray();
        Action[] calls =
        [
            () => decoder.Decode([1]), () => decoder.Decode([1], new DecodeRequest { Prefix = new[] { 2 }, Seed = 1 }), () => decoder.Decode("abc"),
        ];
        var told = 0;
        var request = new DecodeRequest
        {
            OnToken = (_, _, _) =>
            {
                told++;
                Assert.All(calls, call => Assert.Throws<InvalidOperationException>(call));
                Assert.Empty(decoder.Results);
                Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Results[0].Tokens.Length);
                return true;
            },
        };
        decoder.Decode([2], request);
        Assert.True(told > 0);
        Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());

        // An exception from the callback ends the search; the next search works as before.
        request.OnToken = (_, _, _) => decoder.Decode([1]).Count > 0;
        Assert.Throws<InvalidOperationException>(() => decoder.Decode([2], request));
        Assert.Empty(decoder.Results);
        decoder.Decode([2]);
        Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());
    }

    [Fact]
    public void A_callback_must_not_use_the_frame_decoder()
    {
        foreach (var file in new[] { SmallFrames.Ctc(7), SmallFrames.Transducer(7, batched: true) })
        {
            using var model = SeqModel.Load(file);
            using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 3 });
            var features = SmallFrames.Features(seed: 3, frames: 8);
            decoder.Decode(features);
            var (expected, score) = (decoder.Results[0].Tokens.ToArray(), decoder.Results[0].Score);
            Action[] calls = [() => decoder.Decode(features), () => decoder.Accept(features), () => decoder.Reset(), () => decoder.Finish()];
            var told = 0;
            bool OnToken(int position, int token, float logProbability)
            {
                told++;
                Assert.All(calls, call => Assert.Throws<InvalidOperationException>(call));
                return true;
            }

            decoder.Decode(features, OnToken);
            Assert.True(told > 0);
            Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());
            Assert.Equal(score, decoder.Results[0].Score);

            decoder.Reset();
            Assert.Throws<InvalidOperationException>(() => decoder.Accept(features, (_, _, _) => decoder.Finish().Count > 0));
            Assert.Equal(0, decoder.FrameCount);
            decoder.Decode(features);
            Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());
        }
    }

    /// <summary>A running search ends normally, or says that its decoder is disposed.</summary>
    [Fact]
    public void Disposing_on_another_thread_ends_a_search()
    {
        using var words = SeqModel.Load(SmallDecoder.Make(2, batched: true));
        using var frames = SeqModel.Load(SmallFrames.Transducer(4, batched: true));
        var features = SmallFrames.Features(seed: 1, frames: 8);
        for (var round = 0; round < 30; round++)
        {
            var decoder = words.CreateDecoder(new SeqDecoderOptions { BeamWidth = 4 });
            var reader = frames.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 4 });
            Exception?[] faults = [null, null];
            Thread[] threads = [new(() => faults[0] = FaultOf(() => decoder.Decode([1]))), new(() => faults[1] = FaultOf(() => reader.Decode(features)))];
            foreach (var thread in threads) thread.Start();
            Thread.Sleep(round % 5);
            decoder.Dispose();
            reader.Dispose();
            foreach (var thread in threads) Assert.True(thread.Join(TimeSpan.FromSeconds(60)));
            Assert.All(faults, fault => Assert.IsType<ObjectDisposedException>(fault));
        }

        static Exception FaultOf(Action decode)
        {
            try
            {
                while (true) decode();
            }
            catch (Exception fault)
            {
                return fault;
            }
        }
    }

    [Fact]
    public void Features_that_do_not_fit_change_nothing()
    {
        using var model = SeqModel.Load(SmallFrames.Ctc(7));
        using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = 8 });
        var features = SmallFrames.Features(seed: 3, frames: 8);
        decoder.Accept(features);
        var expected = decoder.Results[0].Tokens.ToArray();
        Assert.Throws<ArgumentException>(() => decoder.Accept(features.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => decoder.Accept(SmallFrames.Features(seed: 3, frames: 9)));
        Assert.Equal(8, decoder.FrameCount);
        Assert.Single(decoder.Accept([]));
        Assert.Equal(expected, decoder.Results[0].Tokens.ToArray());
    }

    /// <summary>So low that the best log probability divided by it is not finite.</summary>
    [Theory]
    [InlineData(1e-40f)]
    [InlineData(float.Epsilon)]
    [InlineData(1e-30f)]
    public void The_lowest_temperatures_are_greedy(float temperature)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched: false));
            using var greedy = model.CreateDecoder();
            using var drawn = model.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions { Temperature = temperature } });
            for (var source = 0; source < SmallDecoder.Tokens; source++)
            {
                greedy.Decode([source]);
                drawn.Decode([source]);
                Assert.Equal(greedy.Results[0].Tokens.ToArray(), drawn.Results[0].Tokens.ToArray());
                Assert.Equal(greedy.Results[0].Score, drawn.Results[0].Score);
            }
        }
    }

    [Fact]
    public void Every_character_that_no_token_covers_is_told_once_at_once()
    {
        var text = string.Concat(Enumerable.Range(0x10000, 200_000).Select(char.ConvertFromUtf32));
        var table = new TokenTable(["a", "b"], [], separator: null);
        var watch = Stopwatch.StartNew();
        Assert.Equal(text + "\uD800c", table.FindUnknownCharacters($"a{text}b{text}\uD800c\uD800"));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    [Fact]
    public void Options_that_are_no_numbers_are_refused()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var frames = SeqModel.Load(SmallFrames.Ctc(1));
        foreach (var number in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            SeqDecoderOptions[] options =
            [
                new() { LengthPenalty = number }, new() { CoveragePenalty = number }, new() { Sampling = new SamplingOptions { Temperature = number } }, new() { Sampling = new SamplingOptions { TopP = number } },
            ];
            Assert.All(options, o => Assert.ThrowsAny<ArgumentException>(() => model.CreateDecoder(o)));
            FrameDecoderOptions[] frameOptions = [new() { BeamWidth = 2, LanguageModelWeight = number }, new() { BeamWidth = 2, TokenBonus = number }];
            Assert.All(frameOptions, o => Assert.ThrowsAny<ArgumentException>(() => frames.CreateFrameDecoder(o)));
        }
    }

    /// <summary>A graph whose node reads an input that does not exist. It is invalid for every kind of session.</summary>
    [Fact]
    public void A_graph_that_is_not_valid_is_told_by_the_exception_that_the_comments_name()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("encoder");
        graph.Output("y", graph.Node(OpKind.Linear, [graph.Input("x", ElementType.Float32, "T", 3)]));
        builder.Metadata[DecodingKeys.Kind] = DecodingKeys.Ctc;
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.Throws<SeqFormatException>(() => model.CreateSession());
        Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder());
        builder.Metadata[DecodingKeys.Kind] = DecodingKeys.EncoderDecoder;
        builder.Metadata[DecodingKeys.Encoder] = builder.Metadata[DecodingKeys.Step] = "encoder";
        builder.Metadata[DecodingKeys.Begin] = "0";
        using var decoder = SeqModel.Load(SeqWriter.ToArray(builder));
        Assert.Throws<ArgumentException>(() => decoder.CreateDecoder());
    }

    /// <summary>A state whose initial content fits only at the largest size.</summary>
    [Fact]
    public void What_is_not_valid_at_other_sizes_only_is_an_argument_at_fault()
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("main");
        var first = builder.AddDense("first", ElementType.Float32, [4], new byte[16]);
        var state = graph.State("s", ElementType.Float32, ["T"], first);
        graph.UpdateState(state, state);
        graph.Output("y", graph.Node(OpKind.Identity, [graph.Input("x", ElementType.Float32, "T")]));
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 4 } });
        session.Run();
        session.SetSize("T", 3);
        var fault = Assert.Throws<SeqSizeException>(session.Run);
        Assert.Equal((3, 4), (fault.Sizes["T"], fault.FittingSizes!["T"]));
        Assert.Throws<SeqSizeException>(() => session.Outputs[0].Shape.Length);
        Assert.Throws<SeqSizeException>(() => session.Output<float>(0).Length);
        session.SetSize("T", 4);
        session.Run();
    }
}
