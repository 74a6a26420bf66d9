using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators as nodes of the graph.</summary>
internal sealed class ScriptOperators
{
    private readonly ScriptRun _run;
    private readonly GraphComposer _graph;
    private readonly WeightSet _weights;
    private readonly ScriptShapes _shapes;
    private readonly ScriptRecurrence _recurrence;
    private readonly Dictionary<string, string> _used = new(StringComparer.Ordinal);
    private readonly ScriptStorages _storages = new();

    public ScriptOperators(ScriptRun run, GraphComposer graph, WeightSet weights)
    {
        (_run, _graph, _weights) = (run, graph, weights);
        _shapes = new ScriptShapes(this, run, graph);
        _recurrence = new ScriptRecurrence(this, run, graph);
    }

    /// <summary>Inputs that are indices.</summary>
    public HashSet<string> Indices { get; } = new(StringComparer.Ordinal);

    public bool HasRecurrence => _recurrence.HasRun;

    /// <summary>A value as data of the graph: weights and zeros become constants.</summary>
    public string Use(ScriptTensor tensor)
    {
        if (tensor.Value is { } value) return _storages.Now(value) ?? throw _run.Fault("a tensor is read whose elements another one shares, and that one was computed on in place (an operation whose name ends in '_', such as relu_) before");
        if (tensor.Weight is { } weight)
        {
            var key = tensor.IsTurned ? weight + ".T" : weight;
            if (!_used.TryGetValue(key, out var constant)) _used[key] = constant = _graph.Constant(weight, tensor.IsTurned ? Read(tensor).Transposed() : Read(tensor));
            return constant;
        }

        if (tensor.Sizes.Any(size => size.Number is null)) throw _run.Fault("a constant has a size that is not known");
        int[] shape = [.. tensor.Sizes.Select(size => size.Number!.Value)];
        const int most = 1 << 24;
        if (shape.Aggregate(1L, (a, b) => a * b) > most) throw _run.Fault("a constant is too large");
        var values = new float[shape.Aggregate(1, (a, b) => a * b)];
        Array.Fill(values, tensor.Filled ?? 0);
        return _graph.Constant("constant", IrTensor.Of<float>(shape, values));
    }

    /// <summary>The elements of a weight as float32.</summary>
    public IrTensor Read(ScriptTensor tensor)
    {
        if (tensor.Weight is not { } name) throw _run.Fault("a weight is computed, and only weights of the file are known here");
        var read = _weights.Read(name) ?? throw _run.Fault($"the weight '{name}' is missing");
        return read.Type == ElementType.Float32 ? read : IrTensor.Of<float>(read.Shape, read.ToFloats());
    }

    public object? Call(string qualified, IReadOnlyList<object?> given, IReadOnlyDictionary<string, object?> named)
    {
        const string torch = "torch.", vf = "torch._VF.", ops = "ops.aten.";
        var name = qualified.StartsWith(vf, StringComparison.Ordinal) ? qualified[vf.Length..] : qualified.StartsWith(ops, StringComparison.Ordinal) ? qualified[ops.Length..] : qualified.StartsWith(torch, StringComparison.Ordinal) ? qualified[torch.Length..] : qualified;
        var args = new ScriptArguments(qualified, given, named, _run);
        if (ScriptScalars.Call(name, args, _run, out var scalar)) return scalar;
        if (_shapes.Call(name, args) is { } shaped) return Shared(args[0, "self"], shaped);
        if (_recurrence.Call(name, args) is { } recurrent) return recurrent;
        if (Function(name, args) is { } bent) return name.EndsWith('_') ? InPlace(args, bent) : bent;
        return Weighted(name, args) ?? throw _run.Fault($"{qualified} is not known here");
    }

    /// <summary>Makes a tensor hold other elements: all that reads it afterwards reads these, and a buffer keeps them.</summary>
    public void Overwrite(ScriptTensor tensor, ScriptTensor value)
    {
        var now = Use(value);
        var buffer = tensor.Buffer ?? (tensor.IsTurned ? null : tensor.Weight);
        if (buffer is not null) _run.Fill(buffer, value);
        else if (tensor.Value is null) throw _run.Fault("a weight that is turned, or a new tensor, is computed on in place, which is not known here");
        else if (_storages.IsPart(tensor.Value)) throw _run.Fault("a part of a tensor is overwritten, and only whole buffers are known here");
        if (tensor.Value is { } name) _storages.Replace(name, now);
    }

    /// <summary>A value of the graph.</summary>
    public ScriptTensor Node(string op, ScriptSize[] sizes, string?[] inputs, params (string, object)[] attributes) => new(sizes) { Value = _graph.Op(op, inputs, attributes) };

    /// <summary>The sizes of an elementwise result.</summary>
    public ScriptSize[] Broadcast(ScriptTensor a, ScriptTensor b)
    {
        var sizes = new ScriptSize[Math.Max(a.Rank, b.Rank)];
        for (var i = 1; i <= sizes.Length; i++)
        {
            var (x, y) = (i <= a.Rank ? a.Sizes[^i] : null, i <= b.Rank ? b.Sizes[^i] : null);
            // A size that is not known is taken to be the other, not 1.
            if (x is not null && y is not null && x.Number != 1 && y.Number != 1 && (x.Number is null || y.Number is null)) x.Join(y);
            sizes[^i] = x is null ? y! : y is null ? x : x.Number == 1 ? y : y.Number == 1 ? x : x.Number is not null ? x : y;
            if (x?.Number is > 1 and var p && y?.Number is > 1 and var q && p != q) throw _run.Fault($"shapes {a} and {b} do not fit together");
        }

        return sizes;
    }

    private object Shared(object? of, object result)
    {
        if (of is not ScriptTensor tensor) return result;
        foreach (var view in result as IEnumerable<object?> ?? [result])
        {
            if (view is ScriptTensor part) _storages.Share(tensor, part);
        }

        return result;
    }

    /// <summary>The result of an operation in place, which is its first argument.</summary>
    private ScriptTensor InPlace(ScriptArguments args, ScriptTensor result)
    {
        var x = args.Tensor(0, args[0, "input"] is ScriptTensor ? "input" : "self");
        if (ReferenceEquals(x, result)) return result;
        Overwrite(x, result);
        if (x.Value is { } name) _storages.Alias(result.Value!, name);
        return result with { Buffer = x.Buffer };
    }

    private ScriptTensor? Function(string name, ScriptArguments args)
    {
        // An underscore at the end computes in place.
        var plain = name.TrimEnd('_');
        ScriptTensor X() => args.Tensor(0, args[0, "input"] is ScriptTensor ? "input" : "self");
        ScriptTensor One(string op, params (string, object)[] attributes) => Node(op, X().Sizes, [Use(X())], attributes);
        switch (plain)
        {
            case "relu": return One("Relu");
            case "tanh": return One("Tanh");
            case "sigmoid": return One("Sigmoid");
            case "exp": return One("Exp");
            case "log": return One("Log");
            case "sqrt": return One("Sqrt");
            case "abs": return One("Abs");
            case "neg": return One("Neg");
            case "selu": return One("Selu");
            case "silu": return One("Swish");
            case "mish": return One("Mish");
            case "hardswish": return One("HardSwish");
            case "hardsigmoid": return One("HardSigmoid", ("alpha", 1f / 6), ("beta", 0.5f));
            case "elu" when args.Number(2, "scale", 1) == 1 && args.Number(3, "input_scale", 1) == 1: return One("Elu", ("alpha", (float)args.Number(1, "alpha", 1)));
            case "leaky_relu": return One("LeakyRelu", ("alpha", (float)args.Number(1, "negative_slope", 0.01)));
            case "gelu": return One("Gelu", ("approximate", args[1, "approximate"] as string ?? "none"));
            case "softplus" when args.Number(1, "beta", 1) == 1: return One("Softplus");
            case "relu6": return Clip(X(), 0, 6);
            case "hardtanh": return Clip(X(), args.Number(1, "min_val", -1), args.Number(2, "max_val", 1));
            case "clamp": return Clip(X(), args.Number(1, "min", float.MinValue), args.Number(2, "max", float.MaxValue));
            case "softmax": return One("Softmax", ("axis", (long)args.Axis(1, "dim", X().Rank, -1)));
            case "log_softmax": return One("LogSoftmax", ("axis", (long)args.Axis(1, "dim", X().Rank, -1)));
            case "prelu" when args.Tensor(1, "weight") is { Rank: 1 } slope:
                if (slope.Sizes[0].Number == 1) return Node("PRelu", X().Sizes, [Use(X()), Use(slope)]);
                var wide = Read(slope);
                return Node("PRelu", X().Sizes, [Use(X()), _graph.Constant(slope.Weight!, wide.Reshaped([wide.Count, .. Enumerable.Repeat(1, Math.Max(0, X().Rank - 2))]))]);
            case "dropout" or "feature_dropout" or "alpha_dropout" when !args.Flag(2, "train"): return X();
            // A tensor of its own, which operations in place on the other do not change.
            case "clone": return One("Identity");
            case "contiguous" or "detach" or "type_as" or "float" or "alias": return X();
            case "to": return Typed(X(), args);
            case "add" or "sub" or "rsub" or "mul" or "div": return Arithmetic(plain, args);
            case "mean" or "sum" when args[1, "dim"] is not null and not ScriptOther:
                var axes = args.Ints(1, "dim");
                return Reduced(plain == "mean" ? "ReduceMean" : "ReduceSum", X(), axes, args.Flag(2, "keepdim"));
            default: return null;
        }
    }

    /// <summary>A tensor in another type or on another device. Numbers stay float32; only inputs may become indices.</summary>
    private ScriptTensor Typed(ScriptTensor x, ScriptArguments args)
    {
        const long half = 5, single = 6, doubled = 7, brain = 15, integer = 4;
        var types = Enumerable.Range(1, Math.Max(0, args.Count - 1)).Select(i => args[i, ""]).OfType<long>().Append(args.Int(99, "dtype", single)).ToList();
        if (types.TrueForAll(type => type is half or single or doubled or brain)) return x;
        if (!types.TrueForAll(type => type is integer or single) || x.Input is not { } input) throw _run.Fault($"{args.Function} makes other numbers, which is not known here");
        Indices.Add(input);
        return x;
    }

    private ScriptTensor Clip(ScriptTensor x, double least, double most) => Node("Clip", x.Sizes, [Use(x), _graph.Scalar((float)least), _graph.Scalar((float)most)]);

    private ScriptTensor Arithmetic(string name, ScriptArguments args)
    {
        var (first, second) = (Operand(args[0, "self"], args), Operand(args[1, "other"], args));
        if (name == "div" && args[2, "rounding_mode"] is not null) throw _run.Fault($"{args.Function} with a rounding mode is not known here");
        // rsub is other - alpha · self.
        if (name == "rsub") (first, second) = (second, first);
        if (name is not ("mul" or "div") && args.Number(2, "alpha", 1) is var alpha && alpha != 1) second = Node("Mul", second.Sizes, [Use(second), _graph.Scalar((float)alpha)]);
        return Node(name switch { "add" => "Add", "mul" => "Mul", "div" => "Div", _ => "Sub" }, Broadcast(first, second), [Use(first), Use(second)]);
    }

    private ScriptTensor Operand(object? value, ScriptArguments args) => value switch
    {
        ScriptTensor tensor => tensor,
        long number => new ScriptTensor([]) { Value = _graph.Scalar(number) },
        double number => new ScriptTensor([]) { Value = _graph.Scalar((float)number) },
        _ => throw _run.Fault($"{args.Function} takes something that is no number or tensor"),
    };

    private ScriptTensor Reduced(string op, ScriptTensor x, long[] axes, bool isKept)
    {
        // No axes stand for all.
        var at = (axes.Length == 0 ? Enumerable.Range(0, x.Rank).Select(axis => (long)axis) : axes.Select(axis => axis < 0 ? axis + x.Rank : axis)).ToHashSet();
        if (at.Any(axis => axis < 0 || axis >= x.Rank)) throw _run.Fault("an axis is out of range");
        ScriptSize[] sizes = [.. x.Sizes.Index().Where(size => isKept || !at.Contains(size.Index)).Select(size => at.Contains(size.Index) ? new ScriptSize(1) : size.Item)];
        return Node(op, sizes, [Use(x), _graph.Axes([.. at])], ("keepdims", isKept ? 1L : 0L));
    }

    private ScriptTensor? Weighted(string name, ScriptArguments args)
    {
        switch (name)
        {
            case "linear": return Linear(args.Tensor(0, "input"), args.Tensor(1, "weight"), args.Maybe(2, "bias"));
            case "addmm" when args.Number(3, "beta", 1) == 1 && args.Number(4, "alpha", 1) == 1 && args.Tensor(2, "mat2") is { IsTurned: true, Weight: not null } weight:
                return Linear(args.Tensor(1, "mat1"), weight with { IsTurned = false, Sizes = [.. weight.Sizes.Reverse()] }, args.Tensor(0, "self"));
            case "matmul" or "mm" or "bmm": return Product(args.Tensor(0, "self"), args.Tensor(1, "other"));
            case "embedding":
                var (table, indices) = (args.Tensor(0, "weight"), args.Tensor(1, "indices"));
                if (indices.Input is { } input) Indices.Add(input);
                return Node("Gather", [.. indices.Sizes, table.Sizes[1]], [Use(table), Use(indices)], ("axis", 0L));
            case "layer_norm":
                var (x, shape) = (args.Tensor(0, "input"), args.Ints(1, "normalized_shape"));
                if (shape.Length != 1 || x.Rank == 0 || !x.Sizes[^1].Join(new ScriptSize((int)shape[0]))) throw _run.Fault($"a layer_norm over {shape.Length} axes of {x} is not known here");
                var gamma = args.Maybe(2, "weight") is { } given ? Use(given) : _graph.Constant("weight", IrTensor.Of<float>([(int)shape[0]], [.. Enumerable.Repeat(1f, (int)shape[0])]));
                return Node("LayerNormalization", x.Sizes, [Use(x), gamma, args.Maybe(3, "bias") is { } beta ? Use(beta) : null], ("axis", -1L), ("epsilon", (float)args.Number(4, "eps", 1e-5)));
            case "batch_norm": return Normalized(args);
            case "conv1d": return Convolution(args, args.Tensor(0, "input"), args.Tensor(1, "weight"), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), args[4, "padding"] is string ? throw _run.Fault("a padding by name is not known here") : args.Ints(4, "padding", 0), args.Ints(5, "dilation", 1), args.Int(6, "groups", 1));
            case "_convolution" when !args.Flag(6, "transposed"): return Convolution(args, args.Tensor(0, "input"), args.Tensor(1, "weight"), args.Maybe(2, "bias"), args.Ints(3, "stride", 1), args.Ints(4, "padding", 0), args.Ints(5, "dilation", 1), args.Int(8, "groups", 1));
            default: return null;
        }
    }

    public ScriptTensor Linear(ScriptTensor x, ScriptTensor weight, ScriptTensor? bias)
    {
        if (weight.Rank != 2 || x.Rank == 0) throw _run.Fault($"a linear layer of {x} and {weight} is not known here");
        if (!x.Sizes[^1].Join(weight.Sizes[1])) throw _run.Fault($"a linear layer takes {weight.Sizes[1]} features, and gets {x}");
        var product = _graph.Product(Use(x), Read(weight), weight.Weight!);
        if (bias is not null) product = _graph.Op("Add", [product, Use(bias)]);
        return new ScriptTensor([.. x.Sizes[..^1], weight.Sizes[0]]) { Value = product };
    }

    private ScriptTensor Product(ScriptTensor a, ScriptTensor b)
    {
        if (a.Rank < 2 || b.Rank < 2 || !a.Sizes[^1].Join(b.Sizes[^2])) throw _run.Fault($"a product of {a} and {b} is not known here");
        var outer = Broadcast(new ScriptTensor(a.Sizes[..^2]), new ScriptTensor(b.Sizes[..^2]));
        return Node("MatMul", [.. outer, a.Sizes[^2], b.Sizes[^1]], [Use(a), Use(b)]);
    }

    private ScriptTensor Normalized(ScriptArguments args)
    {
        var x = args.Tensor(0, "input");
        if (x.Rank < 2 || args.Flag(5, "training")) throw _run.Fault("a batch_norm of this form is not known here");
        IrTensor? Weight(int place, string name) => args.Maybe(place, name) is { } given ? Read(given) : null;
        var (mean, variance) = (Weight(3, "running_mean") ?? throw _run.Fault("a batch_norm has no statistics"), Weight(4, "running_var") ?? throw _run.Fault("a batch_norm has no statistics"));
        if (!x.Sizes[1].Join(new ScriptSize(mean.Count))) throw _run.Fault($"a batch_norm has {mean.Count} channels, and gets {x}");
        var stem = args.Maybe(3, "running_mean")!.Weight!;
        var normal = BatchNormLayer.Emit(_graph, Use(x), stem, mean, variance, Weight(1, "weight"), Weight(2, "bias"), (float)args.Number(7, "eps", 1e-5), isLastAxis: false) ?? throw _run.Fault("the tensors of a batch_norm differ in length");
        return new ScriptTensor(x.Sizes) { Value = normal };
    }

    private ScriptTensor Convolution(ScriptArguments args, ScriptTensor x, ScriptTensor weight, ScriptTensor? bias, long[] stride, long[] padding, long[] dilation, long groups)
    {
        var axes = weight.Rank - 2;
        if (axes < 1 || x.Rank != weight.Rank) throw _run.Fault($"{args.Function} of {x} is not known here");
        long[] All(long[] given) => given.Length == axes ? given : given.Length == 1 ? [.. Enumerable.Repeat(given[0], axes)] : throw _run.Fault($"{args.Function} has settings for {given.Length} axes");
        var (steps, zeros, spread) = (All(stride), All(padding), All(dilation));
        if (weight.Sizes[1].Number is { } inputs && !x.Sizes[1].Join(new ScriptSize((int)(inputs * groups)))) throw _run.Fault($"{args.Function} takes {inputs * groups} channels, and gets {x}");
        ScriptSize[] sizes = [x.Sizes[0], weight.Sizes[0], .. Enumerable.Range(0, axes).Select(axis => Size(axis))];
        return Node("Conv", sizes, [Use(x), Use(weight), bias is null ? null : Use(bias)], ("kernel_shape", weight.Sizes[2..].Select(size => (long)size.Number!.Value).ToArray()), ("strides", steps), ("dilations", spread), ("pads", (long[])[.. zeros, .. zeros]), ("group", groups));

        ScriptSize Size(int axis)
        {
            if (x.Sizes[axis + 2].Number is not { } size || steps[axis] < 1) return new ScriptSize();
            var result = (size + 2 * zeros[axis] - spread[axis] * (weight.Sizes[axis + 2].Number!.Value - 1) - 1) / steps[axis] + 1;
            return new ScriptSize((int)Math.Clamp(result, 0, int.MaxValue));
        }
    }
}
