using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Scaffolding;

/// <summary>The parts of blocks by their names: what words tell, and what is asked.</summary>
public sealed class ScaffoldBlockNamesTests
{
    [Theory]
    [InlineData("self_attn_layer_norm", "final_layer_norm")]
    [InlineData("layer_norm", "final_layer_norm")]
    [InlineData("sa_norm", "ff_norm")]
    [InlineData("sa_layer_norm", "output_layer_norm")]
    [InlineData("attn_ln", "mlp_ln")]
    [InlineData("attention.output.LayerNorm", "output.LayerNorm")]
    [InlineData("input_layernorm", "post_attention_layernorm")]
    [InlineData("norm_attn", "norm_FeedForward")]
    [InlineData("attention_norm", "ffn_norm")]
    [InlineData("layernorm_before", "layernorm_after")]
    [InlineData("pre_norm", "pre_mlp_norm")]
    [InlineData("sublayer.0.norm", "sublayer.1.norm")]
    [InlineData("ln_9", "ln_10")]
    [InlineData("ln_a", "ln_b")]
    [InlineData("ln1", "ln2")]
    public void Words_tell_which_norm_is_the_attentions(string attention, string inner)
    {
        Assert.Equal([attention, inner], BlockNorms.Ordered(attention, inner)!);
        Assert.Equal([attention, inner], BlockNorms.Ordered(inner, attention)!);
    }

    [Theory]
    [InlineData("norm_x", "norm_z")]
    [InlineData("post_attention_layernorm", "post_feedforward_layernorm")]
    [InlineData("ln_s", "ln_f")]
    public void Other_names_do_not_tell_it(string a, string b) => Assert.Null(BlockNorms.Ordered(a, b));

    [Theory]
    [InlineData("w1", "w3", "w2", true)]
    [InlineData("gate_proj", "up_proj", "down_proj", true)]
    [InlineData("w1", "w2", "c_proj", false)]
    [InlineData("w1", "v1", "w2", false)]
    public void The_gate_is_w1_only_beside_w3(string gate, string up, string down, bool isTold)
    {
        var names = Block(("mlp." + gate, [6, 4]), ("mlp." + up, [6, 4]), ("mlp." + down, [4, 6]), ("norm1", [4]), ("norm2", [4]))!;
        Assert.Equal(["mlp." + gate, "mlp." + up, "mlp." + down], names.Inner);
        Assert.Equal(isTold, names.IsGateTold);
    }

    [Fact]
    public void Of_two_square_inner_layers_the_one_named_down_is_the_second() =>
        Assert.Equal(["mlp.up", "mlp.down"], Block(("mlp.down", [4, 4]), ("mlp.up", [4, 4]), ("norm1", [4]), ("norm2", [4]))!.Inner);

    /// <summary>An encoder's block asks which norm is the attention's, and takes the answer.</summary>
    [Fact]
    public void Norms_that_names_do_not_tell_are_asked()
    {
        var checkpoint = new TorchCheckpoint();
        var weights = Attention.Concat([("ff.0", [6, 4]), ("ff.2", [4, 6]), ("norm_x", [4]), ("norm_z", [4])]);
        var file = checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)$"layers.0.{weight.Item1}.weight", (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Item2)), weight.Item2)))]));
        Draft Draft(params (string Key, string Value)[] answers) => ScaffoldCommand.DraftOf("w.pt", file, "w.pt", new DraftOptions { IsAnswered = true, Answers = answers.Append(("heads", "2")).ToDictionary() }).Draft;
        Assert.Contains("--set attention_norm=norm_x or --set attention_norm=norm_z", Assert.Single(Draft().Questions), StringComparison.Ordinal);
        foreach (var (norm, other) in ((string, string)[])[("norm_x", "norm_z"), ("norm_z", "norm_x")])
        {
            var draft = Draft(("attention_norm", $"\"{norm}\""));
            Assert.Empty(draft.Questions);
            Assert.Contains($"\"norm1.weight\": \"layers.0.{norm}.weight\"", draft.Text, StringComparison.Ordinal);
            Assert.Contains($"\"norm2.weight\": \"layers.0.{other}.weight\"", draft.Text, StringComparison.Ordinal);
        }
    }

    private static (string, int[])[] Attention => [("attn.q_proj", [4, 4]), ("attn.k_proj", [4, 4]), ("attn.v_proj", [4, 4]), ("attn.o_proj", [4, 4])];

    private static BlockNames? Block(params (string, int[])[] weights) => BlockNames.Of(Attention.Concat(weights).ToDictionary(weight => weight.Item1, weight => (IReadOnlyList<int>)weight.Item2));
}
