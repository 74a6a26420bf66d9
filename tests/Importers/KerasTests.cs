using System.Numerics;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Tests.RealModels;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Keras files: a real one compared with its ONNX exports, and each layer compared with its formula.</summary>
public sealed class KerasTests
{
    private const int Steps = 7;
    private static readonly bool[] s_mask = [false, true, true, false, true, false, false];

    [Fact]
    public void Dtln_from_its_Keras_weights_gives_what_its_Onnx_files_give()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Models.Need("dtln/model.h5"), folder["model.h5"]);
        File.Copy(Repository.Find("docs/examples/dtln.json"), folder["dtln.json"]);
        using var keras = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder["dtln.json"])], new ConversionOptions()).File);
        using var onnx = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("mask", Models.Need("dtln/model_1.onnx")), ("refine", Models.Need("dtln/model_2.onnx"))], new ConversionOptions()).File);
        SeqSession[] mask = [keras.CreateSession("mask"), onnx.CreateSession("mask")];
        SeqSession[] refine = [keras.CreateSession("refine"), onnx.CreateSession("refine")];
        var samples = Audio.Read(Models.Need("audio/noisy-speech-16k.wav"));
        for (var start = 0; start + 512 <= 128 * 400; start += 128)
        {
            var spectrum = Audio.Transform([.. samples.AsSpan(start, 512).ToArray().Select(s => new Complex(s, 0))]);
            Compare(mask, Array.ConvertAll(spectrum[..257], c => (float)c.Magnitude), 1e-5);
            Compare(refine, samples.AsSpan(start, 512).ToArray(), 1e-4);
        }

        static void Compare(SeqSession[] sessions, float[] input, double tolerance)
        {
            foreach (var session in sessions)
            {
                input.CopyTo(session.Input<float>(0));
                session.Run();
            }

            var (ours, theirs) = (sessions[0].Output<float>(0).ToArray(), sessions[1].Output<float>(0).ToArray());
            for (var i = 0; i < ours.Length; i++) Assert.Equal(theirs[i], ours[i], tolerance);
        }
    }

    [Theory]
    [InlineData("SimpleRNN", false, false, false)]
    [InlineData("LSTM", false, false, false)]
    [InlineData("LSTM", false, true, true)]
    [InlineData("GRU", true, false, false)]
    [InlineData("GRU", false, false, false)]
    [InlineData("GRU", true, true, false)]
    [InlineData("GRU", true, false, true)]
    [InlineData("SimpleRNN", false, true, true)]
    public void A_recurrent_layer_follows_its_formula(string kind, bool resetAfter, bool backward, bool masked)
    {
        var file = new KerasFile(7);
        var (kernel, recurrent, bias) = Recurrent(file, kind, resetAfter, $"rnn/rnn/{kind}_cell");
        if (masked) file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": -1.0, {Shape}");
        file.Layer(kind, $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, \"go_backwards\": {Json(backward)}, {Cell(resetAfter)}, {Shape}");
        using var model = file.Load();
        var x = Input(masked);
        var expected = KerasFormulas.Recurrent(kind, x, kernel, recurrent, bias, resetAfter, backward, masked ? s_mask : null).Outputs;
        Equal(expected, Run(model, x));
    }

    [Theory]
    [InlineData("concat", false, true)]
    [InlineData("sum", false, true)]
    [InlineData("mul", false, true)]
    [InlineData("ave", false, true)]
    [InlineData("concat", true, true)]
    [InlineData("sum", true, true)]
    [InlineData("concat", false, false)]
    [InlineData("ave", true, false)]
    public void Two_directions_are_merged(string mode, bool masked, bool sequences)
    {
        var file = new KerasFile(8);
        var ahead = Recurrent(file, "GRU", resetAfter: true, "both/both/forward_gru/gru_cell");
        var back = Recurrent(file, "GRU", resetAfter: true, "both/both/backward_gru/gru_cell");
        if (masked) file.Layer("Masking", $"\"name\": \"masking\", \"mask_value\": -1.0, {Shape}");
        file.Layer("Bidirectional", $$"""
            "name": "both", "merge_mode": "{{mode}}", "layer": {"class_name": "GRU", "config": {"name": "gru", "units": {{Units}}, "return_sequences": {{Json(sequences)}}, {{Cell(resetAfter: true)}} } }, {{Shape}}
            """);
        using var model = file.Load();
        var x = Input(masked);
        var mask = masked ? s_mask : null;
        // Bidirectional makes its layers give zeros at masked steps.
        var a = KerasFormulas.Recurrent("GRU", x, ahead.Kernel, ahead.Recurrent, ahead.Bias, resetAfter: true, isBackward: false, mask, isZeroElsewhere: true);
        var b = KerasFormulas.Recurrent("GRU", x, back.Kernel, back.Recurrent, back.Bias, resetAfter: true, isBackward: true, mask, isZeroElsewhere: true);
        var (left, right) = sequences ? (a.Outputs, b.Outputs.Reverse().ToArray()) : ([a.Hidden], [b.Hidden]);
        double[][] expected = [.. left.Zip(right, (l, r) => mode switch
        {
            "concat" => l.Concat(r).ToArray(),
            "sum" => [.. l.Zip(r, (p, q) => p + q)],
            "mul" => [.. l.Zip(r, (p, q) => p * q)],
            _ => [.. l.Zip(r, (p, q) => (p + q) / 2)],
        })];
        Equal(expected, Run(model, x));
    }

    /// <summary>With the steps first, [T, N, features].</summary>
    [Theory]
    [InlineData("GRU", true, false)]
    [InlineData("GRU", false, true)]
    [InlineData("RNN", true, false)]
    [InlineData("Bidirectional", true, false)]
    [InlineData("Bidirectional", false, false)]
    public void The_steps_may_be_the_first_axis(string kind, bool sequences, bool stateful)
    {
        const int batch = 2;
        var file = new KerasFile(19);
        var isBoth = kind == "Bidirectional";
        var ahead = Recurrent(file, "GRU", resetAfter: true, isBoth ? "rnn/rnn/forward_gru/gru_cell" : "rnn/rnn/gru_cell");
        var back = isBoth ? Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/backward_gru/gru_cell") : ahead;
        var order = $"\"time_major\": true, \"return_sequences\": {Json(sequences)}, \"stateful\": {Json(stateful)}";
        var cell = $"\"units\": {Units}, {Cell(resetAfter: true)}";
        file.Layer(kind, $"\"name\": \"rnn\", \"batch_input_shape\": [{Steps}, {batch}, {Features}], " + kind switch
        {
            "RNN" => $$"""{{order}}, "cell": {"class_name": "GRUCell", "config": {"name": "gru_cell", {{cell}}} }""",
            "GRU" => $"{order}, {cell}",
            _ => $$"""{{""}}"layer": {"class_name": "GRU", "config": {"name": "gru", {{order}}, {{cell}}} }""",
        });
        using var model = file.Load();
        var x = Rows(20, Steps * batch);
        double[][] Of(int n) => [.. Enumerable.Range(0, Steps).Select(t => x[t * batch + n])];
        var results = Enumerable.Range(0, batch).Select(n =>
        {
            var a = KerasFormulas.Recurrent("GRU", Of(n), ahead.Kernel, ahead.Recurrent, ahead.Bias, resetAfter: true, isBackward: false);
            var b = KerasFormulas.Recurrent("GRU", Of(n), back.Kernel, back.Recurrent, back.Bias, resetAfter: true, isBackward: true);
            double[][] right = sequences ? [.. b.Outputs.Reverse()] : [b.Hidden];
            double[][] left = sequences ? a.Outputs : [a.Hidden];
            return isBoth ? [.. left.Zip(right, (p, q) => p.Concat(q).ToArray())] : left;
        }).ToList();
        using var session = model.CreateSession();
        Flat(x).CopyTo(session.Input<float>(0));
        session.Run();
        Assert.Equal(sequences ? [Steps, batch, isBoth ? 2 * Units : Units] : [batch, isBoth ? 2 * Units : Units], session.Outputs[0].Shape.ToArray());
        Equal([.. Enumerable.Range(0, results[0].Length).SelectMany(t => results.Select(r => r[t]))], session.Output<float>(0).ToArray());
        if (stateful) Assert.Equal(batch * Units, session.State<float>("rnn/hidden").Length);
    }

    [Fact]
    public void A_stateful_layer_goes_on_where_it_was()
    {
        var file = new KerasFile(9);
        var (kernel, recurrent, bias) = Recurrent(file, "LSTM", resetAfter: false, "rnn/rnn/lstm_cell");
        file.Layer("LSTM", $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, \"stateful\": true, {Cell(resetAfter: false)}, \"batch_input_shape\": [1, null, {Features}]");
        using var model = file.Load();
        Assert.Equal(2, model.Graphs[0].States.Count);
        using var session = model.CreateSession();
        var x = Input(masked: false);
        var expected = KerasFormulas.Recurrent("LSTM", x, kernel, recurrent, bias, resetAfter: false, isBackward: false).Outputs;
        for (var t = 0; t < Steps; t++)
        {
            session.SetSize("T", 1);
            for (var i = 0; i < Features; i++) session.Input<float>(0)[i] = (float)x[t][i];
            session.Run();
            Equal([expected[t]], session.Output<float>(0).ToArray());
        }
    }

    [Theory]
    [InlineData("LSTM")]
    [InlineData("GRU")]
    [InlineData("SimpleRNN")]
    public void A_model_that_keeps_no_state_goes_on_where_it_was_if_asked(string kind)
    {
        var file = new KerasFile(9);
        Recurrent(file, kind, resetAfter: false, "rnn/rnn/cell");
        file.Weight("conv/conv/kernel", 3, Units, 4);
        file.Weight("conv/conv/bias", 4);
        file.Weight("each/each/kernel", 4, 2);
        file.Weight("each/each/bias", 2);
        foreach (var weight in (string[])["gamma", "beta", "moving_mean"]) file.Weight($"norm/norm/{weight}", 4);
        file.Weight("norm/norm/moving_variance", 0.5f, 1, 4);
        file.Layer(kind, $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {Cell(resetAfter: false)}, {Shape}")
            .Layer("Conv1D", "\"name\": \"conv\", \"filters\": 4, \"kernel_size\": [3], \"padding\": \"causal\", \"dilation_rate\": [2], \"activation\": \"relu\"")
            .Layer("BatchNormalization", "\"name\": \"norm\", \"axis\": [2], \"epsilon\": 0.001, \"center\": true, \"scale\": true")
            .Layer("TimeDistributed", "\"name\": \"each\", \"layer\": {\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\", \"units\": 2, \"activation\": \"linear\", \"use_bias\": true} }");
        Graph.States.Chunks.AreAsTheWhole(options => file.Load(options), [1], [1], batch: 2);
    }

    [Theory]
    [InlineData("Attention", "\"use_scale\": false", false)]
    [InlineData("Attention", "\"use_scale\": true", true)]
    [InlineData("Attention", "\"use_scale\": true, \"score_mode\": \"concat\"", false)]
    [InlineData("Attention", "\"causal\": true", false)]
    [InlineData("AdditiveAttention", "\"use_scale\": true", true)]
    [InlineData("AdditiveAttention", "\"use_scale\": false", false)]
    public void Attention_follows_its_formula(string kind, string config, bool masked)
    {
        var file = new KerasFile(10);
        var isScaled = config.Contains("\"use_scale\": true", StringComparison.Ordinal);
        var isConcat = config.Contains("concat", StringComparison.Ordinal);
        var scale = !isScaled ? [] : kind == "Attention" ? file.Weight("attention/attention/scale") : file.Weight("attention/attention/scale", Features);
        var concat = isConcat ? file.Weight("attention/attention/concat_score_weight") : [];
        var masking = masked ? $$"""{"class_name": "Masking", "name": "masking", "config": {"name": "masking", "mask_value": -1.0}, "inbound_nodes": [[["value", 0, 0, {}]]]},""" : "";
        var value = masked ? "masking" : "value";
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "query", "config": {"name": "query", "batch_input_shape": [null, 2, {{Features}}], "dtype": "float32"}, "inbound_nodes": []},
              {"class_name": "InputLayer", "name": "value", "config": {"name": "value", "batch_input_shape": [null, {{Steps}}, {{Features}}], "dtype": "float32"}, "inbound_nodes": []},
              {{masking}}
              {"class_name": "{{kind}}", "name": "attention", "config": {"name": "attention", {{config}} }, "inbound_nodes": [[["query", 0, 0, {}], ["{{value}}", 0, 0, {}]]]}],
              "input_layers": [["query", 0, 0], ["value", 0, 0]], "output_layers": [["attention", 0, 0]]} }
            """);
        var x = Input(masked);
        double[][] query = [[0.3, -0.5, 0.9], [-0.2, 0.8, 0.1]];
        double Score(double[] q, double[] v) => kind == "AdditiveAttention"
            ? q.Select((e, d) => (isScaled ? scale[d] : 1) * Math.Tanh(e + v[d])).Sum()
            : isConcat ? concat[0] * q.Select((e, d) => Math.Tanh(scale[0] * (e + v[d]))).Sum() : KerasFormulas.Dot(q, v) * (isScaled ? scale[0] : 1);
        var values = masked ? [.. x.Select((row, t) => s_mask[t] ? row : new double[Features])] : x;
        Equal(KerasFormulas.Attend(query, values, Score, masked ? s_mask : null, queryMask: null, config.Contains("causal", StringComparison.Ordinal)), Run(model, query, x));
    }

    [Fact]
    public void Heads_attend_each_for_itself()
    {
        const int heads = 2, size = 5, value = 3;
        var file = new KerasFile(11) { Version = "3.4.0" };
        var parts = new Dictionary<string, (double[] Kernel, double[] Bias, int Size)>();
        foreach (var (part, width) in new[] { ("query", size), ("key", size), ("value", value) })
            parts[part] = (file.Weight($"heads/heads/{part}/kernel", Features, heads, width), file.Weight($"heads/heads/{part}/bias", heads, width), width);
        var output = file.Weight("heads/heads/attention_output/kernel", heads, value, Features);
        var bias = file.Weight("heads/heads/attention_output/bias", Features);
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [null, null, {{Features}}], "dtype": "float32"}, "inbound_nodes": []},
              {"class_name": "MultiHeadAttention", "name": "heads", "config": {"name": "heads", "num_heads": {{heads}}, "key_dim": {{size}}, "value_dim": {{value}}, "use_bias": true}, "inbound_nodes": [
                {"args": [{{Tensor("x")}}], "kwargs": {"value": {{Tensor("x")}}, "use_causal_mask": true} }]}],
              "input_layers": [["x", 0, 0]], "output_layers": ["heads", 0, 0]} }
            """);
        var x = Input(masked: false);
        double[][] Project(string part, int head) => [.. x.Select(row => Enumerable.Range(0, parts[part].Size).Select(d =>
            parts[part].Bias[head * parts[part].Size + d] + row.Select((e, i) => e * parts[part].Kernel[(i * heads + head) * parts[part].Size + d]).Sum()).ToArray())];
        var contexts = Enumerable.Range(0, heads).Select(head =>
        {
            var (q, k, v) = (Project("query", head), Project("key", head), Project("value", head));
            return q.Select((row, i) =>
            {
                var weights = k.Take(i + 1).Select(other => Math.Exp(KerasFormulas.Dot(row, other) / Math.Sqrt(size))).ToArray();
                return Enumerable.Range(0, value).Select(d => weights.Select((w, j) => w / weights.Sum() * v[j][d]).Sum()).ToArray();
            }).ToArray();
        }).ToArray();
        double[][] expected = [.. Enumerable.Range(0, Steps).Select(t => Enumerable.Range(0, Features).Select(f =>
            bias[f] + Enumerable.Range(0, heads).Sum(head => Enumerable.Range(0, value).Sum(d => contexts[head][t][d] * output[(head * value + d) * Features + f]))).ToArray())];
        Equal(expected, Run(model, x));
    }

    [Fact]
    public void An_encoder_decoder_hands_its_state_on()
    {
        var file = new KerasFile(12);
        var first = Recurrent(file, "LSTM", resetAfter: false, "encoder/encoder/lstm_cell");
        var second = Recurrent(file, "LSTM", resetAfter: false, "decoder/decoder/lstm_cell");
        var dense = file.Weight("dense/dense/kernel", Units, 2);
        var bias = file.Weight("dense/dense/bias", 2);
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "source", "config": {"name": "source", "batch_input_shape": [1, {{Steps}}, {{Features}}]}, "inbound_nodes": []},
              {"class_name": "LSTM", "name": "encoder", "config": {"name": "encoder", "units": {{Units}}, "return_state": true, {{Cell(resetAfter: false)}} }, "inbound_nodes": [[["source", 0, 0, {}]]]},
              {"class_name": "LSTM", "name": "decoder", "config": {"name": "decoder", "units": {{Units}}, "return_sequences": true, {{Cell(resetAfter: false)}} }, "inbound_nodes": [[["target", 0, 0, {}], ["encoder", 0, 1, {}], ["encoder", 0, 2, {}]]]},
              {"class_name": "InputLayer", "name": "target", "config": {"name": "target", "batch_input_shape": [1, 2, {{Features}}]}, "inbound_nodes": []},
              {"class_name": "TimeDistributed", "name": "dense", "config": {"name": "dense", "layer": {"class_name": "Dense", "config": {"name": "inner", "units": 2, "activation": "softmax", "use_bias": true} } }, "inbound_nodes": [[["decoder", 0, 0, {}]]]}],
              "input_layers": [["source", 0, 0], ["target", 0, 0]], "output_layers": [["dense", 0, 0]]} }
            """);
        var source = Input(masked: false);
        double[][] target = [[0.1, 0.2, -0.4], [0.7, -0.6, 0.5]];
        var state = KerasFormulas.Recurrent("LSTM", source, first.Kernel, first.Recurrent, first.Bias, resetAfter: false, isBackward: false);
        var outputs = KerasFormulas.Recurrent("LSTM", target, second.Kernel, second.Recurrent, second.Bias, resetAfter: false, isBackward: false, mask: null, state.Hidden, state.Cell).Outputs;
        double[][] expected = [.. outputs.Select(h =>
        {
            double[] e = [.. Enumerable.Range(0, 2).Select(o => Math.Exp(bias[o] + h.Select((v, u) => v * dense[u * 2 + o]).Sum()))];
            return e.Select(v => v / e.Sum()).ToArray();
        })];
        Equal(expected, Run(model, source, target));
    }

    [Fact]
    public void Convolution_and_normalizations_follow_their_formulas()
    {
        var file = new KerasFile(13);
        var kernel = file.Weight("conv/conv/kernel", 2, Features, Units);
        var bias = file.Weight("conv/conv/bias", Units);
        var (gamma, beta, mean, variance) = (file.Weight("batch/batch/gamma", Units), file.Weight("batch/batch/beta", Units), file.Weight("batch/batch/moving_mean", Units), file.Weight("batch/batch/moving_variance", 0.5f, 1, Units));
        var (gain, shift) = (file.Weight("norm/norm/gamma", Units), file.Weight("norm/norm/beta", Units));
        using var model = file
            .Layer("Conv1D", $"\"name\": \"conv\", \"filters\": {Units}, \"kernel_size\": [2], \"strides\": [1], \"padding\": \"causal\", \"dilation_rate\": [2], \"activation\": \"relu\", {Shape}")
            .Layer("BatchNormalization", "\"name\": \"batch\", \"axis\": [2], \"epsilon\": 0.01")
            .Layer("Dropout", "\"name\": \"dropout\", \"rate\": 0.5")
            .Layer("LayerNormalization", "\"name\": \"norm\", \"axis\": [2], \"epsilon\": 0.002")
            .Layer("GlobalAveragePooling1D", "\"name\": \"mean\"")
            .Layer("RepeatVector", "\"name\": \"repeat\", \"n\": 3").Load();
        var x = Input(masked: false);
        double At(int t, int i) => t < 0 ? 0 : x[t][i];
        var rows = Enumerable.Range(0, Steps).Select(t =>
        {
            double[] y = [.. Enumerable.Range(0, Units).Select(u => Math.Max(0, bias[u] + Enumerable.Range(0, 2).Sum(k => Enumerable.Range(0, Features).Sum(i => At(t - 2 * (1 - k), i) * kernel[(k * Features + i) * Units + u]))))];
            y = [.. y.Select((v, u) => gamma[u] * (v - mean[u]) / Math.Sqrt(variance[u] + 0.01) + beta[u])];
            var (middle, spread) = (y.Average(), Math.Sqrt(y.Select(v => Math.Pow(v - y.Average(), 2)).Average() + 0.002));
            return y.Select((v, u) => gain[u] * (v - middle) / spread + shift[u]).ToArray();
        }).ToArray();
        double[] average = [.. Enumerable.Range(0, Units).Select(u => rows.Average(r => r[u]))];
        Equal([average, average, average], Run(model, x));
    }

    [Fact]
    public void A_zero_of_an_embedding_is_masked()
    {
        var file = new KerasFile(14);
        var table = file.Weight("words/words/embeddings", 6, Features);
        var (kernel, recurrent, bias) = Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/gru_cell");
        using var model = file.Layer("Embedding", $"\"name\": \"words\", \"input_dim\": 6, \"output_dim\": {Features}, \"mask_zero\": true, \"batch_input_shape\": [null, null]")
            .Layer("GRU", $"\"name\": \"rnn\", \"units\": {Units}, {Cell(resetAfter: true)}").Load();
        int[] words = [0, 0, 3, 5, 0, 1, 0];
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = words.Length } });
        words.CopyTo(session.Input<int>(0));
        session.Run();
        double[][] x = [.. words.Select(w => table[(w * Features)..((w + 1) * Features)])];
        Equal([KerasFormulas.Recurrent("GRU", x, kernel, recurrent, bias, resetAfter: true, isBackward: false, [.. words.Select(w => w != 0)]).Hidden], session.Output<float>(0).ToArray());
    }

    [Fact]
    public void All_unknown_layers_are_named_at_once()
    {
        var file = new KerasFile(15).Layer("Lambda", $"\"name\": \"odd\", {Shape}").Layer("Dense", "\"name\": \"dense\"").Layer("LocallyConnected2D", "\"name\": \"images\"");
        var message = Assert.ThrowsAny<ConversionException>(() => file.Load()).Message;
        Assert.Contains("'odd' (Lambda), 'images' (LocallyConnected2D)", message, StringComparison.Ordinal);
        Assert.Contains("'kernel'", Assert.ThrowsAny<ConversionException>(() => new KerasFile(16).Layer("Dense", $"\"name\": \"dense\", {Shape}").Load()).Message, StringComparison.Ordinal);
        Assert.Contains("no architecture", Assert.ThrowsAny<ConversionException>(() => KerasSource.OfHdf("model.h5", File.ReadAllBytes(Models.Need("dtln/model.h5")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_is_refused_and_never_crashes()
    {
        using var folder = new TemporaryFolder();
        var whole = folder["whole.h5"];
        var file = new KerasFile(17);
        _ = Recurrent(file, "GRU", resetAfter: true, "rnn/rnn/gru_cell");
        file.Write(whole, $$"""{"class_name": "Sequential", "config": {"layers": [{"class_name": "GRU", "config": {"name": "rnn", "units": {{Units}}, {{Cell(resetAfter: true)}}, {{Shape}} } }]} }""");
        var bytes = File.ReadAllBytes(whole);
        var damaged = folder["damaged.h5"];
        var random = new Random(1);
        var refused = 0;
        for (var i = 0; i < 700; i++)
        {
            byte[] copy = i < 200 ? bytes[..random.Next(bytes.Length)] : [.. bytes];
            for (var n = i < 200 ? 0 : random.Next(1, 5); n > 0; n--) copy[random.Next(copy.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(damaged, copy);
            try
            {
                KerasReader.Read(KerasSource.OfHdf(damaged, File.ReadAllBytes(damaged)), "main", isWhole: false, []);
            }
            catch (ConversionException)
            {
                refused++;
            }
        }

        Assert.True(refused > 200, $"{refused}");
    }

    private static string Shape => $"\"batch_input_shape\": [null, null, {Features}]";

    private static string Cell(bool resetAfter) => $"\"activation\": \"tanh\", \"recurrent_activation\": \"sigmoid\", \"use_bias\": true, \"reset_after\": {Json(resetAfter)}";

    private static string Tensor(string layer) => $$"""{"class_name": "__keras_tensor__", "config": {"shape": [null, null, 3], "dtype": "float32", "keras_history": ["{{layer}}", 0, 0]} }""";

    private static double[][] Input(bool masked) => Rows(seed: 5, Steps, masked ? s_mask : null);
}
