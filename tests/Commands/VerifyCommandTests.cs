using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Commands;

/// <summary><c>seqconvert verify</c>: a file against its source, its promise, and its recorded runs.</summary>
public sealed class VerifyCommandTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void A_file_is_compared_with_its_source_by_the_options_that_it_records()
    {
        WriteModel("a model.onnx");
        _cli.Good("convert", _cli["a model.onnx"], "-o", _cli["m.seq"], "--weights", "int8", "--set", "gain=2", "--dim", "T=4", "--drop-output", "it's", "--stateful", "--golden");
        Assert.Contains("golden pair: ", _cli.Out, StringComparison.Ordinal);
        using (var model = SeqModel.Load(_cli["m.seq"])) Assert.Equal(@"'a model.onnx' --weights int8 --dim T=4 --set gain=2 --stateful --drop-output 'it'\''s'", model.Metadata["arguments"]);

        _cli.Good("verify", _cli["m.seq"], "--against", _cli["a model.onnx"]);
        Assert.StartsWith("passed: no output differs from the source in fp32 by more than 3% (the default)", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"passed: kernels \w+ give the recorded bits in 3 runs", _cli.Out);
        Assert.Matches(@"main +y +[0-9.]+% of", _cli.Out);
        Assert.Contains("give --samples FILE", _cli.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("note:", _cli.Out, StringComparison.Ordinal);

        // The report of the conversion has the same figures.
        var converted = _cli.Json("convert", _cli["a model.onnx"], "-o", _cli["again.seq"], "--weights", "int8", "--set", "gain=2", "--dim", "T=4", "--drop-output", "it's", "--stateful", "--json").GetProperty("measured").GetProperty("graphs").GetRawText();
        var verified = _cli.Json("verify", _cli["m.seq"], "--against", _cli["a model.onnx"], "--json");
        Assert.Equal(converted.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal), verified.GetProperty("measured").GetProperty("graphs").GetRawText().ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal((true, 0.03, "the default"), (verified.GetProperty("passed").GetBoolean(), verified.GetProperty("promise").GetProperty("maxError").GetDouble(), verified.GetProperty("promise").GetProperty("from").GetString()));
        Assert.True(verified.GetProperty("golden").GetProperty("passed").GetBoolean());
    }

    [Fact]
    public void Past_the_promise_the_exit_code_is_1_and_the_first_line_says_what()
    {
        WriteModel("m.onnx");
        _cli.Good("convert", _cli["m.onnx"], "-o", _cli["m.seq"], "--weights", "int8", "--set", "gain=2");
        Assert.Equal(1, _cli.Run("verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--max-error", "0.001%"));
        Assert.Equal("", _cli.Error);
        Assert.Matches(@"^failed: output 'y' differs from fp32 by [0-9.]+% \(relative RMS on generated inputs\); 0\.001% is allowed \(--max-error\)", _cli.Out);
        Assert.Equal(1, _cli.Run("verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--max-error", "0.001%", "--json"));
        Assert.Contains("\"passed\": false", _cli.Out, StringComparison.Ordinal);
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--max-error", "20%");
    }

    [Fact]
    public void The_promise_of_the_file_holds_unless_another_is_given()
    {
        WriteModel("m.onnx");
        var result = MeasuredConversion.Convert([("main", _cli["m.onnx"])], new ConversionOptions { Weights = WeightKind.Int8, Sets = new Dictionary<string, string> { ["gain"] = "2" } });
        result.Model.Metadata[Promise.Key] = "0.0004%";
        File.WriteAllBytes(_cli["m.seq"], SeqWriter.ToArray(result.Model));
        Assert.Equal(1, _cli.Run("verify", _cli["m.seq"], "--against", _cli["m.onnx"]));
        Assert.Contains("0.0004% is allowed (the promise of the file)", _cli.Out, StringComparison.Ordinal);
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--max-error", "20%");

        result.Model.Metadata[Promise.Key] = "little";
        File.WriteAllBytes(_cli["m.seq"], SeqWriter.ToArray(result.Model));
        _cli.Fails(1, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"]], "'little' is no percentage");
    }

    [Fact]
    public void Another_source_is_told_by_its_hash_and_measured()
    {
        WriteModel("m.onnx");
        _cli.Good("convert", _cli["m.onnx"], "-o", _cli["m.seq"], "--set", "gain=2");
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["m.onnx"]);
        Assert.Contains("0% of", _cli.Out, StringComparison.Ordinal);
        WriteModel("m.onnx", seed: 9);
        Assert.Equal(1, _cli.Run("verify", _cli["m.seq"], "--against", _cli["m.onnx"]));
        Assert.Matches(@"note: \S+m\.onnx is not the file that the model was converted from: its SHA-256 is [0-9a-f]{64}, the model records [0-9a-f]{64}", _cli.Out);
    }

    [Fact]
    public void A_source_with_other_inputs_is_refused()
    {
        WriteModel("m.onnx");
        _cli.Good("convert", _cli["m.onnx"], "-o", _cli["m.seq"]);
        File.WriteAllBytes(_cli["m.onnx"], new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 5).Node("Tanh", "x", "y").Output("y").Model.ToByteArray());
        _cli.Fails(1, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"]], "this model is not that of", "the source gives the inputs x float32 [1, 5]");
    }

    [Fact]
    public void Without_a_record_the_options_of_the_command_count()
    {
        WriteModel("m.onnx");
        _cli.Good("convert", _cli["m.onnx"], "-o", _cli["m.seq"], "--set", "gain=2");
        var file = File.ReadAllBytes(_cli["m.seq"]);
        "argumentz"u8.CopyTo(file.AsSpan(file.AsSpan().IndexOf("arguments"u8)));
        SectionTable.Recompute(file);
        File.WriteAllBytes(_cli["m.seq"], file);
        _cli.Fails(1, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"]], "with no options", "the source gives the inputs", "Give the files and the options");
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--set", "gain=2");
        Assert.Contains("does not record the options of its conversion", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_and_sources_that_contradict_the_record_are_refused()
    {
        WriteModel("m.onnx");
        _cli.Good("convert", $"a={_cli["m.onnx"]}", "-o", _cli["m.seq"], "--set", "gain=2");
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["m.onnx"]);
        _cli.Fails(2, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--set", "gain=3"], "--set: the file records the options of its conversion (a=m.onnx --set gain=2)");
        _cli.Fails(2, ["verify", _cli["m.seq"], "--against", $"b={_cli["m.onnx"]}"], "was converted from a=m.onnx");
        _cli.Fails(2, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"], "--max-error", "1"], "--max-error 1: give a percentage");
        _cli.Fails(2, ["verify", _cli["m.seq"], "--max-error", "1%"], "give --against");
        _cli.Fails(1, ["verify", _cli["m.seq"], "--against", _cli["none.onnx"]], "there is no such file");
        _cli.Fails(1, ["verify", _cli["m.seq"]], "no golden pair", "--against", "--golden");
    }

    [Fact]
    public void Several_sources_are_told_apart_by_their_names()
    {
        WriteModel("first.onnx", seed: 1);
        WriteModel("second.onnx", seed: 2);
        _cli.Good("convert", $"a={_cli["first.onnx"]}", $"b={_cli["second.onnx"]}", "-o", _cli["m.seq"], "--set", "gain=2");
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["second.onnx"], _cli["first.onnx"]);
        _cli.Fails(2, ["verify", _cli["m.seq"], "--against", _cli["first.onnx"]], "missing: b=second.onnx");
        File.Move(_cli["second.onnx"], _cli["other.onnx"]);
        _cli.Fails(2, ["verify", _cli["m.seq"], "--against", _cli["first.onnx"], _cli["other.onnx"]], "say which graph it is of: a=first.onnx b=second.onnx");
        _cli.Good("verify", _cli["m.seq"], "--against", _cli["first.onnx"], $"b={_cli["other.onnx"]}");
    }

    [Fact]
    public void Other_bits_than_the_recorded_ones_are_a_failure_with_their_place()
    {
        WriteModel("m.onnx");
        var result = MeasuredConversion.Convert([("main", _cli["m.onnx"])], new ConversionOptions { Stateful = true, Golden = true, Sets = new Dictionary<string, string> { ["gain"] = "2" } });
        File.WriteAllBytes(_cli["m.seq"], result.File);
        _cli.Good("verify", _cli["m.seq"]);
        _cli.Good("verify", _cli["m.seq"], "--kernels", "portable");
        Assert.Matches(@"^passed: kernels portable give the recorded bits in \d+ runs\r?\n$", _cli.Out);

        var weight = result.Model.Tensors.MaxBy(t => t.Data.Length)!;
        result.Model.Tensors[result.Model.Tensors.IndexOf(weight)] = SmallSeq.Damaged(weight, 7, 0x10);
        File.WriteAllBytes(_cli["m.seq"], SeqWriter.ToArray(result.Model));
        Assert.Equal(1, _cli.Run("verify", _cli["m.seq"]));
        Assert.Matches(@"^failed: golden pair: graph 'main' at [^,]+, run 0, output 'y' does not have the recorded bits", _cli.Out);
        Assert.Matches(@"main +\w+ = \d+ +run 1 +output +y", _cli.Out);

        var file = result.File.ToArray();
        file[^200] ^= 1;
        File.WriteAllBytes(_cli["m.seq"], file);
        _cli.Fails(1, ["verify", _cli["m.seq"]], "m.seq", "checksum");
    }

    /// <summary>The recorded line is a command line: whatever it holds, it is refused or read, and never followed to other files than beside the source.</summary>
    [Theory]
    [InlineData("'open")]
    [InlineData("m.onnx --surprise")]
    [InlineData("m.onnx --dim T=x")]
    [InlineData("")]
    public void A_damaged_record_is_refused(string line)
    {
        WriteModel("m.onnx");
        var result = MeasuredConversion.Convert([("main", _cli["m.onnx"])], new ConversionOptions());
        result.Model.Metadata[ConversionRecord.Key] = line;
        File.WriteAllBytes(_cli["m.seq"], SeqWriter.ToArray(result.Model));
        _cli.Fails(1, ["verify", _cli["m.seq"], "--against", _cli["m.onnx"]], "the recorded options of the conversion");
    }

    [Fact]
    public void The_decoding_document_is_found_beside_the_source_or_given()
    {
        var graph = Models.Need("thai2rom/thai2rom_encoder.onnx");
        var step = Models.Need("thai2rom/thai2rom_decoder.onnx");
        Directory.CreateDirectory(_cli["docs"]);
        File.Copy(Repository.Find("docs/examples/thai2rom.json"), _cli["docs/thai2rom.json"]);
        File.Copy(Models.Need("thai2rom/thai2rom_loader_onnx.json"), _cli["docs/thai2rom_loader_onnx.json"]);
        _cli.Good("convert", $"encoder={graph}", $"step={step}", "--decoding", _cli["docs/thai2rom.json"], "-o", _cli["thai.seq"], "--weights", "int8", "--golden", "--quiet");
        _cli.Fails(1, ["verify", _cli["thai.seq"], "--against", graph, step], "--decoding thai2rom.json, which is not beside the source");
        var code = _cli.Run("verify", _cli["thai.seq"], "--against", graph, step, "--decoding", _cli["docs/thai2rom.json"], "--max-error", "10%");
        Assert.True(code == 0, _cli.Out + _cli.Error);
        Assert.Contains("greedy decoding of random tokens", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("passed: kernels", _cli.Out, StringComparison.Ordinal);
    }

    /// <summary>An LSTM with a gain and a second output whose name needs quotes.</summary>
    private void WriteModel(string name, int seed = 1)
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, "T", 1, 24).Input("gain", OnnxBuilder.Float)
            .Random("w", seed, 0.3f, 1, 128, 24).Random("r", seed + 1, 0.3f, 1, 128, 32).Node("LSTM", "x w r", "h", ("hidden_size", 32));
        model.Constant("axis", [1], 1L).Node("Squeeze", "h axis", "s").Node("Mul", "s gain", "y").Output("y");
        model.Graph.Node.Add(OnnxBuilder.MakeNode("Neg", "y", "n"));
        model.Graph.Node[^1].Output[0] = "it's";
        model.Output("it's");
        File.WriteAllBytes(_cli[name], model.Model.ToByteArray());
    }
}
