using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's convolutions and pools over 1 to 3 axes, and paddings.</summary>
internal sealed class ScriptConvolutions(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        if (args[0, args[0, "input"] is ScriptTensor ? "input" : "self"] is not ScriptTensor x) return null;
        ScriptTensor W() => args.Tensor(1, "weight");
        switch (name)
        {
            case "conv1d" or "conv2d" or "conv3d": return Convolution(args, x, W(), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), Padding(args, W()), args.Ints(5, "dilation", 1), args.Int(6, "groups", 1));
            case "_convolution" or "convolution" when !args.Flag(6, "transposed"): return Convolution(args, x, W(), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), args.Ints(4, "padding", 0), args.Ints(5, "dilation", 1), args.Int(8, "groups", 1));
            case "_convolution" or "convolution": return Transposed(args, x, W(), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), args.Ints(4, "padding", 0), args.Ints(7, "output_padding", 0), args.Int(8, "groups", 1), args.Ints(5, "dilation", 1));
            case "conv_transpose1d" or "conv_transpose2d": return Transposed(args, x, W(), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), args.Ints(4, "padding", 0), args.Ints(5, "output_padding", 0), args.Int(6, "groups", 1), args.Ints(7, "dilation", 1));
            case "max_pool1d" or "max_pool2d" or "max_pool1d_with_indices": return Pooled("MaxPool", args, x, name.Contains("1d", StringComparison.Ordinal) ? 1 : 2, args.Ints(4, "dilation", 1), args.Flag(5, "ceil_mode"));
            case "avg_pool1d" or "avg_pool2d" when args[6, "divisor_override"] is null: return Pooled("AveragePool", args, x, name == "avg_pool1d" ? 1 : 2, [1], args.Flag(4, "ceil_mode"), ("count_include_pad", args[5, "count_include_pad"] is false ? 0L : 1L));
            case "adaptive_avg_pool1d" or "adaptive_avg_pool2d": return Whole("ReduceMean", x, args, name.EndsWith("1d", StringComparison.Ordinal) ? 1 : 2);
            case "adaptive_max_pool1d" or "adaptive_max_pool2d": return new object?[] { Whole("ReduceMax", x, args, name.EndsWith("1d", StringComparison.Ordinal) ? 1 : 2), new ScriptOther("indices") };
            case "constant_pad_nd": return Padded(x, args.Ints(1, "pad"), "constant", args.Number(2, "value", 0));
            case "pad": return Padded(x, args.Ints(1, "pad"), args[2, "mode"] as string ?? "constant", args.Number(3, "value", 0));
            case "reflection_pad1d" or "reflection_pad2d": return Padded(x, args.Ints(1, "padding"), "reflect", 0);
            case "replication_pad1d" or "replication_pad2d": return Padded(x, args.Ints(1, "padding"), "replicate", 0);
            default: return null;
        }
    }

    private static long[] All(long[] given, int axes, ScriptRun run, string function) => given.Length == axes ? given : given.Length == 1 ? [.. Enumerable.Repeat(given[0], axes)] : throw run.Fault($"{function} has settings for {given.Length} axes");

    /// <summary>The padding on both sides, also one that keeps the size.</summary>
    private long[] Padding(ScriptArguments args, ScriptTensor weight)
    {
        if (args[4, "padding"] is not string text) return args.Ints(4, "padding", 0);
        if (text == "valid") return [0];
        var spread = All(args.Ints(5, "dilation", 1), weight.Rank - 2, run, args.Function);
        long[] around = [.. weight.Sizes[2..].Select((size, axis) => spread[axis] * ((size.Number ?? 1L) - 1))];
        return text == "same" && Array.TrueForAll(around, all => all % 2 == 0) ? Array.ConvertAll(around, all => all / 2) : throw run.Fault($"{args.Function} with padding '{text}' and kernels of an even size is not known here");
    }

    private ScriptTensor Convolution(ScriptArguments args, ScriptTensor x, ScriptTensor weight, ScriptTensor? bias, long[] stride, long[] padding, long[] dilation, long groups)
    {
        var axes = weight.Rank - 2;
        // Without a batch.
        if (axes >= 1 && x.Rank == weight.Rank - 1)
        {
            var one = Convolution(args, operators.Node("Unsqueeze", [new ScriptSize(1), .. x.Sizes], [operators.Use(x), graph.Axes(0)]), weight, bias, stride, padding, dilation, groups);
            return operators.Node("Squeeze", one.Sizes[1..], [operators.Use(one), graph.Axes(0)]);
        }

        if (axes < 1 || x.Rank != weight.Rank) throw run.Fault($"{args.Function} of {x} is not known here");
        var (steps, zeros, spread) = (All(stride, axes, run, args.Function), All(padding, axes, run, args.Function), All(dilation, axes, run, args.Function));
        if (weight.Sizes[1].Number is { } inputs && !x.Sizes[1].Join(new ScriptSize((int)Math.Clamp(inputs * groups, 0, int.MaxValue)))) throw run.Fault($"{args.Function} takes {inputs * groups} channels, and gets {x}");
        ScriptSize[] sizes = [x.Sizes[0], weight.Sizes[0], .. Enumerable.Range(0, axes).Select(axis => Size(x, axis, weight.Sizes[axis + 2].Number ?? 1, steps[axis], 2 * zeros[axis], spread[axis]))];
        return operators.Node("Conv", sizes, [operators.Use(x), operators.Use(weight), bias is null ? null : operators.Use(bias)], ("kernel_shape", weight.Sizes[2..].Select(size => (long)size.Number!.Value).ToArray()), ("strides", steps), ("dilations", spread), ("pads", (long[])[.. zeros, .. zeros]), ("group", groups));
    }

    private ScriptTensor Transposed(ScriptArguments args, ScriptTensor x, ScriptTensor weight, ScriptTensor? bias, long[] stride, long[] padding, long[] more, long groups, long[] dilation)
    {
        var axes = weight.Rank - 2;
        if (axes < 1 || x.Rank != weight.Rank || groups < 1 || !x.Sizes[1].Join(weight.Sizes[0])) throw run.Fault($"{args.Function} of {x} is not known here");
        var (steps, cut, spread, behind) = (All(stride, axes, run, args.Function), All(padding, axes, run, args.Function), All(dilation, axes, run, args.Function), All(more, axes, run, args.Function));
        ScriptSize[] sizes = [x.Sizes[0], new ScriptSize((int)Math.Clamp((weight.Sizes[1].Number ?? 0) * groups, 0, int.MaxValue)), .. Enumerable.Range(0, axes).Select(axis => x.Sizes[axis + 2].Number is { } size
            ? new ScriptSize((int)Math.Clamp((size - 1) * steps[axis] - 2 * cut[axis] + spread[axis] * ((weight.Sizes[axis + 2].Number ?? 1) - 1) + behind[axis] + 1, 0, int.MaxValue)) : new ScriptSize())];
        return operators.Node("ConvTranspose", sizes, [operators.Use(x), operators.Use(weight), bias is null ? null : operators.Use(bias)], ("kernel_shape", weight.Sizes[2..].Select(size => (long)size.Number!.Value).ToArray()), ("strides", steps), ("dilations", spread), ("pads", (long[])[.. cut, .. cut]), ("output_padding", behind), ("group", groups));
    }

    private ScriptTensor Pooled(string op, ScriptArguments args, ScriptTensor x, int axes, long[] dilation, bool isRoundedUp, params (string, object)[] more)
    {
        if (x.Rank != axes + 2) throw run.Fault($"{args.Function} of {x} is not known here");
        var kernel = All(args.Ints(1, "kernel_size"), axes, run, args.Function);
        var stride = args.Ints(2, "stride") is { Length: > 0 } given ? All(given, axes, run, args.Function) : kernel;
        var (zeros, spread) = (All(args.Ints(3, "padding", 0), axes, run, args.Function), All(dilation, axes, run, args.Function));
        ScriptSize[] sizes = [.. x.Sizes[..2], .. Enumerable.Range(0, axes).Select(axis => isRoundedUp ? new ScriptSize() : Size(x, axis, kernel[axis], stride[axis], 2 * zeros[axis], spread[axis]))];
        (string, object)[] dilations = op == "MaxPool" ? [("dilations", spread)] : [];
        return operators.Node(op, sizes, [operators.Use(x)], [("kernel_shape", kernel), ("strides", stride), ("pads", (long[])[.. zeros, .. zeros]), ("ceil_mode", isRoundedUp ? 1L : 0L), .. dilations, .. more]);
    }

    /// <summary>A pool to one element along each axis.</summary>
    private ScriptTensor Whole(string op, ScriptTensor x, ScriptArguments args, int axes)
    {
        var sizes = args.Ints(1, "output_size");
        if (x.Rank < axes || Array.Exists(sizes, size => size != 1)) throw run.Fault($"{args.Function} to [{string.Join(", ", sizes)}] is only known to sizes of 1");
        return operators.Node(op, [.. x.Sizes[..^axes], .. Enumerable.Range(0, axes).Select(_ => new ScriptSize(1))], [operators.Use(x), graph.Axes([.. Enumerable.Range(0, axes).Select(axis => (long)axis - axes)])], ("keepdims", 1L));
    }

    /// <summary>Elements around a tensor. PyTorch counts them from the last axis, before and after.</summary>
    private ScriptTensor Padded(ScriptTensor x, long[] pad, string mode, double value)
    {
        if (pad.Length % 2 != 0 || pad.Length / 2 > x.Rank || Array.Exists(pad, size => size is < int.MinValue or > int.MaxValue)) throw run.Fault($"a padding of {pad.Length} numbers for {x} is not known here");
        var pads = new long[2 * x.Rank];
        ScriptSize[] sizes = [.. x.Sizes];
        for (var i = 0; i < pad.Length / 2; i++)
        {
            var axis = x.Rank - 1 - i;
            (pads[axis], pads[x.Rank + axis]) = (pad[2 * i], pad[2 * i + 1]);
            if (pad[2 * i] + pad[2 * i + 1] is not 0 and var more) sizes[axis] = x.Sizes[axis].Number is { } size ? new ScriptSize((int)Math.Clamp(size + more, 0, int.MaxValue)) : new ScriptSize();
        }

        var way = mode switch { "constant" => mode, "reflect" => mode, "replicate" => "edge", "circular" => "wrap", _ => throw run.Fault($"a padding of the mode '{mode}' is not known here") };
        return operators.Node("Pad", sizes, [operators.Use(x), graph.Axes(pads), .. way == "constant" ? [graph.Scalar((float)value)] : Array.Empty<string>()], ("mode", way));
    }

    private static ScriptSize Size(ScriptTensor x, int axis, long kernel, long stride, long padding, long dilation)
    {
        if (x.Sizes[axis + 2].Number is not { } size || stride < 1) return new ScriptSize();
        var result = (size + padding - dilation * (kernel - 1) - 1) / stride + 1;
        return new ScriptSize((int)Math.Clamp(result, 0, int.MaxValue));
    }
}
