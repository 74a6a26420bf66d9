using SeqRuntime.Converter;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Graph.States;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Decoding;

/// <summary>Language models with caches of a fixed largest size and with caches that grow, compared with plain attention over the whole text.</summary>
public sealed class CachedGeneratorTests
{
    private static readonly int[][] s_prompts = [[2], [1, 3], [6, 4, 2, 3, 1]];

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 3)]
    [InlineData(true, 3)]
    public void Fixed_caches_give_what_plain_attention_gives(bool isBatch, int beam)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            using var plain = new PlainTransformer(seed);
            using var model = plain.Load(plain.Step(isBatch));
            using var whole = plain.Load(plain.Whole());
            Assert.Equal(PlainTransformer.Most, model.GetDecoding()!.ContextLength);
            var options = new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam };
            using var generator = model.CreateGenerator(options);
            using var anew = whole.CreateGenerator(options);
            Assert.Equal(PlainTransformer.Most, anew.MaxContextLength);
            foreach (var prompt in s_prompts)
            {
                generator.Generate(prompt);
                anew.Generate(prompt);
                Assert.Equal(anew.Results.Count, generator.Results.Count);
                for (var rank = 0; rank < generator.Results.Count; rank++)
                {
                    Assert.Equal(anew.Results[rank].Tokens.ToArray(), generator.Results[rank].Tokens.ToArray());
                    Assert.Equal(anew.Results[rank].LogProbability, generator.Results[rank].LogProbability, 1e-4);
                    Assert.Equal(Plain(plain, prompt, generator.Results[rank]), generator.Results[rank].LogProbability, 1e-4);
                }

                if (beam == 1) Assert.Equal(PlainTransformer.Greedy(tokens => plain.After(tokens), prompt, 6, 0).Tokens, generator.Results[0].Tokens.ToArray());
            }
        }
    }

    [Fact]
    public void What_does_not_fit_into_the_caches_is_refused_before_it_runs()
    {
        using var plain = new PlainTransformer(1);
        using var model = plain.Load(plain.Step(isBatch: true, more: ", \"position\": \"p\", \"max\": 6"));
        using var generator = model.CreateGenerator();
        Assert.Equal(PlainTransformer.Most, generator.MaxContextLength);
        Assert.Equal(6, generator.Generate([1, 2, 3, 4, 5, 6])[0].Tokens.Length);
        var message = Assert.Throws<ArgumentException>(() => generator.Generate([1, 2, 3, 4, 5, 6, 1])).Message;
        Assert.Contains("The prompt has 7 tokens, and a result up to 6: together 13, but the model holds 12. Give a shorter prompt, or set DecodeRequest.MaxTokens to at most 5.", message, StringComparison.Ordinal);
        var request = new DecodeRequest { MaxTokens = 5 };
        Assert.Equal(5, generator.Generate([1, 2, 3, 4, 5, 6, 1], request)[0].Tokens.Length);
        Assert.Contains("12 tokens have been read. The prompt has 1 token, and a result up to 5: together 18, but the model holds 12. Give Generate the last part of the text alone.", Assert.Throws<ArgumentException>(() => generator.Continue([1], request)).Message, StringComparison.Ordinal);
        Assert.Contains("MaxTokens is 12; the model's caches hold 12 tokens, prompt included, so it must be at most 11", Assert.Throws<ArgumentException>(() => model.CreateGenerator(new SeqDecoderOptions { MaxTokens = 12 })).Message, StringComparison.Ordinal);
        Assert.Contains("\"max\" is 12; graph 'main' holds 12 tokens, prompt and result together, so it must be at most 11", plain.Refusal(plain.Step(isBatch: true, more: ", \"position\": \"p\", \"max\": 12")), StringComparison.Ordinal);
    }

    /// <summary>What is drawn after calls that were refused, each with a seed, is what would have been drawn without them.</summary>
    [Fact]
    public void A_refused_call_does_not_restart_the_sampler()
    {
        using var plain = new PlainTransformer(1);
        using var model = plain.Load(plain.Step(isBatch: true, more: ", \"position\": \"p\", \"max\": 6"));
        var options = new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 5 }, MaxSourceLength = 9 };
        using SeqGenerator alone = model.CreateGenerator(options), disturbed = model.CreateGenerator(options);
        DecodeRequest Seeded(int? max = null, int[]? prefix = null) => new() { Seed = 99, MaxTokens = max, Prefix = prefix };
        Action[] refused =
        [
            () => disturbed.Generate([1, 2, 3, 4, 5, 6, 1], Seeded()), () => disturbed.Generate([1, 2, 3, 4, 5, 6, 1, 2, 3, 4], Seeded()), () => disturbed.Generate([-1], Seeded()), () => disturbed.Generate(ReadOnlySpan<int>.Empty, Seeded()),
            () => disturbed.Generate([1], Seeded(max: 7)), () => disturbed.Generate([1], Seeded(prefix: [PlainTransformer.Tokens])), () => disturbed.Continue([1, 2, 3, 4], Seeded()), () => disturbed.Generate("a", Seeded()),
        ];
        for (var i = 0; i < 3 * refused.Length; i++)
        {
            Assert.Equal(alone.Generate([2, 3])[0].Tokens.ToArray(), disturbed.Generate([2, 3])[0].Tokens.ToArray());
            Assert.True(Assert.ThrowsAny<Exception>(refused[i % refused.Length]) is ArgumentException or InvalidOperationException);
        }

        // The token has no row: the graph finds it before anything is drawn.
        Assert.Throws<SeqDataException>(() => disturbed.Generate([PlainTransformer.Tokens], Seeded()));
        Assert.Equal(alone.Generate([2, 3])[0].Tokens.ToArray(), disturbed.Generate([2, 3])[0].Tokens.ToArray());
        var drawn = disturbed.Generate([2, 3], Seeded())[0].Tokens.ToArray();
        Assert.Equal(alone.Generate([2, 3], Seeded())[0].Tokens.ToArray(), drawn);
    }

    /// <summary>With the default options every prompt that leaves room for a token gives a result.</summary>
    [Fact]
    public void A_result_ends_where_the_caches_are_full_if_nobody_names_a_number_of_tokens()
    {
        using var plain = new PlainTransformer(1);
        using var model = plain.Load(plain.Step(isBatch: true, more: ", \"position\": \"p\""));
        using var generator = model.CreateGenerator();
        Assert.Equal(PlainTransformer.Most - 1, generator.MaxTokens);
        int[] prompt = [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5];
        foreach (var length in (int[])[1, 6, 11])
        {
            var result = generator.Generate(prompt.AsSpan(0, length))[0];
            Assert.False(result.IsComplete);
            Assert.Equal(PlainTransformer.Greedy(tokens => plain.After(tokens), prompt[..length], PlainTransformer.Most - length, -1).Tokens, result.Tokens.ToArray());
        }

        Assert.Contains("12 tokens have been read", Assert.Throws<ArgumentException>(() => generator.Continue([1])).Message, StringComparison.Ordinal);
        Assert.Contains("The prompt has 12 tokens, and a result up to 11", Assert.Throws<ArgumentException>(() => generator.Generate([.. prompt, 6])).Message, StringComparison.Ordinal);
        generator.Generate([1, 2], new DecodeRequest { MaxTokens = 3 });
        Assert.Equal(6, generator.Continue([1])[0].Tokens.Length);
        Assert.Contains("set DecodeRequest.MaxTokens to at most 6", Assert.Throws<ArgumentException>(() => generator.Generate(prompt.AsSpan(0, 6), new DecodeRequest { MaxTokens = 7 })).Message, StringComparison.Ordinal);
        using var asked = model.CreateGenerator(new SeqDecoderOptions { MaxTokens = 7 });
        Assert.Contains("set DecodeRequest.MaxTokens to at most 6", Assert.Throws<ArgumentException>(() => asked.Generate(prompt.AsSpan(0, 6))).Message, StringComparison.Ordinal);
    }

    /// <summary>The smaller of a cache and a table of positions limits texts.</summary>
    [Fact]
    public void Caches_and_tables_of_positions_set_the_limit()
    {
        using var few = new PlainTransformer(1, places: 9);
        using (var model = few.Load(few.Step(isBatch: false))) Assert.Equal(9, model.GetDecoding()!.ContextLength);
        using (var model = few.Load(few.Step(isBatch: false, most: 8))) Assert.Equal(8, model.GetDecoding()!.ContextLength);
        using (var model = few.Load(few.Step(isBatch: true, most: 10, hasTable: false))) Assert.Equal(10, model.GetDecoding()!.ContextLength);
        using (var model = few.Load(few.Step(isBatch: false, more: ", \"position\": \"p\", \"context\": 5"))) Assert.Equal(5, model.GetDecoding()!.ContextLength);
        Assert.Contains("\"context\" is 10; graph 'main' holds at most 9 tokens", few.Refusal(few.Step(isBatch: false, more: ", \"position\": \"p\", \"context\": 10")), StringComparison.Ordinal);
        using var whole = few.Load(few.Whole());
        Assert.Equal(9, whole.GetDecoding()!.ContextLength);
    }

    [Fact]
    public void Attention_that_sees_later_tokens_cannot_generate()
    {
        using var plain = new PlainTransformer(1);
        Assert.Contains("the logits of graph 'main' depend on later tokens", plain.Refusal(plain.Whole(isCausal: false)), StringComparison.Ordinal);
    }

    /// <summary>Keys and values that grow, as exported decoders have them, kept by --cache.</summary>
    [Theory]
    [InlineData(false, 1, false)]
    [InlineData(true, 1, true)]
    [InlineData(false, 3, true)]
    [InlineData(true, 3, false)]
    public void Growing_caches_give_what_attention_over_everything_gives(bool isBatch, int beam, bool hasMask)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["decoding.json"], $$"""{ "decoding": { "kind": "language-model", "token": "x", "logits": "logits", "max": 6, "end": 0{{(hasMask ? ", \"mask\": \"mask\"" : "")}} } }""");
        var options = new ConversionOptions { CacheSteps = 16, Decoding = folder["decoding.json"] };
        using var model = Growing(isBatch, hasMask, hasCache: true).Load(options);
        File.WriteAllText(folder["whole.json"], """{ "decoding": { "kind": "language-model", "token": "x", "logits": "logits", "max": 6, "end": 0 } }""");
        using var whole = Growing(isBatch, hasMask: false, hasCache: false).Load(new ConversionOptions { Decoding = folder["whole.json"] });
        using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam });
        using var anew = whole.CreateGenerator(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam });
        Assert.Equal(16, generator.MaxContextLength);
        foreach (var prompt in s_prompts)
        {
            generator.Generate(prompt);
            anew.Generate(prompt);
            Assert.Equal(beam, generator.Results.Count);
            for (var rank = 0; rank < beam; rank++)
            {
                Assert.Equal(anew.Results[rank].Tokens.ToArray(), generator.Results[rank].Tokens.ToArray());
                Assert.Equal(anew.Results[rank].LogProbability, generator.Results[rank].LogProbability, 1e-4);
            }
        }

        Allocation.None(() => generator.Generate(s_prompts[2]));
        Assert.Contains("together 17, but the model holds 16", Assert.Throws<ArgumentException>(() => generator.Generate([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5])).Message, StringComparison.Ordinal);
        if (beam > 1) return;
        var first = generator.Generate([1, 2], new DecodeRequest { MaxTokens = 2 })[0].Tokens.ToArray();
        if (generator.Results[0].IsComplete) return;
        Assert.Equal(anew.Generate([1, 2, .. first, 3])[0].Tokens.ToArray(), generator.Continue([3])[0].Tokens.ToArray());
    }

    /// <summary>Growing caches hold the same bits whether a prompt is read in runs of many tokens or token by token, and so do the scores after it.</summary>
    [Theory]
    [InlineData(WeightKind.Float32)]
    [InlineData(WeightKind.Int8)]
    public void A_prompt_gives_the_same_bits_in_runs_of_any_length(WeightKind weights)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["decoding.json"], """{ "decoding": { "kind": "language-model", "token": "x", "logits": "logits", "mask": "mask" } }""");
        foreach (var isBatch in (bool[])[false, true])
        {
            using var model = Growing(isBatch, hasMask: true, hasCache: true).Load(new ConversionOptions { CacheSteps = 100, Decoding = folder["decoding.json"], Weights = weights });
            int[] prompt = [.. Enumerable.Range(0, 61).Select(i => i * 11 % 7)];
            PromptRuns.GiveTheSameBits(model, prompt, 1, 2, 7, 19, 60);
        }
    }

    [Fact]
    public void Fixed_caches_allocate_nothing()
    {
        using var plain = new PlainTransformer(2);
        using var model = plain.Load(plain.Step(isBatch: true));
        using var greedy = model.CreateGenerator();
        using var beam = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = 4, MaxResults = 2 });
        Allocation.None(() =>
        {
            greedy.Generate(s_prompts[2]);
            beam.Generate(s_prompts[1]);
        });
    }

    private static double Plain(PlainTransformer plain, int[] prompt, DecodeResult result)
    {
        var sum = 0.0;
        int[] tokens = [.. result.Tokens, .. result.IsComplete ? [0] : Array.Empty<int>()];
        for (var i = 0; i < tokens.Length; i++) sum += plain.After([.. prompt, .. tokens[..i]])[tokens[i]];
        return sum;
    }

    /// <summary>Causal attention of one head over past and new tokens [N, T]: token t of those given sees the past and t of them.</summary>
    private static OnnxBuilder Growing(bool isBatch, bool hasMask, bool hasCache)
    {
        const int Tokens = 7, Width = 6;
        object rows = isBatch ? "N" : 1;
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Int64, rows, "T").Random("e", 1, 1, Tokens, Width).Node("Gather", "e x", "z").Integers("one", 1).Integers("zero", 0);
        foreach (var (i, part) in ((string[])["q", "k", "v"]).Index())
            model.Matrix(i + 2, "z", part == "q" ? "q" : $"{part}n", Width, Width);
        if (hasCache)
        {
            foreach (var part in (string[])["k", "v"]) model.In($"past.{part}", rows, "P", Width).Node("Concat", $"past.{part} {part}n", $"present.{part}", ("axis", 1));
        }

        var (keys, values) = hasCache ? ("present.k", "present.v") : ("kn", "vn");
        model.Node("Transpose", keys, "turned", ("perm", new long[] { 0, 2, 1 })).Node("MatMul", "q turned", "raw");

        // Places of keys, and of queries, which are the last of them.
        model.Node("Shape", keys, "shape.k").Node("Gather", "shape.k one", "count.k").Node("Shape", "q", "shape.q").Node("Gather", "shape.q one", "count.q").Node("Sub", "count.k count.q", "past")
            .Constant("start", [], 0L).Constant("step", [], 1L).Constant("flat", [0], Array.Empty<long>()).Constant("column", [2], -1L, 1L)
            .Node("Reshape", "count.k flat", "n.k").Node("Reshape", "past flat", "n.p").Node("Range", "start n.k step", "places").Node("Range", "n.p n.k step", "now").Node("Reshape", "now column", "rows")
            .Node("LessOrEqual", "places rows", "sees").Constant("far", [], -1e9f).Node("Where", "sees raw far", "seen");
        var scores = "seen";
        if (hasMask)
        {
            model.Input("mask", OnnxBuilder.Int64, rows, "all").Constant("nothing", [], 0L).Node("Equal", "mask nothing", "hidden").Node("Unsqueeze", "hidden one", "hidden3").Node("Where", "hidden3 far seen", "masked");
            scores = "masked";
        }

        model.Node("Softmax", scores, "weights", ("axis", -1)).Node("MatMul", $"weights {values}", "c").Node("Add", "z c", "y").Matrix(9, "y", "logits", Width, Tokens).Out("logits");
        return hasCache ? model.Out("present.k", rows, "all.k", Width).Out("present.v", rows, "all.v", Width) : model;
    }
}
