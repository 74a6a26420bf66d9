using System.Text.Json;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// Neural Amp Modeler's WaveNet: arrays of dilated convolutions, each with a condition mixed in, a residual path to the next layer, and a sum of all
/// layers to the head. Van den Oord et al. 2016, arXiv:1609.03499. With the parts of versions 0.6 and 0.7: gating and blending, bottlenecks, 1×1
/// heads, modulation by the condition, a head after the arrays, and a network that makes the condition.
/// </summary>
internal sealed class NamWaveNet(AudioGraph graph, NamLayers layers, int depth)
{
    public Sound Add(Members config, Sound input)
    {
        if (config.Int("in_channels", 1) is var inputs && inputs != input.Channels) throw new ConversionException($"'in_channels' is {inputs}; its input has {input.Channels}");
        var condition = config.Get("condition_dsp") is { } dsp ? NamReader.Pass(graph, dsp, input, layers.Prefix + "condition_dsp.", depth + 1) : input;
        var arrays = config.List("layers");
        if (arrays.Count == 0) throw new ConversionException("'layers' is empty");
        var value = input;
        var head = (Sound?)null;
        foreach (var (i, array) in arrays.Index())
        {
            var members = new Members(array, $"layer array {i + 1}");
            (value, head) = new NamLayerArray(layers, members, $"arrays.{i + 1}").Add(value, condition, head);
            NamReader.RefuseUnread(members);
        }

        // The head's scale is the last weight; 'head_scale' is what it was before training.
        _ = config.Float("head_scale", 1);
        var post = config.Get("head") is { ValueKind: JsonValueKind.Object } after ? Head(new Members(after, "'head'"), head!.Channels) : null;
        var convs = post?.Select(part => (part.Function, Weight: layers.Weights.Tensor("the head", part.Outputs, part.Inputs, part.Taps), Bias: layers.Weights.Tensor("the head", part.Outputs))).ToList() ?? [];
        var result = layers.Scaled(head!, layers.Weights.Take(1, "the head's scale")[0]);
        foreach (var (i, (function, weight, bias)) in convs.Index()) result = layers.Conv($"{layers.Prefix}head.{i + 1}", layers.Activated(result, function), weight, bias, dilation: 1, groups: 1);
        return result;
    }

    private static List<(NamFunction Function, int Inputs, int Outputs, int Taps)> Head(Members head, int channels)
    {
        if (head.Int("in_channels", channels) is var told && told != channels) throw head.Fault($"its in_channels is {told}; the last layer array makes {channels}");
        var (inner, outputs, taps) = (head.Int("channels"), head.Int("out_channels"), head.Ints("kernel_sizes"));
        var function = NamFunction.Read(head.Need("activation"), "'activation' of 'head'");
        if (taps.Length == 0) throw head.Fault("its kernel_sizes is empty");
        NamReader.RefuseUnread(head);
        return [.. taps.Select((size, i) => (function, i == 0 ? channels : inner, i == taps.Length - 1 ? outputs : inner, size))];
    }
}
