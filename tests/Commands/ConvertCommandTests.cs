using System.Diagnostics;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.Commands;

/// <summary>The README's command lines on the real models, from ONNX file to arrays.</summary>
public sealed class ConvertCommandTests : IDisposable
{
    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void Dtln_becomes_one_file_of_two_graphs_at_about_a_quarter_of_the_size()
    {
        var sources = Dtln();
        _cli.Good("convert", sources[0], sources[1], "-o", _cli["dtln.seq"], "--weights", "int8");
        Assert.Contains("graph mask: ", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("graph refine: ", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("is carried from 'tf_op_layer_stack_2'", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("largest relative RMS errors", _cli.Out, StringComparison.Ordinal);
        Assert.Equal(["dtln.seq"], _cli.Files);

        var report = _cli.Json("convert", sources[0], sources[1], "-o", _cli["again.seq"], "--weights", "int8", "--json");
        Assert.InRange(report.GetProperty("ratio").GetDouble(), 0.2, 0.3);
        Assert.Equal(File.ReadAllBytes(_cli["dtln.seq"]), File.ReadAllBytes(_cli["again.seq"]));

        var inspected = _cli.Json("inspect", _cli["dtln.seq"], "--json", "--tensors");
        Assert.Equal(["mask", "refine"], inspected.GetProperty("graphs").EnumerateArray().Select(g => g.GetProperty("name").GetString()));
        foreach (var graph in inspected.GetProperty("graphs").EnumerateArray())
        {
            Assert.Equal(1, graph.GetProperty("inputs").GetArrayLength());
            Assert.Equal(1, graph.GetProperty("outputs").GetArrayLength());
            Assert.NotEqual(0, graph.GetProperty("states").GetArrayLength());
            Assert.True(graph.GetProperty("session").GetProperty("bytes").GetInt64() > 0);
        }

        Assert.Equal("model_1.onnx", inspected.GetProperty("metadata").GetProperty("source:mask").GetString());
        Assert.Contains(inspected.GetProperty("tensors").EnumerateArray(), t => t.GetProperty("format").GetString() == "packed int8" && t.GetProperty("quantizationError").GetDouble() is > 0 and < 0.02);
    }

    [Fact]
    public void Dtln_mask_steps_through_frames_with_its_state()
    {
        var sources = Dtln();
        _cli.Good("convert", sources[0], sources[1], "-o", _cli["dtln.seq"], "--quiet");
        Assert.Equal("", _cli.Out);
        var input = _cli.Json("inspect", _cli["dtln.seq"], "--json").GetProperty("graphs")[0].GetProperty("inputs")[0].GetProperty("name").GetString()!;
        var frames = new float[10 * 257];
        Array.Fill(frames, 0.1f);
        using (var stream = File.Create(_cli["in.npz"])) NpzFile.Write(stream, [new(input, NpyArray.From([10, 1, 1, 257], frames))]);

        _cli.Good("run", _cli["dtln.seq"], "--graph", "mask", "--inputs", _cli["in.npz"], "--step", "-o", _cli["out.npz"]);

        var mask = NpzFile.ReadFile(_cli["out.npz"]).Single().Value;
        Assert.Equal([10, 1, 1, 257], mask.Shape);
        var values = mask.ToFloats();
        Assert.All(values, v => Assert.InRange(v, 0f, 1f));
        Assert.NotEqual(values[..257], values[^257..]);
    }

    [Fact]
    public void Silero_is_resolved_for_16_kHz_and_gives_a_probability()
    {
        var source = Models.Need("silero-vad/silero_vad_16k_op15.onnx");
        _cli.Good("convert", source, "-o", _cli["vad.seq"], "--set", "sr=16000");

        var graph = _cli.Json("inspect", _cli["vad.seq"], "--json").GetProperty("graphs")[0];
        Assert.Equal("main", graph.GetProperty("name").GetString());
        var input = Assert.Single(graph.GetProperty("inputs").EnumerateArray().ToList());
        Assert.NotEqual(0, graph.GetProperty("states").GetArrayLength());
        Assert.True(graph.GetProperty("session").GetProperty("bytes").GetInt64() > 0);
        Assert.Equal([1, 1], graph.GetProperty("outputs")[0].GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()));

        AtomicFile.Write(_cli["x.npy"], stream => NpyWriter.Write(stream, NpyArray.From([1, 576], new float[576])));
        var run = _cli.Json("run", _cli["vad.seq"], "--input", $"{input.GetProperty("name").GetString()}={_cli["x.npy"]}", "--json");
        Assert.InRange(run.GetProperty("outputs")[0].GetProperty("max").GetDouble(), 0, 0.5);
    }

    [Fact]
    public void A_failed_conversion_leaves_no_file_and_an_older_one_as_it_was()
    {
        File.WriteAllText(_cli["text.onnx"], "this is no model");
        File.WriteAllText(_cli["old.seq"], "older");
        _cli.Fails(1, ["convert", _cli["text.onnx"], "-o", _cli["new.seq"]], _cli["text.onnx"]);
        _cli.Fails(1, ["convert", _cli["text.onnx"], "-o", _cli["old.seq"], "--json"], _cli["text.onnx"]);
        var tooLong = _cli[new string('x', 248) + ".seq"];
        _cli.Fails(1, ["convert", _cli["text.onnx"], "-o", tooLong], $"{tooLong}: it cannot be written: ");
        Assert.DoesNotContain(".tmp", _cli.Error, StringComparison.Ordinal);
        Assert.Equal(["old.seq", "text.onnx"], _cli.Files);
        Assert.Equal("older", File.ReadAllText(_cli["old.seq"]));
    }

    [Fact]
    public void Names_that_the_model_does_not_have_are_refused_with_those_it_has()
    {
        var source = Models.Need("silero-vad/silero_vad_16k_op15.onnx");
        string[] convert = ["convert", source, "-o", _cli["vad.seq"]];
        _cli.Fails(1, [.. convert, "--set", "rate=16000"], "rate", "sr");
        _cli.Fails(1, [.. convert, "--set", "sr=fast"], "fast");
        _cli.Fails(1, [.. convert, "--set", "sr=16000", "--state", "h=hn"], "'h'");
        _cli.Fails(1, [.. convert, "--set", "sr=16000", "--weights-of", "lstm*=int4"], "--weights-of 'lstm*=int4'", "model.encoder.1.reparam_conv.weight");
        _cli.Fails(1, [.. convert, "--set", "sr=16000", "--weights", "int8", "--keep", "lstm"], "--keep 'lstm'", "model.encoder.1.reparam_conv.weight");
        Assert.Empty(_cli.Files);
    }

    [Fact]
    public void A_forced_kernel_set_that_does_not_exist_is_no_fault_of_the_model()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SeqRuntime.Converter.ConversionException).Assembly.Location, "convert", Models.Need("silero-vad/silero_vad_16k_op15.onnx"), "-o", _cli["vad.seq"]])
        {
            Environment = { ["SEQRUNTIME_KERNELS"] = "abacus" },
        };
        var (code, _, error) = Printed.By(start);
        Assert.Equal(1, code);
        Assert.StartsWith("seqconvert: Kernel set 'abacus' (environment variable SEQRUNTIME_KERNELS) does not exist; use one of ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("damaged", error, StringComparison.Ordinal);
        Assert.Empty(_cli.Files);
    }

    [Fact]
    public void Unsupported_operators_are_listed_by_node_and_nothing_is_written()
    {
        Assert.Equal(1, _cli.Run("convert", Models.Need("onnx-node-tests/test_lrn/model.onnx"), "-o", _cli["lrn.seq"]));
        Assert.Equal("", _cli.Out);
        Assert.Matches(@"^seqconvert: .*model\.onnx: graph 'main' has 1 node that cannot be converted: LRN \(node 'LRN_0'\): the operator is not supported; .*\n$", _cli.Error);
        Assert.Empty(_cli.Files);
    }

    [Fact]
    public void Each_tensor_is_reported_with_its_storage_and_error()
    {
        var source = Models.Need("silero-vad/silero_vad_16k_op15.onnx");
        _cli.Good("convert", source, "-o", _cli["vad.seq"], "--set", "sr=16000", "--weights", "int4", "--weights-of", "*encoder.0*=fp16", "--weights-of", "*encoder.2*=int8");
        Assert.Matches(@"model\.encoder\.0\.reparam_conv\.weight +\[128, 129, 3\] +fp16 +0\.0\d+%", _cli.Out);
        Assert.Matches(@"model\.encoder\.2\.reparam_conv\.weight +\[64, 64, 3\] +int8 +1\.\d+%", _cli.Out);
        Assert.Matches(@"model\.encoder\.3\.reparam_conv\.weight +\[128, 64, 3\] +int4 +\d\.\d+%", _cli.Out);
        Assert.Matches(@"model\.stft\.forward_basis_buffer +\[258, 1, 256\] +int8 +0\.\d+%", _cli.Out);
        Assert.Matches(@"model\.decoder\.rnn\.weight_ih +\[512, 128\] +int4 ", _cli.Out);

        var inspected = _cli.Json("inspect", _cli["vad.seq"], "--json", "--tensors");
        Assert.Equal("2.0", inspected.GetProperty("formatVersion").GetString());
        Assert.Equal("int4", inspected.GetProperty("metadata").GetProperty("weights").GetString());
        var formats = inspected.GetProperty("tensors").EnumerateArray().ToDictionary(t => t.GetProperty("name").GetString()!, t => t.GetProperty("format").GetString());
        Assert.Equal("packed float16", formats["model.encoder.0.reparam_conv.weight"]);
        Assert.Equal("packed int4", formats["model.encoder.3.reparam_conv.weight"]);
    }

    [Fact]
    public void What_is_finer_than_asked_for_is_told_with_the_reason_and_can_be_overruled()
    {
        var sources = Dtln();
        string[] convert = ["convert", .. sources, "-o", _cli["both.seq"], "--weights", "int8"];
        _cli.Good(convert);
        Assert.Matches(@"--weights-of '\*=KIND'\):\n  model_2/dense_3/Tensordot/Reshape_1:0 +\[256, 128\] +fp16 +64\.0 KiB +its error in int8 would be 1\.29%", _cli.Out);
        var finer = Assert.Single(_cli.Json([.. convert, "--json"]).GetProperty("quantization").GetProperty("finer").EnumerateArray());
        Assert.StartsWith("model_2/dense_3", finer.GetProperty("name").GetString(), StringComparison.Ordinal);
        Assert.Equal("fp16", finer.GetProperty("storage").GetString());

        _cli.Good([.. convert, "--weights-of", "*=int8"]);
        Assert.DoesNotContain("finer", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_of_products_with_tokens_is_told_and_naming_the_embedding_keeps_the_layer_apart()
    {
        string[] convert = ["convert", Path.Combine(Repository.Root!, "training", "g2p.json"), "-o", _cli["g2p.seq"], "--weights", "fp16"];
        _cli.Good(convert);
        Assert.Contains("products with the tokens of 'letters.weight', computed at conversion; --weights-of 'letters.weight=KIND' keeps the embedding and the matrix", _cli.Out, StringComparison.Ordinal);
        _cli.Good([.. convert, "--weights-of", "letters.weight=int8"]);
        Assert.DoesNotContain("computed at conversion", _cli.Out, StringComparison.Ordinal);
        Assert.Matches(@"letters\.weight +\[29, 96\] +int8 ", _cli.Out);
        Assert.Matches(@"encoder\.weight_ih_l0_reverse +\[672, 96\] +fp16 ", _cli.Out);
    }

    private static string[] Dtln() => [$"mask={Models.Need("dtln/model_1.onnx")}", $"refine={Models.Need("dtln/model_2.onnx")}"];
}
