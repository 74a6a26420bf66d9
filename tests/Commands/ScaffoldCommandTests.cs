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
