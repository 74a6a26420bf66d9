using static SeqRuntime.Tests.Importers.AudioFormats.AudioModels;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>Files of Neural Amp Modeler: its vector, first states, ConvNet, Linear, containers, and files that are refused.</summary>
public sealed class NamTests
{
    [Fact]
    public void An_amplifier_gives_the_expected_samples()
    {
        var expected = AudioRuns.Table("nam-lstm/expected-BossLSTM-1x16.csv").Select(row => row[0]).ToArray();
        float[] x = [.. Enumerable.Range(0, expected.Length).Select(t => (float)(0.5 * Math.Sin(0.05 * t) * Math.Sin(0.003 * t) + 0.1 * Math.Sin(0.71 * t)))];
        var result = AudioRuns.ConvertFile(Models.Need("nam-lstm/BossLSTM-1x16.nam"));
        AudioRuns.InRange(expected, AudioRuns.Stream(result.File, x));
        Assert.Equal("-11.380825996398926", result.Model.Metadata["audio.loudness"]);
    }

    /// <summary>Matrix [4h, in + h], bias, first h and c of each layer; then the head.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_LSTM_begins_at_its_first_states(int layers)
    {
        const int units = 3;
        var weights = new AudioModels(1);
        var list = new List<double>();
        var x = AudioRuns.Steps(2, 1000, 1);
        var y = x;
        double[] Take(int count)
        {
            var taken = weights.Numbers(count);
            list.AddRange(taken);
            return taken;
        }

        for (var i = 0; i < layers; i++)
        {
            var columns = y[0].Length + units;
            var (matrix, bias, h, c) = (Take(4 * units * columns), Take(4 * units), Take(units), Take(units));
            double[] Part(int from, int width) => PlainLayers.Transposed([.. matrix.Chunk(columns).SelectMany(row => row.Skip(from).Take(width))], 4 * units);
            y = KerasFormulas.Recurrent("LSTM", y, Part(0, columns - units), Part(columns - units, units), bias, resetAfter: false, isBackward: false, hidden: h, cell: c).Outputs;
        }

        y = PlainLayers.Dense(y, Take(units), Take(1));
        var content = Nam("LSTM", $$"""{ "input_size": 1, "hidden_size": {{units}}, "num_layers": {{layers}} }""", [.. list], "\"sample_rate\": 44100, \"metadata\": { \"name\": \"Amp\", \"training\": { \"validation_esr\": 0.01 } },");
        Numbers.Near(y.SelectMany(row => row), AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
        var metadata = AudioRuns.Convert(content).Model.Metadata;
        Assert.Equal(("44100", "Amp", "0.01"), (metadata["audio.sample_rate"], metadata["audio.name"], metadata["audio.training.validation_esr"]));
    }

    /// <summary>Blocks of two taps; the past is what silence became.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_ConvNet_begins_after_silence(bool hasNorm)
    {
        const int channels = 3, silence = 20;
        int[] dilations = [1, 4, 2];
        var weights = new AudioModels(3);
        var list = new List<double>();
        double[] Take(int count, double least = double.MinValue)
        {
            double[] taken = [.. weights.Numbers(count).Select(v => Math.Max(v, least))];
            list.AddRange(taken);
            return taken;
        }

        var x = AudioRuns.Steps(4, 300, 1);
        var y = (double[][])[.. Enumerable.Repeat(new double[1], silence), .. x];
        foreach (var dilation in dilations)
        {
            var kernel = Take(channels * y[0].Length * 2);
            y = PlainLayers.Conv(y, kernel, hasNorm ? null : Take(channels), channels, taps: 2, dilation);
            if (hasNorm)
            {
                var (mean, variance, gamma, beta, epsilon) = (Take(channels), Take(channels, least: 0.125), Take(channels), Take(channels), Take(1, least: 0.0625)[0]);
                y = PlainLayers.Each(y, (v, c) => gamma[c] * (v - mean[c]) / Math.Sqrt(variance[c] + epsilon) + beta[c]);
            }

            y = PlainLayers.Map(y, Math.Tanh);
        }

        y = PlainLayers.Dense(y, Take(channels), Take(1));
        var content = Nam("ConvNet", $$"""{ "channels": {{channels}}, "dilations": [1, 4, 2], "batchnorm": {{(hasNorm ? "true" : "false")}}, "activation": "Tanh" }""", [.. list]);
        Numbers.Near(y.Skip(silence).SelectMany(row => row), AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Fact]
    public void A_linear_filter_is_an_impulse_response()
    {
        var weights = new AudioModels(5).Numbers(9);
        var x = AudioRuns.Steps(6, 100, 1);
        var expected = x.Select((_, t) => weights[8] + Enumerable.Range(0, Math.Min(8, t + 1)).Sum(k => weights[k] * x[t - k][0]));
        Numbers.Near(expected, AudioRuns.Stream(Nam("Linear", """{ "receptive_field": 8, "bias": true, "implementation": "fft" }""", weights), AudioRuns.Floats(x)), tolerance: 1e-5);
    }

    [Fact]
    public void The_largest_model_of_a_container_is_converted()
    {
        var container = All.First(content => content.Contains("SlimmableContainer", StringComparison.Ordinal));
        var inner = All.First(content => content.Contains("\"WaveNet\"", StringComparison.Ordinal));
        float[] x = AudioRuns.Floats(AudioRuns.Steps(7, 50, 1));
        Assert.Equal(AudioRuns.Stream(inner, x), AudioRuns.Stream(container, x));
        Assert.Contains("the file holds 2 sizes of the model; the largest is converted", AudioRuns.Notes(container), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"architecture\": \"LSTM\"", "\"architecture\": \"CatLSTM\"", "its architecture is 'CatLSTM'; LSTM, WaveNet, ConvNet, Linear and SlimmableContainer are read")]
    [InlineData("\"version\": \"0.5.4\"", "\"version\": \"0.8.0\"", "its version is 0.8.0; versions up to 0.7 are known")]
    [InlineData("\"hidden_size\": 2", "\"hidden_size\": 3", "'weights' has 39 numbers, which end in layers.1")]
    [InlineData("\"num_layers\": 1", "\"num_layers\": 1, \"dropout\": 1", "'dropout' (1) is not known to this converter")]
    [InlineData("\"hidden_size\": 2", "\"hidden_size\": 1", "'weights' has 39 numbers, but the LSTM that 'config' describes takes")]
    [InlineData("\"hidden_size\": 2", "\"hidden_size\": 900000000", "'hidden_size' is 900000000; no layer is that large")]
    public void What_is_not_understood_is_refused(string part, string other, string says) =>
        Assert.Contains(says, AudioRuns.Refusal(All.First(content => content.Contains("\"LSTM\", \"config\"", StringComparison.Ordinal)).Replace(part, other, StringComparison.Ordinal)), StringComparison.Ordinal);

    /// <summary>Such a file has its weights in the models of its list.</summary>
    [Fact]
    public void An_unknown_architecture_without_weights_is_told_by_its_name() =>
        Assert.Contains("its architecture is 'sequential'; LSTM, WaveNet", AudioRuns.Refusal("""{ "version": "0.5.5", "architecture": "sequential", "config": { "layers": [] } }"""), StringComparison.Ordinal);

    [Fact]
    public void Members_beside_the_model_are_named() => Assert.Contains("'notes' is not read", AudioRuns.Notes(Nam("Linear", """{ "receptive_field": 2, "bias": false }""", [1, 2], "\"notes\": [\"a\"],")), StringComparison.Ordinal);
}
