using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.Commands;

/// <summary>What convert and inspect tell of the outputs' errors, on real models.</summary>
public sealed class MeasurementTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Dtln_is_measured_graph_by_graph_and_a_large_error_is_the_first_line()
    {
        string[] convert = ["convert", $"mask={Models.Need("dtln/model_1.onnx")}", $"refine={Models.Need("dtln/model_2.onnx")}", "-o", _cli["dtln.seq"]];
        _cli.Good([.. convert, "--weights", "int4"]);
        Assert.Matches(@"^warning: output '\w+' of graph '(mask|refine)' differs from fp32 by [0-9.]+% \(relative RMS on generated inputs\); more bits make it less", _cli.Out);
        Assert.Contains("graph mask: 2000 steps in 1 sequence: unit noise", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("give --samples FILE", _cli.Out, StringComparison.Ordinal);
        _cli.Good("inspect", _cli["dtln.seq"]);
        Assert.Matches(@"measured:mask +2000 steps in 1 sequence of generated inputs", _cli.Out);
        Assert.Matches(@"output-error:refine:conv1d_3 +[0-9.]+% \(worst [0-9.]+%\)", _cli.Out);

        _cli.Good([.. convert, "--weights", "fp16"]);
        Assert.StartsWith(_cli["dtln.seq"], _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Silero_is_measured_on_samples_and_json_holds_the_same()
    {
        var wav = File.ReadAllBytes(Models.Need("audio/silero-test.wav"));
        var samples = new float[576 * 200];
        for (var i = 0; i < samples.Length; i++) samples[i] = BitConverter.ToInt16(wav, 44 + 2 * (i + 16000)) / 32768f;
        using (var stream = File.Create(_cli["speech.npy"])) NpyWriter.Write(stream, NpyArray.From([200, 1, 576], samples));
        var report = _cli.Json("convert", Models.Need("silero-vad/silero_vad_16k_op15.onnx"), "-o", _cli["vad.seq"], "--set", "sr=16000", "--weights", "int8", "--samples", _cli["speech.npy"], "--json").GetProperty("measured");
        Assert.False(report.TryGetProperty("warning", out _));
        var graph = report.GetProperty("graphs")[0];
        Assert.Equal((true, 200, "speech.npy"), (graph.GetProperty("given").GetBoolean(), graph.GetProperty("steps").GetInt32(), graph.GetProperty("inputs").GetString()));
        var output = graph.GetProperty("outputs")[0];
        Assert.InRange(output.GetProperty("relativeRms").GetDouble(), 0.0005, 0.03);
        Assert.Equal("decisions at 0.5", output.GetProperty("choice").GetString());
        Assert.InRange(output.GetProperty("agreement").GetDouble(), 0.97, 1);
        Assert.Equal(8, output.GetProperty("drift").GetArrayLength());
    }

    [Fact]
    public void An_encoder_decoder_is_measured_by_decoding_random_and_given_words()
    {
        string[] convert = ["convert", Repository.Find("training/g2p.json"), "-o", _cli["g2p.seq"], "--weights", "int8", "--json"];
        var random = _cli.Json(convert).GetProperty("measured").GetProperty("graphs")[0];
        Assert.StartsWith("greedy decoding of random tokens", random.GetProperty("inputs").GetString(), StringComparison.Ordinal);
        Assert.Equal(50, random.GetProperty("sequences").GetInt32());
        File.WriteAllText(_cli["words.txt"], "recurrent\nnetwork\nhello\n");
        var given = _cli.Json([.. convert, "--samples", _cli["words.txt"]]).GetProperty("measured").GetProperty("graphs")[0];
        Assert.Equal("greedy decoding of 3 lines of words.txt", given.GetProperty("inputs").GetString());
        Assert.Equal((true, 3), (given.GetProperty("given").GetBoolean(), given.GetProperty("sequences").GetInt32()));
        // Three words of 8, 7 and 4 phonemes, each with its end.
        Assert.InRange(given.GetProperty("steps").GetInt32(), 15, 30);
        var output = given.GetProperty("outputs")[0];
        Assert.InRange(output.GetProperty("relativeRms").GetDouble(), 0.0005, 0.04);
        Assert.InRange(output.GetProperty("agreement").GetDouble(), 0.9, 1);
    }

    [Fact]
    public void A_missing_file_of_samples_is_refused_before_the_conversion()
    {
        var model = Models.Need("silero-vad/silero_vad_16k_op15.onnx");
        _cli.Fails(1, ["convert", model, "-o", _cli["vad.seq"], "--set", "sr=16000", "--weights", "int8", "--samples", _cli["none.npy"]], _cli["none.npy"]);
        Assert.Empty(_cli.Files);
    }
}
