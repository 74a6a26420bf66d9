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
            Assert.Equal(1, decoder.Decode(line[0]));
            Assert.Equal(line[1], decoder.Text(0));
            Assert.Equal(float.Parse(line[2], CultureInfo.InvariantCulture), decoder.LogProbability(0), 1e-4f);
            Assert.True(decoder.IsComplete(0));
            Assert.Equal(decoder.Tokens(0).Length + 1, decoder.AlignmentCount(0));
            for (var step = 0; step < decoder.AlignmentCount(0); step++)
            {
                var sum = 0.0;
                foreach (var weight in decoder.Alignment(0, step)) sum += weight;
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
            Assert.Equal(5, beam.Decode(line[0]));
            Assert.True(beam.Score(0) >= greedy.Score(0), line[0]);
            for (var i = 1; i < 5; i++) Assert.True(beam.Score(i) <= beam.Score(i - 1));
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
        Assert.Contains(unknown, decoder.Source.ToArray());
        decoder.Decode("hi");
        Assert.DoesNotContain(unknown, decoder.Source.ToArray());
        using var without = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var refusing = without.CreateDecoder();
        Assert.Null(refusing.UnknownToken);
    }

    [Fact]
    public void An_empty_source_is_decoded_where_the_model_adds_begin_or_end()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3 });
        Assert.Equal(3, decoder.Decode(""));
        Assert.NotEmpty(decoder.Source.ToArray());
    }

    [Fact]
    public void Nothing_answers_after_Dispose()
    {
        using var model = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        var decoder = model.CreateDecoder();
        decoder.Decode("hello");
        decoder.Dispose();
        Action[] calls = [() => decoder.Decode("hello"), () => _ = decoder.Tokens(0).Length, () => decoder.Score(0), () => decoder.IsComplete(0), () => decoder.Text(0), () => decoder.AlignmentCount(0), () => _ = decoder.Alignment(0, 0).Length];
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
        stopped.OnToken = (position, token, _) =>
        {
            told.Add(token);
            return position < 1;
        };
        whole.Decode("hello");
        foreach (var cut in (SeqDecoder[])[stopped, limited])
        {
            Assert.Equal(3, cut.Decode("hello"));
            Assert.Equal(whole.Tokens(0)[..2].ToArray(), cut.Tokens(0).ToArray());
            Assert.False(cut.IsComplete(0));
        }

        Assert.Equal(told, stopped.Tokens(0).ToArray());
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
            if (decoder.Text(0) != line[1]) differ.Add($"{line[0]}: {decoder.Text(0)} for {line[1]}");
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
            for (var rank = 0; rank < decoder.Count; rank++)
            {
                var sums = new double[decoder.Source.Length];
                for (var step = 0; step < decoder.AlignmentCount(rank); step++)
                {
                    for (var i = 0; i < sums.Length; i++) sums[i] += decoder.Alignment(rank, step)[i];
                }

                var length = decoder.Tokens(rank).Length + (decoder.IsComplete(rank) ? 1 : 0);
                var expected = decoder.LogProbability(rank) / Math.Pow((5 + length) / 6.0, alpha) + beta * sums.Sum(s => Math.Log(Math.Min(s, 1)));
                Assert.Equal(expected, decoder.Score(rank), 1e-3);
                if (rank > 0) Assert.True(decoder.Score(rank) <= decoder.Score(rank - 1));
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
            Assert.Equal(line[1], decoder.Text(0));
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
                    _ = decoder.CopyText(0, text);
                }
            });
        }
    }

    private static byte[] Thai(WeightKind weights) => SeqRuntime.Converter.Pipeline.Conversion.Convert(
        [("encoder", Models.Need("thai2rom/thai2rom_encoder.onnx")), ("step", Models.Need("thai2rom/thai2rom_decoder.onnx"))],
        new ConversionOptions { Weights = weights, Decoding = Repository.Find("docs/examples/thai2rom.json") }).File;

    /// <summary>g2p_en by its description.</summary>
    internal static byte[] English(ConversionOptions options)
    {
        var weights = Models.Need("g2p_en/checkpoint20.npz");
        var folder = Directory.CreateTempSubdirectory("decoding").FullName;
        try
        {
            var path = Path.Combine(folder, "g2p_en.json");
            File.Copy(Repository.Find("docs/examples/g2p_en.json"), path);
            File.Copy(weights, Path.Combine(folder, "checkpoint20.npz"));
            return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options).File;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static string[][] Lines(string file) => [.. File.ReadLines(Models.Need(file)).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('\t'))];
}
