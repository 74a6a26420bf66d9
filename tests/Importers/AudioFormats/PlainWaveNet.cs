using static SeqRuntime.Tests.Importers.AudioFormats.PlainLayers;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>One array of a WaveNet's layers, as in 'config'.</summary>
internal sealed record PlainArray(int Inputs, int Channels, int Taps, int[] Dilations, int HeadSize)
{
    public Func<double, double> Function { get; init; } = Math.Tanh;

    /// <summary>The gate's function, null without a gate.</summary>
    public Func<double, double>? Gate { get; init; }

    public bool IsBlended { get; init; }

    public int Bottleneck { get; init; } = -1;

    public bool HasHeadBias { get; init; }

    public int HeadTaps { get; init; } = 1;

    public int Conditions { get; init; } = 1;

    /// <summary>Channels of the 1×1 convolution to the head, 0 without one.</summary>
    public int Head1x1 { get; init; }

    public bool HasNext { get; init; } = true;

    public int Groups { get; init; } = 1;

    /// <summary>Modulations that are active, in the order of their weights, with or without a shift.</summary>
    public (string Name, bool HasShift)[] Films { get; init; } = [];
}

/// <summary>Neural Amp Modeler's WaveNet in plain loops over a whole signal. Weights are drawn in the order in which the file stores them.</summary>
internal sealed class PlainWaveNet(int seed)
{
    private readonly AudioModels _random = new(seed);

    /// <summary>The weights so far.</summary>
    public List<double> Weights { get; } = [];

    /// <summary>The output for a signal and a condition, both [T, channels].</summary>
    public double[][] Run(double[][] input, double[][] condition, params PlainArray[] arrays)
    {
        var (x, head) = (input, (double[][]?)null);
        foreach (var array in arrays) (x, head) = Array(array, x, condition, head);
        return head!;
    }

    /// <summary>The last weight scales the head.</summary>
    public double[][] Scaled(double[][] x)
    {
        var scale = Take(1)[0];
        return Map(x, v => v * scale);
    }

    public double[] Take(int count)
    {
        var taken = _random.Numbers(count);
        Weights.AddRange(taken);
        return taken;
    }

    private (double[][] X, double[][] Head) Array(PlainArray array, double[][] x, double[][] condition, double[][]? head)
    {
        var bottleneck = array.Bottleneck > 0 ? array.Bottleneck : array.Channels;
        var width = array.Gate is null ? bottleneck : 2 * bottleneck;
        x = Conv(x, Take(array.Channels * array.Inputs), null, array.Channels, taps: 1);
        foreach (var dilation in array.Dilations)
        {
            var (conv, convBias) = (Take(width * array.Channels / array.Groups * array.Taps), Take(width));
            var mixin = Take(width * array.Conditions);
            var (next, nextBias) = array.HasNext ? (Take(array.Channels * bottleneck), Take(array.Channels)) : ([], []);
            var (toHead, toHeadBias) = array.Head1x1 > 0 ? (Take(array.Head1x1 * bottleneck), Take(array.Head1x1)) : ([], []);
            var films = array.Films.ToDictionary(film => film.Name, film =>
            {
                var channels = film.Name switch { "conv_pre_film" or "layer1x1_post_film" => array.Channels, "input_mixin_pre_film" => array.Conditions, "activation_post_film" => bottleneck, "head1x1_post_film" => array.Head1x1, _ => width };
                return (film.HasShift, Weight: Take((film.HasShift ? 2 : 1) * channels * array.Conditions), Bias: Take((film.HasShift ? 2 : 1) * channels));
            });
            double[][] Film(string name, double[][] v)
            {
                if (!films.TryGetValue(name, out var film)) return v;
                var both = Conv(condition, film.Weight, film.Bias, film.Bias.Length, taps: 1);
                return [.. v.Select((row, t) => row.Select((value, c) => value * both[t][c] + (film.HasShift ? both[t][row.Length + c] : 0)).ToArray())];
            }

            var mixed = Film("input_mixin_post_film", Conv(Film("input_mixin_pre_film", condition), mixin, null, width, taps: 1));
            var sum = Film("activation_pre_film", Add(Film("conv_post_film", Conv(Film("conv_pre_film", x), conv, convBias, width, array.Taps, dilation, array.Groups)), mixed));
            double[][] active = [.. sum.Select(row => row[..bottleneck].Select((v, c) => array.Gate is null ? array.Function(v)
                : array.IsBlended ? array.Gate(row[bottleneck + c]) * array.Function(v) + (1 - array.Gate(row[bottleneck + c])) * v
                : array.Function(v) * array.Gate(row[bottleneck + c])).ToArray())];
            active = Film("activation_post_film", active);
            var part = array.Head1x1 > 0 ? Film("head1x1_post_film", Conv(active, toHead, toHeadBias, array.Head1x1, taps: 1)) : active;
            head = head is null ? part : Add(head, part);
            if (array.HasNext) x = Add(x, Film("layer1x1_post_film", Conv(active, next, nextBias, array.Channels, taps: 1)));
        }

        var headWeight = Take(array.HeadSize * head![0].Length * array.HeadTaps);
        return (x, Conv(head, headWeight, array.HasHeadBias ? Take(array.HeadSize) : null, array.HeadSize, array.HeadTaps));
    }
}
