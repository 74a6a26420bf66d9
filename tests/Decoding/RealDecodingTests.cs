using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Real encoder-decoders give the same results as their references.</summary>
public sealed class RealDecodingTests
{
    private static readonly Lazy<byte[]> s_thai = new(() => Thai(WeightKind.Float32));
    private static readonly Lazy<byte[]> s_english = new(() => English(new ConversionOptions()));

    [Fact]
    public void Thai2rom_decodes_greedily_as_its_reference()
    {
        var expected = Lines("thai2rom/expected-greedy.tsv");
        using var model = SeqModel.Load(s_thai.Value);
        using var decoder = model.CreateDecoder();
        Assert.Equal(50, expected.Length);
        foreach (var line in expected)
        {
            Assert.Single(decoder.Decode(line[0]));
            Assert.Equal(line[1], decoder.Results[0].Text);
            Assert.Equal(float.Parse(line[2], CultureInfo.InvariantCulture), decoder.Results[0].LogProbability, 1e-4f);
            Assert.True(decoder.Results[0].IsComplete);
            Assert.Equal(decoder.Results[0].Tokens.Length + 1, decoder.Results[0].AlignmentCount);
            for (var step = 0; step < decoder.Results[0].AlignmentCount; step++)
            {
                var sum = 0.0;
                foreach (var weight in decoder.Results[0].Alignment(step)) sum += weight;
                Assert.Equal(1, sum, 1e-5);
            }
        }
    }

    [Fact]
    public void Thai2rom_with_a_beam_of_5_finds_no_worse_score()
    {
        using var model = SeqModel.Load(s_thai.Value);
        using var greedy = model.CreateDecoder();
        using var beam = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 5 });
        foreach (var line in Lines("thai2rom/expected-greedy.tsv"))
        {
            greedy.Decode(line[0]);
            Assert.Equal(5, beam.Decode(line[0]).Count);
            Assert.True(beam.Results[0].Score >= greedy.Results[0].Score, line[0]);
            for (var i = 1; i < 5; i++) Assert.True(beam.Results[i].Score <= beam.Results[i - 1].Score);
        }
    }

    [Fact]
    public void What_the_source_table_does_not_cover_is_told_and_becomes_the_unknown_token()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        using var decoder = model.CreateDecoder();
        var table = decoder.SourceTable!;
        Assert.Equal("H W😀", table.FindUnknownCharacters("Hello World 😀HW"));
        Assert.Equal("", table.FindUnknownCharacters("hello"));
        var unknown = Assert.NotNull(decoder.UnknownToken);
        decoder.Decode("Hi");
        Assert.Contains(unknown, decoder.SourceTokens.ToArray());
        decoder.Decode("hi");
        Assert.DoesNotContain(unknown, decoder.SourceTokens.ToArray());
        using var without = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var refusing = without.CreateDecoder();
        Assert.Null(refusing.UnknownToken);
    }

    [Fact]
    public void An_empty_source_is_decoded_where_the_model_adds_begin_or_end()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
        Assert.Equal(3, decoder.Decode("").Count);
        Assert.NotEmpty(decoder.SourceTokens.ToArray());
    }

    [Fact]
    public void Nothing_answers_after_Dispose()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        var decoder = model.CreateDecoder();
        decoder.Decode("hello");
        decoder.Dispose();
        Action[] calls = [() => decoder.Decode("hello"), () => _ = decoder.Results[0].Tokens.Length, () => _ = decoder.Results[0].Score, () => _ = decoder.Results[0].IsComplete, () => _ = decoder.Results[0].Text, () => _ = decoder.Results[0].AlignmentCount, () => _ = decoder.Results[0].Alignment(0).Length];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
    }

    [Fact]
    public void A_pronunciation_cut_short_is_the_beginning_of_the_whole_one()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        using var whole = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
        using var stopped = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
        using var limited = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3, MaxTokens = 2 });
        var told = new List<int>();
        var request = new DecodeRequest
        {
            OnToken = (position, token, _) =>
            {
                told.Add(token);
                return position < 1;
            },
        };
        whole.Decode("hello");
        foreach (var cut in (SeqDecoder[])[stopped, limited])
        {
            Assert.Equal(3, cut.Decode("hello", cut == stopped ? request : null).Count);
            Assert.Equal(whole.Results[0].Tokens[..2].ToArray(), cut.Results[0].Tokens.ToArray());
            Assert.False(cut.Results[0].IsComplete);
        }

        Assert.Equal(told, stopped.Results[0].Tokens.ToArray());
    }

    [Fact]
    public void Thai2rom_in_int8_differs_on_at_most_one_word()
    {
        using var model = SeqModel.Load(Thai(WeightKind.Int8));
        using var decoder = model.CreateDecoder();
        var differ = new List<string>();
        foreach (var line in Lines("thai2rom/expected-greedy.tsv"))
        {
            decoder.Decode(line[0]);
            if (decoder.Results[0].Text != line[1]) differ.Add($"{line[0]}: {decoder.Results[0].Text} for {line[1]}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join("; ", differ));
        Assert.True(differ.Count <= 1, string.Join("; ", differ));
    }

    /// <summary>Wu et al. 2016, eq. 14: the coverage of the attention, summed again from the returned alignments.</summary>
    [Fact]
    public void The_coverage_penalty_is_the_one_of_the_alignments()
    {
        const float alpha = 0.6f, beta = 0.4f;
        using var model = SeqModel.Load(s_thai.Value);
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3, LengthPenalty = alpha, CoveragePenalty = beta });
        foreach (var line in Lines("thai2rom/expected-greedy.tsv").Take(10))
        {
            decoder.Decode(line[0]);
            for (var rank = 0; rank < decoder.Results.Count; rank++)
            {
                var sums = new double[decoder.SourceTokens.Length];
                for (var step = 0; step < decoder.Results[rank].AlignmentCount; step++)
                {
                    for (var i = 0; i < sums.Length; i++) sums[i] += decoder.Results[rank].Alignment(step)[i];
                }

                var length = decoder.Results[rank].Tokens.Length + (decoder.Results[rank].IsComplete ? 1 : 0);
                var expected = decoder.Results[rank].LogProbability / Math.Pow((5 + length) / 6.0, alpha) + beta * sums.Sum(s => Math.Log(Math.Min(s, 1)));
                Assert.Equal(expected, decoder.Results[rank].Score, 1e-3);
                if (rank > 0) Assert.True(decoder.Results[rank].Score <= decoder.Results[rank - 1].Score);
            }
        }
    }

    [Fact]
    public void G2p_en_decodes_word_for_word_as_its_reference()
    {
        var expected = Lines("g2p_en/expected-greedy.tsv");
        using var model = SeqModel.Load(s_english.Value);
        using var decoder = model.CreateDecoder();
        Assert.True(expected.Length >= 200);
        foreach (var line in expected)
        {
            decoder.Decode(line[0]);
            Assert.Equal(line[1], decoder.Results[0].Text);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_sentence_allocates_nothing(int beam)
    {
        foreach (var file in new[] { s_thai.Value, s_english.Value })
        {
            using var model = SeqModel.Load(file);
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam });
            string[] words = model.Metadata[DecodingKeys.Token] == "previous" ? ["speech", "a", "recurrent"] : ["แมว", "บ้านไร่", "สุนัข"];
            var text = new char[200];
            Allocation.None(() =>
            {
                foreach (var word in words)
                {
                    decoder.Decode(word);
                    _ = decoder.Results[0].CopyTextTo(text);
                }
            });
        }
    }

    internal static byte[] Thai(WeightKind weights) => SeqRuntime.Converter.Pipeline.Conversion.Convert(
        [("encoder", Models.Need("thai2rom/thai2rom_encoder.onnx")), ("step", Models.Need("thai2rom/thai2rom_decoder.onnx"))],
        new ConversionOptions { Weights = weights, Decoding = Repository.Find("docs/examples/thai2rom.json") }).File;

    /// <summary>g2p_en by its description.</summary>
    internal static byte[] English(ConversionOptions options)
    {
        var weights = Models.Need("g2p_en/checkpoint20.npz");
        using var folder = new TemporaryFolder();
        var path = folder["g2p_en.json"];
        File.Copy(Repository.Find("docs/examples/g2p_en.json"), path);
        File.Copy(weights, folder["checkpoint20.npz"]);
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options).File;
    }

    internal static string[][] Lines(string file) => [.. File.ReadLines(Models.Need(file)).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('\t'))];
}
