using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// GatedConvNet of Automated-GuitarAmpModelling: blocks of dilated convolutions with gates, whose values all go to one linear mixer. Each layer's
/// value also passes through a 1×1 convolution and is added to the layer's input.
/// </summary>
internal static class GatedConvNet
{
    public static void Add(AudioGraph graph, Members model, WeightSet weights)
    {
        var (channels, blocks, layers) = (model.Int("channels"), model.Int("blocks"), model.Int("layers"));
        var (growth, taps) = (model.Int("dilation_growth"), model.Int("kernel_size"));
        if ((long)blocks * layers > weights.Names.Count) throw model.Fault($"it has {blocks} blocks of {layers} layers, but 'state_dict' has only {weights.Names.Count} tensors");
        var composer = graph.Composer;
        var value = composer.Transpose(graph.Input("input", 1), 0, 2, 1);
        var inputs = 1;
        var gated = new List<string>();
        for (var block = 0; block < blocks; block++)
        {
            var dilation = 1L;
            for (var layer = 0; layer < layers; layer++, dilation *= growth)
            {
                const int most = 1 << 24;
                if (dilation > most) throw model.Fault($"layer {layer + 1} of a block would have the dilation {dilation}; 'dilation_growth' or 'layers' is too large");
                var name = $"blocks.{block}.layers.{layer}";
                var conv = graph.Conv($"{name}.conv", value, Need(weights, $"{name}.conv.weight", 2 * channels, inputs, taps), Need(weights, $"{name}.conv.bias", 2 * channels), (int)dilation);
                string Half(string op, int half) => composer.Op(op, [composer.Op("Slice", [conv, composer.Axes(half * channels), composer.Axes((half + 1) * channels), composer.Axes(1)])]);
                gated.Add(composer.Op("Mul", [Half("Tanh", 0), Half("Sigmoid", 1)]));
                var mixed = graph.Conv($"{name}.mix", gated[^1], Need(weights, $"{name}.mix.weight", channels, channels, 1), Need(weights, $"{name}.mix.bias", channels));
                value = composer.Op("Add", [mixed, value]);
                inputs = channels;
            }
        }

        var all = gated.Count == 1 ? gated[0] : composer.Op("Concat", [.. gated], ("axis", 1L));
        var output = graph.Conv($"blocks.{blocks}", all, Need(weights, $"blocks.{blocks}.weight", 1, channels * gated.Count, 1), Need(weights, $"blocks.{blocks}.bias", 1));
        graph.Output("output", composer.Transpose(output, 0, 2, 1));
    }

    private static IrTensor Need(WeightSet weights, string name, params int[] shape)
    {
        var tensor = weights.Read(name) ?? throw new ConversionException($"'state_dict' has no '{name}'");
        return tensor.Shape.AsSpan().SequenceEqual(shape) ? tensor : throw new ConversionException($"'{name}' has the shape [{string.Join(", ", tensor.Shape)}]; it must be [{string.Join(", ", shape)}]");
    }
}
