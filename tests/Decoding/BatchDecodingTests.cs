using SeqRuntime.Converter;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Several sources at once give, bit for bit, what single calls give.</summary>
public sealed class BatchDecodingTests
{
    public static TheoryData<string, WeightKind, int> Real => new()
    {
        { "thai2rom", WeightKind.Float32, 1 }, { "thai2rom", WeightKind.Float32, 5 }, { "thai2rom", WeightKind.Int8, 1 }, { "thai2rom", WeightKind.Int8, 5 },
        { "g2p_en", WeightKind.Float32, 1 }, { "g2p_en", WeightKind.Float32, 5 }, { "g2p_en", WeightKind.Int8, 1 }, { "g2p_en", WeightKind.Int8, 5 },
    };

    [Theory]
    [MemberData(nameof(Real))]
    public void Real_words_in_batches_have_the_bits_of_single_words(string name, WeightKind weights, int beam)
    {
        string[] words = [.. RealDecodingTests.Lines($"{name}/expected-greedy.tsv").Select(line => line[0])];
        using var model = SeqModel.Load(name == "thai2rom" ? RealDecodingTests.Thai(weights) : RealDecodingTests.English(new ConversionOptions { Weights = weights }));
        using var single = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam });
        string[][] expected = [.. words.Select(word => Describe(single.Decode(word)))];
        foreach (var size in (int[])[1, 7, 32])
        {
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam, BatchSize = size });
            for (var first = 0; first < words.Length; first += size)
            {
                var batch = words.AsSpan(first, Math.Min(size, words.Length - first));
                var found = decoder.DecodeBatch(batch);
                Assert.Equal(batch.Length, found.Length);
                for (var i = 0; i < batch.Length; i++) Assert.Equal(expected[first + i], Describe(found[i]));
            }

            Assert.Equal(expected[0], Describe(decoder.Decode(words[0])));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_batch_allocates_nothing(int beam)
    {
        foreach (var (file, words) in new[] { (RealDecodingTests.Thai(WeightKind.Int8), (string[])["แมว", "บ้านไร่", "สุนัข", "นก"]), (RealDecodingTests.English(new ConversionOptions()), (string[])["speech", "a", "recurrent", "speach"]) })
        {
            using var model = SeqModel.Load(file);
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam, BatchSize = 4 });
            Allocation.None(() =>
            {
                foreach (var results in decoder.DecodeBatch(words)) _ = results[0].Tokens.Length;
                _ = decoder.DecodeBatch(words.AsSpan(1, 2)).Length;
            });
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(7UL)]
    public void What_a_batch_draws_is_what_single_calls_draw(ulong? seed)
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        var options = new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 5 }, BatchSize = 3 };
        using SeqDecoder single = model.CreateDecoder(options), batched = model.CreateDecoder(options);
        var request = new DecodeRequest { Seed = seed };
        ReadOnlyMemory<int>[] sources = [new[] { 1 }, new[] { 2 }, new[] { 1 }];
        for (var call = 0; call < 8; call++)
        {
            string[][] expected = [.. sources.Select(source => Describe(single.Decode(source.Span, request)))];
            var found = batched.DecodeBatch(sources, request);
            for (var i = 0; i < sources.Length; i++) Assert.Equal(expected[i], Describe(found[i]));
        }
    }

    [Fact]
    public void A_prefix_and_a_number_of_tokens_hold_for_every_source()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(2, batched: false));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, BatchSize = 3 });
        var request = new DecodeRequest { Prefix = new[] { 2 }, MaxTokens = 2 };
        ReadOnlyMemory<int>[] sources = [new[] { 1 }, new[] { 3 }, new[] { 2 }];
        string[][] expected = [.. sources.Select(source => Describe(decoder.Decode(source.Span, request)))];
        var found = decoder.DecodeBatch(sources, request);
        for (var i = 0; i < sources.Length; i++)
        {
            Assert.Equal(expected[i], Describe(found[i]));
            Assert.Equal(2, found[i][0].Tokens[0]);
            Assert.Equal(sources[i].ToArray(), decoder.GetSourceTokens(i).ToArray());
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => _ = decoder.GetSourceTokens(3).Length);
    }

    [Fact]
    public void What_no_batch_can_take_is_refused_and_leaves_no_results()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BatchSize = 2 });
        ReadOnlyMemory<int> good = new[] { 1 };
        Assert.Contains("BatchSize", Refusal([good, good, good]).Message, StringComparison.Ordinal);
        Assert.Contains("OnToken", Refusal([good], new DecodeRequest { OnToken = (_, _, _) => true }).Message, StringComparison.Ordinal);
        Assert.Contains("Source 1 of the batch", Refusal([good, new[] { -1 }]).Message, StringComparison.Ordinal);
        Assert.Throws<SeqDataException>(() => _ = decoder.DecodeBatch([good, new[] { SmallDecoder.Tokens }]).Length);
        Assert.Empty(decoder.Results);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => _ = decoder.DecodeBatch([good, good], cancellationToken: cancelled.Token).Length);
        Assert.Empty(decoder.Results);
        Assert.Equal(0, decoder.DecodeBatch(ReadOnlySpan<string>.Empty).Length);
        Assert.Equal(2, decoder.DecodeBatch([good, good]).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.CreateDecoder(new SeqDecoderOptions { BatchSize = 0 }));
        Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { BatchSize = int.MaxValue, BeamWidth = 2 }));
        Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { BatchSize = int.MaxValue }));

        ArgumentException Refusal(ReadOnlyMemory<int>[] sources, DecodeRequest? request = null)
        {
            var fault = Assert.ThrowsAny<ArgumentException>(() => _ = decoder.DecodeBatch(sources, request).Length);
            Assert.Empty(decoder.Results);
            return fault;
        }
    }

    /// <summary>Everything that the results of a source say, with the bits of numbers.</summary>
    internal static string[] Describe(DecodeResultCollection results) => [.. results.Select(result =>
    {
        var alignment = Enumerable.Range(0, result.AlignmentCount).SelectMany(step => result.Alignment(step).ToArray());
        return $"{string.Join(' ', result.Tokens.ToArray())} {Bits(result.Score)} {Bits(result.LogProbability)} {result.IsComplete} {string.Join(' ', alignment.Select(Bits))}";
    })];

    private static string Bits(float number) => BitConverter.SingleToUInt32Bits(number).ToString("x8");
}
