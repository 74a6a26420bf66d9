using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Scaffolding;

/// <summary>What names and shapes tell, and what a draft asks. tests/Training compares drafts with PyTorch's numbers.</summary>
public sealed class ScaffoldTests
{
    /// <summary>Layers told apart by the rows of a gate.</summary>
    [Theory]
    [InlineData(16, "lstm")]
    [InlineData(12, "gru")]
    [InlineData(8, "mgu")]
    [InlineData(4, "rnn")]
    public void A_recurrent_layer_is_told_by_its_rows(int rows, string kind)
    {
        var draft = Draft(("r.weight_ih_l0", [rows, 3]), ("r.weight_hh_l0", [rows, 4]), ("r.bias_ih_l0", [rows]), ("r.bias_hh_l0", [rows]));
        Assert.Contains($"{{ \"kind\": \"{kind}\", \"input\": \"x\", \"weights\": \"r\"", draft.Text, StringComparison.Ordinal);
        Assert.Equal(kind == "rnn" ? 1 : 0, draft.Questions.Count);
    }

    [Fact]
    public void A_projected_LSTM_is_told_by_its_projection()
    {
        var module = Assert.Single(Draft(("r.weight_ih_l0", [32, 6]), ("r.weight_hh_l0", [32, 4]), ("r.weight_hr_l0", [4, 8])).Modules);
        Assert.Equal("LSTM 6 → 8, projected to 4", module.What);
        Assert.Equal(4, module.Out);
    }

    [Theory]
    [InlineData("weight_ih", "[12, 5]")]
    [InlineData("weight_hh", "[12, 4]")]
    public void A_cell_runs_over_all_steps(string name, string shape)
    {
        var draft = Draft(("cell.weight_ih", [12, 5]), ("cell.weight_hh", [12, 4]), ("cell.bias_ih", [12]), ("cell.bias_hh", [12]));
        Assert.Contains($"\"{name}_l0\": \"cell.{name}\"", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.Contains("a cell, which the model calls in a loop", StringComparison.Ordinal));
        Assert.Equal(shape, $"[{string.Join(", ", draft.Tensors.First(tensor => tensor.Role == name).Shape)}]");
        Converts(draft, ("cell.weight_ih", [12, 5]), ("cell.weight_hh", [12, 4]), ("cell.bias_ih", [12]), ("cell.bias_hh", [12]));
    }

    /// <summary>A matrix without a bias: an embedding if the next module takes its columns, else a linear layer.</summary>
    [Fact]
    public void A_matrix_is_an_embedding_by_its_place()
    {
        Assert.Equal(ModuleKind.Embedding, Kinds(Draft(("a.weight", [30, 8]), ("b.weight_ih_l0", [16, 8]), ("b.weight_hh_l0", [16, 4]))));
        Assert.Equal(ModuleKind.Linear, Kinds(Draft(("a.weight", [8, 30]), ("b.weight_ih_l0", [16, 8]), ("b.weight_hh_l0", [16, 4]))));
        Assert.Equal(ModuleKind.Linear, Kinds(Draft(("a.weight", [8, 30]))));

        // The draft, because the modules are told before their order.
        static ModuleKind Kinds(Draft draft) => draft.Text.Contains("\"embedding\"", StringComparison.Ordinal) ? ModuleKind.Embedding : ModuleKind.Linear;
    }

    [Fact]
    public void A_convolution_asks_what_its_weights_do_not_tell()
    {
        (string, int[])[] weights = [("c.weight", [4, 3, 5]), ("c.bias", [4])];
        var draft = Draft(weights);
        Assert.Equal(3, draft.Questions.Count);
        foreach (var what in (string[])["stride", "padding", "dilation"]) Assert.Contains($"\"{what}\": \"? ", draft.Text, StringComparison.Ordinal);
        Assert.Contains("3 questions are open; put the answer in its place: graphs.main.layers[0].stride (layer 'c'): the stride; the default is 1", Refusal(draft, weights), StringComparison.Ordinal);
        var answered = Draft(new DraftOptions { IsAnswered = true }, weights);
        Assert.Empty(answered.Questions);
        Assert.Equal(3, answered.Guesses.Count(guess => guess.Contains("is the default", StringComparison.Ordinal)));
        Converts(answered, weights);
    }

    [Fact]
    public void Depthwise_convolutions_have_groups()
    {
        (string, int[])[] weights = [("a.weight", [6, 3, 1]), ("b.weight", [6, 1, 1])];
        var draft = Draft(weights);
        Assert.Contains("\"groups\": 6", draft.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_between_layers_is_asked_and_a_gap_in_numbers_shows_it()
    {
        Assert.Contains("between 'net.0' (Linear 3 → 4) and 'net.2' (Linear 4 → 2): the function here", Assert.Single(Draft(("net.0.weight", [4, 3]), ("net.0.bias", [4]), ("net.2.weight", [2, 4]), ("net.2.bias", [2])).Questions), StringComparison.Ordinal);
        Assert.Empty(Draft(("net.0.weight", [4, 3]), ("net.0.bias", [4]), ("net.1.weight", [2, 4]), ("net.1.bias", [2])).Questions);
        Assert.Single(Draft(("a.weight", [4, 3]), ("a.bias", [4]), ("b.weight", [2, 4]), ("b.bias", [2])).Questions);
    }

    [Theory]
    [InlineData("conv.weight", new[] { 4, 3, 2, 2, 2 }, "Conv3d 3 → 4")]
    public void A_module_without_a_layer_is_a_question(string name, int[] shape, string what)
    {
        (string, int[])[] weights = [("fc.weight", [4, 3]), ("fc.bias", [4]), (name, shape)];
        var draft = Draft(weights);
        Assert.Contains($"({what}): no layer of a description is told by {name}", Assert.Single(draft.Questions), StringComparison.Ordinal);
        Assert.Contains("a question is open", Refusal(draft, weights), StringComparison.Ordinal);
    }

    [Fact]
    public void Convolutions_over_images_go_before_a_recurrent_layer()
    {
        (string, int[])[] weights = [("conv.weight", [4, 1, 3, 3]), ("conv.bias", [4]), ("gru.weight_ih_l0", [9, 24]), ("gru.weight_hh_l0", [9, 3])];
        var draft = Draft(new DraftOptions { IsAnswered = true }, weights);
        Assert.Equal(3, draft.Questions.Count);
        Assert.Contains(draft.Guesses, guess => guess.Contains("no pooling is put after it", StringComparison.Ordinal));
        Converts(draft with { Text = Answered(draft.Text, ("the height of the image, a number", "8"), ("the order of the axes", "[0, 3, 1, 2]"), ("the function here", "\"relu\"")) }, weights);
        var normed = Draft([.. weights[..2], ("bn.running_mean", [4]), ("bn.running_var", [4]), .. weights[2..]]);
        Assert.Contains("\"kind\": \"batch_norm\"", normed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("part_2", normed.Text, StringComparison.Ordinal);
        (string, int[])[] classifier = [("conv.weight", [4, 1, 3, 3]), ("fc.weight", [2, 24])];
        Assert.Contains("\"shape\": [0, 24]", Draft(classifier).Text, StringComparison.Ordinal);
        Assert.Contains("\"axis\": [2, 3]", Draft(("conv.weight", [4, 1, 3, 3]), ("fc.weight", [2, 4])).Text, StringComparison.Ordinal);
    }

    /// <summary>torch.save(model): the classes and settings of its modules answer what weights alone leave open.</summary>
    /// <summary>The weights do not tell how features become an image: a reshape asks.</summary>
    [Fact]
    public void A_convolution_over_features_asks_for_the_image()
    {
        (string, int[])[] weights = [("fc.weight", [8, 5]), ("fc.bias", [8]), ("c.weight", [4, 8, 3, 3])];
        var draft = Draft(new DraftOptions { IsAnswered = true }, weights);
        Assert.Contains("the shape of the image", draft.Questions[^1], StringComparison.Ordinal);
        Assert.Contains("open; put the answer", Refusal(draft, weights), StringComparison.Ordinal);
        using var model = Converts(draft with { Text = Answered(draft.Text, ("the shape of the image [N, channels, H, W], a list such as [0, 1, -1, 40]: 0 keeps an axis, -1 takes the rest", "[1, 8, 3, 3]"), ("the function here", "\"relu\"")).Replace("\"shape\": [1, 5]", "\"shape\": [9, 5]", StringComparison.Ordinal) }, weights);
    }

    [Fact]
    public void A_whole_module_tells_its_settings()
    {
        var checkpoint = new TorchCheckpoint();
        static TorchWhole Whole(string module, string name, (object, object?)[] parameters, (object, object?)[] modules, params (object, object?)[] settings) =>
            new(module, name, [("_parameters", new TorchDict(parameters)), ("_buffers", new TorchDict()), ("_modules", new TorchDict(modules)), .. settings]);
        TorchView Store(params int[] shape) => checkpoint.Store(Numbers.Random(shape[0], Numbers.Count(shape)), shape);
        var conv = Whole("torch.nn.modules.conv", "Conv1d", [("weight", Store(4, 3, 3)), ("bias", null)], [], ("stride", new object?[] { 2 }), ("padding", new object?[] { 1 }), ("dilation", new object?[] { 1 }), ("padding_mode", "zeros"));
        var rnn = Whole("torch.nn.modules.rnn", "RNN", [("weight_ih_l0", Store(4, 4)), ("weight_hh_l0", Store(4, 4))], [], ("mode", "RNN_RELU"), ("batch_first", false));
        var norm = Whole("torch.nn.modules.normalization", "LayerNorm", [("weight", Store(4)), ("bias", Store(4))], [], ("eps", 0.25));
        var file = checkpoint.File(Whole("__main__", "Net", [], [("conv", conv), ("bend", Whole("torch.nn.modules.activation", "ELU", [], [])), ("rnn", rnn), ("norm", norm)]));
        var draft = ScaffoldCommand.DraftOf("w.pt", file, "w.pt", new DraftOptions()).Draft;
        Assert.Contains("between 'conv'", Assert.Single(draft.Questions), StringComparison.Ordinal);
        foreach (var setting in (string[])["\"stride\": 2, \"padding\": 1, \"dilation\": 1", "\"nonlinearity\": \"relu\"", "\"epsilon\": 0.25"]) Assert.Contains(setting, draft.Text, StringComparison.Ordinal);
        foreach (var guess in (string[])["modules without weights: 'bend' (ELU)", "its batch_first is false"]) Assert.Contains(draft.Guesses, said => said.Contains(guess, StringComparison.Ordinal));
    }

    [Fact]
    public void Buffers_of_spectrograms_and_masks_are_no_layers()
    {
        var draft = Draft(("mel_scale.fb", [257, 4]), ("head.tril", [8, 8]), ("fc.weight", [2, 4]), ("fc.bias", [2]));
        Assert.Equal(["mel_scale.fb [257, 4]", "head.tril [8, 8]"], draft.Unplaced);
        Assert.Contains("\"x\": { \"shape\": [1, 4] }", draft.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Transposed_convolutions_and_slopes_have_layers()
    {
        (string, int[])[] weights = [("up.weight", [4, 3, 5]), ("up.bias", [3]), ("act.weight", [1]), ("prelu.weight", [3]), ("conv.weight", [2, 3, 1])];
        var draft = Draft(new DraftOptions { IsAnswered = true }, weights);
        Assert.Empty(draft.Questions);
        Assert.Contains("\"kind\": \"conv_transpose1d\"", draft.Text, StringComparison.Ordinal);
        Assert.Equal(2, draft.Text.Split("\"kind\": \"prelu\"").Length - 1);
        Converts(draft, weights);
    }

    /// <summary>The tutorial's RNN: linear layers whose sizes would also fit layers without a state.</summary>
    [Theory]
    [InlineData("i2h 4 9, i2o 2 9")]
    [InlineData("i2h 4 9, h2o 2 4")]
    [InlineData("rnn.i2h 4 5, rnn.h2h 4 4, rnn.h2o 2 4")]
    public void A_step_of_linear_layers_has_a_state(string layers)
    {
        (string, int[])[] weights = [.. layers.Split(", ").Select(layer => layer.Split(' ')).SelectMany(parts => ((string, int[])[])[($"{parts[0]}.weight", [int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture), int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture)]), ($"{parts[0]}.bias", [int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)])])];
        var draft = Draft(weights);
        Assert.Contains("\"states\": { \"hidden\": { \"shape\": [1, 4], \"update\": \"next_hidden\" } }", draft.Text, StringComparison.Ordinal);
        Assert.Contains("the function that gives the hidden state", Assert.Single(draft.Questions), StringComparison.Ordinal);
        Converts(draft with { Text = Answered(draft.Text, ("the function that gives", "\"tanh\"")) }, weights);
    }

    [Fact]
    public void A_square_matrix_before_a_recurrent_layer_is_an_embedding()
    {
        var draft = Draft(("encoder.weight", [5, 5]), ("rnn.weight_ih_l0", [15, 5]), ("rnn.weight_hh_l0", [15, 5]), ("decoder.weight", [5, 5]), ("decoder.bias", [5]));
        Assert.Contains("\"kind\": \"embedding\"", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.Contains("may also be a linear layer", StringComparison.Ordinal));
    }

    /// <summary>A tagger's CRF has no layer: the output is the scores that it takes.</summary>
    [Fact]
    public void Transitions_of_a_CRF_are_no_layer()
    {
        (string, int[])[] weights = [("lstm.weight_ih_l0", [8, 3]), ("lstm.weight_hh_l0", [8, 2]), ("hidden2tag.weight", [4, 2]), ("hidden2tag.bias", [4]), ("crf.start_transitions", [4]), ("crf.transitions", [4, 4])];
        var draft = Draft(weights);
        Assert.Empty(draft.Questions);
        Assert.Equal(["crf.start_transitions [4]", "crf.transitions [4, 4]"], draft.Unplaced);
        Assert.Contains(draft.Guesses, guess => guess.Contains("'crf.transitions' is of a CRF", StringComparison.Ordinal));
        Converts(draft, weights).Dispose();
    }

    /// <summary>Scores of steps by one linear layer: softmax over the steps, and their weighted sum.</summary>
    [Fact]
    public void An_attention_over_steps_pools_them()
    {
        (string, int[])[] weights = [("lstm.weight_ih_l0", [8, 3]), ("lstm.weight_hh_l0", [8, 2]), ("attention.weight", [1, 2]), ("attention.bias", [1]), ("fc.weight", [4, 2]), ("fc.bias", [4])];
        var draft = Draft(weights);
        Assert.Empty(draft.Questions);
        Assert.Contains("\"function\": \"softmax\", \"axis\": 1", draft.Text, StringComparison.Ordinal);
        using var model = Converts(draft, weights);
        var sizes = new SeqSessionOptions();
        sizes.MaxSizes["T"] = 5;
        using var session = model.CreateSession(graph: null, sizes);
        Assert.Equal(4, session.Output<float>(0).Length);
        Assert.Contains("\"x\": { \"shape\": [1, \"T\", 3] }", draft.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("part_2", draft.Text, StringComparison.Ordinal);
    }

    /// <summary>A draft with questions answered: each is the text that begins so.</summary>
    private static string Answered(string text, params (string Question, string Answer)[] answers) =>
        answers.Aggregate(text, (now, answer) => System.Text.RegularExpressions.Regex.Replace(now, $"\"\\? {System.Text.RegularExpressions.Regex.Escape(answer.Question)}[^\"]*\"", answer.Answer));

    /// <summary>Two tensors of one role, and a projection that is no matrix, are told to be nothing.</summary>
    [Theory]
    [InlineData("a.w", new[] { 4, 3 })]
    [InlineData("r.weight_hr_l0", new[] { 4 })]
    [InlineData("r.weight_hr_l0", new int[0])]
    public void Tensors_that_do_not_fit_their_names_are_left_out(string name, int[] shape)
    {
        (string, int[])[] weights = [("fc.weight", [2, 4]), ("fc.bias", [2]), ("a.weight", [4, 3]), ("a.bias", [4]), ("r.weight_ih_l0", [16, 3]), ("r.weight_hh_l0", [16, 4]), (name, shape)];
        var draft = Draft(weights);
        Assert.Contains($"{name} [{string.Join(", ", shape)}]", draft.Unplaced);
        using var document = System.Text.Json.JsonDocument.Parse(draft.Text, new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowDuplicateProperties = false });
    }

    [Fact]
    public void Buffers_and_training_are_not_layers()
    {
        var draft = Draft(("fc.weight", [4, 3]), ("fc.bias", [4]), ("pe", [1, 50, 4]), ("hidden", [1, 1, 4]), ("optimizer.state.0.exp_avg", [4, 3]), ("bn.num_batches_tracked", []));
        Assert.Equal(["hidden [1, 1, 4]", "pe [1, 50, 4]"], draft.Unplaced);
        Assert.Equal(2, draft.Skipped);
        Assert.Empty(draft.Questions);
    }

    [Fact]
    public void States_are_kept_if_that_is_asked()
    {
        (string, int[])[] weights = [("r.weight_ih_l0", [16, 3]), ("r.weight_hh_l0", [16, 4]), ("r.weight_ih_l1", [16, 4]), ("r.weight_hh_l1", [16, 4])];
        var draft = Draft(new DraftOptions { IsStateful = true }, weights);
        using var model = Converts(draft, weights);
        Assert.Equal([(2, 1, 4), (2, 1, 4)], model.Graphs[0].States.Select(state => (state.Dimensions![0].Size!.Value, state.Dimensions[1].Size!.Value, state.Dimensions[2].Size!.Value)));
    }

    [Fact]
    public void Sizes_that_do_not_continue_begin_a_new_graph()
    {
        (string, int[])[] weights = [("b.weight", [4, 3]), ("b.bias", [4]), ("a.weight", [2, 7]), ("a.bias", [2])];
        var draft = Draft(weights);
        Assert.Contains("\"part_2\"", draft.Text, StringComparison.Ordinal);
        Assert.Contains(draft.Guesses, guess => guess.StartsWith("2 graphs, because sizes do not continue", StringComparison.Ordinal));
        using var model = Converts(draft, weights);
        Assert.Equal(2, model.Graphs.Count);
    }

    [Fact]
    public void Positions_are_added_to_an_embedding()
    {
        (string, int[])[] weights = [("wte.weight", [30, 8]), ("wpe.weight", [16, 8]), ("head.weight", [30, 8]), ("head.bias", [30])];
        var draft = Draft(weights);
        Assert.Contains("\"positions\"", draft.Text, StringComparison.Ordinal);
        Converts(draft, weights).Dispose();
    }

    /// <summary>The encoder and the step of g2p_en, told by the words enc and dec: its words as the description written by hand gives them.</summary>
    [Fact]
    public void An_encoder_decoder_is_told_by_its_names()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("checkpoint20.npz", File.ReadAllBytes(Models.Need("g2p_en/checkpoint20.npz")));
        var (draft, _) = ScaffoldCommand.DraftOf(path, File.ReadAllBytes(path), "checkpoint20.npz", new DraftOptions());
        Assert.Equal(2, draft.Questions.Count);
        var text = draft.Text.Replace("\"? the token before the first, as its number\"", "2", StringComparison.Ordinal).Replace("\"? the token that ends a result, as its number\"", "3", StringComparison.Ordinal);
        using var drafted = Load(folder.Write("draft.json", text));
        using var written = Load(folder.Write("g2p_en.json", File.ReadAllText(Repository.Find("docs/examples/g2p_en.json"))));
        using var one = drafted.CreateDecoder();
        using var other = written.CreateDecoder();
        foreach (var word in (string[])["recurrent", "sequence", "model"])
        {
            int[] letters = [.. word.Select(letter => letter - 'a' + 3), 2];
            one.Decode(letters);
            // The description written by hand puts the end of the source itself.
            other.Decode(letters.AsSpan(..^1));
            Assert.Equal(other.Results[0].Tokens.ToArray(), one.Results[0].Tokens.ToArray());
            Assert.Equal(other.Results[0].Score, one.Results[0].Score);
        }
    }

    /// <summary>The attention of thai2rom's checkpoint, general, and that of PyTorch's tutorials, concat and additive.</summary>
    [Theory]
    [InlineData("general", "attn.attn.weight 8 8, attn.attn.bias 8", 32, 14)]
    [InlineData("concat", "attn.attn.weight 8 16, attn.attn.bias 8, attn.v 8", 32, 14)]
    [InlineData("additive", "attn.Wa.weight 5 8, attn.Wa.bias 5, attn.Ua.weight 5 8, attn.Ua.bias 5, attn.Va.weight 1 5, attn.Va.bias 1", 32, 14)]
    [InlineData("general", "attn.attn.weight 8 8", 32, 6)]
    public void An_attention_is_told_by_its_matrices(string score, string attention, int rows, int inputs)
    {
        (string, int[])[] weights =
        [
            ("encoder.embedding.weight", [20, 6]), ("encoder.rnn.weight_ih_l0", [16, 6]), ("encoder.rnn.weight_hh_l0", [16, 4]), ("encoder.rnn.weight_ih_l0_reverse", [16, 6]), ("encoder.rnn.weight_hh_l0_reverse", [16, 4]),
            ("decoder.embedding.weight", [25, 6]), .. attention.Split(", ").Select(text => text.Split(' ')).Select(parts => ("decoder." + parts[0], parts[1..].Select(int.Parse).ToArray())),
            ("decoder.rnn.weight_ih_l0", [rows, inputs]), ("decoder.rnn.weight_hh_l0", [rows, 8]), ("decoder.out.weight", [25, inputs > 6 ? 8 : 16]), ("decoder.out.bias", [25]),
        ];
        var draft = Draft(weights);
        Assert.Contains($"\"kind\": \"attention\", \"score\": \"{score}\", \"query\": \"{(inputs > 6 ? "hidden" : "next_hidden")}\"", draft.Text, StringComparison.Ordinal);
        var text = draft.Text.Replace("\"? the token before the first, as its number\"", "1", StringComparison.Ordinal).Replace("\"? the token that ends a result, as its number\"", "2", StringComparison.Ordinal);
        using var model = Converts(draft with { Text = text }, weights);
        using var decoder = model.CreateDecoder();
        decoder.Decode([3, 4, 5]);
        Assert.True(decoder.Results.Count > 0);
    }

    [Fact]
    public void Names_that_are_not_plain_stay_one_line_and_one_text()
    {
        (string, int[])[] weights = [("a\"\n\u2028// }.weight", [4, 3]), ("a\"\n\u2028// }.bias", [4]), ("b\\\u0001.weight", [2, 4]), ("b\\\u0001.bias", [2])];
        var draft = Draft(new DraftOptions { IsAnswered = true }, weights);
        using var document = System.Text.Json.JsonDocument.Parse(draft.Text, new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip });
        Assert.Contains(document.RootElement.GetProperty("graphs").GetProperty("main").GetProperty("layers").EnumerateArray(), layer => layer.TryGetProperty("weights", out var name) && name.GetString() == "a\"\n\u2028// }");
    }

    [Theory]
    [InlineData(12, 3, 0)]
    [InlineData(0, 4)]
    public void Tensors_without_elements_are_no_layer(params int[] shape)
    {
        (string, int[])[] weights = [("a.weight", shape), ("b.weight", [6, 4]), ("b.bias", [6])];
        var draft = Draft(weights);
        Assert.Contains(draft.Modules, module => module is { Path: "a", What: "tensors without elements" });
        Assert.DoesNotContain("\"weights\": \"a\"", draft.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x", new[] { 3 })]
    [InlineData("running_mean", new[] { 3 })]
    public void A_file_without_a_layer_is_refused(string name, int[] shape) =>
        Assert.Contains("none of its 1 tensors is told to be a layer's", Assert.Throws<ConversionException>(() => Draft((name, shape))).Message, StringComparison.Ordinal);

    private static Draft Draft(params (string Name, int[] Shape)[] weights) => Draft(new DraftOptions(), weights);

    private static Draft Draft(DraftOptions options, params (string Name, int[] Shape)[] weights) => ScaffoldCommand.DraftOf("w.pt", Checkpoint(weights), "w.pt", options).Draft;

    private static byte[] Checkpoint((string Name, int[] Shape)[] weights)
    {
        var checkpoint = new TorchCheckpoint();
        return checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Name, (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Shape)), weight.Shape)))]));
    }

    private static SeqModel Converts(Draft draft, params (string Name, int[] Shape)[] weights)
    {
        Assert.True(draft.Questions.Count == 0 || !draft.Text.Contains("\"? ", StringComparison.Ordinal), draft.Text);
        using var folder = new TemporaryFolder();
        folder.Write("w.pt", Checkpoint(weights));
        return Load(folder.Write("model.json", draft.Text));
    }

    private static string Refusal(Draft draft, params (string Name, int[] Shape)[] weights)
    {
        using var folder = new TemporaryFolder();
        folder.Write("w.pt", Checkpoint(weights));
        return Assert.Throws<ConversionException>(() => Load(folder.Write("model.json", draft.Text))).Message;
    }

    private static SeqModel Load(string path) => SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], new ConversionOptions()).File);
}
