using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Scaffolding;

/// <summary>Drafts of language models of blocks, by the names of each family, give the numbers of the plainly written formulas.</summary>
public sealed class TransformerDraftTests
{
    private static readonly int[] s_tokens = [3, 0, 7, 7, 1];

    public static TheoryData<string> Families => ["llama", "llama-untied", "meta", "gpt2", "nanogpt", "mingpt", "heads", "own", "opt", "biogpt"];

    [Theory]
    [MemberData(nameof(Families))]
    public void The_whole_text_and_one_token_after_another_give_the_formula(string family)
    {
        var plain = new PlainBlocks(family);
        var expected = plain.Run(s_tokens);
        var whole = Draft(plain, isStateful: false);
        Assert.Empty(whole.Questions);
        Assert.Empty(whole.Unplaced.Except(plain.Buffers));
        using (var model = Load(plain, whole))
        {
            var options = new SeqSessionOptions();
            (options.MaxSizes["N"], options.MaxSizes["T"]) = (1, s_tokens.Length);
            using var session = model.CreateSession(graph: null, options);
            for (var t = 0; t < s_tokens.Length; t++) session.Input<long>(0)[t] = s_tokens[t];
            session.Run();
            Numbers.Near(expected.SelectMany(row => row), session.Output<float>(0), 2e-5);
        }

        using var steps = Load(plain, Draft(plain, isStateful: true));
        var single = new SeqSessionOptions();
        single.MaxSizes["N"] = 1;
        using var step = steps.CreateSession(graph: null, single);
        for (var t = 0; t < s_tokens.Length; t++)
        {
            step.Input<long>("tokens")[0] = s_tokens[t];
            step.Input<long>("position")[0] = t;
            step.Run();
            Numbers.Near(expected[t], step.Output<float>(0), 2e-5);
        }
    }

    /// <summary>One question for all blocks, and the answer by its member.</summary>
    [Fact]
    public void Heads_are_asked_once_for_all_blocks()
    {
        var plain = new PlainBlocks("nanogpt");
        var draft = Of(plain, new DraftOptions());
        Assert.Equal(2, DraftGraph.Grouped(draft.Questions).Count());
        Assert.Contains("the attention: the number of heads, which divides 8", DraftGraph.Grouped(draft.Questions));
        Assert.Contains("\"heads\": \"? the number of heads", draft.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"gemma\"", "whose blocks may differ from those of llama")]
    [InlineData("model_type", "\"smollm3\"", "whose blocks may differ from those of llama")]
    [InlineData("scale_emb", "12", "scale_emb = 12")]
    [InlineData("scale_depth", "1.4", "scale_depth = 1.4")]
    [InlineData("dim_model_base", "256", "dim_model_base = 256")]
    [InlineData("scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx = true")]
    [InlineData("sliding_window", "4096", "the last 4096 tokens only")]
    [InlineData("rope_scaling.type", "\"linear\"", "the settings scale the rotary positions")]
    [InlineData("rope_scaling.rope_type", "\"llama3\"", "the settings scale the rotary positions")]
    [InlineData("partial_rotary_factor", "0.25", "partial_rotary_factor = 0.25")]
    public void What_settings_say_and_no_layer_does_is_a_question(string name, string value, string says)
    {
        var settings = new Settings();
        settings.Add("config.json", [("num_attention_heads", "4"), ("rms_norm_eps", "1e-05"), ("rope_theta", "10000.0"), (name, value)]);
        var draft = Of(new PlainBlocks("llama"), new DraftOptions { Settings = settings });
        Assert.Contains(says, Assert.Single(draft.Questions), StringComparison.Ordinal);
        Assert.Contains("\"key_heads\": 2", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.Contains("config.json: num_attention_heads = 4", StringComparison.Ordinal));
    }

    /// <summary>GPT-Neo has GPT-2's shapes, and divides no scores.</summary>
    [Fact]
    public void A_family_that_is_not_known_is_a_question_which_the_user_may_answer()
    {
        var settings = Told(("model_type", "\"gpt_neo\""));
        var options = new DraftOptions { Settings = settings, IsAnswered = true, Answers = new PlainBlocks("gpt2").Answers };
        Assert.Contains("the settings say 'gpt_neo'", Assert.Single(Of(new PlainBlocks("gpt2"), options).Questions), StringComparison.Ordinal);
        Assert.Contains("? the settings say 'gpt_neo'", Of(new PlainBlocks("gpt2"), options).Text, StringComparison.Ordinal);
        Assert.Contains("model_type", options.Asked);
        Assert.Empty(Of(new PlainBlocks("gpt2"), options with { Answers = new Dictionary<string, string> { ["heads"] = "4", ["model_type"] = "\"gpt2\"" } }).Questions);
    }

    [Theory]
    [InlineData("model_type", "\"llama\"")]
    [InlineData("rope_scaling.type", "\"default\"")]
    public void What_changes_nothing_is_no_question(string name, string value) => Assert.Empty(Of(new PlainBlocks("llama"), new DraftOptions { Settings = Told((name, value)), IsAnswered = true, Answers = new PlainBlocks("llama").Answers }).Questions);

    [Fact]
    public void A_window_over_the_last_tokens_is_one_of_Qwen2_only_if_it_is_used()
    {
        var plain = new PlainBlocks("llama");
        Draft Draft(bool isStateful, params (string, string)[] settings) => Of(plain, new DraftOptions { Settings = Told(settings), IsAnswered = true, IsStateful = isStateful, Answers = plain.Answers });
        Assert.Empty(Draft(false, ("model_type", "\"qwen2\""), ("sliding_window", "9")).Questions);
        Assert.Empty(Draft(false, ("sliding_window", "9"), ("use_sliding_window", "false")).Questions);
        Assert.Single(Draft(false, ("model_type", "\"qwen2\""), ("sliding_window", "9"), ("use_sliding_window", "true")).Questions);
        Assert.Contains("--set context=9", Assert.Single(Draft(true, ("sliding_window", "9"), ("max_position_embeddings", "100")).Questions), StringComparison.Ordinal);
        Assert.Empty(Draft(true, ("sliding_window", "100"), ("max_position_embeddings", "100")).Questions);
    }

    [Fact]
    public void Norms_without_a_bias_and_halves_of_rotary_positions_are_guesses()
    {
        var guesses = Draft(new PlainBlocks("llama"), isStateful: false).Guesses;
        Assert.Contains(guesses, guess => guess.Contains("they are taken as RMSNorm", StringComparison.Ordinal));
        Assert.Contains(guesses, guess => guess.Contains("the pairs of rotary positions are halves", StringComparison.Ordinal));
    }

    /// <summary>The user's answers come before the settings, and are used.</summary>
    [Fact]
    public void Answers_come_before_settings()
    {
        var settings = Told(("num_attention_heads", "4"), ("rms_norm_eps", "0.001"), ("rope_theta", "500"), ("max_position_embeddings", "100"), ("hidden_act", "\"silu\""));
        var answers = new Dictionary<string, string> { ["heads"] = "2", ["key_heads"] = "1", ["epsilon"] = "0.25", ["rotary"] = "700", ["context"] = "33", ["function"] = "\"gelu\"" };
        var options = new DraftOptions { Settings = settings, Answers = answers, IsStateful = true };
        var text = Of(new PlainBlocks("llama"), options).Text;
        foreach (var part in (string[])["\"heads\": 2, \"key_heads\": 1, \"rotary\": 700", "\"epsilon\": 0.25", "[\"N\", 33, 4]", "\"function\": \"gelu\""]) Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.Equal(answers.Keys.Order(), options.UsedAnswers.Order());
    }

    [Fact]
    public void Caches_hold_2048_tokens_if_the_model_takes_more()
    {
        var draft = Of(new PlainBlocks("llama"), new DraftOptions { Settings = Told(("max_position_embeddings", "131072")), IsStateful = true });
        Assert.Contains("[\"N\", 2048, 4]", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.Contains("though the model takes 131072", StringComparison.Ordinal) && guess.Contains("--set context=N", StringComparison.Ordinal));
        var places = new DraftOptions { IsStateful = true, Answers = new Dictionary<string, string> { ["context"] = "17" } };
        Assert.Contains("has features of 16 positions", Assert.Throws<ConversionException>(() => Of(new PlainBlocks("mingpt"), places)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_in_front_of_the_first_position_are_named_where_nothing_tells_them()
    {
        Assert.Contains(Draft(new PlainBlocks("nanogpt"), isStateful: false).Guesses, guess => guess.Contains("the first position has row 0 of 'transformer.wpe.weight'; in fairseq's models", StringComparison.Ordinal));
        Assert.Contains(Draft(new PlainBlocks("opt"), isStateful: false).Guesses, guess => guess.Contains("the first position has row 2 of", StringComparison.Ordinal));
    }

    [Fact]
    public void Tensors_that_a_family_does_not_have_are_a_question()
    {
        var plain = new PlainBlocks("llama");
        plain.Add("model.layers.0.self_attn.q_norm.weight", 2);
        Assert.Contains("the blocks also have model.layers.0.self_attn.q_norm.weight", Assert.Single(Draft(plain, false).Questions), StringComparison.Ordinal);
    }

    /// <summary>Numbers beside the tensors of a checkpoint answer too, also in argparse's Namespace.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Settings_in_the_checkpoint_tell_the_heads(bool isNamespace)
    {
        var plain = new PlainBlocks("meta");
        var checkpoint = new TorchCheckpoint();
        (object, object?)[] settings = [("n_heads", 4), ("norm_eps", 1e-5), ("name", "tiny")];
        var file = checkpoint.File(new TorchDict(("model", plain.Weights(checkpoint)), ("args", isNamespace ? new TorchWhole("argparse", "Namespace", settings) : new TorchDict(settings))));
        var draft = ScaffoldCommand.DraftOf("w.pt", file, "w.pt", new DraftOptions { IsAnswered = true }).Draft;
        Assert.Empty(draft.Questions);
        Assert.Contains("\"heads\": 4, \"key_heads\": 2, \"rotary\": 10000, \"rotary_interleaved\": true", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.Contains("the checkpoint: n_heads = 4", StringComparison.Ordinal));
    }

    /// <summary>The same weights under PyTorch's names and under a program's own: one encoder, with features of positions and scores from all steps.</summary>
    [Fact]
    public void Encoder_blocks_with_names_of_their_own_give_those_of_PyTorch()
    {
        const int width = 4, steps = 5;
        float[] Random(int seed, int count) => Numbers.Random(seed, count);
        var (q, k, v) = (Random(1, 16), Random(2, 16), Random(3, 16));
        (string Pytorch, string Own, int[] Shape, float[] Values)[] block =
        [
            ("self_attn.out_proj.weight", "mha.fc_out.weight", [4, 4], Random(4, 16)), ("self_attn.out_proj.bias", "mha.fc_out.bias", [4], Random(5, 4)),
            ("linear1.weight", "ff.0.weight", [6, 4], Random(6, 24)), ("linear1.bias", "ff.0.bias", [6], Random(7, 6)), ("linear2.weight", "ff.2.weight", [4, 6], Random(8, 24)), ("linear2.bias", "ff.2.bias", [4], Random(9, 4)),
            ("norm1.weight", "ln_a.gamma", [4], Random(10, 4)), ("norm1.bias", "ln_a.beta", [4], Random(11, 4)), ("norm2.weight", "ln_b.gamma", [4], Random(12, 4)), ("norm2.bias", "ln_b.beta", [4], Random(13, 4)),
        ];
        (string, int[], float[])[] around = [("pos_encoder", [1, 9, width], Random(14, 36)), ("embedding.weight", [7, width], Random(15, 28))];
        (string, int[], float[])[] head = [("fc.weight", [2, steps * width], Random(16, 40)), ("fc.bias", [2], Random(17, 2))];
        (string, int[], float[])[] own = [("net.layers.0.mha.query.weight", [4, 4], q), ("net.layers.0.mha.key.weight", [4, 4], k), ("net.layers.0.mha.value.weight", [4, 4], v), .. block.Select(part => ("net.layers.0." + part.Own, part.Shape, part.Values))];
        (string, int[], float[])[] known = [("net.layers.0.self_attn.in_proj_weight", [12, 4], [.. q, .. k, .. v]), .. block.Select(part => ("net.layers.0." + part.Pytorch, part.Shape, part.Values))];
        // nn.TransformerEncoder copies the layer that a program may keep too.
        (string, int[], float[])[] copy = [.. known.Select(part => (part.Item1.Replace("net.layers.0", "encoder_layer", StringComparison.Ordinal), part.Item2, part.Item3.Select(value => value + 1).ToArray()))];
        float[] Run((string Name, int[] Shape, float[] Values)[] tensors)
        {
            using var folder = new TemporaryFolder();
            var checkpoint = new TorchCheckpoint();
            var file = checkpoint.File(new TorchDict([.. tensors.Select(tensor => ((object)tensor.Name, (object?)checkpoint.Store(tensor.Values, tensor.Shape)))]));
            folder.Write("w.pt", file);
            var draft = ScaffoldCommand.DraftOf("w.pt", file, "w.pt", new DraftOptions { IsAnswered = true, Answers = new Dictionary<string, string> { ["heads"] = "2" } }).Draft;
            Assert.Empty(draft.Questions);
            Assert.DoesNotContain("part_2", draft.Text, StringComparison.Ordinal);
            using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder.Write("model.json", draft.Text))], new ConversionOptions()).File);
            using var session = model.CreateSession();
            for (var t = 0; t < steps; t++) session.Input<long>(0)[t] = t;
            session.Run();
            return session.Output<float>(0).ToArray();
        }

        var expected = Run([.. around, .. known, .. head]);
        Assert.Equal(2, expected.Length);
        Numbers.Near(expected, Run([.. around, .. own, .. head]), 1e-6);
        Numbers.Near(expected, Run([.. around, .. copy, .. known, .. head]), 0);
    }

    private static Draft Draft(PlainBlocks plain, bool isStateful) => Of(plain, new DraftOptions { IsStateful = isStateful, IsAnswered = true, Answers = plain.Answers, Settings = plain.Settings });

    private static Settings Told(params (string, string)[] values)
    {
        var settings = new Settings();
        settings.Add("config.json", values);
        return settings;
    }

    private static Draft Of(PlainBlocks plain, DraftOptions options) => ScaffoldCommand.DraftOf("w.pt", File(plain), "w.pt", options).Draft;

    private static byte[] File(PlainBlocks plain)
    {
        var checkpoint = new TorchCheckpoint();
        return checkpoint.File(plain.Weights(checkpoint));
    }

    private static SeqModel Load(PlainBlocks plain, Draft draft)
    {
        using var folder = new TemporaryFolder();
        folder.Write("w.pt", File(plain));
        return SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder.Write("model.json", draft.Text))], new ConversionOptions()).File);
    }
}
