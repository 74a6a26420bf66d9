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
    private readonly ScriptElements _elements;
    private readonly ScriptReductions _reductions;
    private readonly ScriptConvolutions _convolutions;
    private readonly ScriptSpectra _spectra;
    private readonly ScriptPacking _packing;
    private readonly Dictionary<string, string> _used = new(StringComparer.Ordinal);
    private readonly ScriptStorages _storages = new();
    private bool _isMoving;

    public ScriptOperators(ScriptRun run, GraphComposer graph, WeightSet weights)
    {
        (_run, _graph, _weights) = (run, graph, weights);
        _shapes = new ScriptShapes(this, run, graph);
        _recurrence = new ScriptRecurrence(this, run, graph);
        _elements = new ScriptElements(this, run, graph);
        _reductions = new ScriptReductions(this, run, graph);
        _convolutions = new ScriptConvolutions(this, run, graph);
        _spectra = new ScriptSpectra(this, run, graph);
        _packing = new ScriptPacking(run);
    }

    /// <summary>Inputs that are indices.</summary>
    public HashSet<string> Indices { get; } = new(StringComparer.Ordinal);

    public bool HasRecurrence => _recurrence.HasRun;

    /// <summary>A value as data of the graph: weights and zeros become constants.</summary>
    public string Use(ScriptTensor tensor)
    {
        if (tensor.Sorted is not null) throw _run.Fault("sequences in the order of their lengths are computed on outside of a packed sequence, and the graph keeps the order of the input");
        if (tensor.Value is { } value) return _storages.Now(value) ?? throw _run.Fault("a tensor is read whose elements another one shares, and that one was computed on in place (an operation whose name ends in '_', such as relu_) before");
        if (tensor.Weight is { } weight)
        {
            var key = tensor.IsTurned ? weight + ".T" : weight;
            if (!_used.TryGetValue(key, out var constant)) _used[key] = constant = _graph.Constant(weight, tensor.IsTurned ? Read(tensor).Transposed() : Read(tensor));
            return constant;
        }

        if (tensor.Sizes.Any(size => size.Number is null)) return Filled(tensor);
        int[] shape = [.. tensor.Sizes.Select(size => size.Number!.Value)];
        const int most = 1 << 24;
        if (shape.Aggregate(1L, (a, b) => a * b is var product && product > most ? most + 1 : product) > most) throw _run.Fault("a constant is too large");
        var values = new float[shape.Aggregate(1, (a, b) => a * b)];
        Array.Fill(values, tensor.Filled ?? 0);
        return _graph.Constant("constant", Typed(IrTensor.Of<float>(shape, values), tensor.Type));
    }

    /// <summary>A constant of a size that the graph computes.</summary>
    private string Filled(ScriptTensor tensor)
    {
        var shape = Shape([.. tensor.Sizes.Select(ScriptScalars.Plain)]);
        return _graph.Op("ConstantOfShape", [shape], ("value", Typed(IrTensor.Of<float>([1], tensor.Filled ?? 0), tensor.Type)));
    }

    private static IrTensor Typed(IrTensor tensor, ElementType type) => type switch
    {
        ElementType.Int64 => IrTensor.Of<long>(tensor.Shape, Array.ConvertAll(tensor.ToFloats(), value => (long)value)),
        ElementType.Bool => IrTensor.Of<bool>(tensor.Shape, Array.ConvertAll(tensor.ToFloats(), value => value != 0)),
        _ => tensor,
    };

    /// <summary>A shape as a vector of the graph.</summary>
    public string Shape(IList<object?> sizes) =>
        sizes.All(size => size is long) ? _graph.Axes([.. sizes.Cast<long>()]) : _graph.Op("Concat", [.. sizes.Select(size => size is long number ? _graph.Axes(number) : _graph.Unsqueeze(Integer(size), 0))], ("axis", 0L));

    /// <summary>A number of the graph.</summary>
    public string Integer(object? value) => value switch
    {
        long number => _graph.Number(number),
        ScriptSize { Number: { } number } => _graph.Number(number),
        ScriptSize { Emit: { } emit } => emit(),
        ScriptIndex { Offset: 0, Value: var index } => index,
        ScriptIndex { Offset: var offset, Value: var index } => _graph.Op("Add", [index, _graph.Number(offset)]),
        _ => throw _run.Fault("a number depends on what is not known"),
    };

    /// <summary>The only element of a weight. Null for others.</summary>
    public object? NumberOf(ScriptTensor tensor)
    {
        if (tensor.Sizes.Any(size => size.Number != 1)) return null;
        if (tensor is { Weight: { } name, IsTurned: false } && _weights.Read(name) is { } read) return read.Type is ElementType.Int64 or ElementType.Int32 or ElementType.UInt8 or ElementType.Int8 ? read.Integers()[0] : read.Type == ElementType.Bool ? read.Data[0] != 0 : (double)read.ToFloats()[0];
        return tensor is { Value: null, Filled: { } filled } ? (double)filled : null;
    }

    /// <summary>The element, or the part, at a place along an axis.</summary>
    public ScriptTensor Element(ScriptTensor tensor, int axis, object? place) => _shapes.Element(tensor, axis, place);

    /// <summary>A tensor with its first two axes swapped.</summary>
    public ScriptTensor Turned(ScriptTensor tensor) => _shapes.Turned(tensor, [1, 0, .. Enumerable.Range(2, tensor.Rank - 2)]) with { Type = tensor.Type };

    /// <summary>A tensor as indices.</summary>
    public ScriptTensor Index(ScriptTensor tensor)
    {
        if (tensor.Input is { } input) Indices.Add(input);
        if (tensor.Input is not null || tensor.Type != ElementType.Float32) return tensor;
        if (tensor is { Weight: { } weight, Value: null, IsTurned: false } && _weights.Read(weight) is { } read && read.Type != ElementType.Float32) return new ScriptTensor(tensor.Sizes) { Value = _graph.Constant(weight, IrTensor.Of<long>(read.Shape, read.Integers())), Type = ElementType.Int64 };
        return Cast(tensor, ElementType.Int64);
    }

    /// <summary>Notes how the graph computes sizes that nothing else tells.</summary>
    public ScriptTensor Told(ScriptTensor tensor)
    {
        if (_isMoving) return tensor;
        var scope = _run.Scope;
        foreach (var (axis, size) in tensor.Sizes.Index())
        {
            if (size.Number is null) size.Tell(_run.Level, () => _run.IsOpen(scope) ? _graph.Size(tensor.Value!, axis) : throw _run.Fault("a size that only a loop knows is used after it"));
        }

        return tensor;
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
        if (ScriptLists.Call(name, args, _run, out var listed)) return listed;
        if (_packing.Call(name, args, out var packed)) return packed;
        if (ScriptScalars.Call(name, args, _run, out var scalar)) return scalar;
        if (args[0, "self"] is ScriptTensor { Value: null, Weight: null } filled && ScriptShapes.Moves.Contains(name) && Moved(filled, name, qualified, given, named) is { } moved) return moved;
        if (_shapes.Call(name, args) is { } shaped) return Shared(args[0, "self"], shaped);
        if (_recurrence.Call(name, args) is { } recurrent) return recurrent;
        if (_spectra.Call(name, args) is { } spectrum) return spectrum;
        if (_elements.Call(name, args) is { } bent) return name.EndsWith('_') && !name.StartsWith("__", StringComparison.Ordinal) ? InPlace(args, bent) : bent;
        return _reductions.Call(name, args) ?? _convolutions.Call(name, args) ?? Weighted(name, args) ?? throw _run.Fault(args[2, "train"] is true && name.Contains("dropout", StringComparison.Ordinal) ? $"{qualified} drops values, because the model was traced while it trained; call eval() before" : $"{qualified} is not known here");
    }

    /// <summary>A tensor of one number whose elements are moved: of the same number in another shape.</summary>
    private ScriptTensor? Moved(ScriptTensor tensor, string name, string qualified, IReadOnlyList<object?> given, IReadOnlyDictionary<string, object?> named)
    {
        if (given.Count == 0) return null;
        var before = _graph.Graph.Nodes.Count;
        _isMoving = true;
        object?[] stand = [tensor with { Value = "filled" }, .. given.Skip(1)];
        var result = _shapes.Call(name, new ScriptArguments(qualified, stand, named, _run)) as ScriptTensor;
        _isMoving = false;
        _graph.Graph.Nodes.RemoveRange(before, _graph.Graph.Nodes.Count - before);
        return result is null ? null : tensor with { Sizes = result.Sizes };
    }

    /// <summary>An operator with another tensor in the place of its first argument.</summary>
    public ScriptTensor Again(string name, ScriptArguments args, ScriptTensor first) =>
        Call($"torch.{name.TrimEnd('_')}", [first, .. Enumerable.Range(1, Math.Max(0, args.Count - 1)).Select(i => args[i, ""])], args.Named) as ScriptTensor ?? throw _run.Fault($"{args.Function} of complex numbers is not known here");

    /// <summary>Makes a tensor hold other elements: all that reads it afterwards reads these, and a buffer keeps them.</summary>
    public void Overwrite(ScriptTensor tensor, ScriptTensor value)
    {
        if (_run.Level > 0 && !_run.IsOfLoop(tensor.Value)) throw _run.Fault("a loop over steps whose number is not known computes in place on a tensor from outside of it");
        var now = Use(value);
        var buffer = tensor.Buffer ?? (tensor.IsTurned ? null : tensor.Weight);
        if (buffer is not null) _run.Fill(buffer, value);
        else if (tensor.Value is null) throw _run.Fault("a weight that is turned, or a new tensor, is computed on in place, which is not known here");
        else if (_storages.IsPart(tensor.Value)) throw _run.Fault("a part of a tensor is overwritten, and only whole buffers are known here");
        if (tensor.Value is { } name) _storages.Replace(name, now);
    }

    /// <summary>A value of the graph.</summary>
    public ScriptTensor Node(string op, ScriptSize[] sizes, string?[] inputs, params (string, object)[] attributes) => Told(new(sizes) { Value = _graph.Op(op, inputs, attributes) });

    /// <summary>A tensor's elements as another type.</summary>
    public ScriptTensor Cast(ScriptTensor tensor, ElementType type) => tensor.Type == type ? tensor : Node("Cast", tensor.Sizes, [Use(tensor)], ("to", type switch { ElementType.Int64 => 7L, ElementType.Bool => 9L, _ => 1L })) with { Type = type };

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
        if (tensor.Type != ElementType.Float32) result = result is ScriptTensor typed ? typed with { Type = tensor.Type } : result is List<object?> list ? list.ConvertAll(item => item is ScriptTensor each ? each with { Type = tensor.Type } : item) : result;
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
        if (result.Value is null) result = result with { Value = Use(result), Filled = null };
        Overwrite(x, result);
        if (x.Value is { } name) _storages.Alias(result.Value!, name);
        return result with { Buffer = x.Buffer };
    }

    private ScriptTensor? Weighted(string name, ScriptArguments args)
    {
        switch (name)
        {
            case "linear": return Linear(args.Tensor(0, "input"), args.Tensor(1, "weight"), args.Maybe(2, "bias"));
            case "addmm" when args.Number(3, "beta", 1) == 1 && args.Number(4, "alpha", 1) == 1 && args.Tensor(2, "mat2") is { IsTurned: true, Weight: not null } weight:
                return Linear(args.Tensor(1, "mat1"), weight with { IsTurned = false, Sizes = [.. weight.Sizes.Reverse()] }, args.Tensor(0, "self"));
            case "addmm" or "baddbmm" when args.Number(3, "beta", 1) == 1 && args.Number(4, "alpha", 1) == 1:
                var product = Product(args.Tensor(1, "mat1"), args.Tensor(2, "mat2"));
                return Node("Add", Broadcast(args.Tensor(0, "self"), product), [Use(args.Tensor(0, "self")), Use(product)]);
            case "einsum" when args[0, "equation"] is string equation: return Einsum(equation, args.Tensors(1, "tensors"));
            case "matmul" or "mm" or "bmm" or "mv" or "dot": return Product(args.Tensor(0, "self"), args.Tensor(1, "other"));
            case "embedding":
                var (table, indices) = (args.Tensor(0, "weight"), args.Tensor(1, "indices"));
                return Node("Gather", [.. indices.Sizes, table.Sizes[1]], [Use(table), Use(Index(indices))], ("axis", 0L));
            case "layer_norm":
                var (x, shape) = (args.Tensor(0, "input"), args.Ints(1, "normalized_shape"));
                if (shape.Length == 0 || x.Rank < shape.Length || shape.Any(size => size is < 1 or > int.MaxValue) || !shape.Zip(x.Sizes[^shape.Length..]).All(pair => pair.Second.Join(new ScriptSize((int)pair.First)))) throw _run.Fault($"a layer_norm over [{string.Join(", ", shape)}] of {x} is not known here");
                var gamma = Use(args.Maybe(2, "weight") ?? new ScriptTensor([.. shape.Select(size => new ScriptSize((int)size))]) { Filled = 1 });
                return Node("LayerNormalization", x.Sizes, [Use(x), gamma, args.Maybe(3, "bias") is { } beta ? Use(beta) : null], ("axis", (long)-shape.Length), ("epsilon", (float)args.Number(4, "eps", 1e-5)));
            case "batch_norm": return Normalized(args);
            default: return null;
        }
    }

    public ScriptTensor Linear(ScriptTensor x, ScriptTensor weight, ScriptTensor? bias)
    {
        if (weight.Rank != 2 || x.Rank == 0) throw _run.Fault($"a linear layer of {x} and {weight} is not known here");
        if (weight.Weight is null)
        {
            // A weight that is computed, such as one of weight normalization.
            var turned = Node("Transpose", [weight.Sizes[1], weight.Sizes[0]], [Use(weight)], ("perm", (long[])[1, 0]));
            var made = Product(x, turned);
            return bias is null ? made : Node("Add", made.Sizes, [Use(made), Use(bias)]);
        }

        if (!x.Sizes[^1].Join(weight.Sizes[1])) throw _run.Fault($"a linear layer takes {weight.Sizes[1]} features, and gets {x}");
        var product = _graph.Product(Use(x), Read(weight), weight.Weight!);
        if (bias is not null) product = _graph.Op("Add", [product, Use(bias)]);
        return Told(new ScriptTensor([.. x.Sizes[..^1], weight.Sizes[0]]) { Value = product });
    }

    private ScriptTensor Product(ScriptTensor a, ScriptTensor b)
    {
        if (a.Rank < 1 || b.Rank < 1 || !a.Sizes[^1].Join(b.Sizes[b.Rank == 1 ? 0 : ^2])) throw _run.Fault($"a product of {a} and {b} is not known here");
        var outer = Broadcast(new ScriptTensor(a.Rank < 2 ? [] : a.Sizes[..^2]), new ScriptTensor(b.Rank < 2 ? [] : b.Sizes[..^2]));
        return Node("MatMul", [.. outer, .. a.Rank < 2 ? (ScriptSize[])[] : [a.Sizes[^2]], .. b.Rank < 2 ? (ScriptSize[])[] : [b.Sizes[^1]]], [Use(a), Use(b)]);
    }

    private ScriptTensor Einsum(string equation, ScriptTensor[] tensors)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length != 2 || terms.Length != tensors.Length || terms.Zip(tensors).Any(pair => pair.First.Length != pair.Second.Rank || !pair.First.All(char.IsAsciiLetter))) throw _run.Fault($"einsum of '{equation}' is not known here");
        var sizes = new Dictionary<char, ScriptSize>();
        foreach (var (term, tensor) in terms.Zip(tensors))
        {
            foreach (var (letter, size) in term.Zip(tensor.Sizes))
            {
                if (!sizes.TryAdd(letter, size) && !sizes[letter].Join(size)) throw _run.Fault($"einsum of '{equation}' has two sizes of '{letter}'");
            }
        }

        return Node("Einsum", [.. sides[1].Select(letter => sizes.GetValueOrDefault(letter) ?? throw _run.Fault($"einsum of '{equation}' is not known here"))], [.. tensors.Select(Use)], ("equation", $"{sides[0]}->{sides[1]}"));
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
}
