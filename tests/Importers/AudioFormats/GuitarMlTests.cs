using static SeqRuntime.Tests.Importers.AudioFormats.AudioModels;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>GuitarML's JSON against plain loops: kinds of units, stacked layers, the skip connection, knobs.</summary>
public sealed class GuitarMlTests
{
    [Theory]
    [InlineData("LSTM", 1, 1, "\"skip\": 1,")]
    [InlineData("LSTM", 2, 1, "\"skip\": 1,")]
    [InlineData("LSTM", 3, 1, "\"skip\": 1,")]
    [InlineData("LSTM", 1, 2, "\"skip\": 0,")]
    [InlineData("GRU", 1, 1, "\"skip\": 1,")]
    [InlineData("GRU", 2, 1, "\"skip\": 0,", false)]
    [InlineData("LSTM", 1, 1, "")]
    public void A_model_is_a_recurrent_layer_a_linear_one_and_the_input(string unit, int inputs, int layers, string skip, bool hasBias = true)
    {
        const int units = 4;
        var gates = unit == "LSTM" ? 4 : 3;
        var weights = new AudioModels(1);
        var members = new List<string>();
        var x = AudioRuns.Steps(2, 1000, inputs);
        var y = x;
        for (var i = 0; i < layers; i++)
        {
            members.Add($"\"rec.weight_ih_l{i}\": {weights.Tensor(out var w, gates * units, y[0].Length)}, \"rec.weight_hh_l{i}\": {weights.Tensor(out var r, gates * units, units)}, \"rec.bias_ih_l{i}\": {weights.Tensor(out var bi, gates * units)}, \"rec.bias_hh_l{i}\": {weights.Tensor(out var bh, gates * units)}");
            double[] Keras(double[] matrix)
            {
                var third = matrix.Length / 3;
                return PlainLayers.Transposed(unit == "LSTM" ? matrix : [.. matrix[third..(2 * third)], .. matrix[..third], .. matrix[(2 * third)..]], gates * units);
            }

            double[] bias = unit == "LSTM" ? [.. bi.Zip(bh, (a, b) => a + b)] : [.. Keras(bi), .. Keras(bh)];
            y = KerasFormulas.Recurrent(unit, y, Keras(w), Keras(r), bias, resetAfter: true, isBackward: false).Outputs;
        }

        members.Add($"\"lin.weight\": {weights.Tensor(out var linear, 1, units)}");
        if (hasBias) members.Add("\"lin.bias\": [0.25]");
        y = PlainLayers.Dense(y, linear, [hasBias ? 0.25 : 0]);
        if (!skip.Contains('0', StringComparison.Ordinal)) y = PlainLayers.Add(y, [.. x.Select(row => row[..1])]);
        var content = $$"""{ "model_data": { "model": "SimpleRNN", "input_size": {{inputs}}, {{skip}} "output_size": 1, "unit_type": "{{unit}}", "num_layers": {{layers}}, "hidden_size": {{units}}, "bias_fl": {{(hasBias ? "true" : "false")}} }, "state_dict": { {{string.Join(", ", members)}} } }""";
        AudioRuns.InRange([.. y.SelectMany(row => row)], AudioRuns.Stream(content, AudioRuns.Floats(x)));
        var notes = AudioRuns.Notes(content);
        Assert.Equal(inputs > 1, notes.Contains("knob", StringComparison.Ordinal));
        Assert.Equal(skip.Length == 0, notes.Contains("has no 'skip'", StringComparison.Ordinal));
    }

    /// <summary>Every layer's gated value goes to the mixer, and through 1×1 to the next layer.</summary>
    [Fact]
    public void Gated_convolutions()
    {
        const int channels = 2, blocks = 2, layers = 3, taps = 3, growth = 2;
        var weights = new AudioModels(3);
        var members = new List<string>();
        var x = AudioRuns.Steps(4, 400, 1);
        var (y, gated) = (x, new List<double[][]>());
        for (var block = 0; block < blocks; block++)
        {
            for (var layer = 0; layer < layers; layer++)
            {
                var name = $"blocks.{block}.layers.{layer}";
                members.Add($"\"{name}.conv.weight\": {weights.Tensor(out var conv, 2 * channels, y[0].Length, taps)}, \"{name}.conv.bias\": {weights.Tensor(out var bias, 2 * channels)}, \"{name}.mix.weight\": {weights.Tensor(out var mix, channels, channels, 1)}, \"{name}.mix.bias\": {weights.Tensor(out var mixBias, channels)}");
                var both = PlainLayers.Conv(y, conv, bias, 2 * channels, taps, (int)Math.Pow(growth, layer));
                gated.Add([.. both.Select(row => Enumerable.Range(0, channels).Select(c => Math.Tanh(row[c]) * Numbers.Sigmoid(row[channels + c])).ToArray())]);
                var mixed = PlainLayers.Conv(gated[^1], mix, mixBias, channels, taps: 1);
                y = [.. mixed.Select((row, t) => row.Select((v, c) => v + y[t][y[t].Length == 1 ? 0 : c]).ToArray())];
            }
        }

        members.Add($"\"blocks.{blocks}.weight\": {weights.Tensor(out var linear, 1, channels * blocks * layers, 1)}, \"blocks.{blocks}.bias\": [0.125]");
        var expected = x.Select((_, t) => 0.125 + gated.SelectMany(layer => layer[t]).Select((v, i) => v * linear[i]).Sum());
        var content = $$"""{ "model_data": { "model": "GatedConvNet", "layers": {{layers}}, "channels": {{channels}}, "dilation_growth": {{growth}}, "kernel_size": {{taps}}, "blocks": {{blocks}} }, "state_dict": { {{string.Join(", ", members)}} } }""";
        Numbers.Near(expected, AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Theory]
    [InlineData("\"hidden_size\": 2", "\"hidden_size\": 3", "'hidden_size' is 3, but the weights have 2")]
    [InlineData("\"unit_type\": \"LSTM\"", "\"unit_type\": \"GRU\"", "'unit_type' is 'GRU', but the weights 'rec' are those of a LSTM")]
    [InlineData("\"model\": \"SimpleRNN\"", "\"model\": \"RecNet\"", "its model is 'RecNet'; SimpleRNN (LSTM, GRU or RNN) and GatedConvNet are read")]
    [InlineData("\"model\": \"SimpleRNN\"", "\"model\": \"GatedConvNet\"", "'model_data' has no 'channels'")]
    [InlineData("\"skip\": 1", "\"skip\": 2", "'skip' is 2, but the model has 2 inputs and 1 outputs")]
    [InlineData("\"bias_fl\": true", "\"bias_fl\": false", "'bias_fl' says that the linear layer has no bias")]
    [InlineData("\"num_layers\": 1", "\"num_layers\": 2", "'num_layers' is 2, but the weights have 1")]
    [InlineData("lin.weight", "lin.w", "'state_dict' has no 'lin.weight'")]
    [InlineData("rec.bias_hh_l0", "rec.weight_hr_l0", "is a projection")]
    public void A_wrong_file_is_refused(string part, string wrong, string says) =>
        Assert.Contains(says, AudioRuns.Refusal(All.First(content => content.Contains("model_data", StringComparison.Ordinal)).Replace(part, wrong, StringComparison.Ordinal)), StringComparison.Ordinal);
}
