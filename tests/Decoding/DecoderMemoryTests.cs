using SeqRuntime.Decoding;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Everything that a decoder holds counts against the limit, and too much is refused before it is allocated.</summary>
public class DecoderMemoryTests
{
    /// <summary>Bytes allocated before a refusal, including those of other tests at the same time.</summary>
    private const long Most = 1L << 30;

    [Theory]
    [InlineData(1, 1, 1 << 16, true, 1)]
    [InlineData(8, 3, 1 << 12, true, 1)]
    [InlineData(8, 3, 1 << 12, false, 1)]
    [InlineData(4, 3, 1 << 12, false, 16)]
    public void What_an_encoder_decoder_allocates_is_what_it_says(int beam, int best, int tokens, bool batched, int batch)
    {
        using var model = SeqModel.Load(RandomDecoder.Make(5, batched));
        var options = new SeqDecoderOptions { BeamWidth = beam, MaxResults = best, MaxTokens = tokens, MaxSourceLength = 50, BatchSize = batch };
        IsWhatItSays(() => model.CreateDecoder(options), decoder => decoder.MemoryBytes);
    }

    [Theory]
    [InlineData(1, 1 << 17)]
    [InlineData(64, 1 << 12)]
    public void What_a_frame_decoder_allocates_is_what_it_says(int beam, int tokens)
    {
        foreach (var file in new[] { SmallFrames.Ctc(1), SmallFrames.Transducer(1, batched: true), SmallFrames.Transducer(1, batched: false) })
        {
            using var model = SeqModel.Load(file);
            IsWhatItSays(() => model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxTokens = tokens, MaxFrames = 100 }), decoder => decoder.MemoryBytes);
        }
    }

    public static TheoryData<int, int, int> TooMuch => new()
    {
        { 500, 1, 1 << 20 },
        { 1, int.MaxValue, 16 },
        { int.MaxValue, 1, 1 },
        { int.MaxValue, int.MaxValue, 1 << 20 },
        { 1 << 16, 1 << 16, 1 << 16 },
        { 100_000_000, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(TooMuch))]
    public void An_encoder_decoder_that_is_too_large_is_refused(int beam, int best, int tokens)
    {
        foreach (var batched in new[] { true, false })
        {
            using var model = SeqModel.Load(RandomDecoder.Make(5, batched));
            var before = GC.GetTotalAllocatedBytes();
            Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = best, MaxTokens = tokens, WorkLimit = long.MaxValue }));
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, Most);
        }
    }

    [Fact]
    public void More_results_than_an_array_can_have_are_refused_without_a_limit_too()
    {
        using var model = SeqModel.Load(RandomDecoder.Make(5, batched: true));
        Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { MaxResults = int.MaxValue, MemoryLimitBytes = long.MaxValue }));
    }

    [Fact]
    public void A_file_cannot_ask_for_more_than_the_limit()
    {
        var file = Reader(1 << 20);
        using var model = SeqModel.Load(file);
        using (var decoder = model.CreateDecoder()) Assert.InRange(decoder.MemoryBytes, 8L << 20, 1L << 30);
        var fault = Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { MemoryLimitBytes = 8 << 20 }));
        Assert.Contains("MemoryLimitBytes", fault.Message, StringComparison.Ordinal);
        Assert.Contains("WorkLimit", Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { WorkLimit = 1 << 20 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4096, 1 << 20)]
    [InlineData(1, int.MaxValue)]
    public void A_frame_decoder_that_is_too_large_is_refused(int beam, int tokens)
    {
        foreach (var file in new[] { SmallFrames.Ctc(1), SmallFrames.Transducer(1, batched: true), SmallFrames.Transducer(1, batched: false) })
        {
            using var model = SeqModel.Load(file);
            foreach (var limit in new[] { 1L << 30, long.MaxValue })
                Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = beam, MaxTokens = tokens, MaxTokensPerFrame = 1024, MemoryLimitBytes = limit }));
            Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = int.MaxValue }));
        }
    }

    /// <summary>A source whose fixed dimensions multiply to more elements than a number can hold.</summary>
    [Theory]
    [InlineData(DecodingKeys.Ctc)]
    [InlineData(DecodingKeys.EncoderDecoder)]
    public void A_source_of_too_many_elements_is_refused_by_name(string kind)
    {
        var builder = new SeqModelBuilder();
        var graph = builder.AddGraph("encoder");
        var x = graph.Input("huge", ElementType.Float32, "T", 1 << 16, 1 << 16);
        graph.Output("y", graph.Node(OpKind.Identity, [x]));
        builder.Metadata[DecodingKeys.Kind] = kind;
        builder.Metadata[DecodingKeys.Encoder] = "encoder";
        builder.Metadata[DecodingKeys.Begin] = "0";
        using var model = SeqModel.Load(SeqWriter.ToArray(builder));
        var fault = Assert.Throws<ArgumentException>(() => _ = kind == DecodingKeys.Ctc ? model.CreateFrameDecoder().MemoryBytes : model.CreateDecoder().MemoryBytes);
        Assert.Contains("huge", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sources_that_no_length_fits_are_refused()
    {
        foreach (var (shape, says) in new (object[], string)[] { (["T", "T"], "more than once"), (["T", 0], "no elements") })
        {
            var builder = new SeqModelBuilder();
            var graph = builder.AddGraph("encoder");
            graph.Output("y", graph.Node(OpKind.Identity, [graph.Input("x", ElementType.Float32, shape)]));
            builder.Metadata[DecodingKeys.Kind] = DecodingKeys.Ctc;
            using var model = SeqModel.Load(SeqWriter.ToArray(builder));
            Assert.Contains(says, Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder()).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Within a tenth, plus plans and other objects.</summary>
    private static void IsWhatItSays<T>(Func<T> make, Func<T, long> says)
        where T : IDisposable
    {
        make().Dispose(); // The first run of code allocates too.
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var made = make();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(says(made), 0.9 * allocated - 400_000, allocated);
    }

    /// <summary>A small encoder-decoder whose metadata request results of this many tokens.</summary>
    private static byte[] Reader(int max)
    {
        var model = new SeqModelBuilder();
        var random = new Random(1);
        var encoder = model.AddGraph("encoder");
        encoder.Output("first", encoder.Node(OpKind.Embedding, [SmallDecoder.Weights(model, encoder, "source", SmallDecoder.Tokens, random), encoder.Input("source", ElementType.Int64, 1)]));
        var step = model.AddGraph("step");
        var hidden = step.State("hidden", ElementType.Float32, [1, SmallDecoder.Hidden]);
        var next = SmallDecoder.Recur(model, step, step.Input("token", ElementType.Int64, 1), hidden, SmallDecoder.Tokens, random);
        step.Output("logits", step.Node(OpKind.Linear, [next, SmallDecoder.Weights(model, step, "readout", SmallDecoder.Tokens, random)]));
        foreach (var (key, value) in new[] { (DecodingKeys.Kind, DecodingKeys.EncoderDecoder), (DecodingKeys.Encoder, "encoder"), (DecodingKeys.Step, "step"), (DecodingKeys.Link + "hidden", "first"), (DecodingKeys.Begin, "1"), (DecodingKeys.End, "0"), (DecodingKeys.Max, $"{max}") })
            model.Metadata[key] = value;
        return SeqWriter.ToArray(model);
    }
}
