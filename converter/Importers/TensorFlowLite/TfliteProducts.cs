using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Products with weights: FULLY_CONNECTED, BATCH_MATMUL, convolutions, and pools. Values are [batch, height, width, channels].</summary>
internal static class TfliteProducts
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["FULLY_CONNECTED"] = FullyConnected,
        ["BATCH_MATMUL"] = BatchMatMul,
        ["CONV_2D"] = Conv,
        ["CONV_3D"] = Conv3D,
        ["DEPTHWISE_CONV_2D"] = Depthwise,
        ["TRANSPOSE_CONV"] = Transposed,
        ["MAX_POOL_2D"] = call => Pool(call, "MaxPool"),
        ["AVERAGE_POOL_2D"] = call => Pool(call, "AveragePool"),
    };

    /// <summary>The fields of the options of a convolution.</summary>
    private sealed record Window(int Activation, int Dilation);

    private static string FullyConnected(TfliteCall call)
    {
        var (graph, weights) = (call.Graph, call.Tensor(1));
        if (call.Options.Byte(1) != 0) throw call.Fault("its weights are shuffled for one kind of processor; convert the original model");
        if (weights.Shape is not [var outputs, var inputs]) throw call.Fault($"its weights have shape [{string.Join(", ", weights.Shape)}]; they must be a matrix");
        var x = call.Value(0);
        if (!call.Options.Flag(2) && (call.Tensor(0).Rank != 2 || call.Tensor(0).Shape[1] != inputs)) x = graph.Op("Reshape", [x, graph.Axes(-1, inputs)]);
        var y = call.IsConstant(1) ? graph.Product(x, Weight(call, 1), NameOf(call, 1)) : graph.Op("MatMul", [x, graph.Transpose(call.Value(1), 1, 0)]);
        if (Bias(call, 2, outputs) is { } bias) y = graph.Op("Add", [y, bias]);
        return TfliteActivations.Apply(call, y, call.Options.Byte(0));
    }

    private static string BatchMatMul(TfliteCall call)
    {
        string Side(int input, bool isTurned)
        {
            var rank = call.Tensor(input).Rank;
            if (!isTurned) return call.Value(input);
            if (rank < 2) throw call.Fault("it multiplies what is not a matrix");
            return call.Graph.Transpose(call.Value(input), [.. Enumerable.Range(0, rank - 2).Select(a => (long)a), rank - 1, rank - 2]);
        }

        return call.Graph.Op("MatMul", [Side(0, call.Options.Flag(0)), Side(1, call.Options.Flag(1))]);
    }

    /// <summary>Weights are [outputs, height, width, inputs of a group].</summary>
    private static string Conv(TfliteCall call)
    {
        var (graph, weights) = (call.Graph, Weight(call, 1));
        if (weights.Shape is not [var outputs, var height, var width, var inputs] || inputs < 1) throw call.Fault($"its weights have shape [{string.Join(", ", weights.Shape)}]; four dimensions are needed");
        var (o, channels) = (call.Options, Channels(call, 0, inputs));
        if (channels % inputs != 0) throw call.Fault($"its input has {channels} channels, and its weights have {inputs}");
        string y;
        if (height == 1 && width == 1 && channels == inputs && o.Int(1) == 1 && o.Int(2) == 1)
        {
            y = graph.Product(call.Value(0), weights.Reshaped(outputs, inputs), NameOf(call, 1));
            if (Bias(call, 2, outputs) is { } bias) y = graph.Op("Add", [y, bias]);
        }
        else
        {
            y = Convolved(call, weights.Permuted([0, 3, 1, 2]), outputs, channels / inputs, new Window(3, 4));
        }

        return TfliteActivations.Apply(call, y, o.Byte(3));
    }

    /// <summary>Values are [batch, depth, height, width, channels], and weights [depth, height, width, inputs of a group, outputs].</summary>
    private static string Conv3D(TfliteCall call)
    {
        var (graph, o, weights) = (call.Graph, call.Options, Weight(call, 1));
        if (weights.Shape is not [var depth, var height, var width, var inputs, var outputs] || call.Tensor(0).Shape is not [_, _, _, _, var channels] || inputs < 1 || channels % inputs != 0)
            throw call.Fault($"its weights of shape [{string.Join(", ", weights.Shape)}] do not fit its input of shape [{string.Join(", ", call.Tensor(0).Shape)}]");
        var y = graph.Op(
            "Conv",
            [graph.Transpose(call.Value(0), 0, 4, 1, 2, 3), graph.Constant(NameOf(call, 1), weights.Permuted([4, 3, 0, 1, 2])), Bias(call, 2, outputs)],
            ("kernel_shape", new long[] { depth, height, width }),
            ("strides", new long[] { o.Int(1), o.Int(3), o.Int(2) }),
            ("dilations", new long[] { o.Int(5, 1), o.Int(7, 1), o.Int(6, 1) }),
            ("group", (long)(channels / inputs)),
            ("auto_pad", Padding(call)));
        return TfliteActivations.Apply(call, graph.Transpose(y, 0, 2, 3, 4, 1), o.Byte(4));
    }

    /// <summary>Weights are [1, height, width, outputs]. Each input channel has as many outputs as there are outputs for one input.</summary>
    private static string Depthwise(TfliteCall call)
    {
        var weights = Weight(call, 1);
        var outputs = weights.Shape is [1, _, _, var all] ? all : 0;
        var channels = Channels(call, 0, outputs / Math.Max(1, call.Options.Int(3)));
        if (outputs < 1 || channels < 1 || outputs % channels != 0) throw call.Fault($"its weights of shape [{string.Join(", ", weights.Shape)}] do not fit its input of {channels} channels");
        return TfliteActivations.Apply(call, Convolved(call, weights.Permuted([3, 0, 1, 2]), outputs, channels, new Window(4, 5)), call.Options.Byte(4));
    }

    private static string Convolved(TfliteCall call, IrTensor weights, int outputs, int groups, Window fields)
    {
        var (graph, o) = (call.Graph, call.Options);
        var y = graph.Op(
            "Conv",
            [graph.Transpose(call.Value(0), 0, 3, 1, 2), graph.Constant(NameOf(call, 1), weights), Bias(call, 2, outputs)],
            ("kernel_shape", new long[] { weights.Shape[2], weights.Shape[3] }),
            ("strides", new long[] { o.Int(2), o.Int(1) }),
            ("dilations", new long[] { o.Int(fields.Dilation + 1, 1), o.Int(fields.Dilation, 1) }),
            ("group", (long)groups),
            ("auto_pad", Padding(call)));
        return graph.Transpose(y, 0, 2, 3, 1);
    }

    /// <summary>Inputs: the output's shape, weights [outputs, height, width, inputs], the value, and a bias.</summary>
    private static string Transposed(TfliteCall call)
    {
        var (graph, o, weights) = (call.Graph, call.Options, Weight(call, 1));
        if (weights.Shape is not [var outputs, var height, var width, _]) throw call.Fault($"its weights have shape [{string.Join(", ", weights.Shape)}]; four dimensions are needed");
        var (stepX, stepY) = (o.Int(1), o.Int(2));
        if (stepX < 1 || stepY < 1) throw call.Fault($"its strides are {stepY} and {stepX}");
        List<(string, object)> attributes = [("kernel_shape", new long[] { height, width }), ("strides", new long[] { stepY, stepX })];
        if (call.IsConstant(0))
        {
            if (call.Integers(0) is not [_, var rows, var columns, _]) throw call.Fault("the shape of its output must have four sizes");
            attributes.Add(("output_shape", new[] { rows, columns }));
            attributes.Add(("auto_pad", "SAME_UPPER"));
        }
        else
        {
            // The output is as many times longer as the stride, and with VALID also by what the kernel reaches beyond it.
            var isSame = o.Byte(0) == 0;
            (long Before, long After, long More) Along(int kernel, int stride)
            {
                var beyond = kernel - stride;
                return beyond < 0 ? (0, 0, -beyond) : isSame ? (beyond / 2, beyond - beyond / 2, 0) : (0, 0, 0);
            }

            var (y0, x0) = (Along(height, stepY), Along(width, stepX));
            attributes.Add(("pads", new[] { y0.Before, x0.Before, y0.After, x0.After }));
            attributes.Add(("output_padding", new[] { y0.More, x0.More }));
        }

        var y = graph.Op("ConvTranspose", [graph.Transpose(call.Value(2), 0, 3, 1, 2), graph.Constant(NameOf(call, 1), weights.Permuted([3, 0, 1, 2])), Bias(call, 3, outputs)], [.. attributes]);
        return TfliteActivations.Apply(call, graph.Transpose(y, 0, 2, 3, 1), o.Byte(3));
    }

    private static string Pool(TfliteCall call, string op)
    {
        var (graph, o) = (call.Graph, call.Options);
        var y = graph.Op(op, [graph.Transpose(call.Value(0), 0, 3, 1, 2)], ("kernel_shape", new long[] { o.Int(4), o.Int(3) }), ("strides", new long[] { o.Int(2), o.Int(1) }), ("auto_pad", Padding(call)));
        return TfliteActivations.Apply(call, graph.Transpose(y, 0, 2, 3, 1), o.Byte(5));
    }

    private static string Padding(TfliteCall call) => call.Options.Byte(0) switch
    {
        0 => "SAME_UPPER",
        1 => "VALID",
        var other => throw call.Fault($"its padding {other} is unknown; the file is damaged"),
    };

    /// <summary>The channels of an input. Older converters leave the shapes of values open; then they are what the weights need.</summary>
    private static int Channels(TfliteCall call, int input, int needed) => call.Tensor(input).Rank == 0 ? needed : call.Image(input).Shape[3];

    private static string? Bias(TfliteCall call, int input, int size)
    {
        if (!call.Has(input)) return null;
        if (call.IsConstant(input) && call.Constant(input) is { } bias && (bias.Type != ElementType.Float32 || bias.Count != size)) throw call.Fault($"its bias has shape [{string.Join(", ", bias.Shape)}] in {bias.Type.Name()}; {size} real numbers are needed");
        return call.Value(input);
    }

    /// <summary>Constant weights in float32.</summary>
    private static IrTensor Weight(TfliteCall call, int input)
    {
        var weight = call.Constant(input);
        return weight.Type == ElementType.Float32 ? weight : throw call.Fault($"its weights are {weight.Type.Name()} without a scale; the file is damaged");
    }

    private static string NameOf(TfliteCall call, int input) => TfliteNotes.Clean(call.Tensor(input).Name, call.Name + "/weights");
}
