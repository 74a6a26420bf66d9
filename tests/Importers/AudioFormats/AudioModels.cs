using System.Globalization;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>Weights of small models in JSON, and the models of every kind that the fuzzer begins with.</summary>
internal sealed class AudioModels(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>A small file of each kind.</summary>
    public static IReadOnlyList<string> All => [RtNeural(), RtNeural2d(), StateDict(), GuitarMl(), NamLstm(), NamWaveNet(), NamConvNet(), Container(), RnNoise()];

    /// <summary>Random numbers from -scale to scale, exact in single precision.</summary>
    public double[] Numbers(int count, double scale = 0.5)
    {
        var numbers = new double[count];
        for (var i = 0; i < count; i++) numbers[i] = (float)((_random.NextDouble() * 2 - 1) * scale);
        return numbers;
    }

    /// <summary>Random numbers as JSON: nested lists of this shape.</summary>
    public string Tensor(params int[] shape) => Tensor(out _, shape);

    /// <summary>The same, and the numbers.</summary>
    public string Tensor(out double[] values, params int[] shape) => Json(values = Numbers(shape.Aggregate(1, (a, b) => a * b)), shape);

    /// <summary>Numbers as nested lists.</summary>
    public static string Json(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape)
    {
        if (shape.Length == 0) return values[0].ToString("R", CultureInfo.InvariantCulture);
        var part = values.Length / Math.Max(shape[0], 1);
        var parts = new string[shape[0]];
        for (var i = 0; i < parts.Length; i++) parts[i] = Json(values.Slice(i * part, part), shape[1..]);
        return $"[{string.Join(", ", parts)}]";
    }

    /// <summary>A model of RTNeural with these layers.</summary>
    public static string RtNeural(string shape, string more, params string[] layers) => $$"""{ "in_shape": {{shape}}, {{more}} "layers": [{{string.Join(", ", layers)}}] }""";

    /// <summary>A layer of RTNeural.</summary>
    public static string Layer(string type, string activation, int units, string more, params string[] weights) =>
        $$"""{ "type": "{{type}}", "activation": "{{activation}}", "shape": [null, null, {{units}}], {{more}} "weights": [{{string.Join(", ", weights)}}] }""";

    /// <summary>A file of Neural Amp Modeler.</summary>
    public static string Nam(string architecture, string config, double[] weights, string more = "") =>
        $$"""{ "version": "0.5.4", "architecture": "{{architecture}}", "config": {{config}}, {{more}} "weights": {{Json(weights, weights.Length)}} }""";

    private static string RtNeural()
    {
        var weights = new AudioModels(1);
        return RtNeural(
            "[null, null, 1]",
            "\"in_skip\": 1, \"in_gain\": 2.5, \"metadata\": { \"name\": \"a\" },",
            Layer("dense", "tanh", 2, "", weights.Tensor(1, 2), weights.Tensor(2)),
            Layer("conv1d", "relu", 4, "\"kernel_size\": [2], \"dilation\": [2], \"groups\": 2,", weights.Tensor(2, 1, 4), weights.Tensor(4)),
            Layer("prelu", "", 4, "", weights.Tensor(1, 4)),
            Layer("batchnorm", "", 4, "\"epsilon\": 1.5,", weights.Tensor(4), weights.Tensor(4), weights.Tensor(4), weights.Tensor(4)),
            Layer("gru", "tanh", 2, "", weights.Tensor(4, 6), weights.Tensor(2, 6), weights.Tensor(2, 6)),
            Layer("lstm", "", 2, "", weights.Tensor(2, 8), weights.Tensor(2, 8), weights.Tensor(8)),
            Layer("activation", "softmax", 2, ""),
            Layer("time-distributed-dense", "", 1, "", weights.Tensor(2, 1)));
    }

    private static string RtNeural2d()
    {
        var weights = new AudioModels(2);
        return RtNeural(
            "[null, 10, 5, 1]",
            "",
            $$"""{ "type": "conv2d", "activation": "elu", "shape": [null, 10, 3, 2], "kernel_size_time": 2, "kernel_size_feature": 3, "dilation": 2, "strides": 1, "num_filters_in": 1, "num_features_in": 5, "num_filters_out": 2, "padding": "valid", "weights": [{{weights.Tensor(2, 3, 1, 2)}}, {{weights.Tensor(2)}}] }""",
            $$"""{ "type": "batchnorm2d", "activation": "", "shape": [null, 10, 3, 2], "epsilon": 2.0, "num_filters_in": 2, "num_features_in": 3, "weights": [{{weights.Tensor(2)}}, {{weights.Tensor(2)}}] }""",
            Layer("dense", "sigmoid", 1, "", weights.Tensor(6, 1)));
    }

    private static string StateDict()
    {
        var weights = new AudioModels(3);
        return $$"""{ "rnn.weight_ih_l0": {{weights.Tensor(6, 1)}}, "rnn.weight_hh_l0": {{weights.Tensor(6, 2)}}, "rnn.bias_ih_l0": {{weights.Tensor(6)}}, "rnn.bias_hh_l0": {{weights.Tensor(6)}}, "conv.weight": {{weights.Tensor(3, 2, 2)}}, "relu.weight": {{weights.Tensor(1)}}, "head.weight": {{weights.Tensor(1, 3)}}, "head.bias": {{weights.Tensor(1)}} }""";
    }

    private static string GuitarMl()
    {
        var weights = new AudioModels(4);
        return $$"""{ "model_data": { "model": "SimpleRNN", "input_size": 2, "skip": 1, "output_size": 1, "unit_type": "LSTM", "num_layers": 1, "hidden_size": 2, "bias_fl": true }, "state_dict": { "rec.weight_ih_l0": {{weights.Tensor(8, 2)}}, "rec.weight_hh_l0": {{weights.Tensor(8, 2)}}, "rec.bias_ih_l0": {{weights.Tensor(8)}}, "rec.bias_hh_l0": {{weights.Tensor(8)}}, "lin.weight": {{weights.Tensor(1, 2)}}, "lin.bias": {{weights.Tensor(1)}} } }""";
    }

    private static string NamLstm() => Nam("LSTM", """{ "input_size": 1, "hidden_size": 2, "num_layers": 1 }""", new AudioModels(5).Numbers(8 * 3 + 8 + 4 + 3));

    private static string NamWaveNet() => Nam(
        "WaveNet",
        """{ "layers": [{ "input_size": 1, "condition_size": 1, "head_size": 1, "channels": 2, "kernel_size": 2, "dilations": [1, 3], "activation": "Tanh", "gated": true, "head_bias": true }], "head": null, "head_scale": 0.02 }""",
        new AudioModels(6).Numbers(2 + 2 * (16 + 4 + 4 + 4 + 2) + 2 + 1 + 1));

    private static string NamConvNet() => Nam("ConvNet", """{ "channels": 2, "dilations": [1, 2], "batchnorm": true, "activation": "ReLU" }""", [.. new AudioModels(7).Numbers(4 + 9).Select(Math.Abs), .. new AudioModels(8).Numbers(8 + 9 + 3).Select(Math.Abs)]);

    private static string Container() => $$"""{ "version": "0.7.0", "architecture": "SlimmableContainer", "config": { "submodels": [{ "max_value": 0.5, "model": {{NamLstm()}} }, { "max_value": 1.0, "model": {{NamWaveNet()}} }] } }""";

    /// <summary>RNNoise's model with few units.</summary>
    public static string RnNoise(int features = 3, int dense = 2, int vad = 2, int noise = 3, int denoise = 2, int bands = 2) => RnNoise(out _, features, dense, vad, noise, denoise, bands);

    /// <summary>The same, and its numbers layer by layer.</summary>
    public static string RnNoise(out List<double[]> numbers, int features = 3, int dense = 2, int vad = 2, int noise = 3, int denoise = 2, int bands = 2)
    {
        var random = new Random(9);
        var all = new List<double[]>();
        var text = "rnnoise-nu model file version 1\n";
        void Numbers(int count)
        {
            int[] values = [.. Enumerable.Range(0, count).Select(_ => random.Next(-128, 128))];
            text += string.Join(' ', values) + "\n";
            all.Add(Array.ConvertAll(values, v => v / 256.0));
        }

        void Layer(int inputs, int units, int function, int gates)
        {
            text += $"{inputs} {units} {function}\n";
            Numbers(inputs * units * gates);
            if (gates > 1) Numbers(units * units * gates);
            Numbers(units * gates);
        }

        Layer(features, dense, 0, 1);
        Layer(dense, vad, 0, 3);
        Layer(dense + vad + features, noise, 2, 3);
        Layer(vad + noise + features, denoise, 0, 3);
        Layer(denoise, bands, 1, 1);
        Layer(vad, 1, 1, 1);
        numbers = all;
        return text;
    }
}
