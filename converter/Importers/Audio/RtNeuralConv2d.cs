using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>
/// RTNeural's two-dimensional convolution: causal over time, with its own padding and stride over features. Values are [1, T, features, filters],
/// the kernel is [taps of time, taps of features, filters in, filters out].
/// </summary>
internal sealed class RtNeuralConv2d(AudioGraph graph)
{
    public RtNeuralValue Add(Members layer, string name, List<IrTensor> weights, RtNeuralValue x)
    {
        RtNeuralLayers.AtMost(layer, weights, 2);
        if (x.Sizes is not [var features, var filters]) throw layer.Fault("its input has no features and filters; 'in_shape' must have 4 sizes: batch, time, features, filters");
        var kernel = RtNeuralLayers.Need(layer, weights, 0, 4, "its kernel");
        var (outputs, dilation, stride) = (kernel.Shape[3], layer.Int("dilation", 1), layer.Int("strides", 1));
        Expect("kernel_size_time", kernel.Shape[0]);
        Expect("kernel_size_feature", kernel.Shape[1]);
        Expect("num_filters_in", filters);
        Expect("num_features_in", features);
        Expect("num_filters_out", outputs);
        if (kernel.Shape[2] != filters) throw layer.Fault($"its kernel [{string.Join(", ", kernel.Shape)}] takes {kernel.Shape[2]} filters; its input has {filters}");
        var (begin, end) = Padding(layer, features, kernel.Shape[1], stride);
        var made = (features + begin + end - kernel.Shape[1]) / stride + 1;
        if (features + begin + end < kernel.Shape[1]) throw layer.Fault($"its kernel has {kernel.Shape[1]} taps over {features} features; a smaller one or padding 'same' is needed");
        var composer = graph.Composer;
        var padded = composer.Transpose(x.Name, 0, 3, 1, 2);
        var reach = graph.Reach(name, kernel.Shape[0], dilation, (long)filters * features);
        if (reach > 0)
        {
            var next = composer.Graph.Fresh($"{name}/past");
            padded = composer.Op("Concat", [graph.State($"{name}/past", next, null, 1, filters, reach, features), padded], ("axis", 2L));
            composer.Op("Slice", [padded, composer.Axes(-reach), composer.Axes(long.MaxValue), composer.Axes(2)], next);
        }

        var bias = weights.Count > 1 ? composer.Constant($"{name}.bias", RtNeuralLayers.Vector(layer, weights, 1, outputs, "its bias")) : null;
        var y = composer.Op(
            "Conv",
            [padded, composer.Constant($"{name}.weight", RtNeuralLayers.Turned(kernel)), bias],
            ("kernel_shape", new long[] { kernel.Shape[0], kernel.Shape[1] }),
            ("strides", new long[] { 1, stride }),
            ("dilations", new long[] { dilation, 1 }),
            ("pads", new long[] { 0, begin, 0, end }));
        return new RtNeuralValue(composer.Transpose(y, 0, 2, 3, 1), [made, outputs]);

        void Expect(string member, int size)
        {
            if (layer.Int(member, size) is var told && told != size) throw layer.Fault($"its {member} is {told}, but its weights and its input have {size}");
        }
    }

    /// <summary>TensorFlow's padding of features: none, or so much that each stride gives an output.</summary>
    private static (int Begin, int End) Padding(Members layer, int features, int taps, int stride)
    {
        switch (layer.Text("padding"))
        {
            case "valid":
                return (0, 0);
            case "same":
                var all = Math.Max(features % stride == 0 ? taps - stride : taps - features % stride, 0);
                return (all / 2, all - all / 2);
            case var other:
                throw layer.Fault($"its padding is '{other}'; it must be 'valid' or 'same'");
        }
    }
}
