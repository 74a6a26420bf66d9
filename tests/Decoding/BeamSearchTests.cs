using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Decoding;

/// <summary>The search compared with all possible sequences.</summary>
public sealed class BeamSearchTests
{
    /// <summary>The most hypotheses that can live at once: three tokens that continue, up to the longest length.</summary>
    private const int Everything = 81;

    [Theory]
    [InlineData(0f, false)]
    [InlineData(0f, true)]
    [InlineData(0.7f, false)]
    [InlineData(0.7f, true)]
    [InlineData(-0.5f, true)]
    public void A_beam_as_wide_as_all_sequences_finds_the_best_in_order_cut_ones_among_them(float lengthPenalty, bool batched)
    {
        for (var seed = 0; seed < 20; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched));
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 12, LengthPenalty = lengthPenalty });
            for (var source = 0; source < SmallDecoder.Tokens; source++)
            {
                var all = Ranked(SmallDecoder.Cut(model, source, SmallDecoder.Longest), lengthPenalty);
                Assert.Equal(121, all.Count);
                Assert.Equal(12, decoder.Decode([source]).Count);
                for (var rank = 0; rank < 12; rank++)
                {
                    Assert.Equal(all[rank].Tokens, decoder.Results[rank].Tokens.ToArray());
                    Assert.Equal(all[rank].LogProbability, decoder.Results[rank].LogProbability, 1e-4);
                    Assert.Equal(all[rank].Score, decoder.Results[rank].Score, 1e-4);
                    Assert.Equal(all[rank].IsComplete, decoder.Results[rank].IsComplete);
                }
            }
        }
    }

    /// <summary>The callback ends the search at its token of this position. Results are the sequences complete so far, and all open ones with that token.</summary>
    [Theory]
    [InlineData(0f, false)]
    [InlineData(0f, true)]
    [InlineData(0.7f, true)]
    [InlineData(-0.5f, false)]
    public void A_search_that_the_callback_ends_ranks_open_and_complete_sequences_together(float lengthPenalty, bool batched)
    {
        const int cut = 2;
        var openFirst = 0;
        for (var seed = 0; seed < 20; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched));
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 6, LengthPenalty = lengthPenalty });
            var all = Ranked([.. SmallDecoder.Every(model, 1, cut).Select(s => s.Tokens.Length < cut ? (s.Tokens, s.Open + s.End, true) : (s.Tokens, s.Open, false))], lengthPenalty);
            Assert.Equal(6, decoder.Decode([1], new DecodeRequest { OnToken = (position, _, _) => position + 1 < cut }).Count);
            for (var rank = 0; rank < 6; rank++)
            {
                Assert.Equal(all[rank].Tokens, decoder.Results[rank].Tokens.ToArray());
                Assert.Equal(all[rank].Score, decoder.Results[rank].Score, 1e-4);
                Assert.Equal(all[rank].IsComplete, decoder.Results[rank].IsComplete);
            }

            if (!decoder.Results[0].IsComplete) openFirst++;
        }

        Assert.InRange(openFirst, 1, 19);
    }

    [Fact]
    public void Batched_and_one_by_one_give_the_same_bits()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            using var one = SeqModel.Load(SmallDecoder.Make(seed, batched: false));
            using var many = SeqModel.Load(SmallDecoder.Make(seed, batched: true));
            var options = new SeqDecoderOptions { BeamWidth = 3, MaxResults = 3 };
            using var first = one.CreateDecoder(options);
            using var second = many.CreateDecoder(options);
            Assert.Equal(first.Decode([2]).Count, second.Decode([2]).Count);
            for (var rank = 0; rank < first.Results.Count; rank++)
            {
                Assert.Equal(first.Results[rank].Tokens.ToArray(), second.Results[rank].Tokens.ToArray());
                Assert.Equal(BitConverter.SingleToInt32Bits(first.Results[rank].Score), BitConverter.SingleToInt32Bits(second.Results[rank].Score));
            }
        }
    }

    [Fact]
    public void A_request_may_ask_for_fewer_tokens()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(4, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 6 });
        var expected = SmallDecoder.Cut(model, 1, 2).OrderByDescending(s => s.LogProbability).Take(6).ToList();
        Assert.Equal(6, decoder.Decode([1], new DecodeRequest { MaxTokens = 2 }).Count);
        for (var rank = 0; rank < 6; rank++)
        {
            Assert.Equal(expected[rank].Tokens, decoder.Results[rank].Tokens.ToArray());
            Assert.Equal(expected[rank].IsComplete, decoder.Results[rank].IsComplete);
        }

        Assert.Throws<ArgumentException>(() => decoder.Decode([1], new DecodeRequest { MaxTokens = SmallDecoder.Longest + 1 }));
        Assert.Throws<ArgumentException>(() => decoder.Decode([1], new DecodeRequest { MaxTokens = 0 }));
    }

    [Fact]
    public void A_prefix_is_held_to()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched: true));
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 3 });
            var best = SmallDecoder.Cut(model, 1, SmallDecoder.Longest).Where(s => s.Tokens is [3, 2, ..]).OrderByDescending(s => s.LogProbability).Take(3).ToList();
            Assert.Equal(3, decoder.Decode([1], new DecodeRequest { Prefix = new[] { 3, 2 } }).Count);
            for (var rank = 0; rank < 3; rank++) Assert.Equal(best[rank].Tokens, decoder.Results[rank].Tokens.ToArray());
        }
    }

    [Fact]
    public void Only_allowed_sequences_come_out()
    {
        int[][] allowed = [[2], [2, 3], [3, 3, 1], [1, 2, 3, 2]];
        var trie = new TokenTrie();
        foreach (var sequence in allowed) trie.Add(sequence);
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched: true));
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 4, MaxResults = 4 });
            var best = SmallDecoder.All(model, 0).Where(s => allowed.Any(a => a.SequenceEqual(s.Tokens))).OrderByDescending(s => s.LogProbability).ToList();
            Assert.Equal(4, decoder.Decode([0], new DecodeRequest { AllowedSequences = trie }).Count);
            for (var rank = 0; rank < 4; rank++) Assert.Equal(best[rank].Tokens, decoder.Results[rank].Tokens.ToArray());
        }
    }

    [Fact]
    public void Greedy_takes_the_best_token_at_each_step_and_tells_of_it()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(3, batched: true));
        using var decoder = model.CreateDecoder();
        var told = new List<int>();
        var request = new DecodeRequest
        {
            OnToken = (_, token, _) =>
            {
                told.Add(token);
                return true;
            },
        };
        decoder.Decode([1], request);
        Assert.Equal(decoder.Results[0].Tokens.ToArray(), told);
        var all = SmallDecoder.All(model, 1).ToDictionary(s => string.Join(' ', s.Tokens), s => s.LogProbability);
        if (decoder.Results[0].IsComplete) Assert.Equal(all[string.Join(' ', told)], decoder.Results[0].LogProbability, 1e-4);
        request.OnToken = (position, _, _) => position < 0;
        Assert.Single(decoder.Decode([1], request));
        Assert.True(decoder.Results[0].Tokens.Length <= 1);
    }

    [Fact]
    public void Sampling_follows_the_model_s_probabilities_and_its_seed()
    {
        const int draws = 20_000;
        using var model = SeqModel.Load(SmallDecoder.Make(5, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 7 } });
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < draws; i++)
        {
            decoder.Decode([2]);
            if (!decoder.Results[0].IsComplete) continue;
            var key = string.Join(' ', decoder.Results[0].Tokens.ToArray());
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        foreach (var (tokens, logProbability) in SmallDecoder.All(model, 2))
        {
            var p = Math.Exp(logProbability);
            var share = counts.GetValueOrDefault(string.Join(' ', tokens)) / (double)draws;
            Assert.True(Math.Abs(share - p) <= 5 * Math.Sqrt(p * (1 - p) / draws) + 1e-4, $"[{string.Join(' ', tokens)}] drawn {share}, probability {p}");
        }

        decoder.Decode([2], new DecodeRequest { Seed = 99 });
        var first = decoder.Results[0].Tokens.ToArray();
        decoder.Decode([2], new DecodeRequest { Seed = 99 });
        Assert.Equal(first, decoder.Results[0].Tokens.ToArray());
    }

    [Fact]
    public void Top_k_of_one_is_greedy()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(8, batched: false));
        using var greedy = model.CreateDecoder();
        using var drawn = model.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions { TopK = 1, Temperature = 2 } });
        using var nucleus = model.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions { TopP = 1e-6f } });
        for (var source = 0; source < SmallDecoder.Tokens; source++)
        {
            greedy.Decode([source]);
            drawn.Decode([source]);
            nucleus.Decode([source]);
            Assert.Equal(greedy.Results[0].Tokens.ToArray(), drawn.Results[0].Tokens.ToArray());
            Assert.Equal(greedy.Results[0].Tokens.ToArray(), nucleus.Results[0].Tokens.ToArray());
            Assert.Equal(greedy.Results[0].Score, drawn.Results[0].Score);
        }
    }

    [Fact]
    public void Sampling_a_prefix_and_allowed_sequences_allocate_nothing()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(2, batched: true));
        using var drawn = model.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions { TopK = 3, TopP = 0.9f } });
        using var beam = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 4, MaxResults = 4, LengthPenalty = 1, StopEarly = true });
        var allowed = new TokenTrie();
        allowed.Add([2, 3, 1]);
        allowed.Add([2, 2]);
        int[] prefix = [2];
        var drawing = new DecodeRequest();
        var constrained = new DecodeRequest { Prefix = prefix, AllowedSequences = allowed, OnToken = (_, _, _) => true };
        Allocation.None(() =>
        {
            drawing.Seed = 7;
            for (var source = 0; source < SmallDecoder.Tokens; source++)
            {
                drawn.Decode([source], drawing);
                drawing.Seed = null;
                foreach (var result in beam.Decode([source], constrained)) _ = result.Tokens.Length + result.Frames.Length + result.AlignmentCount + result.Score + result.LogProbability;
            }
        });
    }

    [Fact]
    public void A_cancelled_search_gives_nothing()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2 });
        decoder.Decode([1]);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => decoder.Decode([1], request: null, stop.Token));
        Assert.Empty(decoder.Results);
        Assert.Contains("There is no result 0: the decoder has no results", Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Results[0].Score).Message, StringComparison.Ordinal);
        decoder.Decode([1]);
        Assert.Contains("Result 1 is outside the results (0 to 0)", Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Results[1].Tokens.Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_results_than_the_beam_is_wide_come_as_hypotheses_end()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = SeqModel.Load(SmallDecoder.Make(seed, batched: true));
            using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, MaxResults = 6 });
            Assert.Equal(6, decoder.Decode([1]).Count);
            for (var rank = 1; rank < 6; rank++) Assert.True(decoder.Results[rank].Score <= decoder.Results[rank - 1].Score);
            Assert.Equal(6, Enumerable.Range(0, 6).Select(rank => string.Join(' ', decoder.Results[rank].Tokens.ToArray())).Distinct().Count());
            using var greedy = model.CreateDecoder(new SeqDecoderOptions { MaxResults = 6 });
            Assert.Single(greedy.Decode([1]));
        }
    }

    private static List<(int[] Tokens, double LogProbability, bool IsComplete, double Score)> Ranked(IEnumerable<(int[] Tokens, double LogProbability, bool IsComplete)> all, float lengthPenalty) =>
        [.. all.Select(s => (s.Tokens, s.LogProbability, s.IsComplete, Score: s.LogProbability / Math.Pow((5 + s.Tokens.Length + (s.IsComplete ? 1 : 0)) / 6.0, lengthPenalty))).OrderByDescending(s => s.Score)];

    [Fact]
    public void What_a_source_cannot_be_is_refused()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        using var decoder = model.CreateDecoder();
        Assert.Throws<ArgumentException>(() => decoder.Decode(ReadOnlySpan<int>.Empty));
        Assert.Throws<ArgumentException>(() => decoder.Decode([1, 1]));
        Assert.Throws<SeqDataException>(() => decoder.Decode([SmallDecoder.Tokens]));
        Assert.Throws<InvalidOperationException>(() => decoder.Decode("no table"));
        Assert.Throws<ArgumentException>(() => model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, Sampling = new SamplingOptions() }));
    }
}
