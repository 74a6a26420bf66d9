using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Convolutions over one, two or three axes: plain, depthwise, separable and transposed. None of them passes a mask on, as in Keras.</summary>
internal sealed class KerasConvolutions(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers
    {
        get
        {
            for (var spatial = 1; spatial <= 3; spatial++)
            {
                var count = spatial;
                yield return ($"Conv{count}D", emitter.Unmasked((layer, x) => Plain(layer, x, count)));
                yield return ($"Conv{count}DTranspose", emitter.Unmasked((layer, x) => Transposed(layer, x, count)));
                if (count == 3) continue;
                yield return ($"DepthwiseConv{count}D", emitter.Unmasked((layer, x) => Depthwise(layer, x, count)));
                yield return ($"SeparableConv{count}D", emitter.Unmasked((layer, x) => Separable(layer, x, count)));
            }
        }
    }

    private KerasValue Plain(KerasLayer layer, KerasValue x, int spatial)
    {
        var kernel = emitter.Need(layer, "kernel", spatial + 2);
        layer.Expect("filters", kernel.Shape[^1]);
        ExpectSize(layer, kernel, spatial);
        var filters = kernel.Shape[^1];
        kernel = KerasKernels.ConvKernel(kernel, isTurned: emitter.Version.IsTheano);
        var bias = emitter.Bias(layer, filters) is { } given ? emitter.Constant(layer, "bias", given) : null;
        return KerasSpatial.Inside(emitter, layer, x, spatial, inner => Convolve(Graph, layer, inner, emitter.Constant(layer, "kernel", kernel), bias, kernel, spatial, layer.Int("groups", 1)));
    }

    /// <summary>Each channel has its own kernels; the outputs of a channel are next to each other.</summary>
    private KerasValue Depthwise(KerasLayer layer, KerasValue x, int spatial)
    {
        var (kernel, name) = DepthwiseKernel(layer, spatial);
        var bias = emitter.Bias(layer, kernel.Shape[0]) is { } given ? emitter.Constant(layer, "bias", given) : null;
        return KerasSpatial.Inside(emitter, layer, x, spatial, inner => Convolve(Graph, layer, inner, emitter.Constant(layer, name, kernel), bias, kernel, spatial, kernel.Shape[0] / Multiplier(layer)));
    }

    /// <summary>A depthwise convolution, then one of a single tap over all channels.</summary>
    private KerasValue Separable(KerasLayer layer, KerasValue x, int spatial)
    {
        var (kernel, name) = DepthwiseKernel(layer, spatial);
        var point = emitter.Need(layer, "pointwise_kernel", spatial + 2);
        layer.Expect("filters", point.Shape[^1]);
        if (point.Shape[..spatial].Any(s => s != 1) || point.Shape[^2] != kernel.Shape[0]) throw layer.Fault($"its weight 'pointwise_kernel' has shape [{string.Join(", ", point.Shape)}]; it must have one tap and {kernel.Shape[0]} inputs");
        var bias = emitter.Bias(layer, point.Shape[^1]) is { } given ? emitter.Constant(layer, "bias", given) : null;
        point = KerasKernels.ConvKernel(point);
        return KerasSpatial.Inside(emitter, layer, x, spatial, inner =>
        {
            var deep = Convolve(Graph, layer, inner, emitter.Constant(layer, name, kernel), bias: null, kernel, spatial, kernel.Shape[0] / Multiplier(layer));
            return Graph.Op("Conv", [deep, emitter.Constant(layer, "pointwise_kernel", point), bias], ("kernel_shape", Filled(spatial)));
        });
    }

    private KerasValue Transposed(KerasLayer layer, KerasValue x, int spatial)
    {
        if (emitter.Version.IsTheano) throw layer.Fault("transposed convolutions of Theano are not supported");
        if (layer.Int("groups", 1) != 1) throw layer.Fault("groups of a transposed convolution are not supported");
        // [taps …, outputs, inputs]
        var kernel = emitter.Need(layer, "kernel", spatial + 2);
        layer.Expect("filters", kernel.Shape[^2]);
        ExpectSize(layer, kernel, spatial);
        var bias = emitter.Bias(layer, kernel.Shape[^2]) is { } given ? emitter.Constant(layer, "bias", given) : null;
        long[] strides = KerasSpatial.Numbers(layer, "strides", spatial, 1), dilations = KerasSpatial.Numbers(layer, "dilation_rate", spatial, 1);
        var extra = layer.Get("output_padding") is null ? null : KerasSpatial.Numbers(layer, "output_padding", spatial, 0, least: 0);
        var isSame = IsSame(layer);
        long[] pads = new long[2 * spatial], more = new long[spatial];
        for (var axis = 0; axis < spatial; axis++)
        {
            var reach = (kernel.Shape[axis] - 1) * dilations[axis] + 1;
            // What the transposed convolution has more than Keras' output length. Half of it is cut off at the front, the rest at the end.
            var excess = isSame ? reach - (extra is null ? strides[axis] : reach % 2 + extra[axis]) : extra is null ? Math.Min(0, reach - strides[axis]) : -extra[axis];
            pads[axis] = Math.Max(excess, 0) / 2;
            pads[spatial + axis] = Math.Max(excess, 0) - pads[axis];
            more[axis] = Math.Max(-excess, 0);
        }

        kernel = KerasKernels.ConvKernel(kernel);
        (string, object)[] attributes = [("kernel_shape", Array.ConvertAll(kernel.Shape[2..], s => (long)s)), ("strides", strides), ("dilations", dilations), ("pads", pads), ("output_padding", more)];
        return KerasSpatial.Inside(emitter, layer, x, spatial, inner => Graph.Op("ConvTranspose", [inner, emitter.Constant(layer, "kernel", kernel), bias], attributes));
    }

    /// <summary>A convolution of a value whose channels are first, with the layer's strides, dilations and padding.</summary>
    public static string Convolve(GraphComposer graph, KerasLayer layer, string x, string weight, string? bias, IrTensor kernel, int spatial, int groups)
    {
        var taps = Array.ConvertAll(kernel.Shape[2..], s => (long)s);
        var dilations = KerasSpatial.Numbers(layer, "dilation_rate", spatial, 1);
        List<(string, object)> attributes = [("kernel_shape", taps), ("strides", KerasSpatial.Numbers(layer, "strides", spatial, 1)), ("dilations", dilations), ("group", (long)groups)];
        attributes.Add(layer.String("padding") switch
        {
            "causal" when spatial == 1 => ("pads", new[] { (taps[0] - 1) * dilations[0], 0 }),
            _ when IsSame(layer) => ("auto_pad", "SAME_UPPER"),
            _ => ("pads", new long[2 * spatial]),
        });
        return graph.Op("Conv", [x, weight, bias], [.. attributes]);
    }

    /// <summary>The kernel [taps …, channels, multiplier] as [channels · multiplier, 1, taps …].</summary>
    private (IrTensor Kernel, string Name) DepthwiseKernel(KerasLayer layer, int spatial)
    {
        if (emitter.Version.IsTheano) throw layer.Fault("depthwise convolutions of Theano are not supported");
        if (layer.Int("groups", 1) != 1) throw layer.Fault("groups of a depthwise convolution are not supported");
        // Keras 3 names it as in other layers.
        var name = emitter.Weights.Has(layer, layer.Part, "depthwise_kernel") ? "depthwise_kernel" : "kernel";
        var kernel = emitter.Need(layer, name, spatial + 2);
        ExpectSize(layer, kernel, spatial);
        layer.Expect("depth_multiplier", kernel.Shape[^1]);
        if (Multiplier(layer) != kernel.Shape[^1]) throw layer.Fault($"its weight '{name}' has {kernel.Shape[^1]} kernels for each channel, but its 'depth_multiplier' is {Multiplier(layer)}");
        int[] order = [spatial, spatial + 1, .. Enumerable.Range(0, spatial)];
        var moved = kernel.Permuted(order);
        return (moved.Reshaped([kernel.Shape[^2] * kernel.Shape[^1], 1, .. kernel.Shape[..spatial]]), name);
    }

    private static int Multiplier(KerasLayer layer) => layer.Int("depth_multiplier", 1);

    /// <summary>Checks that the kernel_size agrees with the weights.</summary>
    public static void ExpectSize(KerasLayer layer, IrTensor kernel, int spatial)
    {
        foreach (var (axis, size) in KerasSpatial.Numbers(layer, "kernel_size", spatial, 0, least: 0).Index())
        {
            if (size != 0 && size != kernel.Shape[axis]) throw layer.Fault($"its 'kernel_size' is {string.Join(", ", layer.Longs("kernel_size"))}, but its weights have {string.Join(", ", kernel.Shape[..spatial])}");
        }
    }

    private static bool IsSame(KerasLayer layer) => layer.String("padding") switch
    {
        null or "valid" => false,
        "same" => true,
        var other => throw layer.Fault($"the padding '{other}' is not supported"),
    };

    private static long[] Filled(int count)
    {
        var ones = new long[count];
        Array.Fill(ones, 1);
        return ones;
    }
}
