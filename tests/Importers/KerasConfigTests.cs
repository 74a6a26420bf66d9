using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.KerasRuns;

namespace SeqRuntime.Tests.Importers;

/// <summary>Members of a layer's config besides its class are followed, refused, or reported.</summary>
public sealed class KerasConfigTests
{
    private const int Steps = 5;

    [Fact]
    public void A_weight_whose_elements_are_no_numbers_is_told_as_that()
    {
        var file = new KerasFile(73).Layer("Dense", "\"name\": \"dense\", \"batch_input_shape\": [null, 1], \"units\": 1, \"use_bias\": false");
        file.PutAs("dense/dense/kernel", new[] { "one" }, 1);
        Assert.Contains("its weight 'kernel' ('model_weights/dense/dense/kernel:0') has elements that are neither floats of 2, 4 or 8 bytes nor integers", Assert.Throws<ConversionException>(() => file.Convert()).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// The first layer's outputs are in its reading order, and the second layer's are reversed. If the first layer goes backwards, both are
    /// in the opposite order of the input.
    /// </summary>
    [Theory]
    [InlineData(true, false, "concat")]
    [InlineData(true, true, "sum")]
    [InlineData(false, true, "concat")]
    public void Both_directions_come_in_the_order_of_the_first(bool isSequence, bool isGiven, string mode)
    {
        var file = new KerasFile(31) { Version = isGiven ? "3.6.0" : "2.12.0" };
        var (first, second) = (Lstm(file, "both/both/forward_lstm/lstm_cell"), Lstm(file, "both/both/backward_lstm/lstm_cell"));
        string Inner(string name, bool backwards) => $$"""{"class_name": "LSTM", "config": {"name": "{{name}}", "units": {{Units}}, "return_sequences": {{Json(isSequence)}}, "go_backwards": {{Json(backwards)}}, {{Gates}} } }""";
        var given = isGiven ? $", \"backward_layer\": {Inner("backward_lstm", backwards: false)}" : "";
        using var model = file.Layer("Bidirectional", $"\"name\": \"both\", \"merge_mode\": \"{mode}\", \"layer\": {Inner("lstm", backwards: true)}{given}, {Shape}").Load();
        var x = Input();
        var a = KerasFormulas.Recurrent("LSTM", x, first.Kernel, first.Recurrent, first.Bias, resetAfter: false, isBackward: true);
        var b = KerasFormulas.Recurrent("LSTM", x, second.Kernel, second.Recurrent, second.Bias, resetAfter: false, isBackward: false);
        var (left, right) = isSequence ? (a.Outputs, b.Outputs.Reverse().ToArray()) : ([a.Hidden], [b.Hidden]);
        Equal([.. left.Zip(right, (l, r) => mode == "sum" ? l.Zip(r, (p, q) => p + q).ToArray() : [.. l, .. r])], Run(model, x));
    }

    /// <summary>Two sequences, then the states of the first layer and of the second. Each layer starts from its half of the initial states.</summary>
    [Fact]
    public void Directions_that_are_not_merged_return_their_states()
    {
        var file = new KerasFile(74);
        var (first, second) = (Lstm(file, "both/both/forward_lstm/lstm_cell"), Lstm(file, "both/both/backward_lstm/lstm_cell"));
        string Port(string name, string shape) => $$"""{"class_name": "InputLayer", "name": "{{name}}", "config": {"name": "{{name}}", "batch_input_shape": {{shape}} }, "inbound_nodes": []}""";
        string[] states = ["h1", "c1", "h2", "c2"];
        string read = string.Join(", ", states.Select(s => $"[\"{s}\", 0, 0, {{}}]")), named = string.Join(", ", states.Select(s => $"[\"{s}\", 0, 0]")), outputs = string.Join(", ", Enumerable.Range(0, 6).Select(i => $"[\"both\", 0, {i}]"));
        using var model = file.Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {{Port("x", $"[1, {Steps}, {Features}]")}}, {{string.Join(", ", states.Select(s => Port(s, $"[1, {Units}]")))}},
              {"class_name": "Bidirectional", "name": "both", "config": {"name": "both", "merge_mode": null, "layer": {"class_name": "LSTM", "config": {"name": "lstm", "units": {{Units}}, "return_sequences": true, "return_state": true, {{Gates}} } } },
                "inbound_nodes": [[["x", 0, 0, {}], {{read}}]]}],
              "input_layers": [["x", 0, 0], {{named}}], "output_layers": [{{outputs}}]} }
            """, new ConversionOptions { AutoStates = false });
        var given = Enumerable.Range(0, 4).Select(i => Numbers.Doubles(Numbers.Random(80 + i, Units))).ToArray();
        using var session = Session(model, Input());
        foreach (var (i, state) in given.Index()) Array.ConvertAll(state, v => (float)v).CopyTo(session.Input<float>(states[i]));
        session.Run();
        var a = KerasFormulas.Recurrent("LSTM", Input(), first.Kernel, first.Recurrent, first.Bias, resetAfter: false, isBackward: false, mask: null, given[0], given[1]);
        var b = KerasFormulas.Recurrent("LSTM", Input(), second.Kernel, second.Recurrent, second.Bias, resetAfter: false, isBackward: true, mask: null, given[2], given[3]);
        double[][][] expected = [a.Outputs, [.. b.Outputs.Reverse()], [a.Hidden], [a.Cell], [b.Hidden], [b.Cell]];
        foreach (var (i, rows) in expected.Index()) Equal(rows, session.Output<float>(i).ToArray());
    }

    /// <summary>CuDNN's layers store each gate's kernel as its transpose, cut the input kernel into rows of the wrong length, and have two biases.</summary>
    [Theory]
    [InlineData("CuDNNLSTM")]
    [InlineData("CuDNNGRU")]
    [InlineData("LSTM")]
    [InlineData("GRU")]
    public void Weights_of_CuDNN_are_brought_into_the_form_of_all_others(string kind)
    {
        var gates = kind.EndsWith("LSTM", StringComparison.Ordinal) ? 4 : 3;
        var random = new Random(32);
        double[] Values(int count) => Numbers.Doubles(Numbers.Random(random, count));
        double[] kernel = Values(Features * gates * Units), recurrent = Values(Units * gates * Units), bias = Values(2 * gates * Units);
        double[] Stored(double[] matrix, int rows) =>
            [.. Enumerable.Range(0, matrix.Length).Select(at =>
            {
                var (row, gate, unit) = (at / (gates * Units), at / Units % gates, at % Units);
                var place = row * Units + unit;
                return matrix[place % rows * gates * Units + gate * Units + place / rows];
            })];
        var file = new KerasFile(32) { Version = "2.2.4" };
        file.Put("rnn/rnn/kernel", Stored(kernel, Features), Features, gates * Units);
        file.Put("rnn/rnn/recurrent_kernel", Stored(recurrent, Units), Units, gates * Units);
        file.Put("rnn/rnn/bias", bias, 2 * gates * Units);
        using var model = file.Layer(kind, $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {Gates}, {Shape}").Load();
        double[] one = gates == 4 ? [.. bias[..(4 * Units)].Zip(bias[(4 * Units)..], (a, b) => a + b)] : bias;
        Equal(KerasFormulas.Recurrent(gates == 4 ? "LSTM" : "GRU", Input(), kernel, recurrent, one, gates == 3, isBackward: false).Outputs, Run(model, Input()));
    }

    [Theory]
    [InlineData("2.3.1", "hard_sigmoid", 0.2)]
    [InlineData("3.6.0", "hard_sigmoid", 1.0 / 6)]
    [InlineData("2.1.4", "linear", 0)]
    public void A_recurrent_layer_takes_its_own_functions(string version, string function, double slope)
    {
        var file = new KerasFile(33) { Version = version };
        double[] kernel = file.Weight("rnn/rnn/kernel", 0.3f, 0, Features, 3 * Units), recurrent = file.Weight("rnn/rnn/recurrent_kernel", 0.3f, 0, Units, 3 * Units), bias = file.Weight("rnn/rnn/bias", 3 * Units);
        var isLinear = function == "linear";
        var config = isLinear ? "\"activation\": \"linear\", \"recurrent_activation\": \"sigmoid\"" : "\"activation\": \"tanh\", \"recurrent_activation\": \"hard_sigmoid\"";
        using var model = file.Layer("GRU", $"\"name\": \"rnn\", \"units\": {Units}, \"return_sequences\": true, {config}, {Shape}").Load();
        var h = new double[Units];
        var expected = Input().Select(x =>
        {
            double Sum(double[] v, double[] matrix, int column) => v.Select((value, i) => value * matrix[i * 3 * Units + column]).Sum();
            double Gate(double v) => isLinear ? Numbers.Sigmoid(v) : Math.Clamp(slope * v + 0.5, 0, 1);
            double[] z = [.. Enumerable.Range(0, Units).Select(u => Gate(Sum(x, kernel, u) + Sum(h, recurrent, u) + bias[u]))];
            double[] r = [.. Enumerable.Range(Units, Units).Select(u => Gate(Sum(x, kernel, u) + Sum(h, recurrent, u) + bias[u]))];
            double[] reset = [.. h.Zip(r, (a, b) => a * b)];
            double[] candidate = [.. Enumerable.Range(2 * Units, Units).Select(u => Sum(x, kernel, u) + Sum(reset, recurrent, u) + bias[u]).Select(v => isLinear ? v : Math.Tanh(v))];
            return h = [.. h.Select((v, u) => z[u] * v + (1 - z[u]) * candidate[u])];
        }).ToArray();
        Equal(expected, Run(model, Input()));
    }

    [Theory]
    [InlineData("BatchNormalization")]
    [InlineData("LayerNormalization")]
    public void The_last_axis_is_found_by_the_rank(string kind)
    {
        var file = new KerasFile(34);
        double[] gamma = file.Weight("norm/norm/gamma", Features), beta = file.Weight("norm/norm/beta", Features), mean = file.Weight("norm/norm/moving_mean", Features), variance = file.Weight("norm/norm/moving_variance", 0.4f, 1, Features);
        using var model = file.Layer(kind, $"\"name\": \"norm\", \"axis\": [1], \"epsilon\": 0.01, \"batch_input_shape\": [1, {Features}]").Load();
        double[] x = [0.5, -1.5, 0.25];
        var (middle, spread) = (x.Average(), x.Select(v => Math.Pow(v - x.Average(), 2)).Average());
        double[] expected = [.. x.Select((v, i) => kind[0] == 'B' ? gamma[i] * (v - mean[i]) / Math.Sqrt(variance[i] + 0.01) + beta[i] : gamma[i] * (v - middle) / Math.Sqrt(spread + 0.01) + beta[i])];
        Equal([expected], Run(model, [x]));
    }

    [Fact]
    public void A_value_of_fewer_axes_is_merged_after_the_batch()
    {
        using var model = new KerasFile(35).Load($$"""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "b", "config": {"name": "b", "batch_input_shape": [2, 3]}, "inbound_nodes": []},
              {"class_name": "InputLayer", "name": "a", "config": {"name": "a", "batch_input_shape": [2, 2, 3]}, "inbound_nodes": []},
              {"class_name": "Add", "name": "add", "config": {"name": "add"}, "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]}],
              "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["add", 0, 0]]} }
            """);
        // The inputs are in the order of the model's input_layers.
        Assert.Equal(["a", "b"], model.Graphs[0].Inputs.Select(i => i.Name));
        using var session = model.CreateSession();
        for (var i = 0; i < 12; i++) session.Input<float>("a")[i] = i;
        for (var i = 0; i < 6; i++) session.Input<float>("b")[i] = 100 * i;
        session.Run();
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (float)(i + 100 * (i / 6 * 3 + i % 3))), session.Output<float>(0).ToArray());
    }

    [Fact]
    public void A_convolution_of_Theano_reads_its_taps_from_the_end()
    {
        var file = new KerasFile(36) { Version = "2.0.3", Backend = "theano" };
        var kernel = file.Weight("conv/conv/kernel", 2, Features, 1);
        using var model = file.Layer("Conv1D", $"\"name\": \"conv\", \"filters\": 1, \"kernel_size\": [2], \"use_bias\": false, {Shape}").Load();
        var x = Input();
        double[][] expected = [.. Enumerable.Range(0, Steps - 1).Select(t => new[] { Enumerable.Range(0, 2).Sum(k => x[t + k].Select((v, i) => v * kernel[(1 - k) * Features + i]).Sum()) })];
        Equal(expected, Run(model, x));
    }

    /// <summary>Keras pads to ⌈T / stride⌉ outputs, with more padding at the end. A mean ignores the padding.</summary>
    [Theory]
    [InlineData("Conv1D")]
    [InlineData("MaxPooling1D")]
    [InlineData("AveragePooling1D")]
    public void Padding_that_follows_from_an_open_length_is_computed(string kind)
    {
        const int taps = 4, stride = 3;
        var file = new KerasFile(42);
        var kernel = kind == "Conv1D" ? file.Weight("window/window/kernel", taps, Features, Features) : [];
        var config = kind == "Conv1D" ? $"\"kernel_size\": [{taps}], \"use_bias\": false" : $"\"pool_size\": [{taps}]";
        using var model = file.Layer(kind, $"\"name\": \"window\", {config}, \"strides\": [{stride}], \"padding\": \"same\", {Shape}").Load();
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 9, ["N"] = 1 } });
        var random = new Random(7);
        for (var length = 1; length <= 9; length++)
        {
            double[][] x = [.. Enumerable.Range(0, length).Select(_ => Enumerable.Range(0, Features).Select(_ => (double)(random.NextSingle() - 2)).ToArray())];
            var count = (length + stride - 1) / stride;
            var before = Math.Max(0, (count - 1) * stride + taps - length) / 2;
            double[][] expected = [.. Enumerable.Range(0, count).Select(at => Enumerable.Range(0, Features).Select(f =>
            {
                var window = Enumerable.Range(0, taps).Select(k => (Tap: k, Time: at * stride + k - before)).Where(w => w.Time >= 0 && w.Time < length).ToArray();
                return kind switch
                {
                    "Conv1D" => window.Sum(w => x[w.Time].Select((v, i) => v * kernel[(w.Tap * Features + i) * Features + f]).Sum()),
                    "MaxPooling1D" => window.Max(w => x[w.Time][f]),
                    _ => window.Average(w => x[w.Time][f]),
                };
            }).ToArray())];
            session.SetSize("T", length);
            Flat(x).CopyTo(session.Input<float>(0));
            session.Run();
            Equal(expected, session.Output<float>(0).ToArray());
        }
    }

    [Theory]
    [InlineData("Softmax", "\"axis\": 1", 0)]
    [InlineData("Softmax", "\"axis\": -1", 1)]
    [InlineData("ReLU", "\"max_value\": 0.5", 2)]
    public void An_activation_takes_its_axis_and_its_limit(string kind, string config, int formula)
    {
        using var model = new KerasFile(37).Layer(kind, $"\"name\": \"act\", {config}, \"batch_input_shape\": [1, {Steps}, {Features}]").Load();
        var x = Input();
        double At(int t, int i) => formula switch
        {
            0 => Math.Exp(x[t][i]) / x.Sum(row => Math.Exp(row[i])),
            1 => Math.Exp(x[t][i]) / x[t].Sum(Math.Exp),
            _ => Math.Clamp(x[t][i], 0, 0.5),
        };
        Equal([.. Enumerable.Range(0, Steps).Select(t => Enumerable.Range(0, Features).Select(i => At(t, i)).ToArray())], Run(model, x));
    }

    [Theory]
    [InlineData("\"reset_after\": true", "reset_after")]
    [InlineData("\"units\": 5", "its 'units' is 5, but its weights have 4")]
    [InlineData("\"use_bias\": false", "\"use_bias\": false, but the file has a bias")]
    [InlineData("\"return_sequences\": \"yes\"", "it must be true or false")]
    [InlineData("\"activation\": \"snake\"", "'snake' is not supported in a recurrent layer; it must be a function of single elements: tanh")]
    [InlineData("\"dtype\": {\"class_name\": \"QuantizedDTypePolicy\", \"config\": {\"mode\": \"int8\"}}", "quantized (int8)")]
    public void A_config_that_contradicts_the_weights_or_is_not_known_is_refused(string member, string says)
    {
        var file = new KerasFile(38);
        _ = (file.Weight("rnn/rnn/kernel", Features, 3 * Units), file.Weight("rnn/rnn/recurrent_kernel", Units, 3 * Units), file.Weight("rnn/rnn/bias", 3 * Units));
        var message = Assert.ThrowsAny<ConversionException>(() => file.Layer("GRU", $"\"name\": \"rnn\", {member}, {Shape}").Load()).Message;
        Assert.Contains("layer 'rnn' (GRU)", message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Flatten", "\"data_format\": \"channels_first\"", "channels_first is not supported")]
    [InlineData("LayerNormalization", "\"axis\": [4]", "its axis is 4, but its input has 3 dimensions")]
    [InlineData("ReLU", "\"max_value\": -1", "its max_value is negative")]
    [InlineData("Permute", "\"dims\": [1, 1]", "it must have each of the numbers 1 to 2 once")]
    [InlineData("UpSampling1D", "\"interpolation\": \"bicubic\"", "'bicubic'")]
    [InlineData("Conv2D", "\"kernel_size\": 2", "the file has no weight 'kernel' for it")]
    [InlineData("MaxPooling1D", "\"strides\": 0", "'strides' is 0; it must be at least 1")]
    [InlineData("MaxPooling2D", "\"pool_size\": 2", "its input has 3 dimensions; it must have 4")]
    [InlineData("MaxPooling1D", "\"padding\": \"casual\"", "'casual'")]
    [InlineData("Dense", "\"lora_rank\": 4", "LoRA")]
    public void Unsupported_settings_are_refused(string kind, string member, string says) =>
        Assert.Contains(says, Assert.ThrowsAny<ConversionException>(() => new KerasFile(39).Layer(kind, $"\"name\": \"odd\", {member}, {Shape}").Load()).Message, StringComparison.Ordinal);

    [Fact]
    public void Members_that_nobody_knows_other_precisions_and_weights_that_nobody_reads_are_told()
    {
        var file = new KerasFile(40);
        _ = (file.Weight("dense/dense/kernel", Features, 2), file.Weight("dense/dense/bias", 2), file.Weight("old/old/kernel", 3, 2));
        file.Layer("Dense", $"\"name\": \"dense\", \"units\": 2, \"novelty\": 3, \"absent\": null, \"off\": false, \"kernel_initializer\": {{\"class_name\": \"Zeros\"}}, \"dtype\": \"mixed_float16\", {Shape}");
        var notes = file.Convert().Graphs[0].Notes;
        Assert.Contains(notes, n => n.Contains("layer 'dense' (Dense) has \"novelty\": 3, which is unknown and ignored", StringComparison.Ordinal));
        Assert.Contains(notes, n => n.Contains("mixed_float16", StringComparison.Ordinal));
        Assert.Contains(notes, n => n.StartsWith("unused in ", StringComparison.Ordinal) && n.Contains("'model_weights/old/old/kernel:0' [3, 2]", StringComparison.Ordinal));
        Assert.Equal(3, notes.Count);
    }

    [Theory]
    [InlineData("hard_sigmoid", null, true)]
    [InlineData("hard_sigmoid", "2.15.0", false)]
    [InlineData("sigmoid", null, false)]
    public void A_version_that_the_file_does_not_name_is_told_where_it_decides(string function, string? version, bool isTold)
    {
        var notes = new KerasFile(40) { Version = version }.Layer("Activation", $"\"name\": \"a\", \"activation\": \"{function}\", {Shape}").Convert().Graphs[0].Notes;
        Assert.Equal(isTold, notes.Any(n => n.StartsWith("the file does not say which version of Keras wrote it; it is read as Keras 2.15, which decides the slope of hard_sigmoid.", StringComparison.Ordinal)));
    }

    /// <summary>Keras 3.0 and 3.1 give both directions the same names in .h5 files.</summary>
    [Theory]
    [InlineData("3.1.1", true)]
    [InlineData("3.2.0", false)]
    [InlineData("2.15.0", false)]
    [InlineData(null, false)]
    public void Weights_of_one_direction_name_the_version_that_loses_the_other_and_the_format_that_holds_both(string? version, bool isLost)
    {
        var file = new KerasFile(41) { Version = version };
        _ = (file.Weight("both/forward_lstm/lstm_cell/kernel", Features, 4 * Units), file.Weight("both/forward_lstm/lstm_cell/recurrent_kernel", Units, 4 * Units), file.Weight("both/forward_lstm/lstm_cell/bias", 4 * Units));
        var message = Assert.ThrowsAny<ConversionException>(() => file.Layer("Bidirectional", $$"""
            "name": "both", {{Shape}}, "layer": {"class_name": "LSTM", "config": {"name": "lstm", "units": 4} }
            """).Load()).Message;
        Assert.Contains("no 'kernel' of the backward one", message, StringComparison.Ordinal);
        Assert.Equal(isLost, message.Contains("Keras 3.0 and 3.1 lose them in .h5 files. Save the model as .keras instead (model.save(\"model.keras\"))", StringComparison.Ordinal));
        Assert.Equal(!isLost, message.Contains("save the whole model again, with its weights (model.save)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_layer_that_no_output_depends_on_is_told()
    {
        var file = new KerasFile(61);
        foreach (var name in (string[])["used", "aside"]) file.Weight($"{name}/{name}/kernel", 3, 2);
        var notes = file.Convert("""
            {"class_name": "Functional", "config": {"layers": [
              {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, 3]}, "inbound_nodes": []},
              {"class_name": "Dropout", "name": "drop", "config": {"name": "drop", "rate": 0.5}, "inbound_nodes": [[["x", 0, 0, {}]]]},
              {"class_name": "Dense", "name": "used", "config": {"name": "used", "units": 2, "use_bias": false}, "inbound_nodes": [[["drop", 0, 0, {}]]]},
              {"class_name": "Dense", "name": "aside", "config": {"name": "aside", "units": 2, "use_bias": false}, "inbound_nodes": [[["drop", 0, 0, {}]]]}],
              "input_layers": [["x", 0, 0]], "output_layers": [["used", 0, 0]]} }
            """).Graphs[0].Notes;
        Assert.Equal(["layer 'aside' has no effect: no output depends on it"], notes);
    }

    [Theory]
    [InlineData(1f, -0.5f, "the variance 'moving_variance' of shape [2] is -0.5 at [1], and epsilon 0.001 does not raise it above zero")]
    [InlineData(float.NaN, 1f, "moving_variance:0' of shape [2] holds 1 NaN among 2 values")]
    public void A_variance_without_a_root_is_refused(float first, float second, string says)
    {
        var file = new KerasFile(62);
        foreach (var name in (string[])["gamma", "beta", "moving_mean"]) file.Weight($"b/b/{name}", 2);
        file.Put("b/b/moving_variance", [first, second], 2);
        file.Layer("BatchNormalization", "\"name\": \"b\", \"axis\": [1], \"epsilon\": 0.001, \"batch_input_shape\": [null, 2]");
        Assert.Contains(says, Assert.Throws<ConversionException>(() => file.Convert()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_are_integers_are_refused_as_what_they_are()
    {
        var file = new KerasFile(63);
        file.PutAs<short>("d/d/kernel", [1, -2, 3, 4], 2, 2);
        file.Layer("Dense", "\"name\": \"d\", \"units\": 2, \"use_bias\": false, \"batch_input_shape\": [null, 2]");
        Assert.Contains("its weight 'kernel' holds integers (int32)", Assert.Throws<ConversionException>(() => file.Convert()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_whose_name_begins_like_its_parts_finds_its_own()
    {
        var file = new KerasFile(41);
        var (first, second) = (Lstm(file, "forward_pass/forward_pass/forward_lstm/lstm_cell"), Lstm(file, "forward_pass/forward_pass/backward_lstm/lstm_cell"));
        using var model = file.Layer("Bidirectional", $$"""
            "name": "forward_pass", "layer": {"class_name": "LSTM", "config": {"name": "lstm", "units": {{Units}}, {{Gates}} } }, {{Shape}}
            """).Load();
        var a = KerasFormulas.Recurrent("LSTM", Input(), first.Kernel, first.Recurrent, first.Bias, resetAfter: false, isBackward: false).Hidden;
        var b = KerasFormulas.Recurrent("LSTM", Input(), second.Kernel, second.Recurrent, second.Bias, resetAfter: false, isBackward: true).Hidden;
        Equal([[.. a, .. b]], Run(model, Input()));
    }

    private static string Shape => $"\"batch_input_shape\": [null, null, {Features}]";

    private static string Gates => "\"activation\": \"tanh\", \"recurrent_activation\": \"sigmoid\"";

    private static (double[] Kernel, double[] Recurrent, double[] Bias) Lstm(KerasFile file, string path) => Recurrent(file, "LSTM", resetAfter: false, path);

    private static double[][] Input() => Rows(seed: 6, Steps);
}
