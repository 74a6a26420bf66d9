using static SeqRuntime.Tests.Importers.AudioFormats.AudioModels;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>RNNoise's text against its formulas in plain loops.</summary>
public sealed class RnNoiseTests
{
    [Fact]
    public void Features_give_gains_and_the_probability_of_speech()
    {
        var content = RnNoise(out var numbers);
        var x = AudioRuns.Steps(1, 1000, 3);
        var dense = PlainLayers.Map(PlainLayers.Dense(x, numbers[0], numbers[1]), Math.Tanh);
        var vad = Gru(dense, numbers[2], numbers[3], numbers[4], Math.Tanh);
        var noise = Gru(Joined(dense, vad, x), numbers[5], numbers[6], numbers[7], v => Math.Max(v, 0));
        var denoise = Gru(Joined(vad, noise, x), numbers[8], numbers[9], numbers[10], Math.Tanh);
        var gains = PlainLayers.Map(PlainLayers.Dense(denoise, numbers[11], numbers[12]), Numbers.Sigmoid);
        var speech = PlainLayers.Map(PlainLayers.Dense(vad, numbers[13], numbers[14]), Numbers.Sigmoid);
        Numbers.Near(gains.SelectMany(row => row), AudioRuns.Stream(content, AudioRuns.Floats(x)), tolerance: 1e-5);
        Numbers.Near(speech.SelectMany(row => row), AudioRuns.Stream(content, AudioRuns.Floats(x), output: 1), tolerance: 1e-5);
        using var model = SeqModel.Load(AudioRuns.Convert(content).File);
        Assert.Equal(["gains", "vad"], model.Graphs[0].Outputs.Select(port => port.Name));
    }

    [Theory]
    [InlineData("2 2 0", "3 2 0", "layer 'vad_gru' has 3 inputs; the layers before it make 2")]
    [InlineData("version 1", "version 2", "it has version 2 of the format")]
    [InlineData("3 2 0", "3 999 0", "the units of layer 'input_dense' is '999'; it must be a whole number from 1 to 128")]
    [InlineData("2 1 1\n", "2 1 1\n 7 7 7 7 7 ", "after its last layer the file has 5 more numbers")]
    [InlineData("2 1 1\n", "2 1 1\nx ", "a weight of layer 'vad_output' is 'x'")]
    public void A_wrong_file_is_refused(string part, string wrong, string says)
    {
        var content = RnNoise();
        var at = part.StartsWith("2 1", StringComparison.Ordinal) ? content.LastIndexOf(part, StringComparison.Ordinal) : content.IndexOf(part, StringComparison.Ordinal);
        if (part == "2 2 0") at = content.IndexOf("\n2 2 0", StringComparison.Ordinal) + 1;
        Assert.Contains(says, AudioRuns.Refusal(content[..at] + wrong + content[(at + part.Length)..]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_file_is_refused() => Assert.Contains("the file ends in layer 'vad_output'", AudioRuns.Refusal(RnNoise()[..^6]), StringComparison.Ordinal);

    [Fact]
    public void Another_function_is_tanh_as_in_RNNoise() => Assert.Contains("layer 'input_dense' has the function 5, which RNNoise takes as tanh", AudioRuns.Notes(RnNoise().Replace("3 2 0", "3 2 5", StringComparison.Ordinal)), StringComparison.Ordinal);

    /// <summary>h' = z h + (1 - z) f(W x + U (r h) + b), gates z r h in columns.</summary>
    private static double[][] Gru(double[][] x, double[] w, double[] u, double[] b, Func<double, double> function)
    {
        var units = b.Length / 3;
        var h = new double[units];
        return [.. x.Select(row =>
        {
            double Sum(int gate, int unit, double[] before) => b[gate * units + unit] + row.Select((v, i) => v * w[i * 3 * units + gate * units + unit]).Sum() + before.Select((v, i) => v * u[i * 3 * units + gate * units + unit]).Sum();
            double[] z = [.. Enumerable.Range(0, units).Select(i => Numbers.Sigmoid(Sum(0, i, h)))];
            double[] r = [.. Enumerable.Range(0, units).Select(i => Numbers.Sigmoid(Sum(1, i, h)))];
            double[] reset = [.. h.Select((v, i) => r[i] * v)];
            h = [.. h.Select((v, i) => z[i] * v + (1 - z[i]) * function(Sum(2, i, reset)))];
            return h;
        })];
    }

    private static double[][] Joined(params double[][][] values) => [.. values[0].Select((_, t) => values.SelectMany(v => v[t]).ToArray())];
}
