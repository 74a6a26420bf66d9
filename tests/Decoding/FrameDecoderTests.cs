using SeqRuntime.Decoding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>CTC and transducer search compared with the sum over all alignments.</summary>
public sealed class FrameDecoderTests
{
    private const string Arpa = """
        \data\
        ngram 1=5
        ngram 2=4
        ngram 3=2

        \1-grams:
        -99	<s>	-0.3
        -0.8	</s>
        -0.5	a	-0.4
        -0.7	b	-0.2
        -1.1	c

        \2-grams:
        -0.2	<s> b	-0.1
        -0.4	a b	-0.25
        -0.9	b c
        -0.3	b </s>

        \3-grams:
        -0.1	<s> b a
        -0.6	a b a

        \end\
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_wide_ctc_beam_finds_every_sequence_with_the_sum_over_its_alignments(bool biased)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallFrames.Ctc(seed));
            var features = SmallFrames.Features(seed, 6);
            var options = new FrameDecoderOptions { BeamWidth = 4000, MaxResults = 300, MaxTokens = 6, LanguageModel = biased ? Language(model) : null, LanguageModelWeight = 0.7f, TokenBonus = biased ? 0.3f : 0 };
            using var decoder = model.CreateFrameDecoder(options);
            var all = SmallFrames.AllOfCtc(model, features);
            Check(decoder, features, all, biased ? 0.7 : 0, options.TokenBonus);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_wide_transducer_beam_finds_every_sequence_with_the_sum_over_its_alignments(bool batched, bool biased)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallFrames.Transducer(seed, batched));
            var features = SmallFrames.Features(seed, 4);
            var options = new FrameDecoderOptions { BeamWidth = 200, MaxResults = 100, MaxTokens = 4, LanguageModel = biased ? Language(model) : null, LanguageModelWeight = 0.7f, TokenBonus = biased ? 0.3f : 0 };
            using var decoder = model.CreateFrameDecoder(options);
            var all = SmallFrames.AllOfTransducer(model, features, 4);
            Assert.Equal(1 + 3 + 9 + 27 + 81, all.Count);
            Check(decoder, features, all, biased ? 0.7 : 0, options.TokenBonus);
        }
    }

    /// <summary>Encoder, prediction over the last two tokens, and joint network in three ONNX files, and a document that gives them their roles.</summary>
    [Fact]
    public void A_transducer_without_state_comes_from_three_files()
    {
        const int width = SmallDecoder.Hidden, labels = SmallFrames.Labels;
        using var folder = new TemporaryFolder();
        string Write(string name, OnnxBuilder model) => folder.Write(name, Google.Protobuf.MessageExtensions.ToByteArray(model.Model));

        for (var seed = 0; seed < 3; seed++)
        {
            var encoder = Write("encoder.onnx", new OnnxBuilder().Input("x", OnnxBuilder.Float, "N", "T", width).Input("x_lens", OnnxBuilder.Int64, "N")
                .Random("w", seed * 10, 1, width, width).Node("MatMul", "x w", "encoder_out").Node("Identity", "x_lens", "encoder_out_lens")
                .Output("encoder_out", OnnxBuilder.Float, "N", "T", width).Output("encoder_out_lens", OnnxBuilder.Int64, "N"));
            var predict = Write("decoder.onnx", new OnnxBuilder().Input("y", OnnxBuilder.Int64, "N", 2).Random("e", seed * 10 + 1, 1.5f, labels, width).Random("places", seed * 10 + 2, 1, 1, 2, width).Constant<long>("axis", [1], 1)
                .Node("Gather", "e y", "words", ("axis", 0)).Node("Mul", "words places", "placed").Node("ReduceSum", "placed axis", "decoder_out", ("keepdims", 0)).Output("decoder_out", OnnxBuilder.Float, "N", width));
            var joint = Write("joiner.onnx", new OnnxBuilder().Input("encoder_out", OnnxBuilder.Float, "N", width).Input("decoder_out", OnnxBuilder.Float, "N", width).Random("v", seed * 10 + 3, 2, width, labels)
                .Node("Add", "encoder_out decoder_out", "both").Node("Tanh", "both", "bent").Node("MatMul", "bent v", "logit").Output("logit", OnnxBuilder.Float, "N", labels));
            var document = folder.Write("decoding.json", """
                { "tables": { "target": ["<b>", "a", "b", "c"] },
                  "decoding": { "kind": "transducer", "encoder": "encoder", "predict": "predict", "joint": "joint", "source": "x", "source_length": "x_lens", "token": "y", "blank": "<b>",
                                "links": { "encoder_out": "encoder_out", "decoder_out": "decoder_out" } } }
                """);
            var options = new SeqRuntime.Converter.ConversionOptions { Decoding = document };
            using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("encoder", encoder), ("predict", predict), ("joint", joint)], options).File);
            using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 200, MaxResults = 100, MaxTokens = 4 });
            var features = SmallFrames.Features(seed, 4);
            Check(decoder, features, SmallFrames.AllOfTransducer(model, features, 4), weight: 0, bonus: 0);
        }
    }

    [Fact]
    public void Nothing_answers_after_Dispose()
    {
        using var model = SeqModel.Load(SmallFrames.Transducer(1, batched: true));
        var decoder = model.CreateFrameDecoder();
        decoder.Decode(SmallFrames.Features(seed: 1, frames: 4));
        Assert.Contains("Result 1 is outside the results (0 to 0)", Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Results[1].Score).Message, StringComparison.Ordinal);
        decoder.Dispose();
        Action[] calls = [() => decoder.Finish(), () => _ = decoder.Results[0].Tokens.Length, () => _ = decoder.Results[0].Frames.Length, () => _ = decoder.Results[0].Score, () => _ = decoder.Results[0].LogProbability];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
    }

    [Fact]
    public void A_narrow_beam_never_claims_more_than_the_sum_and_loses_little_of_it()
    {
        foreach (var (model, features, all) in Everything())
        {
            using (model)
            {
                using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 8, MaxResults = 4, MaxTokens = 4 });
                decoder.Decode(features);
                for (var rank = 0; rank < decoder.Results.Count; rank++)
                {
                    var most = Math.Log(all[Key(decoder.Results[rank].Tokens)]);
                    Assert.InRange(decoder.Results[rank].LogProbability, most - 1, most + 1e-4);
                    if (rank > 0) Assert.NotEqual(Key(decoder.Results[rank - 1].Tokens), Key(decoder.Results[rank].Tokens));
                }
            }
        }
    }

    [Fact]
    public void Greedy_ctc_takes_the_best_label_of_each_frame()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallFrames.Ctc(seed));
            var features = SmallFrames.Features(seed, 40);
            using var decoder = model.CreateFrameDecoder();
            var told = new List<int>();
            bool OnToken(int position, int token, float logProbability)
            {
                Assert.Equal(told.Count, position);
                told.Add(token);
                return true;
            }

            Assert.Single(decoder.Decode(features, OnToken));
            var frames = SmallFrames.CtcLogProbabilities(model, features);
            var labels = Array.ConvertAll(frames, f => Array.IndexOf(f, f.Max()));
            var starts = Enumerable.Range(0, labels.Length).Where(t => labels[t] != SmallFrames.Blank && (t == 0 || labels[t] != labels[t - 1])).ToArray();
            Assert.Equal(starts.Select(t => labels[t]), decoder.Results[0].Tokens.ToArray());
            Assert.Equal(starts, decoder.Results[0].Frames.ToArray());
            Assert.Equal(frames.Sum(f => f.Max()), decoder.Results[0].LogProbability, 1e-3);
            Assert.Equal(decoder.Results[0].Tokens.ToArray(), told);
            Assert.Equal(string.Concat(told.Select(t => SmallFrames.Table[t])), decoder.Results[0].Text);
            Assert.Equal(40, decoder.FrameCount);
        }
    }

    [Fact]
    public void Greedy_transducer_follows_one_path_that_is_no_more_than_the_sum()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var one = SeqModel.Load(SmallFrames.Transducer(seed, batched: false));
            using var many = SeqModel.Load(SmallFrames.Transducer(seed, batched: true));
            var features = SmallFrames.Features(seed, 4);
            using var first = one.CreateFrameDecoder(new FrameDecoderOptions { MaxTokens = 4 });
            using var second = many.CreateFrameDecoder(new FrameDecoderOptions { MaxTokens = 4 });
            Assert.Single(first.Decode(features));
            Assert.Single(second.Decode(features));
            Assert.Equal(first.Results[0].Tokens.ToArray(), second.Results[0].Tokens.ToArray());
            Assert.Equal(first.Results[0].LogProbability, second.Results[0].LogProbability);
            Assert.True(first.Results[0].LogProbability <= Math.Log(SmallFrames.AllOfTransducer(one, features, 4)[Key(first.Results[0].Tokens)]) + 1e-4);
        }
    }

    [Fact]
    public void Parts_give_what_the_whole_gives()
    {
        foreach (var (model, features, _) in Everything())
        {
            using (model)
            {
                foreach (var beam in (int[])[1, 4])
                {
                    using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = beam });
                    decoder.Decode(features);
                    var (tokens, score) = (decoder.Results[0].Tokens.ToArray(), decoder.Results[0].Score);
                    decoder.Reset();
                    for (var at = 0; at < features.Length; at += decoder.FrameSize) decoder.Accept(features.AsSpan(at, decoder.FrameSize));
                    Assert.False(decoder.Results[0].IsComplete);
                    Assert.Equal(beam > 1, decoder.Results.Count > 1);
                    Assert.Equal(tokens, decoder.Results[0].Tokens.ToArray());
                    Assert.Equal(score, decoder.Results[0].Score);
                }
            }
        }
    }

    [Fact]
    public void Frames_allocate_nothing()
    {
        byte[][] files = [SmallFrames.Ctc(1), SmallFrames.Transducer(1, batched: true), SmallFrames.Transducer(1, batched: false)];
        foreach (var file in files)
        {
            foreach (var beam in (int[])[1, 5])
            {
                using var model = SeqModel.Load(file);
                using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = beam, LanguageModel = beam > 1 ? Language(model) : null });
                var features = SmallFrames.Features(seed: 3, frames: 50);
                var text = new char[2000];
                Allocation.None(() =>
                {
                    decoder.Decode(features);
                    _ = decoder.Results[0].CopyTextTo(text);
                });
            }
        }
    }

    [Fact]
    public void Many_frames_use_prefixes_again()
    {
        foreach (var file in (byte[][])[SmallFrames.Ctc(2), SmallFrames.Transducer(2, batched: true)])
        {
            using var model = SeqModel.Load(file);
            using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 6, MaxResults = 6, MaxTokens = 30, MaxTokensPerFrame = 3 });
            for (var seed = 0; seed < 30; seed++)
            {
                decoder.Decode(SmallFrames.Features(seed, 200));
                Assert.Equal(6, decoder.Results.Count);
                for (var rank = 0; rank < 6; rank++) Assert.InRange(decoder.Results[rank].Tokens.Length, 0, 30);
            }
        }
    }

    [Fact]
    public void A_cancelled_or_ended_reading_stops()
    {
        using var model = SeqModel.Load(SmallFrames.Ctc(1));
        using var decoder = model.CreateFrameDecoder();
        var features = SmallFrames.Features(seed: 1, frames: 40);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => decoder.Decode(features, onToken: null, stop.Token));
        Assert.Empty(decoder.Results);
        decoder.Decode(features, (_, _, _) => false);
        Assert.False(decoder.Results[0].IsComplete);
        Assert.Equal(1, decoder.Results[0].Tokens.Length);
        Assert.True(decoder.FrameCount < 40);
    }

    [Fact]
    public void What_frames_cannot_be_is_refused()
    {
        using var model = SeqModel.Load(SmallFrames.Ctc(1));
        using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = 3 });
        Assert.Throws<ArgumentException>(() => decoder.Decode(new float[SmallDecoder.Hidden + 1]));
        Assert.Throws<ArgumentException>(() => decoder.Decode(new float[SmallDecoder.Hidden * 4]));
        Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { LanguageModel = Language(model) }));
        Assert.Throws<ArgumentException>(() => model.CreateDecoder());
        Assert.Throws<ArgumentOutOfRangeException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { Blank = -1 }));
        Assert.Throws<ArgumentException>(() => model.CreateFrameDecoder(new FrameDecoderOptions { Blank = SmallFrames.Labels }));
        using var other = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        Assert.Throws<ArgumentException>(() => other.CreateFrameDecoder());
    }

    [Theory]
    [InlineData("no arpa", "data")]
    [InlineData("\\data\\\nngram 1=1\n\n\\2-grams:\n", "1-grams")]
    [InlineData("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a\n\n\\end\\", "says 2")]
    [InlineData("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a b c\n\n\\end\\", "not a 1-gram")]
    [InlineData("\\data\\\nngram 1=1\n\n\\1-grams:\nx a\n\n\\end\\", "not a 1-gram")]
    [InlineData("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\n", "truncated")]
    [InlineData("\\data\\\nngram 1=many\n", "count")]
    public void A_damaged_arpa_file_is_refused(string text, string says)
    {
        using var model = SeqModel.Load(SmallFrames.Ctc(1));
        using var decoder = model.CreateFrameDecoder();
        Assert.Contains(says, Assert.Throws<InvalidDataException>(() => NgramModel.ReadArpa(new StringReader(text), decoder.TargetTable!)).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<(SeqModel Model, float[] Features, Dictionary<string, double> All)> Everything()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var features = SmallFrames.Features(seed, 4);
            var ctc = SeqModel.Load(SmallFrames.Ctc(seed));
            yield return (ctc, features, SmallFrames.AllOfCtc(ctc, features));
            var transducer = SeqModel.Load(SmallFrames.Transducer(seed, batched: seed % 2 == 0));
            yield return (transducer, features, SmallFrames.AllOfTransducer(transducer, features, 4));
        }
    }

    private static void Check(FrameDecoder decoder, float[] features, Dictionary<string, double> all, double weight, double bonus)
    {
        var expected = all.Select(s => (s.Key, LogProbability: Math.Log(s.Value), Score: Math.Log(s.Value) + Bias(s.Key, weight, bonus))).OrderByDescending(s => s.Score).ToList();
        var byKey = expected.ToDictionary(s => s.Key);
        decoder.Decode(features);
        Assert.True(decoder.Results.Count >= 100);
        for (var rank = 0; rank < decoder.Results.Count; rank++)
        {
            var its = byKey[Key(decoder.Results[rank].Tokens)];
            Assert.Equal(its.LogProbability, decoder.Results[rank].LogProbability, 1e-4);
            Assert.Equal(its.Score, decoder.Results[rank].Score, 1e-4);
            Assert.Equal(expected[rank].Score, decoder.Results[rank].Score, 1e-4);
            Assert.True(byKey.Remove(its.Key));
        }
    }

    private static double Bias(string key, double weight, double bonus)
    {
        var words = key.Length == 0 ? [] : key.Split(' ').Select(t => SmallFrames.Table[int.Parse(t, System.Globalization.CultureInfo.InvariantCulture)]).ToArray();
        var sum = 0.0;
        List<string> sentence = ["<s>", .. words, "</s>"];
        for (var i = 1; i < sentence.Count; i++) sum += Katz([.. sentence.Take(i + 1).TakeLast(3)]);
        return weight * sum * Math.Log(10) + bonus * words.Length;
    }

    /// <summary>log10 p(last | others): the n-gram's own probability, or the context's back-off times that of a context one shorter.</summary>
    private static double Katz(string[] words)
    {
        var lines = Arpa.Split('\n').Select(l => l.Trim().Split('\t')).Where(p => p.Length >= 2).ToDictionary(p => p[1], p => (Score: Number(p[0]), BackOff: p.Length > 2 ? Number(p[2]) : 0));
        if (lines.TryGetValue(string.Join(' ', words), out var found)) return found.Score;
        return lines.GetValueOrDefault(string.Join(' ', words[..^1])).BackOff + Katz(words[1..]);
    }

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static NgramModel Language(SeqModel model)
    {
        using var decoder = model.CreateFrameDecoder();
        return NgramModel.ReadArpa(new StringReader(Arpa), decoder.TargetTable!);
    }

    private static string Key(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
}
