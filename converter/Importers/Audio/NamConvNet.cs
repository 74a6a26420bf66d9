using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>Neural Amp Modeler's ConvNet (convolutions of two taps, with batch normalization) and Linear (an impulse response).</summary>
internal static class NamConvNet
{
    public static Sound Add(NamLayers layers, Members config, Sound x)
    {
        const int taps = 2;
        var (channels, hasNorm, groups) = (config.Int("channels"), config.Flag("batchnorm"), config.Int("groups", 1));
        var (inputs, outputs) = (config.Int("in_channels", 1), config.Int("out_channels", 1));
        if (inputs != x.Channels) throw new ConversionException($"'in_channels' is {inputs}; its input has {x.Channels}");
        var function = NamFunction.Read(config.Need("activation"), "'activation'");
        foreach (var (i, dilation) in config.Ints("dilations").Index())
        {
            var name = $"blocks.{i + 1}";
            x = layers.Conv(name, x, channels, taps, dilation, groups, hasBias: !hasNorm);
            if (hasNorm) x = Normalized(layers, name, x);
            x = layers.Activated(x, function);
        }

        return layers.Conv("head", x, outputs);
    }

    /// <summary>One filter: its first number multiplies the newest sample.</summary>
    public static Sound AddLinear(NamLayers layers, Members config, Sound x)
    {
        var (length, hasBias) = (config.Int("receptive_field"), config.Flag("bias"));
        if (config.Int("in_channels", 1) != 1 || config.Int("out_channels", 1) != 1 || x.Channels != 1) throw new ConversionException("a Linear of more than one channel is not supported");
        _ = config.Get("implementation"); // How it is computed, not what.
        var response = layers.Weights.Take(length, "the impulse response");
        Array.Reverse(response);
        return layers.Conv(layers.Prefix + "linear", x, IrTensor.Of<float>([1, 1, length], response), hasBias ? layers.Weights.Tensor("the bias", 1) : null, dilation: 1, groups: 1);
    }

    /// <summary>Mean, variance, weight, bias and epsilon follow in the list.</summary>
    private static Sound Normalized(NamLayers layers, string name, Sound x)
    {
        var count = x.Channels;
        float[] Next() => layers.Weights.Take(count, name);
        var (mean, variance, weight, bias) = (Next(), Next(), Next(), Next());
        var epsilon = layers.Weights.Take(1, name)[0];
        if (NonFinite.NoVariance($"{name}.variance", IrTensor.Of<float>([count], variance), epsilon) is { } fault) throw new ConversionException(fault);
        double[] scale = [.. weight.Select((w, i) => w / Math.Sqrt(variance[i] + (double)epsilon))];
        return layers.Affine(name, x, Array.ConvertAll(scale, s => (float)s), [.. bias.Select((b, i) => (float)(b - scale[i] * mean[i]))]);
    }
}
