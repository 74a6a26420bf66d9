using SeqRuntime.Converter;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Text of language models compared with plain loops, in all forms that a graph may have.</summary>
public sealed class GeneratorTests
{
    /// <summary>The most hypotheses that can live at once: four tokens that continue, up to three of them.</summary>
    private const int Everything = 64;

    private static readonly int[][] s_prompts = [[2], [1, 3], [4, 4, 2, 3, 1], [.. Enumerable.Range(0, 150).Select(i => 1 + i * 7 % 4)]];

    public static TheoryData<TokenForm> Forms => [.. Enum.GetValues<TokenForm>()];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Greedy_text_is_that_of_plain_loops(TokenForm form)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            using var language = new PlainLanguage(seed);
            using var model = language.Load(form, max: 30);
            using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxSourceLength = 150 });
            Assert.Equal((30, PlainLanguage.Tokens, null), (generator.MaxTokens, generator.VocabularySize, generator.MaxContextLength is null || form == TokenForm.Whole ? null : generator.MaxContextLength));
            foreach (var prompt in s_prompts)
            {
                var expected = language.Greedy(prompt, 30);
                var result = Assert.Single(generator.Generate(prompt));
                Assert.Equal(expected.Tokens, result.Tokens.ToArray());
                Assert.Equal(expected.LogProbability, result.LogProbability, 1e-3);
                Assert.Equal(expected.IsComplete, result.IsComplete);
                Assert.Equal(prompt.Length + expected.Tokens.Length, generator.ContextLength);
            }
        }
    }

    [Theory]
    [InlineData(TokenForm.One, 0f)]
    [InlineData(TokenForm.Batch, 0f)]
    [InlineData(TokenForm.Batch, 0.7f)]
    [InlineData(TokenForm.Time, 0.7f)]
    [InlineData(TokenForm.BatchAndTime, -0.5f)]
    [InlineData(TokenForm.BatchAndTime, 0f)]
    [InlineData(TokenForm.Whole, 0.7f)]
    public void A_beam_as_wide_as_all_sequences_finds_the_best_in_order(TokenForm form, float lengthPenalty)
    {
        for (var seed = 0; seed < 6; seed++)
        {
            using var language = new PlainLanguage(seed);
            using var model = language.Load(form, max: 3);
            using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 10, LengthPenalty = lengthPenalty });
            foreach (var prompt in s_prompts[..3])
            {
                var all = language.Ranked(prompt, 3, lengthPenalty);
                Assert.Equal(10, generator.Generate(prompt).Count);
                for (var rank = 0; rank < 10; rank++)
                {
                    Assert.Equal(all[rank].Tokens, generator.Results[rank].Tokens.ToArray());
                    Assert.Equal(all[rank].LogProbability, generator.Results[rank].LogProbability, 1e-4);
                    Assert.Equal(all[rank].Score, generator.Results[rank].Score, 1e-4);
                    Assert.Equal(all[rank].IsComplete, generator.Results[rank].IsComplete);
                }
            }
        }
    }

    /// <summary>A prompt read in one run and a prompt read token by token give the same bits, and so do hypotheses in a batch and one by one.</summary>
    [Fact]
    public void All_forms_give_the_same_bits()
    {
        for (var seed = 0; seed < 6; seed++)
        {
            using var language = new PlainLanguage(seed);
            int[]? bits = null;
            foreach (var form in Enum.GetValues<TokenForm>())
            {
                using var model = language.Load(form);
                using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = 3, MaxResults = 3 });
                generator.Generate(s_prompts[2]);
                int[] now = [.. generator.Results.SelectMany(r => r.Tokens.ToArray().Append(BitConverter.SingleToInt32Bits(r.LogProbability)))];
                Assert.Equal(bits ??= now, now);
            }
        }
    }

    /// <summary>A graph without states reads everything again; --stateful gives it states.</summary>
    [Fact]
    public void States_that_the_converter_makes_give_the_same_text()
    {
        using var language = new PlainLanguage(2);
        using var model = SeqModel.Load(language.Files.Convert(language.Description(TokenForm.Whole, max: 30), new ConversionOptions { Stateful = true }).File);
        Assert.NotEmpty(model.Graphs[0].States);
        using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxSourceLength = 150 });
        Assert.Null(generator.MaxContextLength);
        foreach (var prompt in s_prompts) Assert.Equal(language.Greedy(prompt, 30).Tokens, generator.Generate(prompt)[0].Tokens.ToArray());
    }

    /// <summary>In every weight format, a prompt read in runs of many tokens gives the bits of one read token by token.</summary>
    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    [InlineData(WeightKind.Int4)]
    public void A_prompt_gives_the_same_bits_in_runs_of_any_length(WeightKind weights)
    {
        using var model = SeqModel.Load(Docs.TextModel.Convert("docs/examples/text.json", weights));
        int[] prompt = [.. Enumerable.Range(0, 40).Select(i => 1 + i * 11 % 30)];
        PromptRuns.GiveTheSameBits(model, prompt, 1, 7, 40);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Text_goes_on_after_a_result_as_if_it_were_one_prompt(TokenForm form)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            using var language = new PlainLanguage(seed);
            using var model = language.Load(form, max: 20, more: "");
            using var generator = model.CreateGenerator();
            int[] prompt = [2, 1], further = [3, 4];
            var first = language.Greedy(prompt, 3, hasEnd: false).Tokens;
            Assert.Equal(first, generator.Generate(prompt, new DecodeRequest { MaxTokens = 3 })[0].Tokens.ToArray());
            int[] context = [.. prompt, .. first];
            var second = language.Greedy(context, 4, hasEnd: false).Tokens;
            Assert.Equal(second, generator.Continue(ReadOnlySpan<int>.Empty, new DecodeRequest { MaxTokens = 4 })[0].Tokens.ToArray());
            context = [.. context, .. second, .. further];
            var third = language.Greedy(context, 2, hasEnd: false).Tokens;
            Assert.Equal(third, generator.Continue(further, new DecodeRequest { MaxTokens = 9, OnToken = (position, _, _) => position < 1 })[0].Tokens.ToArray());
            context = [.. context, .. third];
            Assert.Equal(context.Length - 1, generator.ContextLength);
            Assert.Equal(language.Greedy([.. context, 2], 5, hasEnd: false).Tokens, generator.Continue("a", new DecodeRequest { MaxTokens = 5 })[0].Tokens.ToArray());
        }
    }

    [Fact]
    public void Sampling_follows_the_models_probabilities_and_its_seed()
    {
        const int draws = 20_000;
        using var language = new PlainLanguage(5);
        using var model = language.Load(TokenForm.BatchAndTime, max: 2);
        using var generator = model.CreateGenerator(new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 7 } });
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < draws; i++)
        {
            if (!generator.Generate([2, 3])[0].IsComplete) continue;
            var key = string.Join(' ', generator.Results[0].Tokens.ToArray());
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        foreach (var (tokens, logProbability, _, _) in language.Ranked([2, 3], 2, 0).Where(s => s.Tokens.Length < 2))
        {
            var p = Math.Exp(logProbability);
            var share = counts.GetValueOrDefault(string.Join(' ', tokens)) / (double)draws;
            Assert.True(Math.Abs(share - p) <= 5 * Math.Sqrt(p * (1 - p) / draws) + 1e-4, $"[{string.Join(' ', tokens)}] drawn {share}, probability {p}");
        }

        var first = generator.Generate([2, 3], new DecodeRequest { Seed = 99 })[0].Tokens.ToArray();
        Assert.Equal(first, generator.Generate([2, 3], new DecodeRequest { Seed = 99 })[0].Tokens.ToArray());
        using var nearly = model.CreateGenerator(new SeqDecoderOptions { Sampling = new SamplingOptions { Temperature = 5, TopK = 1 } });
        Assert.Equal(language.Greedy([2, 3], 2).Tokens, nearly.Generate([2, 3])[0].Tokens.ToArray());
    }

    [Fact]
    public void Prefixes_and_allowed_sequences_are_held_to()
    {
        using var language = new PlainLanguage(3);
        using var model = language.Load(TokenForm.Batch, max: 3);
        using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = Everything, MaxResults = 3 });
        var begun = language.Ranked([2], 3, 0).Where(s => s.Tokens is [3, 2, ..]).Take(3).ToList();
        Assert.Equal(3, generator.Generate([2], new DecodeRequest { Prefix = new[] { 3, 2 } }).Count);
        for (var rank = 0; rank < 3; rank++) Assert.Equal(begun[rank].Tokens, generator.Results[rank].Tokens.ToArray());
        int[][] allowed = [[2], [2, 3], [3, 3, 1]];
        var trie = new TokenTrie();
        foreach (var sequence in allowed) trie.Add(sequence);
        generator.Generate([2], new DecodeRequest { AllowedSequences = trie });
        Assert.All(generator.Results, result => Assert.Contains(result.Tokens.ToArray(), allowed));
    }

    [Fact]
    public void An_empty_prompt_starts_with_the_begin_token_and_is_refused_without_one()
    {
        using var language = new PlainLanguage(1);
        using (var model = language.Load(TokenForm.Time, more: ", \"begin\": \"<begin>\", \"end\": \"<end>\""))
        {
            using var generator = model.CreateGenerator();
            var expected = language.Greedy([PlainLanguage.Begin], 4).Tokens;
            Assert.Equal(expected, generator.Generate(ReadOnlySpan<int>.Empty)[0].Tokens.ToArray());
            Assert.Equal(expected, generator.Generate("")[0].Tokens.ToArray());
            Assert.Equal(expected, generator.Generate([PlainLanguage.Begin])[0].Tokens.ToArray());
            Assert.Equal(language.Greedy([PlainLanguage.Begin, 2, 3], 4).Tokens, generator.Generate("ab")[0].Tokens.ToArray());
            Assert.Equal((DecodingKind.LanguageModel, 1, 0, 4, null), (model.GetDecoding()!.Kind, model.GetDecoding()!.BeginToken, model.GetDecoding()!.EndToken, model.GetDecoding()!.MaxTokens, model.GetDecoding()!.ContextLength));
        }

        using var without = language.Load(TokenForm.Time);
        using var refused = without.CreateGenerator();
        Assert.Contains("The prompt is empty, and the model names no token that begins a text (\"begin\"", Assert.Throws<ArgumentException>(() => refused.Generate("")).Message, StringComparison.Ordinal);
        Assert.Equal(language.Greedy([2, 3, 4], 4).Tokens, refused.Generate("abc")[0].Tokens.ToArray());
        Assert.Equal(refused.Table!.Decode(language.Greedy([2, 3, 4], 4).Tokens), refused.Results[0].Text);
    }

    [Fact]
    public void Calls_that_cannot_be_served_say_why_and_change_nothing()
    {
        using var language = new PlainLanguage(2);
        using var model = language.Load(TokenForm.Batch);
        using var generator = model.CreateGenerator(new SeqDecoderOptions { MaxSourceLength = 3 });
        void Refused<T>(string message, Action call)
            where T : Exception => Assert.Contains(message, Assert.Throws<T>(call).Message, StringComparison.Ordinal);
        Refused<InvalidOperationException>("There is no result to go on after", () => generator.Continue([2]));
        Refused<ArgumentException>("The prompt has token 5; tokens must be from 0 to 4", () => generator.Generate([5]));
        Refused<ArgumentException>("The prompt has 4 tokens; the generator takes at most 3 (SeqDecoderOptions.MaxSourceLength)", () => generator.Generate([2, 2, 2, 2]));
        Refused<ArgumentException>("No token of the table covers 'z'", () => generator.Generate("z"));
        Refused<ArgumentException>("DecodeRequest.MaxTokens is 5; it must be from 1 to 4", () => generator.Generate([2], new DecodeRequest { MaxTokens = 5 }));
        Refused<ArgumentException>("The prefix has 3 tokens; results have at most 2", () => generator.Generate([2], new DecodeRequest { MaxTokens = 2, Prefix = new[] { 2, 2, 2 } }));
        generator.Generate([2]);
        Refused<InvalidOperationException>("OnToken", () => generator.Generate([2], new DecodeRequest { OnToken = (_, _, _) => generator.Generate([2]).Count > 0 }));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => generator.Generate([2], null, stop.Token));
        Assert.Empty(generator.Results);
        Refused<InvalidOperationException>("There is no result to go on after", () => generator.Continue([2]));
        Assert.Equal(language.Greedy([2], 4).Tokens, generator.Generate([2])[0].Tokens.ToArray());
        using var wide = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = 2 });
        wide.Generate([2]);
        Refused<InvalidOperationException>("Continue needs BeamWidth 1", () => wide.Continue([2]));
        Refused<ArgumentException>("CoveragePenalty is for attention to a source", () => model.CreateGenerator(new SeqDecoderOptions { CoveragePenalty = 1 }));
        Refused<ArgumentException>("this decoder needs 'encoder-decoder'. Use CreateGenerator.", () => model.CreateDecoder());
        using var words = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        Refused<ArgumentException>("this decoder needs 'language-model'. Use CreateDecoder.", () => words.CreateGenerator());
        generator.Dispose();
        Assert.Throws<ObjectDisposedException>(() => generator.Generate([2]));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Generating_allocates_nothing(TokenForm form)
    {
        using var language = new PlainLanguage(4);
        using var model = language.Load(form, max: 6);
        using var greedy = model.CreateGenerator(new SeqDecoderOptions { MaxSourceLength = 200 });
        using var beam = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = 4, MaxResults = 4, LengthPenalty = 1 });
        using var drawn = model.CreateGenerator(new SeqDecoderOptions { Sampling = new SamplingOptions { TopK = 3, TopP = 0.9f } });
        var (prompt, short_) = (s_prompts[3], s_prompts[2]);
        var request = new DecodeRequest { MaxTokens = 3, Prefix = new[] { 2 }, OnToken = (_, _, _) => true };
        var drawing = new DecodeRequest { Seed = 3 };
        Allocation.None(() =>
        {
            greedy.Generate(prompt);
            greedy.Generate("abc", request);
            greedy.Continue("ab", request);
            foreach (var result in beam.Generate(short_, request)) _ = result.Tokens.Length + result.Score;
            drawn.Generate(short_, drawing);
        });
    }
}
