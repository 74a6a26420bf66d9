using System.Text.RegularExpressions;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Commands;

public sealed class ScaffoldCommandTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public ScaffoldCommandTests()
    {
        var checkpoint = new TorchCheckpoint();
        (string Name, int[] Shape)[] weights = [("rnn.weight_ih_l0", [16, 3]), ("rnn.weight_hh_l0", [16, 4]), ("head.weight", [2, 4]), ("head.bias", [2])];
        File.WriteAllBytes(_cli["tagger.pt"], checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Name, (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Shape)), weight.Shape)))])));
    }

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Two_commands_convert_a_checkpoint()
    {
        _cli.Good("scaffold", _cli["tagger.pt"], "-o", _cli["tagger.json"]);
        Assert.Contains("a PyTorch checkpoint, 4 tensors, 122 parameters", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("rnn: LSTM 3 → 4 (16 rows are 4 gates of 4 units)", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"head\.weight +float32 +\[2, 4\] +8", _cli.Out);
        Assert.Contains($"next: seqconvert convert {_cli["tagger.json"]} -o {_cli["tagger.seq"]}", _cli.Out, StringComparison.Ordinal);
        _cli.Good("convert", _cli["tagger.json"], "-o", _cli["tagger.seq"]);
    }

    /// <summary>The printed list is in comments, so that the output is a description.</summary>
    [Fact]
    public void What_is_printed_is_a_description()
    {
        _cli.Good("scaffold", _cli["tagger.pt"]);
        File.WriteAllText(_cli["printed.json"], _cli.Out);
        _cli.Good("convert", _cli["printed.json"], "-o", _cli["tagger.seq"]);
    }

    [Fact]
    public void A_report_for_a_program_has_all()
    {
        var report = _cli.Json("scaffold", _cli["tagger.pt"], "--json", "--stateful");
        Assert.Equal(4, report.GetProperty("tensors").GetArrayLength());
        Assert.Equal("LSTM 3 → 4", report.GetProperty("modules")[0].GetProperty("what").GetString());
        Assert.Contains("rnn_next_cell", report.GetProperty("description").GetString(), StringComparison.Ordinal);
        Assert.Equal(122, report.GetProperty("parameters").GetInt64());
    }

    /// <summary>A state_dict as JSON, GuitarML's and any other's: the file is read as weights too.</summary>
    [Theory]
    [InlineData("""{ "model_data": { "unit_type": "LSTM" }, "state_dict": { "rec.weight_ih_l0": [[1], [2], [3], [4]], "rec.weight_hh_l0": [[1], [2], [3], [4]], "lin.weight": [[1]], "lin.bias": [0] } }""", "the file holds an architecture too: seqconvert convert amp.json")]
    [InlineData("""{ "rec.weight_ih_l0": [[1], [2], [3], [4]], "rec.weight_hh_l0": [[1], [2], [3], [4]], "lin.weight": [[1]], "lin.bias": [0], "vocabulary": { "a": 0 } }""", "seqconvert convert amp.json -o amp.seq needs no description")]
    public void A_state_dict_as_JSON_is_drafted(string content, string says)
    {
        File.WriteAllText(_cli["amp.json"], content);
        _cli.Good("scaffold", _cli["amp.json"], "-o", _cli["draft.json"]);
        Assert.Contains("rec: LSTM 1 → 1", _cli.Out, StringComparison.Ordinal);
        Assert.Contains(says, _cli.Out, StringComparison.Ordinal);
        _cli.Good("convert", _cli["draft.json"], "-o", _cli["amp.seq"]);
        _cli.Fails(2, ["scaffold", _cli["amp.json"], "-o", _cli["amp.json"]], "this would overwrite the weight file");
    }

    /// <summary>Hugging Face's config.json answers, and is named; other weights in its folder are as before.</summary>
    [Fact]
    public void A_config_beside_the_weights_answers()
    {
        var checkpoint = new TorchCheckpoint();
        File.WriteAllBytes(_cli["model.bin"], checkpoint.File(new Scaffolding.PlainBlocks("llama").Weights(checkpoint)));
        _cli.Good("scaffold", _cli["model.bin"], "-o", _cli["model.json"]);
        Assert.Matches("fill in its [0-9]+ question marks", _cli.Out);
        File.WriteAllText(_cli["config.json"], """{ "num_attention_heads": 4, "rms_norm_eps": 1e-5, "rope_parameters": { "rope_theta": 500, "rope_type": "default" }, "hidden_act": "silu", "eos_token_id": 2 }""");
        _cli.Good("scaffold", _cli["model.bin"], "-o", _cli["model.json"]);
        Assert.Contains("taken from config.json: eos_token_id = 2; config.json: hidden_act", _cli.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("to fill in", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("\"rotary\": 500", File.ReadAllText(_cli["model.json"]), StringComparison.Ordinal);
        _cli.Good("convert", _cli["model.json"], "-o", _cli["model.seq"]);
        File.WriteAllText(_cli["config.json"], "{ no");
        _cli.Fails(1, ["scaffold", _cli["model.bin"]], "config.json: this is not JSON");
    }

    /// <summary>PyTorch's tutorial saves an encoder and its decoder apart, with the same names inside.</summary>
    [Fact]
    public void An_encoder_and_its_decoder_in_two_files_are_one_model()
    {
        void Write(string name, params (string Name, int[] Shape)[] weights)
        {
            var checkpoint = new TorchCheckpoint();
            File.WriteAllBytes(_cli[name], checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Name, (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Shape)), weight.Shape)))])));
        }

        (string, int[])[] Gru(int inputs) => [("gru.weight_ih_l0", [12, inputs]), ("gru.weight_hh_l0", [12, 4]), ("gru.bias_ih_l0", [12]), ("gru.bias_hh_l0", [12])];
        Write("encoder.pth", [("embedding.weight", [9, 4]), .. Gru(4)]);
        Write("decoder.pth", [("embedding.weight", [7, 4]), ("attention.Wa.weight", [4, 4]), ("attention.Wa.bias", [4]), ("attention.Ua.weight", [4, 4]), ("attention.Ua.bias", [4]), ("attention.Va.weight", [1, 4]), ("attention.Va.bias", [1]), .. Gru(8), ("out.weight", [7, 4]), ("out.bias", [7])]);
        _cli.Good("scaffold", _cli["encoder.pth"], _cli["decoder.pth"], "-o", _cli["model.json"], "--set", "begin=0", "--set", "end=1");
        Assert.Contains("\"weights\": { \"encoder\": \"encoder.pth\", \"decoder\": \"decoder.pth\" }", File.ReadAllText(_cli["model.json"]), StringComparison.Ordinal);
        Assert.Contains("\"score\": \"additive\"", File.ReadAllText(_cli["model.json"]), StringComparison.Ordinal);
        _cli.Good("convert", _cli["model.json"], "-o", _cli["model.seq"]);
        _cli.Good("decode", _cli["model.seq"], "3 4 5", "--max-tokens", "5");
        _cli.Good("doctor", _cli["model.json"]);
        Directory.CreateDirectory(_cli["other"]);
        File.Copy(_cli["encoder.pth"], _cli["other/encoder.pt"]);
        _cli.Fails(2, ["scaffold", _cli["encoder.pth"], _cli["other/encoder.pt"]], "several files are told apart by their names");
        File.WriteAllText(_cli["model.json"], File.ReadAllText(_cli["model.json"]).Replace("\"encoder.pth\"", "7", StringComparison.Ordinal));
        _cli.Fails(1, ["convert", _cli["model.json"], "-o", _cli["model.seq"]], "'weights.encoder' is 7; give the name of a weight file");
    }

    [Theory]
    [InlineData("heads", "give MEMBER=VALUE")]
    [InlineData("heads=", "give MEMBER=VALUE")]
    [InlineData("heads=4", "the draft has no such question; it asks nothing")]
    public void An_answer_without_a_question_is_refused(string answer, string says) => _cli.Fails(2, ["scaffold", _cli["tagger.pt"], "--set", answer], says);

    [Fact]
    public void A_description_in_another_folder_needs_the_folder_of_the_weights()
    {
        Directory.CreateDirectory(_cli["drafts"]);
        _cli.Good("scaffold", _cli["tagger.pt"], "-o", _cli["drafts/tagger.json"]);
        var command = Regex.Match(_cli.Out, "seqconvert (convert .*)").Groups[1].Value;
        Assert.Contains("--allow-folder", command, StringComparison.Ordinal);
        _cli.Good(command.Split(' '));
    }

    [Fact]
    public void Weights_given_as_a_model_are_sent_to_scaffold()
    {
        _cli.Fails(1, ["convert", _cli["tagger.pt"], "-o", _cli["tagger.seq"]], "weights but no architecture", "seqconvert scaffold tagger.pt -o tagger.json");
        _cli.Fails(1, ["inspect", _cli["tagger.pt"]], "seqconvert scaffold tagger.pt -o tagger.json");
    }

    [Theory]
    [InlineData("model.txt", "the file must be named MODEL.json")]
    [InlineData("tagger.json/x.json", "")]
    public void A_target_that_cannot_be_is_refused(string target, string says)
    {
        var code = _cli.Run("scaffold", _cli["tagger.pt"], "-o", _cli[target]);
        Assert.True(code is 1 or 2);
        Assert.Contains(says, _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_holds_an_architecture_needs_no_draft()
    {
        new PlainCtc(1).WriteOnnx(_cli["model.onnx"]);
        _cli.Fails(1, ["scaffold", _cli["model.onnx"]], "it needs no description: seqconvert convert model.onnx -o model.seq");
        File.WriteAllText(_cli["model.json"], "{ \"weights\": \"tagger.pt\", \"graphs\": {} }");
        _cli.Fails(1, ["scaffold", _cli["model.json"]], "scaffold takes the weight file");
        File.WriteAllText(_cli["text.txt"], "hello");
        _cli.Fails(1, ["scaffold", _cli["text.txt"]], "this is not a weight file");
    }
}
