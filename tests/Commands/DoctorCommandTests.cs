using Google.Protobuf;
using SeqRuntime.Converter.IO;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Commands;

/// <summary>What <c>doctor</c> prints, and its numbers.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    private const int Float = OnnxBuilder.Float, Int64 = OnnxBuilder.Int64;

    private readonly CommandLine _cli = new();

    public void Dispose() => _cli.Dispose();

    /// <summary>A policy with an output that samples: a model that no device computes whole.</summary>
    private static OnnxBuilder Policy() => new OnnxBuilder(13).Input("x", Float, "T", 1, 8).Input("h_in", Float, 1, 1, 16).Input("c_in", Float, 1, 1, 16)
        .Random("W", 1, 0.5f, 1, 64, 8).Random("R", 2, 0.5f, 1, 64, 16).Random("B", 3, 0.5f, 1, 128).Random("head", 4, 0.5f, 16, 4).Constant("one", [1], 1L)
        .Node("LSTM", "x W R B - h_in c_in", "y h_out c_out", ("hidden_size", 16)).Node("Squeeze", "y one", "steps").Node("MatMul", "steps head", "scores").Node("Softmax", "scores", "p")
        .Node("Log", "p", "logp").Node("Squeeze", "logp one", "rows").Node("Multinomial", "rows", "action", ("sample_size", 1))
        .Output("action", OnnxBuilder.Int32).Output("p").Output("h_out").Output("c_out").Also(b => (b.Model.ProducerName, b.Model.ProducerVersion) = ("pytorch", "2.6.0"));

    [Fact]
    public void A_newcomer_reads_what_is_in_a_file_and_copies_the_last_line()
    {
        _cli.Good("doctor", Save("policy.onnx", Policy()));
        const string expected = """
            policy.onnx: an ONNX model, 7.4 KiB: converts with --drop-output action
              version           IR version 8, opset 13
              made by           pytorch 2.6.0
              types             float32 in 4
              operators         Squeeze 2, LSTM 1, MatMul 1, Softmax 1
              folded or unused  Log 1
              left out          Multinomial 1: 'Multinomial_action': its output is random; sessions must give the same output for the same input
              parameters        1,728 in 4 tensors, 6.8 KiB
            graph main: session 7.0 KiB at T = 1
              input   x     float32  [T, 1, 8]
              output  p     float32  [T, 1, 4]
              state   h_in  float32  [1, 1, 16]  filled from 'h_out': hidden state of layer 'LSTM_y h_out c_out'
              state   c_in  float32  [1, 1, 16]  filled from 'c_out': cell state of layer 'LSTM_y h_out c_out'
              time   T  recurrent layer 'LSTM_y h_out c_out' walks along it
              batch  1  recurrent layer 'LSTM_y h_out c_out' gets one sequence
              runs as: Linear 1, Lstm 1, Softmax 1, Squeeze 1
              a run: 1,600 multiply-accumulates at T = 1
            weights  file     read in a run  largest error
            fp32     7.4 KiB  6.5 KiB        none
            fp16     4.3 KiB  3.4 KiB        0.019%
            bf16     4.3 KiB  3.4 KiB        0.148%
            int8g32  4.3 KiB  3.4 KiB        0.019%
            int8     3.3 KiB  2.4 KiB        0.347%
            int4     3.3 KiB  2.4 KiB        0.347%
            needs --drop-output action: graph 'main' has 1 node that cannot be converted: Multinomial (node 'Multinomial_action'): its output is random; sessions must give the same output for the same input. Outputs 'p', 'h_out', 'c_out' convert with --drop-output action.
            convert it:
              seqconvert convert policy.onnx -o policy.seq --drop-output action
            """;
        Assert.Equal(expected.ReplaceLineEndings("\n"), _cli.Out.Replace(_cli.Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).TrimEnd().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Json_has_the_same_and_the_operators_one_by_one()
    {
        var report = _cli.Json("doctor", Save("policy.onnx", Policy()), "--json");
        Assert.True(report.GetProperty("converts").GetBoolean());
        Assert.EndsWith("policy.onnx -o policy.seq --drop-output action", report.GetProperty("command").GetString(), StringComparison.Ordinal);
        var operators = report.GetProperty("sources")[0].GetProperty("operators").EnumerateArray().ToDictionary(o => o.GetProperty("name").GetString()!, o => (o.GetProperty("count").GetInt32(), o.GetProperty("status").GetString()));
        Assert.Equal((1, "not needed"), operators["Multinomial"]);
        Assert.Equal((1, "supported"), operators["LSTM"]);
        Assert.Equal((2, "supported"), operators["Squeeze"]);
        Assert.Equal("--drop-output action", report.GetProperty("needs")[0].GetProperty("options").GetString());
        Assert.Equal(["fp32", "fp16", "bf16", "int8g32", "int8", "int4"], report.GetProperty("precisions").EnumerateArray().Select(p => p.GetProperty("weights").GetString()));
        Assert.Empty(Directory.EnumerateFiles(_cli.Folder, "*.seq"));
    }

    /// <summary>What the report says of a storage is what convert writes.</summary>
    [Theory]
    [InlineData("fp32")]
    [InlineData("int8")]
    [InlineData("int4")]
    public void The_size_of_each_storage_is_that_of_the_file(string weights)
    {
        var path = Save("policy.onnx", Policy());
        var predicted = _cli.Json("doctor", path, "--json").GetProperty("precisions").EnumerateArray().First(p => p.GetProperty("weights").GetString() == weights).GetProperty("fileBytes").GetInt64();
        _cli.Good("convert", path, "-o", _cli["policy.seq"], "--drop-output", "action", "--weights", weights);
        // A conversion also notes what it measured on the outputs.
        Assert.InRange(new FileInfo(_cli["policy.seq"]).Length - predicted, 0, 512);
    }

    [Fact]
    public void A_run_of_a_layer_and_a_product_multiplies_each_weight_once()
    {
        // Four gates of W and R, then the head, of one step; two steps take twice as many.
        const long step = 4 * 16 * (8 + 16) + 16 * 4;
        Assert.Equal(step, Products(Policy(), "--drop-output", "action"));
        Assert.Equal(2 * step, Products(Policy(), "--drop-output", "action", "--dim", "T=2"));
    }

    [Fact]
    public void A_run_of_both_directions_of_a_gru_counts_both()
    {
        var model = new OnnxBuilder().Input("x", Float, 5, 1, 6).Random("W", 1, 0.5f, 2, 30, 6).Random("R", 2, 0.5f, 2, 30, 10).Node("GRU", "x W R", "y", ("hidden_size", 10), ("direction", "bidirectional"), ("linear_before_reset", 1)).Output("y");
        Assert.Equal(5 * 2 * 3 * 10 * (6 + 10), Products(model));
    }

    [Theory]
    [InlineData(1, 3, 12)]
    [InlineData(2, 3, 12)]
    [InlineData(4, 1, 4)]
    public void A_run_of_a_convolution_multiplies_each_window(int groups, int kernel, int outputs)
    {
        const int channels = 4, length = 20;
        var model = new OnnxBuilder().Input("x", Float, 1, channels, length).Random("w", 1, 0.5f, outputs, channels / groups, kernel).Node("Conv", "x w", "y", ("group", groups)).Output("y");
        Assert.Equal((length - kernel + 1) * outputs * (channels / groups) * kernel, Products(model));
    }

    [Fact]
    public void A_run_of_a_transposed_convolution_multiplies_each_input()
    {
        var model = new OnnxBuilder().Input("x", Float, 1, 4, 20).Random("w", 1, 0.5f, 4, 5, 3).Node("ConvTranspose", "x w", "y").Output("y");
        Assert.Equal(20 * 4 * 5 * 3, Products(model));
    }

    /// <summary>Attention multiplies values that are not weights.</summary>
    [Fact]
    public void A_run_counts_products_of_computed_values()
    {
        var model = new OnnxBuilder().Input("q", Float, 3, 8).Input("k", Float, 8, 5).Node("MatMul", "q k", "y").Output("y");
        Assert.Equal(3 * 8 * 5, Products(model));
    }

    [Fact]
    public void Of_a_table_only_the_rows_looked_up_are_read()
    {
        var model = new OnnxBuilder().Input("token", Int64, 2).Random("table", 1, 0.5f, 1000, 64).Node("Gather", "table token", "y").Output("y");
        var report = _cli.Json("doctor", Save("table.onnx", model), "--json");
        var (file, read) = report.GetProperty("precisions").EnumerateArray().Where(p => p.GetProperty("weights").GetString() == "fp32").Select(p => (p.GetProperty("fileBytes").GetInt64(), p.GetProperty("bytesRead").GetProperty("main").GetInt64())).Single();
        Assert.Equal(2 * 64 * sizeof(float), read);
        Assert.True(file > 1000 * 64 * sizeof(float));
    }

    [Fact]
    public void A_file_that_is_refused_still_says_what_it_holds()
    {
        var model = new OnnxBuilder().Input("x", Float, "N", 4).Random("w", 1, 1, 4, 3).Node("MatMul", "x w", "a").Node("Frobnicate", "a", "y").Output("y");
        var path = Save("odd.onnx", model);
        Assert.Equal(1, _cli.Run("doctor", path));
        Assert.Equal("", _cli.Error);
        Assert.Contains("cannot be converted: graph 'main' has 1 node that cannot be converted: Frobnicate (node 'Frobnicate_y')", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("not supported  Frobnicate 1: 'Frobnicate_y': ONNX has no such operator", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("input          x float32 [N, 4]", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("parameters     12 in 1 tensor, 48 B", _cli.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("convert it:", _cli.Out, StringComparison.Ordinal);
        _cli.Fails(1, ["convert", path, "-o", _cli["odd.seq"]], "Frobnicate (node 'Frobnicate_y')", $"seqconvert doctor {path}");
    }

    [Fact]
    public void Weights_alone_lead_to_a_description()
    {
        var path = _cli["model.npz"];
        using (var stream = File.Create(path)) NpzFile.Write(stream, [new("lstm.weight_ih_l0", NpyArray.From([8, 3], new float[24])), new("lstm.bias", NpyArray.From([8], new float[8]))]);
        Assert.Equal(1, _cli.Run("doctor", path));
        Assert.Contains(": an archive of NumPy arrays, ", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("parameters  32 in 2 tensors", _cli.Out, StringComparison.Ordinal);
        Assert.EndsWith($"write a description of its layers, and convert that:\n  seqconvert scaffold {path}\n", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_keras_model_tells_its_layers()
    {
        var file = new KerasFile(1).Layer("InputLayer", "\"name\": \"in\", \"batch_input_shape\": [null, null, 3]").Layer("Dense", "\"name\": \"dense\", \"units\": 2");
        file.Weight("dense/dense/kernel", 3, 2);
        file.Weight("dense/dense/bias", 2);
        file.Write(_cli["model.h5"], file.Sequential);
        _cli.Good("doctor", _cli["model.h5"]);
        Assert.Contains(": a Keras model in HDF5, ", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("layers      Dense 1, InputLayer 1", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("parameters  8 in 2 tensors", _cli.Out, StringComparison.Ordinal);
        Assert.EndsWith("model.h5 -o model.seq\n", _cli.Out, StringComparison.Ordinal);

        file = new KerasFile(1).Layer("InputLayer", "\"name\": \"in\", \"batch_input_shape\": [null, null, 3]").Layer("Lambda", "\"name\": \"own\"");
        file.Write(_cli["odd.h5"], file.Sequential);
        Assert.Equal(1, _cli.Run("doctor", _cli["odd.h5"]));
        Assert.Contains("layers   InputLayer 1, Lambda 1", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("cannot be converted: these layers are not supported: 'own' (Lambda)", _cli.Out, StringComparison.Ordinal);
    }

    /// <summary>The weights of an architecture lie in another folder, where only --weights-file finds them.</summary>
    [Fact]
    public void An_architecture_is_read_with_the_weights_that_are_named()
    {
        var file = new KerasFile(1).Layer("InputLayer", "\"name\": \"in\", \"batch_input_shape\": [null, null, 3]").Layer("Dense", "\"name\": \"dense\", \"units\": 2");
        file.Weight("dense/dense/kernel", 3, 2);
        file.Weight("dense/dense/bias", 2);
        Directory.CreateDirectory(_cli["weights"]);
        file.WriteWeights(Path.Combine(_cli["weights"], "w.h5"));
        File.WriteAllText(_cli["model.json"], file.Sequential);
        _cli.Good("doctor", _cli["model.json"], "--weights-file", Path.Combine(_cli["weights"], "w.h5"), "--allow-folder", _cli["weights"]);
        Assert.Matches(@"(?m)^  layers +Dense 1, InputLayer 1$", _cli.Out);
        Assert.Contains(" --weights-file ", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_description_tells_its_layers_and_its_weight_file()
    {
        using var files = new WeightFiles();
        files.Random("out.weight", 2, 3);
        files.Convert(WeightFiles.Graph("[1, 3]", """{ "kind": "linear", "input": "x", "weights": "out", "output": "y" }"""));
        _cli.Good("doctor", files.Path("model.json"));
        Assert.Contains("weights in  weights.npz", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("layers      linear 1", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("parameters  6 in 1 tensor", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kind_that_is_not_read_has_its_way_out()
    {
        var path = _cli["model.gguf"];
        File.WriteAllBytes(path, [.. "GGUF"u8, 3, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(1, _cli.Run("doctor", path));
        Assert.Contains("a GGUF or ggml model", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("Export the model that it was made from as ONNX", _cli.Out, StringComparison.Ordinal);
        _cli.Fails(1, ["doctor", _cli["none.onnx"]], "there is no such file");
    }

    /// <summary>No damage of a file makes the doctor fall ill.</summary>
    [Fact]
    public void A_damaged_file_is_told_or_refused()
    {
        var whole = Policy().Model.ToByteArray();
        var random = new Random(5);
        for (var i = 0; i < 150; i++)
        {
            var bytes = i < 50 ? whole[..(whole.Length * i / 50)] : (byte[])whole.Clone();
            for (var flips = 0; i >= 50 && flips < 3; flips++) bytes[random.Next(i % 2 == 0 ? 400 : bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(_cli["damaged.onnx"], bytes);
            var code = _cli.Run("doctor", _cli["damaged.onnx"]);
            Assert.True(code is 0 or 1, $"{i}: {_cli.Error}");
        }
    }

    private long Products(OnnxBuilder model, params string[] options) => _cli.Json(["doctor", Save("model.onnx", model), "--json", .. options]).GetProperty("graphs")[0].GetProperty("multiplyAccumulates").GetInt64();

    private string Save(string name, OnnxBuilder model)
    {
        File.WriteAllBytes(_cli[name], model.Model.ToByteArray());
        return _cli[name];
    }
}
