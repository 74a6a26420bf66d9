using SeqRuntime.Converter;
using static SeqRuntime.Tests.Importers.AudioFormats.AudioModels;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>RTNeural's JSON: its own vectors, and each type of layer and each default against plain loops.</summary>
public sealed class RtNeuralTests
{
    private const string Stream1 = "[null, null, 1]";

    [Theory]
    [InlineData("conv")]
    [InlineData("dense")]
    [InlineData("gru")]
    [InlineData("gru_1d")]
    [InlineData("lstm")]
    [InlineData("lstm_1d")]
    [InlineData("lstm_torch")]
    public void Its_models_give_the_outputs_of_their_framework(string name)
    {
        var (x, y) = (AudioRuns.Table($"rtneural/{name}_x_python.csv"), AudioRuns.Table($"rtneural/{name}_y_python.csv"));
        AudioRuns.InRange([.. y.SelectMany(row => row)], AudioRuns.Stream(AudioRuns.ConvertFile(Models.Need($"rtneural/{name}.json")).File, AudioRuns.Floats(x)));
    }

    /// <summary>The framework's table has no padding: it begins when the kernel is full.</summary>
    [Fact]
    public void A_convolution_of_PyTorch_gives_the_outputs_of_PyTorch()
    {
        const int taps = 5;
        var (x, y) = (AudioRuns.Table("rtneural/conv1d_torch_x_python.csv"), AudioRuns.Table("rtneural/conv1d_torch_y_python.csv"));
        var actual = AudioRuns.Stream(AudioRuns.ConvertFile(Models.Need("rtneural/conv1d_torch.json")).File, AudioRuns.Floats(x));
        AudioRuns.InRange([.. Enumerable.Range(0, y[0].Length).SelectMany(t => y.Select(row => row[t]))], actual.AsSpan((taps - 1) * y.Length));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("\"kernel_size\": [3], \"dilation\": [2],", 2)]
    [InlineData("\"kernel_size\": 3, \"dilation\": 5, \"groups\": 2,", 5, 2)]
    [InlineData("\"dilation\": [1], \"padding\": \"causal\", \"strides\": [1],", 1)]
    public void Convolutions_see_the_past_only(string members, int dilation, int groups = 1)
    {
        const int taps = 3, inputs = 4, outputs = 6;
        var weights = new AudioModels(1);
        var layer = Layer("conv1d", "", outputs, members, weights.Tensor(out var kernel, taps, inputs / groups, outputs), weights.Tensor(out var bias, outputs));
        var x = AudioRuns.Steps(2, 300, inputs);
        // [taps, inputs, outputs] to [outputs, inputs, taps].
        var width = inputs / groups;
        double[] turned = [.. Enumerable.Range(0, kernel.Length).Select(i => kernel[(i % taps * width + i / taps % width) * outputs + i / taps / width])];
        var expected = PlainLayers.Conv(x, turned, bias, outputs, taps, dilation, groups);
        Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(RtNeural("[null, null, 4]", "", layer), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("2", true)]
    [InlineData("1", true)]
    [InlineData("row", false)]
    [InlineData("none", true)]
    public void A_GRU_has_the_form_that_its_biases_show(string biases, bool isResetAfter)
    {
        const int units = 3, inputs = 2;
        var weights = new AudioModels(3);
        List<string> tensors = [weights.Tensor(out var kernel, inputs, 3 * units), weights.Tensor(out var recurrent, units, 3 * units)];
        var bias = new double[6 * units];
        if (biases == "row") tensors.Add(weights.Tensor(out bias, 3 * units));
        if (biases is "1" or "2")
        {
            tensors.Add(weights.Tensor(out var rows, int.Parse(biases), 3 * units));
            rows.CopyTo(bias, 0);
        }

        var x = AudioRuns.Steps(4, 1000, inputs);
        var expected = KerasFormulas.Recurrent("GRU", x, kernel, recurrent, bias, isResetAfter, isBackward: false).Outputs;
        var model = RtNeural("[null, null, 2]", "", Layer("gru", "tanh", units, "", [.. tensors]));
        Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(model, AudioRuns.Floats(x)), tolerance: 1e-5);
        if (biases != "2" && biases != "1") Assert.Contains("layer 1 (gru) has ", AudioRuns.Notes(model), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_LSTM_needs_no_bias(bool hasBias)
    {
        const int units = 3;
        var weights = new AudioModels(5);
        List<string> tensors = [weights.Tensor(out var kernel, 1, 4 * units), weights.Tensor(out var recurrent, units, 4 * units)];
        var bias = new double[4 * units];
        if (hasBias) tensors.Add(weights.Tensor(out bias, 4 * units));
        var x = AudioRuns.Steps(6, 1000, 1);
        var expected = KerasFormulas.Recurrent("LSTM", x, kernel, recurrent, bias, resetAfter: false, isBackward: false).Outputs;
        Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(RtNeural(Stream1, "", Layer("lstm", "", units, "", [.. tensors])), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("[[0.5, -0.25]]")]
    [InlineData("[[0.5]]")]
    [InlineData("[[0.5, -0.25], [0.5, -0.25]]")]
    public void PReLU_has_one_slope_for_each_channel_or_for_all(string slopes)
    {
        var x = AudioRuns.Steps(7, 50, 2);
        var expected = PlainLayers.Each(x, (v, channel) => v >= 0 ? v : v * (channel == 1 && slopes.Contains("-0.25", StringComparison.Ordinal) ? -0.25 : 0.5));
        Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(RtNeural("[null, null, 2]", "", Layer("prelu", "", 2, "", slopes)), AudioRuns.Floats(x)), tolerance: 1e-6);
    }

    [Theory]
    [InlineData("\"epsilon\": 0.5,", 0.5, true)]
    [InlineData("\"epsilon\": 2,", 2, false)]
    [InlineData("", 0.001, true)]
    public void Batch_normalization_has_four_weights_or_two(string members, double epsilon, bool isAffine)
    {
        var weights = new AudioModels(8);
        var (gamma, beta) = (new double[] { 1, 1 }, new double[2]);
        List<string> tensors = isAffine ? [weights.Tensor(out gamma, 2), weights.Tensor(out beta, 2)] : [];
        tensors.Add(weights.Tensor(out var mean, 2));
        tensors.Add("[0.75, 1.5]");
        double[] variance = [0.75, 1.5];
        var x = AudioRuns.Steps(9, 50, 2);
        var expected = PlainLayers.Each(x, (v, c) => gamma[c] * (v - mean[c]) / Math.Sqrt(variance[c] + epsilon) + beta[c]);
        Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(RtNeural("[null, null, 2]", "", Layer("batchnorm", "", 2, members, [.. tensors])), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("tanh")]
    [InlineData("relu")]
    [InlineData("sigmoid")]
    [InlineData("elu")]
    [InlineData("softmax")]
    [InlineData("")]
    public void Functions_are_layers_or_members_of_layers(string function)
    {
        var x = AudioRuns.Steps(10, 50, 3);
        double[][] expected = [.. x.Select(row => function switch
        {
            "tanh" => row.Select(Math.Tanh).ToArray(),
            "relu" => [.. row.Select(v => Math.Max(v, 0))],
            "sigmoid" => [.. row.Select(Numbers.Sigmoid)],
            "elu" => [.. row.Select(v => v > 0 ? v : Math.Exp(v) - 1)],
            "softmax" => [.. row.Select(v => Math.Exp(v) / row.Sum(Math.Exp))],
            _ => row,
        })];
        const string identity = "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]";
        foreach (var layers in new[] { new[] { Layer("dense", function, 3, "", identity) }, [Layer("dense", "", 3, "", identity, "[0, 0, 0]"), Layer("activation", function, 3, "")] })
            Numbers.Near(expected.SelectMany(row => row), AudioRuns.Stream(RtNeural("[null, 3]", "", layers), AudioRuns.Floats(x)), tolerance: 1e-6);
    }

    /// <summary>Causal over time, padded over features as TensorFlow pads.</summary>
    [Theory]
    [InlineData("valid", 1, 1, 5)]
    [InlineData("valid", 2, 3, 5)]
    [InlineData("same", 1, 2, 5)]
    [InlineData("same", 2, 1, 6)]
    public void Two_dimensional_convolutions_are_causal_over_time(string padding, int stride, int dilation, int features)
    {
        const int taps = 3, width = 3, filters = 2, outputs = 3;
        var total = padding == "valid" ? 0 : Math.Max((features + stride - 1) / stride * stride - stride + width - features, 0);
        var made = (features + total - width) / stride + 1;
        var weights = new AudioModels(11);
        var layer = $$"""{ "type": "conv2d", "activation": "", "shape": [null, null, {{made}}, {{outputs}}], "kernel_size_time": {{taps}}, "kernel_size_feature": {{width}}, "dilation": {{dilation}}, "strides": {{stride}}, "num_filters_in": {{filters}}, "num_features_in": {{features}}, "num_filters_out": {{outputs}}, "padding": "{{padding}}", "weights": [{{weights.Tensor(out var kernel, taps, width, filters, outputs)}}, {{weights.Tensor(out var bias, outputs)}}] }""";
        var x = AudioRuns.Steps(12, 280, features * filters);
        var expected = new List<double>();
        for (var t = 0; t < x.Length; t++)
        {
            for (var f = 0; f < made; f++)
            {
                for (var o = 0; o < outputs; o++)
                {
                    var sum = bias[o];
                    for (var k = 0; k < taps; k++)
                    {
                        for (var w = 0; w < width; w++)
                        {
                            var (at, feature) = (t - (taps - 1 - k) * dilation, f * stride + w - total / 2);
                            if (at < 0 || feature < 0 || feature >= features) continue;
                            for (var i = 0; i < filters; i++) sum += kernel[((k * width + w) * filters + i) * outputs + o] * x[at][feature * filters + i];
                        }
                    }

                    expected.Add(sum);
                }
            }
        }

        Numbers.Near(expected, AudioRuns.Stream(RtNeural($"[null, null, {features}, {filters}]", "", layer), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    /// <summary>A layer after features and filters sees them side by side, as RTNeural's layers do.</summary>
    [Fact]
    public void Layers_after_a_two_dimensional_convolution_take_features_and_filters()
    {
        const string convolution = """{ "type": "conv2d", "activation": "", "shape": [null, null, 2, 2], "kernel_size_time": 1, "kernel_size_feature": 1, "dilation": 1, "strides": 1, "num_filters_in": 1, "num_features_in": 2, "num_filters_out": 2, "padding": "valid", "weights": [[[[[1, 10]]]], [0, 0]] }""";
        var x = AudioRuns.Steps(13, 20, 2);
        var expected = x.Select(row => row[0] + 2 * 10 * row[0] + 3 * row[1] + 4 * 10 * row[1]);
        Numbers.Near(expected, AudioRuns.Stream(RtNeural("[null, null, 2, 1]", "", convolution, Layer("dense", "", 1, "", "[[1], [2], [3], [4]]")), AudioRuns.Floats(x)), tolerance: 1e-4);
    }

    /// <summary>AIDA-X: gains in decibels around the model, and the first channel of the input added before the second.</summary>
    [Theory]
    [InlineData("\"in_skip\": 1,", 1)]
    [InlineData("\"in_skip\": 0, \"out_gain\": 20,", 0, 1, 10)]
    [InlineData("\"in_skip\": 1, \"in_gain\": -20, \"out_gain\": 6,", 1, 0.1, 1.9952623)]
    public void AIDA_X_adds_the_input_and_applies_gains(string members, double skip, double before = 1, double after = 1)
    {
        var x = AudioRuns.Steps(14, 50, 2);
        // The gain before the model is the signal's and not the knob's.
        var expected = x.Select(row => after * (0.5 * before * row[0] + 0.25 * row[1] + skip * before * row[0]));
        var content = RtNeural("[null, null, 2]", members + " \"samplerate\": 48000, \"metadata\": { \"name\": \"Twin\" },", Layer("dense", "", 1, "", "[[0.5], [0.25]]"));
        Numbers.Near(expected, AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
        var metadata = AudioRuns.Convert(content).Model.Metadata;
        Assert.Equal(("48000", "Twin"), (metadata["audio.sample_rate"], metadata["audio.name"]));
    }

    [Theory]
    [InlineData("lstm", "[[0,0,0,0]]", "[[0,0,0,0]]", 2, "", "layer 1 (lstm): its shape says 2 numbers for each step, but its weights make 1")]
    [InlineData("lstm", "[[0,0,0,0],[0,0,0,0]]", "[[0,0,0,0]]", 1, "", "layer 1 (lstm): its kernel has the shape [2, 4] and so takes 2 channels; its input has 1")]
    [InlineData("lstm", "[[0,0,0]]", "[[0,0,0,0]]", 1, "", "layer 1 (lstm): its kernels have the shapes [1, 3] and [1, 4]; they must be [inputs, 4 · units] and [units, 4 · units]")]
    [InlineData("gru", "[[0,0,0]]", null, 1, "", "layer 1 (gru): it has 1 weights; its recurrent kernel is missing")]
    [InlineData("dense", "[[0,0]]", "[0]", 2, "", "layer 1 (dense): its bias has 1 elements; it must have 2")]
    [InlineData("dense", "[0]", null, 1, "", "layer 1 (dense): its kernel has the shape [1]; it must have 2 dimensions")]
    [InlineData("dense", "[[0,0],[1]]", null, 2, "", "weight 1 of layer 1 (dense) is not a tensor")]
    [InlineData("dense", "[[1e99]]", null, 1, "", "weight 1 of layer 1 (dense) has the element 1E+99, which is not a finite float32")]
    [InlineData("dense", "[[\"a\"]]", null, 1, "", "weight 1 of layer 1 (dense) has an element that is string; each must be a number")]
    [InlineData("conv1d", "[[[1]]]", "[0]", 1, "\"kernel_size\": [2],", "layer 1 (conv1d): its kernel_size is 2, but its kernel has 1 taps")]
    [InlineData("conv1d", "[[[1]]]", "[0]", 1, "\"groups\": 2,", "takes 2 channels and makes 1; its input has 1")]
    [InlineData("conv1d", "[[[1]]]", "[0]", 1, "\"strides\": 2,", "layer 1 (conv1d): its strides is 2")]
    [InlineData("conv1d", "[[[1]]]", "[0]", 1, "\"padding\": \"same\",", "looks into the future")]
    [InlineData("batchnorm", "[1]", "[1]", 1, "\"epsilon\": -2,", "layer 1 (batchnorm): the variance 'layers.1' of shape [1] is 1 at [0], and epsilon -2 does not raise it above zero")]
    [InlineData("batchnorm", "[1]", null, 1, "", "layer 1 (batchnorm): it has 1 weights; it must have 4 (gamma, beta, mean, variance) or 2 (mean, variance)")]
    [InlineData("prelu", "[[1, 2]]", null, 1, "", "layer 1 (prelu): it has 2 slopes; it must have 1 or 1")]
    [InlineData("unknown", "[1]", null, 1, "", "layer 1 (unknown): RTNeural's exporter did not know this layer")]
    [InlineData("flatten", "[1]", null, 1, "", "layer 1 (flatten): this type is unknown; it must be dense")]
    [InlineData("conv2d", "[[[[1]]]]", "[0]", 1, "", "layer 1 (conv2d): its input has no features and filters")]
    public void A_wrong_layer_is_refused_by_its_number_and_type(string type, string first, string? second, int units, string members, string says) =>
        Assert.Contains(says, AudioRuns.Refusal(RtNeural(Stream1, "", Layer(type, "", units, members, second is null ? [first] : [first, second]))), StringComparison.Ordinal);

    /// <summary>RTNeural's exporter knows no input layer and writes its list of shapes; the plugins skip it.</summary>
    [Fact]
    public void Keras_input_layer_computes_nothing()
    {
        const string inner = """{ "type": "dense", "activation": "", "shape": [null, 1], "weights": [[[2], [3]], [1]] }""";
        var content = $$"""{ "in_shape": [null, 2], "layers": [{ "type": "unknown", "activation": "", "shape": [[null, 2]], "weights": [] }, {{inner}}] }""";
        Assert.Equal([2 * 5 + 3 * 7 + 1f], AudioRuns.Stream(content, [5, 7]));
        Assert.Contains("layer 1 (unknown) is Keras' input layer, which computes nothing", AudioRuns.Notes(content), StringComparison.Ordinal);
        Assert.Contains("layer 1 (unknown): RTNeural's exporter did not know this layer", AudioRuns.Refusal(content.Replace("[[null, 2]]", "[[null, 3]]", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [{ \"type\": \"gated_activation\", \"shape\": [1] }] }", "layer 1 (gated_activation): this type is unknown; it must be dense")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [] }", "'layers' is empty")]
    [InlineData("{ \"in_shape\": [null, null, 0], \"layers\": [{}] }", "a size in 'in_shape' is 0")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [{ \"shape\": [1] }] }", "layer 1 has no 'type'")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [{ \"type\": \"dense\", \"shape\": [1] }] }", "layer 1 (dense) has no 'weights'")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [{ \"type\": \"dense\", \"activation\": \"gelu2\", \"shape\": [1], \"weights\": [[[1]]] }] }", "layer 1 (dense): its activation 'gelu2' is unknown; it must be tanh, relu, sigmoid, softmax, elu")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"layers\": [{ \"type\": \"lstm\", \"activation\": \"relu\", \"shape\": [1], \"weights\": [[[1,1,1,1]], [[1,1,1,1]], [1,1,1,1]] }] }", "RTNeural computes tanh in its place")]
    [InlineData("{ \"in_shape\": [null, null, 1], \"in_skip\": 2, \"layers\": [{ \"type\": \"dense\", \"shape\": [1], \"weights\": [[[1]]] }] }", "'in_skip' is 2")]
    public void A_wrong_file_is_refused(string content, string says) => Assert.Contains(says, AudioRuns.Refusal(content), StringComparison.Ordinal);

    [Fact]
    public void What_is_not_read_is_named()
    {
        var notes = AudioRuns.Notes(RtNeural(Stream1, "\"blend\": [1],", Layer("dense", "", 1, "\"sparsity\": 3,", "[[1]]")));
        Assert.Contains("layer 1 (dense) has 'sparsity' (3), which is not read", notes, StringComparison.Ordinal);
        Assert.Contains("'blend' is not read", notes, StringComparison.Ordinal);
    }

    [Fact]
    public void Stateful_has_nothing_to_do()
    {
        var result = AudioRuns.Convert(RtNeural(Stream1, "", Layer("conv1d", "", 1, "\"dilation\": 1,", "[[[1]], [[2]]]", "[0]")), new ConversionOptions { Stateful = true });
        Assert.Contains("--stateful changes nothing: all layers along time already keep their states", result.Graphs[0].Notes);
    }
}
